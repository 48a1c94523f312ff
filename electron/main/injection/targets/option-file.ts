/**
 * How MySQL's and MariaDB's programs read option files, and how to write values that they read back unchanged. Pure.
 * Source: search_default_file_with_ext and remove_end_comment in mysys/my_default.c (both products).
 */

/** A line of this many bytes, its line end not counted, is read as two: the rest would be an option of its own. */
export const OPTION_LINE_LIMIT_BYTES = 4_094;
/** FN_REFLEN less what the reader wants to add: a longer path of an included file is left out without a word. */
export const INCLUDE_PATH_LIMIT_BYTES = 500;

const ESCAPES: Readonly<Record<string, string>> = {
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\b': '\\b',
  '\\': '\\\\',
  '"': '\\"',
};
/** `name="value"`. Quoted always: outside of quotes `#` begins a comment and blanks are cut. */
export const optionLine = (name: string, value: string): string =>
  `${name}="${[...value].map((character) => ESCAPES[character] ?? character).join('')}"`;

const MEANINGS: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', b: '\b', s: ' ', '\\': '\\', '"': '"' };
/** The value that `optionLine` wrote under a name; null when there is none. */
export function optionIn(text: string, name: string): string | null {
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${name}="`) && candidate.endsWith('"'));
  if (line === undefined) return null;
  const quoted = line.slice(name.length + 2, -1);
  return quoted.replace(/\\(.)/g, (_, character: string) => MEANINGS[character] ?? `\\${character}`);
}

/** NUL ends what the reader sees. */
export const fitsOption = (name: string, value: string): boolean =>
  !value.includes('\0') && Buffer.byteLength(optionLine(name, value)) < OPTION_LINE_LIMIT_BYTES;

/** A line that starts another file. The reader cuts blanks at both ends, and nothing else. */
export const includeLine = (path: string): string => `!include ${path}`;
/** The path of an include line; null for other lines. */
export const includedPath = (line: string): string | null => /^!\s*include\s+(.+)$/.exec(line.trim())?.[1] ?? null;
export const fitsInclude = (path: string): boolean =>
  path.trim() === path && !/[\0\r\n]/.test(path) && Buffer.byteLength(path) <= INCLUDE_PATH_LIMIT_BYTES;

/** Why no program could use this option file; null when they can. `text` is latin1. Line numbers start at 1. */
export function optionFileProblem(text: string): { what: string; next: string } | null {
  if (text.includes('\0'))
    return { what: 'is not a plain text file (it holds NUL bytes).', next: 'Save it as UTF-8 text.' };
  if (text.startsWith('\xef\xbb\xbf'))
    return {
      what: 'starts with a byte order mark: no MySQL or MariaDB program can use the file.',
      next: 'Save it as UTF-8 without BOM.',
    };
  let hasGroup = false;
  for (const [index, line] of text.split('\n').entries()) {
    if (line.length >= OPTION_LINE_LIMIT_BYTES)
      return {
        what: `has a line of over ${OPTION_LINE_LIMIT_BYTES - 1} bytes (line ${index + 1}), which MySQL and MariaDB programs read as two.`,
        next: `Shorten or remove line ${index + 1}.`,
      };
    const trimmed = line.trim();
    if (trimmed === '' || /^[#;!]/.test(trimmed)) continue;
    const isGroup = trimmed.startsWith('[');
    if (isGroup && !trimmed.includes(']'))
      return {
        what: `has a group without its “]” (line ${index + 1}): no MySQL or MariaDB program can use the file.`,
        next: `Mend line ${index + 1}.`,
      };
    if (!isGroup && !hasGroup)
      return {
        what: `has an option before the first [group] (line ${index + 1}): no MySQL or MariaDB program can use the file.`,
        next: `Write a line like [client] above line ${index + 1}.`,
      };
    hasGroup ||= isGroup;
  }
  return null;
}

/** Groups that every client reads, and options in them that decide where it goes and as whom. */
const CLIENT_GROUPS = /^(client|mysql|client-server|client-mariadb|mariadb-client)$/;
const DECIDES = /^(host|port|socket|protocol|user|password|database|ssl[\w-]*|tls[\w-]*)$/;
/** Options of the user's own that stand after `mark` and so beat ours: "user in [client]". */
export function overriddenBy(text: string, isOurs: (line: string) => boolean): string[] {
  const lines = text.split('\n').map((line) => line.trim());
  const last = lines.findLastIndex(isOurs);
  if (last < 0) return [];
  const found: string[] = [];
  let group = '';
  for (const line of lines.slice(last + 1)) {
    const header = /^\[\s*([^\]]*?)\s*\]/.exec(line)?.[1];
    if (header !== undefined) group = header;
    const name = /^([A-Za-z][\w-]*)/.exec(line)?.[1]?.replaceAll('_', '-').toLowerCase();
    if (name && CLIENT_GROUPS.test(group) && DECIDES.test(name)) found.push(`${name} in [${group}]`);
  }
  return [...new Set(found)];
}
