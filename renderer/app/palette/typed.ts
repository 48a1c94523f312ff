/**
 * Keeps what is typed between the key that opens the palette and the moment its field has the focus, so that fast
 * fingers lose nothing and trigger nothing else.
 */
let held: { text: string; readonly stop: () => void } | null = null;

/** What the held text becomes with one more key: characters are added, Backspace takes one away; null for any other key. Pure. */
export function withKey(
  text: string,
  event: Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'metaKey' | 'altKey'>,
): string | null {
  if (event.ctrlKey || event.metaKey || event.altKey) return null;
  if (event.key === 'Backspace') return [...text].slice(0, -1).join('');
  return [...event.key].length === 1 ? text + event.key : null;
}

/** Begins to keep what is typed, until `takeTyped`. */
export function holdTyping(): void {
  if (held !== null) return;
  const onKey = (event: KeyboardEvent) => {
    const next = held === null ? null : withKey(held.text, event);
    if (held === null || next === null) return;
    held.text = next;
    event.preventDefault();
    event.stopPropagation();
  };
  window.addEventListener('keydown', onKey, { capture: true });
  held = { text: '', stop: () => window.removeEventListener('keydown', onKey, { capture: true }) };
}

/** What was typed meanwhile; the keys go to the page again. */
export function takeTyped(): string {
  const text = held?.text ?? '';
  held?.stop();
  held = null;
  return text;
}
