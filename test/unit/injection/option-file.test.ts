/** Option files of MySQL and MariaDB: what is written is what is read, and what programs could not use is said. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { findMysqlClient } from '../../../electron/main/injection/targets/mysql-client';
import {
  fitsInclude,
  fitsOption,
  includedPath,
  includeLine,
  optionFileProblem,
  optionIn,
  optionLine,
  overriddenBy,
} from '../../../electron/main/injection/targets/option-file';
import { anyText } from '../any-text';

test('every value comes back as it was', () => {
  fc.assert(
    fc.property(anyText({ minLength: 1, maxLength: 200 }), (value) => {
      fc.pre(!value.includes('\0'));
      const text = `[client_x]\nuser="me"\n${optionLine('password', value)}\nport=1\n`;
      expect(optionIn(text, 'password')).toBe(value);
      expect(optionLine('password', value)).not.toMatch(/[\r\n]/);
    }),
  );
  expect(optionIn('[client]\n', 'password')).toBeNull();
});

test('what does not fit a line is known before it is written', () => {
  expect(fitsOption('password', 'x'.repeat(4_000))).toBe(true);
  expect(fitsOption('password', '"'.repeat(2_100))).toBe(false);
  expect(fitsOption('password', 'a\0b')).toBe(false);
});

test('an include names its path, blanks inside and all', () => {
  expect(includedPath(includeLine('/run/user/1000/a b/x.cnf'))).toBe('/run/user/1000/a b/x.cnf');
  expect(includedPath('  ! include   /x  ')).toBe('/x');
  for (const other of ['include /x', '!includedir /x', '# !include /x', 'user=!include /x'])
    expect(includedPath(other)).toBeNull();
  for (const bad of ['/x\n', ' /x', '/x ', `/${'x'.repeat(500)}`]) expect(fitsInclude(bad)).toBe(false);
});

describe('files that no program can use', () => {
  test.each([
    ['\xef\xbb\xbf[client]\n', 'byte order mark'],
    ['user=me\n', 'line 1'],
    ['# x\n\nuser=me\n[client]\n', 'line 3'],
    ['[client]\n[mysql\n', 'line 2'],
    ['[client]\n\0', 'NUL'],
    [`[client]\n${'x'.repeat(4_094)}\n`, 'line 2'],
  ])('%j', (text, says) => expect(optionFileProblem(text)?.what).toContain(says));
  test.each(['', '\n', '# only\n; comments\n', '!include /x\n[client]\n', '  [client]\nuser\n', '[a]\r\nb=c\r\n'])(
    '%j is fine',
    (text) => expect(optionFileProblem(text)).toBeNull(),
  );
});

test('options that decide, after our part, in groups that clients read', () => {
  const isOurs = (line: string) => line === '!include ours';
  const text = (after: string) => `[client]\nuser=before\n[client_x]\n!include ours\n${after}`;
  expect(overriddenBy(text(''), isOurs)).toEqual([]);
  expect(overriddenBy(text('[client]\nuser=a\nuser=b\n[mysql]\nssl_ca=/x\n'), isOurs)).toEqual([
    'user in [client]',
    'ssl-ca in [mysql]',
  ]);
  expect(overriddenBy(text('[mysqld]\nuser=a\n[client_y]\nuser=a\n[client]\nquick\n# user=a\n'), isOurs)).toEqual([]);
  expect(overriddenBy('[client]\nuser=a\n', isOurs)).toEqual([]);
});

describe('whose client programs are there', () => {
  const machine = (links: Record<string, string>) => ({
    platform: 'linux' as const,
    env: { PATH: '/opt/x/bin:relative:/usr/bin' },
    files: {
      facts: async (path: string) => (path in links ? ({} as never) : null),
      resolve: async (path: string) => links[path] ?? path,
    },
  });
  test.each([
    [{ '/usr/bin/mysql': '/usr/bin/mariadb', '/usr/bin/mariadb': '/usr/bin/mariadb' }, 'mariadb', 'mysql'],
    [{ '/usr/bin/mysql': '/usr/bin/mysql', '/usr/bin/mariadb': '/usr/bin/mysql' }, 'mariadb', 'mysql'],
    [{ '/usr/bin/mysql': '/usr/bin/mysql' }, 'any', 'mysql'],
    [{ '/opt/x/bin/mysql': '/opt/x/bin/mysql', '/usr/bin/mariadb': '/usr/bin/mariadb' }, 'any', 'mysql'],
    [{ '/usr/bin/mariadb': '/usr/bin/mariadb' }, 'mariadb', 'mariadb'],
    [{}, 'none', 'mysql'],
  ])('%j: %s, typed as %s', async (links, client, program) => {
    expect(await findMysqlClient(machine(links as Record<string, string>))).toEqual({ client, program });
  });
});
