/**
 * Globs of the policy: `*` any run of characters, `?` one character, `#` one or more digits; anything else is itself.
 * Shared, since the service judges with them and the window explains which rules reach a resource.
 * Why no regular expression: a pattern somebody typed could be made to run for years. This walks the text once with
 * the set of places the pattern can be at, so the cost is pattern length × text length whatever both hold.
 */
const isDigit = (char: string): boolean => char >= '0' && char <= '9' && char.length === 1;

/** Adds `place`, and the places that are reached from it without reading anything. */
function arrive(places: Set<number>, pattern: readonly string[], place: number): void {
  let at = place;
  places.add(at);
  while (pattern[at] === '*') places.add(++at);
}

/** True when the whole of `text` fits `pattern`. Case counts. */
export function globMatches(pattern: string, text: string): boolean {
  const marks = Array.from(pattern);
  let places = new Set<number>();
  arrive(places, marks, 0);
  for (const char of text) {
    const next = new Set<number>();
    for (const place of places) {
      const mark = marks[place];
      if (mark === undefined) continue;
      if (mark === '*') arrive(next, marks, place);
      else if (mark === '#') {
        if (!isDigit(char)) continue;
        next.add(place); // more digits may follow …
        arrive(next, marks, place + 1); // … or none
      } else if (mark === '?' || mark === char) arrive(next, marks, place + 1);
    }
    if (next.size === 0) return false;
    places = next;
  }
  return places.has(marks.length);
}

/** True when the text holds a character that `globMatches` treats specially. */
export const isGlob = (text: string): boolean => /[*?#]/.test(text);
