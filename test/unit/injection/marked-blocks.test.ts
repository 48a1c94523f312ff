/** Line surgery on files that nobody would write on purpose, and many do. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Block,
  type BlockOwner,
  foreignNames,
  grantsIn,
  namesIn,
  setBlocks,
} from '../../../electron/main/injection/marked-blocks';

const A = 'grt_01jd0000000000000000000aaa';
const B = 'grt_01jd0000000000000000000bbb';
const owner = (profile = '1234abcd'): BlockOwner => ({
  profile,
  grantOfLine: (line) => /^passfile=\/run\/hp\/(grt_[0-9a-z]{26})\/passfile$/.exec(line)?.[1] ?? null,
});
const block = (grantId: string, ...names: string[]): Block => ({
  grantId,
  sections: names.map((name) => ({ name, lines: ['host=db', 'port=5432', `passfile=/run/hp/${grantId}/passfile`] })),
});
const blockA = block(A, 'orders.read-only', 'orders');
const blockB = block(B, 'orders.read-write');
const put = (text: string | null, ...blocks: Block[]) => setBlocks(text, owner(), blocks).text;

/** Text as bytes: everything here must come back byte for byte. */
const HOSTILE: Record<string, string> = {
  empty: '',
  'one line end': '\n',
  'only CRLF': '\r\n',
  'only a carriage return': '\r',
  'only spaces': '   ',
  'only blank lines': '\n\n\n',
  'no final line end': '[a]\nhost=x',
  'no final line end, CRLF': '[a]\r\nhost=x',
  'CRLF throughout': '[a]\r\nhost=x\r\n',
  'mixed line ends': '[a]\r\nhost=x\nport=1\r\n[b]\nhost=y',
  'a lone carriage return in a line': '[a]\nhost=x\rport=1\n',
  'ends with a carriage return': '[a]\nhost=x\r',
  'old Mac line ends': '[a]\rhost=x\r',
  BOM: '\xef\xbb\xbf[a]\nhost=x\n',
  'only a BOM': '\xef\xbb\xbf',
  'BOM, CRLF, no final line end': '\xef\xbb\xbf[a]\r\nhost=x',
  'invalid UTF-8': '[a]\nhost=\xff\xfe\x80\n',
  'latin1 umlauts': '# f\xfcr B\xe4rbel\n[a]\n',
  'UTF-8 text': Buffer.from('# für Bärbel 🔑\n[a]\ndbname=bücher\n').toString('latin1'),
  tabs: '\t[a]\n\thost\t=\tx\n',
  'indented section': '   [a]   \n   host=x   \n',
  'trailing white space': '[a]  \nhost=x \t \n\n   \n',
  'duplicate sections': '[a]\nhost=1\n[a]\nhost=2\n',
  'duplicate keys': '[a]\nhost=1\nhost=2\n',
  'comments only': '# nothing here\n# at all\n',
  'comment without final line end': '# nothing',
  'semicolon comments': '; old style\n[a]\n',
  'key before any section': 'host=stray\n[a]\nhost=x\n',
  'line without equals sign': '[a]\nnonsense\nhost=x\n',
  'unclosed header': '[a\nhost=x\n',
  'empty header': '[]\nhost=x\n',
  'header with text behind': '[a] # mine\nhost=x\n',
  'nested brackets': '[a[b]]\nhost=x\n',
  'empty value': '[a]\nhost=\n',
  'equals signs in value': '[a]\noptions=-c a=b -c c=d\n',
  'ldap line': '[a]\nldap://ldap.example/dc=x?y?one?(cn=a)\n',
  'a line of 1,022 bytes': `[a]\n# ${'x'.repeat(1019)}\n`,
  'a line of 100 kB': `[a]\n# ${'x'.repeat(100_000)}\n`,
  'a NUL byte': '[a]\nhost=\0x\n',
  'form feed and vertical tab': '[a]\f\nhost=x\v\n',
  'ten blank lines at the end': `[a]\nhost=x${'\n'.repeat(10)}`,
  'something like our marker': '# >>> hallpass\n# <<< hallpass\n',
  'our marker in another profile': `# >>> hallpass ffffffff ${A} [x]\n[x]\nhost=1\n# <<< hallpass ffffffff ${A}\n`,
  'our marker, misspelt': `# >>> hallpass 1234abcd grt_short [x]\n[x]\n`,
  'our marker, indented': ` # >>> hallpass 1234abcd ${A}\n[x]\nhost=1\n`,
  'a user’s section of our name': '[orders]\nhost=mine\n[orders.read-only]\nhost=mine\n',
  'a user’s passfile': '[a]\npassfile=/home/me/.pgpass\n',
  'many sections': Array.from({ length: 200 }, (_, i) => `[s${i}]\nhost=h${i}\n\n`).join(''),
  'Unicode line separators': Buffer.from('[a]\nhost=x\u2028y\u0085z\n').toString('latin1'),
};

describe('adding and removing leaves every other byte alone', () => {
  for (const [name, text] of Object.entries(HOSTILE)) {
    test(name, () => {
      expect(put(put(text, blockA))).toBe(text);
      expect(put(put(put(text, blockA), blockA, blockB), blockA)).toBe(put(text, blockA));
      // a final carriage return looks like CRLF once a line follows: ours then differs in its line ends, theirs never
      if (!text.endsWith('\r')) expect(put(put(put(text, blockA), blockA, blockB), blockB)).toBe(put(text, blockB));
      expect(put(put(put(put(text, blockA), blockA, blockB), blockB))).toBe(text);
      expect(put(put(put(put(text, blockB), blockB, blockA), blockA))).toBe(text);
      expect(put(text, blockA).startsWith(text)).toBe(true);
    });
  }
  test('the corpus is large enough to mean something', () =>
    expect(Object.keys(HOSTILE).length).toBeGreaterThanOrEqual(40));

  test('any bytes at all', () => {
    const bytes = fc.uint8Array({ maxLength: 400 }).map((array) => Buffer.from(array).toString('latin1'));
    const lines = fc
      .array(fc.constantFrom('[orders]', '[x]', 'host=1', '', '# c', '\r', '\xef\xbb\xbf', ' [y] '), { maxLength: 12 })
      .chain((parts) => fc.constantFrom('\n', '\r\n').map((end) => parts.join(end)));
    fc.assert(
      fc.property(fc.oneof(bytes, lines), fc.boolean(), (text, aFirst) => {
        const both = aFirst ? put(put(text, blockA), blockA, blockB) : put(put(text, blockB), blockB, blockA);
        expect(put(put(both, aFirst ? blockB : blockA))).toBe(text);
        expect(put(both)).toBe(text);
      }),
      { numRuns: 500 },
    );
  });
  test('twice is once', () => {
    const once = put('[a]\n', blockA);
    expect(put(once, blockA)).toBe(once);
    expect(put(put(once))).toBe('[a]\n');
  });
});

describe('a file that we made', () => {
  test('is wholly ours until somebody writes into it', () => {
    const made = setBlocks(null, owner(), [blockA]);
    expect(setBlocks(made.text, owner(), [])).toEqual({ text: '', fileIsOurs: true });
    expect(setBlocks(`${made.text}[mine]\nhost=x\n`, owner(), [])).toEqual({
      text: '[mine]\nhost=x\n',
      fileIsOurs: false,
    });
  });
  test('stays ours when the maker’s block goes before another', () => {
    const both = put(put(null, blockA), blockA, blockB);
    const rest = setBlocks(both, owner(), [blockB]);
    expect(rest.fileIsOurs).toBe(false);
    expect(setBlocks(rest.text, owner(), [])).toEqual({ text: '', fileIsOurs: true });
  });
  test('an empty file that was there before stays', () => {
    expect(setBlocks(put('', blockA), owner(), [])).toEqual({ text: '', fileIsOurs: false });
  });
  test('two profiles share it and neither touches the other’s block', () => {
    const first = setBlocks(null, owner('aaaaaaaa'), [blockA]).text;
    const both = setBlocks(first, owner('bbbbbbbb'), [blockB]).text;
    const second = setBlocks(both, owner('aaaaaaaa'), []).text;
    expect(second).toContain(B);
    expect(second).not.toContain(A);
    expect(setBlocks(second, owner('bbbbbbbb'), [])).toEqual({ text: '', fileIsOurs: true });
  });
});

describe('what the user did meanwhile is kept', () => {
  const edits: Record<string, [before: string, edit: (text: string) => string, after: string]> = {
    'a section added behind ours': ['[a]\nhost=x\n', (t) => `${t}[b]\nhost=y\n`, '[a]\nhost=x\n[b]\nhost=y\n'],
    'a section added in front': ['[a]\n', (t) => `[z]\n${t}`, '[z]\n[a]\n'],
    'text added behind a missing line end': ['[a]', (t) => `${t}[b]`, '[a]\n[b]'],
    'a line changed before ours, whose line end we had added': [
      '[a]\nhost=x',
      (t) => t.replace('host=x', 'host=changed'),
      '[a]\nhost=changed\n',
    ],
    'everything of theirs deleted': ['[a]\n', (t) => t.replace('[a]\n', ''), ''],
    'line ends turned to CRLF by an editor': ['[a]\n', (t) => t.replace(/\n/g, '\r\n'), '[a]\r\n'],
    'line ends turned to LF': ['[a]\r\n', (t) => t.replace(/\r\n/g, '\n'), '[a]\n'],
    'CRLF added to a line without end': ['[a]', (t) => t.replace(/\n/g, '\r\n'), '[a]'],
    'white space added behind the markers': ['[a]\n', (t) => t.replace(/(hallpass .*)\n/g, '$1  \n'), '[a]\n'],
    'final line end removed': ['[a]\n', (t) => t.replace(/\n$/, ''), '[a]\n'],
    'our section’s text edited': ['[a]\n', (t) => t.replaceAll('port=5432', 'port=9999\nconnect_timeout=3'), '[a]\n'],
    'our section’s passfile removed': ['[a]\n', (t) => t.replaceAll(/passfile=.*\n/g, ''), '[a]\n'],
    'a comment written inside our block': ['[a]\n', (t) => t.replace('\n[orders]\n', '\n# mine\n[orders]\n'), '[a]\n'],
    'an own section written inside our block': [
      '[a]\n',
      (t) => t.replace('\n[orders]\n', '\n[mine]\nhost=m\n[orders]\n'),
      '[a]\n[mine]\nhost=m\n',
    ],
    'the end marker deleted': ['[a]\n', (t) => t.replace(/# <<<.*\n/, ''), '[a]\n'],
    'the begin marker deleted': ['[a]\n', (t) => t.replace(/# >>>.*\n/, ''), '[a]\n'],
    'both markers deleted': ['[a]\n', (t) => t.replace(/# (>>>|<<<).*\n/g, ''), '[a]\n'],
    'the end marker deleted and a section added': [
      '[a]\n',
      (t) => `${t.replace(/# <<<.*\n/, '')}[b]\nhost=y\n`,
      '[a]\n[b]\nhost=y\n',
    ],
    'the end marker deleted, no final line end before': ['[a]', (t) => t.replace(/# <<<.*\n/, ''), '[a]'],
    'the end marker deleted and a comment behind': [
      '[a]\n',
      (t) => `${t.replace(/# <<<.*\n/, '')}# mine\n`,
      '[a]\n# mine\n',
    ],
    'our block copied': ['[a]\n', (t) => t + t.slice(4), '[a]\n'],
    'our block moved to the front': [
      '[a]\nhost=x\n',
      (t) => t.slice('[a]\nhost=x\n'.length) + t.slice(0, '[a]\nhost=x\n'.length),
      '[a]\nhost=x\n',
    ],
    'the markers swapped': [
      '[a]\n',
      (t) => t.replace('# >>>', '# @@@').replace('# <<<', '# >>>').replace('# @@@', '# <<<'),
      '[a]\n',
    ],
  };
  for (const [name, [before, edit, after]] of Object.entries(edits)) {
    test(name, () => {
      const text = put(edit(put(before, blockA)));
      expect(text).toBe(after);
      expect([...grantsIn(text, owner())]).toEqual([]);
    });
  }
  test('an edit of our text survives the start of another grant', () => {
    const edited = put('[a]\n', blockA).replaceAll('port=5432', 'port=9999');
    expect(put(edited, blockA, blockB)).toContain('port=9999');
  });
  test('a block whose names change is written anew', () => {
    const text = put(put('[a]\n', blockA), block(A, 'orders.read-only'), block(B, 'orders'));
    expect(namesIn(text, owner())).toEqual(
      new Map([
        [A, ['orders.read-only']],
        [B, ['orders']],
      ]),
    );
    expect(put(text)).toBe('[a]\n');
  });
});

test('names of the user are told from ours', () => {
  const text = put('[orders]\nhost=x\n [ b ] \n', blockA);
  expect([...foreignNames(text, owner())]).toEqual(['orders', ' b ']);
});
test('our lines have the line end of the file', () => {
  expect(put('[a]\r\n', blockA).split('\r\n').length).toBe(put('[a]\r\n', blockA).split('\n').length);
});
