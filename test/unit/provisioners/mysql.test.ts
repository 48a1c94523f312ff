/** MySQL and MariaDB: names and values as SQL text, versions, hashes. */
import { describe, expect, test } from 'vitest';
import {
  account,
  groupRoleName,
  ident,
  literal,
  principalAccount,
  resourceOfMark,
  schemaInGrant,
} from '../../../electron/service/provisioners/mysql/quoting';
import { isAtLeast, parseVersion, splitAccount } from '../../../electron/service/provisioners/mysql/standing';
import { nativeHash, newPassword } from '../../../electron/service/provisioners/mysql/users';
import { MysqlSettings } from '../../../shared/contract/mysql';

describe('quoting', () => {
  test('identifiers double their backticks, strings their quotes and backslashes', () => {
    expect(ident('a`b')).toBe('`a``b`');
    expect(literal(`it's \\ "x"\n`)).toBe(`'it''s \\\\ "x"\n'`);
    expect(account(`o'b`, '%')).toBe("'o''b'@'%'");
  });

  test('wildcards of a GRANT are escaped, so that `a_b` does not open `axb`', () => {
    expect(schemaInGrant('a_b%c')).toBe('`a\\_b\\%c`');
    expect(schemaInGrant('`')).toBe('````');
  });

  test.each(['', 'x'.repeat(65), 'a\0b'])('a name that no server holds is refused: %j', (name) => {
    expect(() => ident(name)).toThrow(/1 to 64 characters/);
    expect(() => schemaInGrant(name)).toThrow(/1 to 64 characters/);
  });
  test('a backslash in a schema is refused: GRANT would read it as an escape', () => {
    expect(() => schemaInGrant('a\\_b')).toThrow(/backslash/);
    expect(() => literal('a\0')).toThrow(/NUL/);
  });

  test('64 characters fit, whatever they are made of', () => {
    expect(ident('é'.repeat(64))).toHaveLength(66);
  });

  test.each(['root', 'hp_', `hp_${'i'.repeat(26)}`, `hp_${'0'.repeat(26)}'`, `HP_${'0'.repeat(26)}`])(
    'no other user is ever touched: %j',
    (name) => expect(() => principalAccount(name, '%')).toThrow(RangeError),
  );

  test('roles fit MySQL’s 32 characters and differ for resources that begin alike', () => {
    expect(groupRoleName('orders-db', 'read_only')).toBe('hallpass_orders-db_ro');
    const long = [`${'y'.repeat(40)}a`, `${'y'.repeat(40)}b`].map((name) => groupRoleName(name, 'read_write'));
    expect(new Set(long).size).toBe(2);
    for (const role of long) expect(role).toMatch(/^hallpass_y+~[0-9a-f]{8}_rw$/);
    for (const role of long) expect(role).toHaveLength(32);
  });

  test('a mark names its resource, and nothing else is one', () => {
    const resource = `res_${'0'.repeat(26)}`;
    expect(resourceOfMark(`hallpass:${resource}`)).toBe(resource);
    for (const other of [null, undefined, '', resource, `hallpass:${resource} `, `xhallpass:${resource}`])
      expect(resourceOfMark(other)).toBeUndefined();
  });
});

test.each([
  ['10.11.19-MariaDB-0+deb12u1', 'mariadb', [10, 11, 19]],
  ['5.5.5-10.6.1-MariaDB-log', 'mariadb', [10, 6, 1]],
  ['11.4.2-MariaDB', 'mariadb', [11, 4, 2]],
  ['8.0.36', 'mysql', [8, 0, 36]],
  ['8.4.3-Percona', 'mysql', [8, 4, 3]],
  ['9.1', 'mysql', [9, 1, 0]],
  ['nonsense', 'mysql', [0, 0, 0]],
])('version %s is %s %j', (version, flavor, numbers) => {
  expect(parseVersion(version)).toEqual({ flavor, numbers });
});

test('versions are compared number by number', () => {
  expect(isAtLeast([8, 0, 21], [8, 0, 21])).toBe(true);
  expect(isAtLeast([8, 4, 0], [8, 0, 21])).toBe(true);
  expect(isAtLeast([8, 0, 4], [8, 0, 21])).toBe(false);
  expect(isAtLeast([10, 4, 99], [10, 5, 2])).toBe(false);
});

test('an account is split at its last @', () => {
  expect(splitAccount('me@work@10.1.%')).toEqual({ user: 'me@work', host: '10.1.%' });
});

test('a password has each kind of letter, and its hash is what MariaDB’s PASSWORD() gives', () => {
  const password = newPassword({ bytes: (count) => new Uint8Array(count) });
  expect(password).toMatch(/^(?=.*[a-z])(?=.*[A-Z])(?=.*\d)(?=.*-)[\w-]{47}$/);
  expect(nativeHash('password')).toBe('*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19');
});

test('settings say what they do not take', () => {
  const given = { kind: 'mysql', host: 'db', managerUser: 'm', schemas: ['orders'] } as const;
  expect(MysqlSettings.parse(given)).toMatchObject({ port: 3306, tls: 'prefer', userHost: '%', connectionLimit: 5 });
  for (const wrong of [
    { host: 'a b' },
    { host: "a'b" },
    { host: '/run/a\nb' },
    { schemas: [] },
    { schemas: ['a\\b'] },
    { schemas: ['ends '] },
    { userHost: "%' IDENTIFIED BY ''" },
    { userHost: '' },
    { managerUser: '' },
    { port: 0 },
    { extra: 1 },
  ])
    expect(MysqlSettings.safeParse({ ...given, ...wrong }).success, JSON.stringify(wrong)).toBe(false);
  expect(
    MysqlSettings.safeParse({ ...given, host: '/run/mysqld/mysqld.sock', userHost: '10.0.0.0/255.0.0.0' }).success,
  ).toBe(true);
});
