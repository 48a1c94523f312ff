/** What keys do to the text in the editor. Pure: the text and the selection in, one replacement out. */
const STEP = '  ';

export interface Selection {
  readonly from: number;
  readonly to: number;
}
/** Replace `from`–`to` by `text`, then select. One replacement, so that one Undo takes it back. */
export interface Edit extends Selection {
  readonly text: string;
  readonly select: Selection;
}
const lineStart = (text: string, at: number) => text.lastIndexOf('\n', at - 1) + 1;
const lineEnd = (text: string, at: number) => (text.indexOf('\n', at) === -1 ? text.length : text.indexOf('\n', at));
/** 1-based line of a place in the text. */
export const lineOfPlace = (text: string, at: number): number => text.slice(0, at).split('\n').length;
/** Where a line (1-based) begins and ends. */
export function placeOfLine(text: string, line: number): Selection {
  let from = 0;
  for (let n = 1; n < line; n++) {
    const next = text.indexOf('\n', from);
    if (next === -1) break;
    from = next + 1;
  }
  return { from, to: lineEnd(text, from) };
}

/** Tab: spaces to the next step, or the selected lines one step in. */
export function indent(text: string, { from, to }: Selection): Edit {
  if (!text.slice(from, to).includes('\n')) {
    const spaces = ' '.repeat(STEP.length - ((from - lineStart(text, from)) % STEP.length));
    return { from, to, text: spaces, select: { from: from + spaces.length, to: from + spaces.length } };
  }
  return eachLine(text, { from, to }, (line) => (line === '' ? line : STEP + line));
}
/** Shift+Tab: the lines one step out. */
export const outdent = (text: string, selection: Selection): Edit =>
  eachLine(text, selection, (line) => line.replace(/^ {1,2}/, ''));
/** Ctrl+/: a comment, or no longer one. */
export function toggleComment(text: string, selection: Selection): Edit {
  const [start, end] = span(text, selection);
  const lines = text.slice(start, end).split('\n');
  const commented = lines.every((line) => line.trim() === '' || /^\s*#/.test(line));
  return eachLine(text, selection, (line) =>
    line.trim() === '' ? line : commented ? line.replace(/^(\s*)# ?/, '$1') : line.replace(/^(\s*)/, '$1# '),
  );
}
/** Enter: the same indent; one step more after "key:", under the key after "- ". */
export function breakLine(text: string, { from, to }: Selection): Edit {
  const before = text.slice(lineStart(text, from), from);
  const [, spaces = '', dash = ''] = /^(\s*)(- )?/.exec(before) ?? [];
  const deeper = /:\s*$/.test(before) ? STEP : '';
  const inserted = `\n${spaces}${' '.repeat(dash.length)}${deeper}`;
  return { from, to, text: inserted, select: { from: from + inserted.length, to: from + inserted.length } };
}
const span = (text: string, { from, to }: Selection): readonly [number, number] => {
  const last = to > from && text[to - 1] === '\n' ? to - 1 : to;
  return [lineStart(text, from), lineEnd(text, last)];
};
function eachLine(text: string, selection: Selection, change: (line: string) => string): Edit {
  const [start, end] = span(text, selection);
  const lines = text.slice(start, end).split('\n');
  const changed = lines.map(change);
  const after = changed.join('\n');
  const firstBy = (changed[0]?.length ?? 0) - (lines[0]?.length ?? 0);
  const from = Math.max(start, selection.from + firstBy);
  return {
    from: start,
    to: end,
    text: after,
    select: { from, to: Math.max(from, selection.to + after.length - (end - start)) },
  };
}

/** Puts a rule at the end of the list (or makes the list), indented as the rules before it. The rule's name is selected. */
export function insertRule(text: string, rule: string): Edit {
  const empty = /^rules:[ \t]*(\[[ \t]*\])?[ \t]*(#.*)?$/m.exec(text);
  const items = [...text.matchAll(/^([ \t]*)- name:/gm)];
  const margin = items.at(-1)?.[1] ?? STEP;
  const lines = rule.split('\n').map((line) => margin + line);
  const trimmed = text.trimEnd();
  let from = trimmed.length;
  let to = text.length;
  let lead = trimmed === '' ? 'version: 1\nrules:\n' : items.length > 0 ? '\n\n' : '\n';
  if (items.length === 0 && empty !== null) {
    from = empty.index;
    to = empty.index + empty[0].length;
    lead = 'rules:\n';
  } else if (items.length === 0 && trimmed !== '') lead = '\nrules:\n';
  const tail = to === text.length ? '\n' : '';
  const inserted = lead + lines.join('\n') + tail;
  const name = /- name: (.*)/.exec(inserted);
  const nameAt = name === null ? 0 : from + name.index + '- name: '.length;
  return { from, to, text: inserted, select: { from: nameAt, to: nameAt + (name?.[1]?.length ?? 0) } };
}
/** A name no rule has yet: "production-read", "production-read-2". */
export function freeName(wanted: string, taken: ReadonlySet<string>): string {
  for (let n = 1; ; n++) {
    const name = n === 1 ? wanted : `${wanted}-${n}`;
    if (!taken.has(name)) return name;
  }
}
export const applyEdit = (text: string, edit: Edit): string =>
  text.slice(0, edit.from) + edit.text + text.slice(edit.to);
