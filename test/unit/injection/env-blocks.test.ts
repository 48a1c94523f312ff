/** Our blocks in a file of variables: added at the end, gone without a trace, and nobody else's byte changes. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type EnvBlock, grantsInEnv, setByOthers, setEnvBlocks } from '../../../electron/main/injection/env-blocks';
import { envLine, envText, isReadAlike, valuesIn } from '../../../electron/main/injection/targets/env-text';
import { GRANT, SECOND } from './machine';

const OWNER = { profile: '0123abcd', kind: 'secret' };
const block = (lines: readonly string[] = ['API_KEY=k'], grantId = GRANT): EnvBlock => ({ grantId, lines });
const inject = (before: string | null, ...blocks: EnvBlock[]) => setEnvBlocks(before, OWNER, blocks).text;
const remove = (text: string) => setEnvBlocks(text, OWNER, []);

/** As editors, tools and people leave them. Latin1, as the surgery reads. */
const FILES = [
  '',
  '\n',
  'A=1',
  'A=1\n',
  'A=1\r\nB=2\r\n',
  'A=1\r\nB=2',
  '\xef\xbb\xbfA=1\n',
  '# only a comment',
  'A=1\n\n\n',
  '\tA = 1 \nexport B="x y"\n',
  'API_KEY=theirs\nAPI_KEY=theirs again\n',
  "MULTI='one\ntwo'\n",
  'A=\xc3\xa9\xff\x00\x80\n',
  'A=1\n# >>> conda initialize >>>\nB=2\n# <<< conda initialize <<<\n',
  '# >>> hallpass 0123abcd grt_01jd0000000000000000000zzz [orders-db]\n[orders-db]\n# <<< hallpass 0123abcd grt_01jd0000000000000000000zzz\n',
];

describe('one block', () => {
  test.each(FILES)('comes at the end and goes without a trace: %j', (before) => {
    const text = inject(before, block());
    expect(text.startsWith(before)).toBe(true);
    expect(text.slice(before.length)).toMatch(/^(\r?\n)?# >>> hallpass .*\r?\nAPI_KEY=k\r?\n# <<< hallpass .*\r?\n$/);
    expect(remove(text)).toEqual({ text: before, fileIsOurs: false });
    expect(grantsInEnv(text, OWNER)).toEqual(new Set([GRANT]));
    expect(inject(text, block())).toBe(text); // again: nothing
  });

  test('in a file that we made takes the file with it, unless somebody wrote into it', () => {
    const text = inject(null, block());
    expect(remove(text)).toEqual({ text: '', fileIsOurs: true });
    expect(remove(`${text}MINE=1\n`)).toEqual({ text: 'MINE=1\n', fileIsOurs: false });
    expect(remove(text.replace('API_KEY=k\n', 'API_KEY=k\nMINE=1\n'))).toEqual({ text: 'MINE=1\n', fileIsOurs: false });
  });

  test('that somebody edited: their lines stay, what sets a name of ours goes', () => {
    const text = inject('A=1\n', block(['API_KEY=k', 'USER=u']));
    const edited = text
      .replace('API_KEY=k\n', '# mine\nexport API_KEY = "edited"\nOTHER=2\n')
      .replace('USER=u\n', 'USER=u\nB=3\n');
    expect(remove(edited).text).toBe('A=1\n# mine\nOTHER=2\nB=3\n');
  });

  test('with a marker lost: the secret still goes, and nothing else', () => {
    const text = inject('A=1\n', block(['API_KEY=k', 'USER=u']));
    const lines = text.split('\n');
    const withoutEnd = [...lines.slice(0, 4), 'B=2', ''].join('\n');
    expect(remove(withoutEnd).text).toBe('A=1\nB=2\n');
    const withoutBegin = ['A=1', 'API_KEY=theirs', 'B=2', ...lines.slice(2)].join('\n');
    expect(remove(withoutBegin).text).toBe('A=1\nAPI_KEY=theirs\nB=2\n');
    expect(remove(text.split('\n').slice(0, 2).join('\n')).text).toBe('A=1\n');
  });

  test('of new values takes the old one’s place', () => {
    const text = inject('A=1\n', block(['API_KEY=old']));
    expect(inject(text, block(['API_KEY=new']))).toBe(inject('A=1\n', block(['API_KEY=new'])));
  });

  test('is never another kind’s, another profile’s, or one of sections', () => {
    const theirs = [
      setEnvBlocks('A=1\n', { ...OWNER, kind: 'webhook' }, [block()]).text,
      setEnvBlocks('A=1\n', { ...OWNER, profile: 'ffffffff' }, [block()]).text,
      FILES.at(-1) ?? '',
    ];
    for (const text of theirs) {
      expect(remove(text).text).toBe(text);
      expect(grantsInEnv(text, OWNER)).toEqual(new Set());
    }
  });
});

test('several blocks go in any order, and the file is as it was', () => {
  const lines = fc.array(
    fc.oneof(
      fc.constantFrom('', '# note', 'A=1', 'API_KEY=theirs', ' export B=2', '# >>> conda >>>', '\xff\xfe', 'x\x00y'),
      fc.string({ maxLength: 12 }).map((text) => text.replace(/[\r\n]/g, '').replace(/[^\0-\xff]/g, '')),
    ),
    { maxLength: 6 },
  );
  const file = fc
    .tuple(lines, fc.constantFrom('\n', '\r\n'), fc.constantFrom('', 'end'))
    .map(([all, end, tail]) => all.map((line) => line + end).join('') + tail);
  const owners = [OWNER, { ...OWNER, kind: 'webhook' }, { ...OWNER, profile: 'ffffffff' }];
  const steps = fc.array(
    fc.record({
      owner: fc.constantFrom(...owners),
      grants: fc.subarray([GRANT, SECOND]),
      value: fc.constantFrom('1', '2'),
    }),
    { maxLength: 8 },
  );
  fc.assert(
    fc.property(fc.option(file), steps, (before, all) => {
      let text: string | null = before;
      const apply = (owner: (typeof owners)[number], blocks: EnvBlock[]) => {
        const result = setEnvBlocks(text, owner, blocks);
        text = result.fileIsOurs ? null : result.text;
      };
      for (const { owner, grants, value } of all) {
        if (text === null && grants.length === 0) continue;
        apply(
          owner,
          grants.map((id) => block([`API_KEY=${value}`, `N_${owner.kind}=1`], id)),
        );
        const now = text ?? '';
        if (before !== null) expect(now.startsWith(before)).toBe(true);
        expect(grantsInEnv(now, owner)).toEqual(new Set(grants));
      }
      for (const owner of owners) if (text !== null) apply(owner, []);
      expect(text).toBe(before);
    }),
    { numRuns: 500 },
  );
});

test('a variable of the same name is found where it is, and ours is not taken for it', () => {
  const text = inject('\xef\xbb\xbfAPI_KEY=1\n# API_KEY=2\n export API_KEY = 3\nMY_API_KEY=4\n', block());
  expect(setByOthers(text, ['API_KEY'])).toEqual([
    { name: 'API_KEY', lineNumber: 1 },
    { name: 'API_KEY', lineNumber: 3 },
  ]);
  expect(setByOthers(`${text}API_KEY=5\n`, ['API_KEY']).at(-1)).toEqual({ name: 'API_KEY', lineNumber: 8 });
});

test('values as lines are read back as they were, and no other text is taken for ours', () => {
  const value = fc.string({ minLength: 1 }).map((text) => text.replace(/[\r\n\0]/g, '') || 'x');
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom('A', 'B_2', '_c'), value, { minKeys: 1 }), (values) => {
      expect({ ...valuesIn(envText(values)) }).toEqual({ ...values });
    }),
  );
  for (const text of ['', 'A', 'A="x"\n', "A='x\n", 'A=x y\n', '=x\n']) expect(valuesIn(text)).toBeNull();
  expect(envLine('A', 'plain-1.2/3')).toBe('A=plain-1.2/3');
  expect(isReadAlike('with space $HOME `x` "q" \\n')).toBe(true);
  expect(isReadAlike("it's")).toBe(false);
});
