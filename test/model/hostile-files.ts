/**
 * What people, editors and other programs do to a file that tools read credentials from. Made by code, so that the odd
 * bytes can be read here. Each is put in the place of every kind of injection target that edits a shared file.
 */

import { execFileSync } from 'node:child_process';
import { chmodSync, linkSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface HostileFile {
  readonly name: string;
  /** Content for a kind's own plain file; latin1, a character per byte. */
  readonly text: (plain: string) => string;
}
const FOREIGN = 'deadbeef';
const OTHER_GRANT = 'grt_01jd0000000000000000000zzz';
const begin = (sections = '') => `# >>> hallpass ${FOREIGN} ${OTHER_GRANT}${sections}`;
const end = `# <<< hallpass ${FOREIGN} ${OTHER_GRANT}`;
const utf8 = (text: string) => Buffer.from(text, 'utf8').toString('latin1');
const withEnds = (plain: string, lineEnd: string) => plain.replace(/\r?\n/g, lineEnd);
const file = (name: string, text: (plain: string) => string): HostileFile => ({ name, text });
const after = (name: string, tail: string): HostileFile => file(name, (plain) => `${plain}${tail}`);
const before = (name: string, head: string): HostileFile => file(name, (plain) => `${head}${plain}`);

/** Files that differ by what is in them. */
export const HOSTILE_FILES: readonly HostileFile[] = [
  file('plain', (plain) => plain),
  file('empty', () => ''),
  file('one line end', () => '\n'),
  file('only line ends', () => '\n\n\n\n'),
  file('only white space', () => '  \t \n\t'),
  file('one character', () => 'x'),
  file('no final line end', (plain) => plain.replace(/\n$/, '')),
  file('CRLF', (plain) => withEnds(plain, '\r\n')),
  file('CRLF without a final line end', (plain) => withEnds(plain, '\r\n').replace(/\r\n$/, '')),
  file('CR as on an old Mac', (plain) => withEnds(plain, '\r')),
  file('a CR as the last byte', (plain) => plain.replace(/\n$/, '\r')),
  file('mixed line ends', (plain) =>
    plain
      .split('\n')
      .map((line, i) => line + ['\n', '\r\n', '\n\r'][i % 3])
      .join(''),
  ),
  before('byte order mark', '\xef\xbb\xbf'),
  file('byte order mark and CRLF', (plain) => `\xef\xbb\xbf${withEnds(plain, '\r\n')}`),
  before('two byte order marks', '\xef\xbb\xbf\xef\xbb\xbf'),
  file('only a byte order mark', () => '\xef\xbb\xbf'),
  file('UTF-16', (plain) => Buffer.from(`\ufeff${plain}`, 'utf16le').toString('latin1')),
  after('UTF-8 in comments', utf8('# größer als ✓ 鍵 🔑\n')),
  after('latin1 bytes', '# gr\xf6\xdfer\n'),
  after('invalid UTF-8', '# \xff\xfe\xc3\x28\xa0\xa1\n'),
  after('a cut-off UTF-8 character at the end', '# \xe2\x82'),
  after(
    'every byte there is',
    `# ${Array.from({ length: 255 }, (_, i) => String.fromCharCode(i + 1))
      .join('')
      .replace(/[\n\r]/g, '')}\n`,
  ),
  after('a NUL', '# a\0b\n'),
  after('NULs at the end, as after a power cut', '\0'.repeat(512)),
  after('control characters', '# \x07\x08\x0b\x0c\x1b[31mred\x1b[0m\n'),
  after('a form feed between parts', '\f\n# next page\n'),
  after('line separators of Unicode', utf8('# a\u2028b\u2029c\u0085d\n')),
  file('tabs before every line', (plain) => plain.replace(/^(?=.)/gm, '\t')),
  file('spaces behind every line', (plain) => plain.replace(/$/gm, '  ')),
  file('blank lines between all lines', (plain) => plain.replace(/\n/g, '\n\n\n')),
  file('everything twice', (plain) => plain + plain),
  file('a hundred times', (plain) => plain.repeat(100)),
  after('a comment at the end', '# the end'),
  after('comments with semicolons', '; mine\n;[not a section]\n'),
  after('a section that is never closed', '[open\n'),
  after('a section without a name', '[]\n'),
  after('two sections on a line', '[a][b]\n'),
  after('a bracket alone', '[\n]\n'),
  after('words behind a section', '[a] # mine\n[b]x\n'),
  after('a section with the resource’s name', '[orders-db]\nhost=mine\n'),
  after('a section with our longer name', '[orders-db.read-only]\nhost=mine\n'),
  after('sections of ours in another spelling', '[ orders-db ]\nhost=mine\n[ORDERS-DB]\nhost=mine\n'),
  after('a continued line', '# one \\\n  two \\\n'),
  after('a backslash as the last byte', '# \\'),
  after('quotes that never end', '# "open\n# \'open\n'),
  // biome-ignore lint/suspicious/noTemplateCurlyInString: these are bytes of a file
  after('dollars and percents', '# $HOME ${HOME} %h %% %n `id` $(id)\n'),
  after('a very long comment', `# ${'x'.repeat(900)}\n`),
  after('a line of 1,022 bytes', `#${'x'.repeat(1_020)}\n`),
  after('a line of 1,023 bytes', `#${'x'.repeat(1_022)}\n`),
  after('a line of 100,000 bytes', `#${'x'.repeat(100_000)}\n`),
  after('ten thousand lines', '# line\n'.repeat(10_000)),
  after('just under 1 MB', `${'# fill\n'.repeat(149_700)}`),
  after('just over 1 MB', `${'# fill\n'.repeat(149_900)}`),
  after('10 MB', `${'# fill, fill\n'.repeat(800_000)}`),
  after('a whole block of another profile', `${begin(' [theirs]')}\n[theirs]\nhost=x\n${end}\n`),
  after('half a block of another profile', `${begin(' [theirs]')}\n[theirs]\nhost=x\n`),
  after('only the end of a block', `${end}\n`),
  after('a block that ends before it begins', `${end}\n# mine\n${begin()}\n`),
  after('nested markers', `${begin()}\n${begin()}\n# mine\n${end}\n${end}\n`),
  after('a marker with another grant inside', `${begin()}\n# >>> hallpass ${FOREIGN} grt_${'7'.repeat(26)}\n${end}\n`),
  after(
    'markers that are almost ours',
    '# >>> hallpass\n# >>> hallpass x y\n#>>> hallpass\n# <<< hallpass \n# >>> Hallpass 0badcafe grt_1\n',
  ),
  after('a marker of ours inside a word', `# see ${begin()} there\n`),
  after('a marker with CRLF in a file with LF', `${begin()}\r\n# mine\n${end}\r\n`),
  after('a marker that says the file is ours', `${begin()} +file\n# mine\n${end}\n`),
  after('a marker that speaks of a line end', `${begin()} +newline:0badcafe\n# mine\n${end}`),
  after('markers of a merge', '<<<<<<< HEAD\n# a\n=======\n# b\n>>>>>>> other\n'),
  after(
    'markers of other programs',
    '# BEGIN ANSIBLE MANAGED BLOCK\n# x\n# END ANSIBLE MANAGED BLOCK\n# >>> conda initialize >>>\n# <<< conda initialize <<<\n',
  ),
];

export interface OddPlace {
  readonly name: string;
  /** Makes the odd thing where the file would be; `plain` is what a usual file would hold. */
  readonly make: (path: string, plain: string) => void;
  /** May the injection refuse it? Else it has to work. */
  readonly refused: 'always' | 'never' | 'perhaps';
}
const elsewhere = (path: string) => join(path, '..', '..', 'elsewhere');
/** Things that are no usual file, or not one of a usual kind. */
export const ODD_PLACES: readonly OddPlace[] = [
  { name: 'mode 0644', refused: 'never', make: (path, plain) => writeFileSync(path, plain, { mode: 0o644 }) },
  { name: 'mode 0600', refused: 'never', make: (path, plain) => writeFileSync(path, plain, { mode: 0o600 }) },
  {
    name: 'open to everybody',
    refused: 'perhaps',
    make: (path, plain) => {
      writeFileSync(path, plain);
      chmodSync(path, 0o666);
    },
  },
  { name: 'read-only', refused: 'always', make: (path, plain) => writeFileSync(path, plain, { mode: 0o400 }) },
  {
    name: 'a symbolic link',
    refused: 'never',
    make(path, plain) {
      mkdirSync(elsewhere(path), { recursive: true });
      writeFileSync(join(elsewhere(path), 'real'), plain, { mode: 0o600 });
      symlinkSync(join(elsewhere(path), 'real'), path);
    },
  },
  {
    name: 'a link to a link, relative',
    refused: 'never',
    make(path, plain) {
      writeFileSync(`${path}.real`, plain, { mode: 0o600 });
      symlinkSync(`${path}.real`, `${path}.first`);
      symlinkSync(`${path}.first`, path);
    },
  },
  { name: 'a link to nothing', refused: 'always', make: (path) => symlinkSync(`${path}.nowhere`, path) },
  { name: 'a link to itself', refused: 'always', make: (path) => symlinkSync(path, path) },
  {
    name: 'a link to a folder',
    refused: 'always',
    make(path) {
      mkdirSync(`${path}.folder`);
      symlinkSync(`${path}.folder`, path);
    },
  },
  { name: 'a link to a device', refused: 'always', make: (path) => symlinkSync('/dev/null', path) },
  {
    name: 'a hard link',
    refused: 'always',
    make(path, plain) {
      writeFileSync(`${path}.other`, plain, { mode: 0o600 });
      linkSync(`${path}.other`, path);
    },
  },
  { name: 'a FIFO', refused: 'always', make: (path) => void execFileSync('mkfifo', [path]) },
  { name: 'a folder', refused: 'always', make: (path) => mkdirSync(path) },
];
/** Content where there is some, for comparing. */
export function contentOf(path: string): string | null {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return null;
  }
}
