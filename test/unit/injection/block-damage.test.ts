/** Markers that were damaged, copied, or are somebody else's: what is ours goes, and not one byte more. */
import { createHash } from 'node:crypto';
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
const PROFILE = '1234abcd';
const OTHER = 'ffffffff';
const owner = (profile = PROFILE): BlockOwner => ({
  profile,
  grantOfLine: (line) => /^passfile=\/run\/hp\/(grt_[0-9a-z]{26})\/passfile$/.exec(line)?.[1] ?? null,
});
const pointer = (grantId: string) => `passfile=/run/hp/${grantId}/passfile`;
const block = (grantId: string, ...names: string[]): Block => ({
  grantId,
  sections: names.map((name) => ({ name, lines: ['host=db', pointer(grantId)] })),
});
const begin = (grantId: string, rest = '', profile = PROFILE) => `# >>> hallpass ${profile} ${grantId}${rest}\n`;
const end = (grantId: string, profile = PROFILE) => `# <<< hallpass ${profile} ${grantId}\n`;
const put = (text: string | null, ...blocks: Block[]) => setBlocks(text, owner(), blocks).text;

describe('a marker that stands alone goes alone', () => {
  test.each<[string, string, string]>([
    ['a begin without an end', `${begin(A, ' [x]')}[x]\nhost=1\n`, '[x]\nhost=1\n'],
    ['a begin with another grant’s end', `${begin(A, ' [x]')}[x]\nhost=1\n${end(B)}`, '[x]\nhost=1\n'],
    [
      'a begin with another profile’s end',
      `${begin(A, ' [x]')}[x]\nhost=1\n${end(A, OTHER)}`,
      `[x]\nhost=1\n${end(A, OTHER)}`,
    ],
    [
      'a begin with another profile’s end of another grant',
      `${begin(A, ' [x]')}[x]\nhost=1\n${end(B, OTHER)}`,
      `[x]\nhost=1\n${end(B, OTHER)}`,
    ],
    [
      'a begin before the same begin',
      `${begin(A, ' [x]')}[x]\nhost=1\n${begin(A, ' [x]')}[x]\nhost=2\n${end(A)}`,
      '[x]\nhost=1\n',
    ],
    ['an end', `${end(A)}# mine\nhost=1\n`, '# mine\nhost=1\n'],
    ['an end before the same end', `${end(A)}# mine\nhost=1\n${end(A)}`, '# mine\nhost=1\n'],
    ['an end behind something', `host=1\n${end(A)}# mine\n`, 'host=1\n# mine\n'],
  ])('%s', (_, text, left) => expect(put(text)).toBe(left));
  test('a line that only begins like a marker is none', () => {
    const text = `# <<< hallpass ${PROFILE} ${A} and more\n# >>> hallpass ${PROFILE} ${A} [x] of mine\n`;
    expect(put(text)).toBe(text);
    expect([...grantsIn(text, owner())]).toEqual([]);
  });
});

describe('a section that points to our secret, without its markers', () => {
  test('goes with its keys; comments and blank lines stay, however they are indented', () => {
    const text = `[a]\nhost=x\n[x]\nhost=1\n${pointer(A)}\noptions=[\n\n   \n# one\n  # two\n[b]\nhost=y\n`;
    expect(put(text)).toBe('[a]\nhost=x\n\n   \n# one\n  # two\n[b]\nhost=y\n');
  });
  test('goes also when the line is indented', () => {
    expect(put(`[x]\n  ${pointer(A)}  \n`)).toBe('');
  });
  test('ends at the next marker', () => {
    const theirs = `${begin(B, ' [y]', OTHER)}[y]\nhost=1\n${end(B, OTHER)}`;
    expect(put(`[x]\n${pointer(A)}\n${theirs}`)).toBe(theirs);
  });
  test('outside any section it is no pointer of ours', () => {
    const text = `${pointer(A)}\n# mine\n[a]\nhost=x\n`;
    expect(put(text)).toBe(text);
  });
});

describe('where our line may stand in a section of the user', () => {
  const include = (grantId: string) => `!include /run/hp/${grantId}.cnf`;
  const mysql: BlockOwner = {
    profile: PROFILE,
    grantOfLine: (line) => /^!include \/run\/hp\/(grt_[0-9a-z]{26})\.cnf$/.exec(line)?.[1] ?? null,
    headerGoesWithLine: (name) => name.startsWith('client_'),
  };
  const left = (text: string) => setBlocks(text, mysql, []).text;
  test.each<[string, string, string]>([
    ['alone under a name of ours: header and line', `[client_x]\n${include(A)}\n`, ''],
    ['indented', `[client_x]\n  ${include(A)} \n`, ''],
    ['with comments: those stay', `[client_x]\n# mine\n${include(A)}\n\n`, '# mine\n\n'],
    ['with a key of theirs: the line alone', `[client_x]\nuser=me\n${include(A)}\n`, '[client_x]\nuser=me\n'],
    ['under a name of theirs: the line alone', `[client]\n${include(A)}\n`, '[client]\n'],
    [
      'two keys, of which a comment is none',
      `[client]\nuser=me\n${include(A)}\n#${include(A)}\n[mysql]\nquick\n`,
      `[client]\nuser=me\n#${include(A)}\n[mysql]\nquick\n`,
    ],
  ])('%s', (_, text, expected) => expect(left(text)).toBe(expected));
  test('what points to a grant that goes on stays, in the same section too', () => {
    const live: Block = { grantId: B, sections: [{ name: 'client_y', lines: [include(B)] }] };
    const before = setBlocks('', mysql, [live]).text;
    const shared = `[client_z]\n${include(A)}\n${include(B)}\n`;
    expect(setBlocks(before + shared, mysql, [live]).text).toBe(`${before}[client_z]\n${include(B)}\n`);
  });
});

describe('the line end that we had to add', () => {
  test('is known by a hash of the bytes before it', () => {
    const bytes = '# f\xfcr B\xe4rbel';
    const hash = createHash('sha256').update(Buffer.from(bytes, 'latin1')).digest('hex').slice(0, 8);
    expect(put(bytes, block(A, 'x'))).toContain(begin(A, ` [x] +newline:${hash}`));
  });
  test('stays when the line was changed, by one character too', () => {
    expect(put(put('[a]', block(A, 'x')).replace('[a]\n', '[a]x\n'))).toBe('[a]x\n');
  });
  test('is nobody’s when all before it is gone', () => {
    expect(put(put('[a]', block(A, 'x')).replace('[a]\n', ''))).toBe('');
  });
  test('is passed on to the block behind, and to nothing else that stands there', () => {
    const theirs = end(B, OTHER);
    expect(put(put('[a]', block(A, 'x')) + theirs)).toBe(`[a]\n${theirs}`);
    const both = put(put('[a]', block(A, 'x')), block(A, 'x'), block(B, 'y'));
    expect(put(both, block(B, 'y'))).toMatch(/bbb \[y\] \+newline:[0-9a-f]{8}\n/);
  });
  test('of the block behind is not lost when ours goes', () => {
    const cut = put('[a]\n', block(A, 'x')).replace(/\n$/, '');
    const both = put(cut, block(A, 'x'), block(B, 'y'));
    expect(both).toMatch(/bbb \[y\] \+newline:/);
    expect(put(both, block(B, 'y'))).toMatch(/bbb \[y\] \+newline:/);
  });
});

describe('a file that we made', () => {
  test('is not called wholly ours while something of ours is in it', () => {
    expect(setBlocks(null, owner(), [block(A, 'x')])).toMatchObject({ fileIsOurs: false });
    expect(setBlocks(null, owner(), [])).toEqual({ text: '', fileIsOurs: true });
  });
  test('is said to be ours once, by the first block', () => {
    const text = put(null, block(A, 'x'), block(B, 'y'));
    expect(text).toContain(begin(A, ' [x] +file'));
    expect(text).toContain(begin(B, ' [y]'));
  });
  test('is said to be ours by the next block when the first goes, whatever lies between', () => {
    const both = put(put(null, block(A, 'x')), block(A, 'x'), block(B, 'y'));
    const text = both.replace(end(A), `${end(A)}# mine\n`);
    expect(put(text, block(B, 'y'))).toContain(`# mine\n${begin(B, ' [y] +file')}`);
  });
});

describe('a block that is in its place stays as it is, the user’s edits included', () => {
  const edit = (text: string) => text.replaceAll('host=db', 'host=edited');
  test('the first in the file, the second too', () => {
    const first = edit(put(null, block(A, 'x')));
    expect(put(first, block(A, 'x'))).toBe(first);
    const both = put(first, block(A, 'x'), block(B, 'y'));
    expect(put(edit(both), block(A, 'x'), block(B, 'y'))).toBe(edit(both));
  });
  test('is written anew when it is not whole, or has other names', () => {
    const whole = put('', block(A, 'x', 'y'));
    expect(put(edit(whole).replace(end(A), ''), block(A, 'x', 'y'))).toBe(whole);
    expect(put(edit(whole), block(A, 'x', 'z'))).toBe(put('', block(A, 'x', 'z')));
    expect(put(edit(whole), block(A, 'z', 'y'))).toBe(put('', block(A, 'z', 'y')));
    expect(put(edit(whole), block(A, 'x'))).toBe(put('', block(A, 'x')));
  });
  test('another profile’s block of the same grant is not it', () => {
    const elsewhere: Block = { grantId: A, sections: [{ name: 'x', lines: ['host=db', 'passfile=/elsewhere'] }] };
    const theirs = setBlocks('', owner(OTHER), [elsewhere]).text;
    const both = put(theirs, block(A, 'x'));
    expect(both).toBe(theirs + put('', block(A, 'x')));
    expect([...namesIn(both, owner()).keys()]).toEqual([A]);
    expect(namesIn(theirs, owner())).toEqual(new Map());
  });
});

describe('what is found in a file', () => {
  test('grants, by their markers and by what points to them; none of another profile', () => {
    expect([...grantsIn(`${begin(A)}${end(A)}`, owner())]).toEqual([A]);
    expect([...grantsIn(`[x]\n  ${pointer(B)}\n`, owner())]).toEqual([B]);
    expect([...grantsIn(`${begin(A, '', OTHER)}${end(A, OTHER)}`, owner())]).toEqual([]);
  });
  test('names that are not ours, of unclosed headers too', () => {
    expect([...foreignNames(`[abc\nhost=x\n[d] # mine\n${put('', block(A, 'x'))}`, owner())]).toEqual(['abc', 'd']);
  });
});
