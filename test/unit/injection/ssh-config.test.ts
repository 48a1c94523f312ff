/** Our block at the head of an ssh_config that belongs to somebody: put there, moved there, taken away, whatever was done to it meanwhile. */
import { describe, expect, test } from 'vitest';
import {
  type ConfigOwner,
  grantsIncluded,
  hostNamesIn,
  hostSection,
  pathProblem,
  setIncludes,
} from '../../../electron/main/injection/targets/ssh-config';

const GRANT = 'grt_01jd0000000000000000000aaa';
const OTHER = 'grt_01jd0000000000000000000bbb';
const root = '/run/user/1000/hallpass/0a1b2c3d';
const pathOf = (grant: string) => `${root}/${grant}/config`;
const owner: ConfigOwner = {
  profile: '0a1b2c3d',
  grantOf: (path) => (path.startsWith(`${root}/`) ? (path.slice(root.length + 1).split('/')[0] ?? null) : null),
};
const put = (before: string | null, ...grants: string[]) => setIncludes(before, owner, grants.map(pathOf)).text;
const FILES: Record<string, string> = {
  empty: '',
  'no final line end': 'Host a\n  User b',
  'line ends of Windows': 'Host a\r\n\tUser b\r\n\r\n',
  'blank lines first': '\n\n\nHost a\n',
  'only a comment': '# >>> mine <<<',
  'bytes that are no UTF-8': 'Host \u00ff\u00fe\u0080\n',
  'an include of its own': 'Include ~/.ssh/conf.d/*\nHost a\n',
  'another profile’s block': `# >>> hallpass ffffffff\nInclude "/elsewhere/config"\n# <<< hallpass ffffffff\nHost a\n`,
  'something that looks like ours': '# >>> hallpass\n# <<< hallpass 0a1b2c3d extra\nInclude /run/user/1000/hallpass\n',
  'duplicate sections': 'Host a\n  User b\nHost a\n  User c\nMatch all\n  User d\n',
  'a long file': 'Host h\n  User u\n'.repeat(5_000),
};

describe('a block at the head', () => {
  test.each(Object.entries(FILES))('comes and goes without a trace: %s', (_, before) => {
    const one = put(before, GRANT);
    expect(one.startsWith('# >>> hallpass 0a1b2c3d')).toBe(true);
    expect(one.endsWith(before)).toBe(true);
    expect(grantsIncluded(one, owner)).toEqual(new Set([GRANT]));
    const two = put(one, OTHER, GRANT);
    expect([...grantsIncluded(two, owner)]).toEqual([OTHER, GRANT]);
    expect(put(two, GRANT)).toBe(one);
    expect(put(two)).toBe(before);
    expect(put(one, GRANT)).toBe(one);
  });

  test('a file that we made goes with the last grant, and stays when somebody wrote into it', () => {
    const made = put(null, GRANT);
    expect(made).toContain('+file');
    expect(setIncludes(made, owner, [])).toEqual({ text: '', fileIsOurs: true });
    expect(setIncludes(put(made, OTHER, GRANT), owner, []).fileIsOurs).toBe(true);
    expect(setIncludes(`${made}Host a\n`, owner, [])).toEqual({ text: 'Host a\n', fileIsOurs: false });
    expect(setIncludes('', owner, []).fileIsOurs).toBe(false);
  });

  test('what was written above, inside or instead of its marks is kept, and the block is at the head again', () => {
    const [begin = '', include = '', end = ''] = put('', GRANT).split('\n');
    const damaged = [
      ['Host above', begin, include, end, 'Host below'],
      ['Host above', begin, 'Host inside', include, '  User x', end],
      ['Host above', include, end],
      ['Host above', begin, include],
      ['Host above', begin, begin, include, include, end, end],
      ['Host above', `  ${include.toLowerCase().replace(pathOf(GRANT).toLowerCase(), pathOf(GRANT))}  `],
    ];
    for (const lines of damaged) {
      const text = `${lines.join('\n')}\n`;
      const mine = lines.filter((line) => !/hallpass|[Ii]nclude/.test(line)).map((line) => `${line}\n`);
      expect(put(text), text).toBe(mine.join(''));
      expect(put(text, GRANT)).toBe(`${begin}\n${include}\n${end}\n${mine.join('')}`);
      expect(grantsIncluded(text, owner).has(GRANT)).toBe(true);
    }
  });
});

describe('what ssh reads', () => {
  test('names of the user’s own are found as ssh reads them; patterns and our own are none', () => {
    const text = put('host a "b c" d # e\nHost=f\n HOST = g *.h !i\nHostName j\nMatch host k\n#Host l\n', GRANT);
    expect(hostNamesIn(text, owner)).toEqual(new Set(['a', 'b c', 'd', 'f', 'g']));
  });

  test('paths that mean something else to ssh are refused', () => {
    for (const path of ['/run/a b/ü', '/home/o’brien', 'C:/Users/a b']) expect(pathProblem(path), path).toBeNull();
    for (const path of ['/a"b', '/a%h', '/a$HOME', '/a*', '/a?', '/a[b]', '/a\\b', '/a\nb', '/a\0b'])
      expect(pathProblem(path), JSON.stringify(path)).not.toBeNull();
  });

  test('a section says all that decides who is reached, and as whom', () => {
    const section = {
      names: ['web-1.shell', 'web-1'],
      host: '::1',
      port: 2222,
      user: 'deploy',
      alias: 'hallpass-web-1',
      knownHosts: '/k',
      identity: '/i',
      certificate: '/c',
    };
    expect(hostSection({ ...section, agent: 'none' })).toContain('IdentityAgent none');
    const text = hostSection({ ...section, agent: 'usual' });
    expect(text).not.toContain('IdentityAgent');
    expect(text.split('\n')[0]).toBe('Host web-1.shell web-1');
    for (const line of ['HostName ::1', 'IdentitiesOnly yes', 'StrictHostKeyChecking yes', 'ControlPath none'])
      expect(text).toContain(`  ${line}\n`);
  });
});
