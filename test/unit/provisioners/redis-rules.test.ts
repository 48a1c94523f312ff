/** How a level becomes rules of an access control list, and what is read out of the server's answers. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkPrincipalName } from '../../../electron/service/provisioners/principal-name';
import { commandRules, limitsOf, proposedLevels, rulesFor } from '../../../electron/service/provisioners/redis/rules';
import { userIn } from '../../../electron/service/provisioners/redis/users';
import { RedisNode, RedisSettings, redisNodeOf } from '../../../shared/contract/redis';
import { Level } from '../../../shared/contract/resources';

const settings = RedisSettings.parse({
  kind: 'redis',
  nodes: ['a:1'],
  managerUser: 'm',
  keyPatterns: ['a:*', 'b', 'b'],
});
const level = (targetRole: string, createsAccess = false): Level => ({
  name: 'own',
  description: '',
  targetRole,
  createsAccess,
});
const [readOnly, readWrite] = proposedLevels() as [Level, Level];

describe('rules', () => {
  test('the fence comes after what a level names, and before it only for one that is said to create access', () => {
    const fenced = rulesFor(level('+@all'), settings);
    expect(fenced.indexOf('-@dangerous')).toBeGreaterThan(fenced.indexOf('+@all'));
    const open = rulesFor(level('+@all', true), settings);
    expect(open.indexOf('-@dangerous')).toBeLessThan(open.indexOf('+@all'));
    for (const rules of [fenced, open]) expect(rules.indexOf('-@all')).toBeLessThan(rules.indexOf('+@connection'));
  });
  test('what a level takes back stays taken, also what every level may ask otherwise', () => {
    expect(rulesFor(readOnly, settings)).toContain('+info');
    expect(rulesFor(level('+@read -info'), settings)).not.toContain('+info');
    const withoutCluster = rulesFor(level('+@read -cluster'), settings);
    expect(withoutCluster.filter((rule) => rule.startsWith('+cluster'))).toEqual([]);
    expect(rulesFor(level('+@read -cluster|nodes'), settings)).toContain('+cluster|slots');
    expect(rulesFor(level('-@all +get'), settings).slice(-4)).toEqual(['+get', '-@admin', '-@dangerous', '-function']);
  });
  test('a level that only reads gets its keys for reading only', () => {
    expect(rulesFor(readOnly, settings).filter((rule) => rule.includes('~'))).toEqual(['%R~a:*', '%R~b']);
    expect(rulesFor(readWrite, settings).filter((rule) => rule.includes('~'))).toEqual(['~a:*', '~b']);
    expect(rulesFor(level('+@read -getrange'), settings)).toContain('%R~b');
    expect(rulesFor(level('+@read +incr'), settings)).toContain('~b');
  });
  test('the pattern for everything stands alone, and channels are opened only when some are named', () => {
    const all = { keyPatterns: ['a', '*'], channelPatterns: ['*', 'b'] };
    expect(rulesFor(readWrite, all).filter((rule) => /^[~&]/.test(rule))).toEqual(['~*', '&*']);
    expect(rulesFor(readWrite, settings).join(' ')).not.toMatch(/&|pubsub|subscribe/);
    expect(rulesFor(readOnly, all)).toContain('+subscribe');
    expect(rulesFor(readOnly, all)).not.toContain('+@pubsub');
  });
  test('the proposed levels fit the contract', () => {
    for (const one of proposedLevels()) expect(Level.parse(one)).toEqual(one);
  });
  test('whatever a level says, no rule of it gives keys, channels, passwords, flags or a selector', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 63 }), (targetRole) => {
        let rules: string[];
        try {
          rules = commandRules(level(targetRole));
        } catch {
          return;
        }
        for (const rule of rules) expect(rule).toMatch(/^[+-](@[a-z]+|[a-z][a-z0-9._|-]*)$/);
      }),
      { numRuns: 2_000 },
    );
  });
  test('limits are whole sentences', () => {
    for (const one of [readOnly, level('+@all', true)])
      for (const sentence of limitsOf({ ...settings, database: 2 }, one)) expect(sentence).toMatch(/^[A-Z].*\.$/);
  });
});

describe('answers', () => {
  /** ACL GETUSER's flat list. */
  const flat = (over?: Record<string, unknown>) => {
    const pairs: unknown[] = [];
    for (const [key, value] of Object.entries({
      flags: ['on'],
      passwords: ['ab'],
      commands: '-@all',
      keys: '',
      channels: '',
      selectors: [['commands', '-@all', 'keys', '~hallpass:1:res_01jd0000000000000000000aaa', 'channels', '']],
      ...over,
    }))
      pairs.push(key, value);
    return pairs;
  };
  test('a user is read with its mark, and nobody is nobody', () => {
    expect(userIn(flat(), 'a:1')).toEqual({
      isOn: true,
      digests: ['ab'],
      takesAnyPassword: false,
      markedFor: 'res_01jd0000000000000000000aaa',
    });
    expect(userIn(null, 'a:1')).toBeUndefined();
  });
  test('a mark is a whole one, of a selector', () => {
    const mark = '~hallpass:1:res_01jd0000000000000000000aaa';
    for (const selectors of [[], [['keys', `${mark} ~*`]], [['keys', `${mark}x`]], [['commands', mark]]])
      expect(userIn(flat({ selectors }), 'a:1')?.markedFor).toBeUndefined();
    expect(userIn(flat({ selectors: [], keys: mark }), 'a:1')?.markedFor).toBeUndefined();
  });
  test('half an answer is none: nothing is concluded from it', () => {
    for (const said of [[], 'OK', 7, undefined, ['flags', ['on']], flat({ flags: 'on' }), flat({ selectors: 'x' })])
      expect(() => userIn(said, 'a:1')).toThrow(/not known/);
  });
  test('only names of our form are principals', () => {
    checkPrincipalName('hp_01jd0000000000000000000aaa');
    for (const name of ['default', 'hp_', 'hp_01jd0000000000000000000aaa ', 'hp_01jd0000000000000000000aaa\n'])
      expect(() => checkPrincipalName(name)).toThrow(RangeError);
  });
});

describe('nodes', () => {
  test('a host, an address, and each with a port', () => {
    expect(redisNodeOf('cache')).toEqual({ host: 'cache', port: 6379 });
    expect(redisNodeOf('10.0.0.1:7000')).toEqual({ host: '10.0.0.1', port: 7000 });
    expect(redisNodeOf('[::1]')).toEqual({ host: '::1', port: 6379 });
    expect(redisNodeOf('[fe80::1]:7000')).toEqual({ host: 'fe80::1', port: 7000 });
  });
  test('what is no node is refused', () => {
    for (const node of [
      '',
      ':6379',
      'a b',
      'a:0',
      'a:65536',
      '::1',
      'a/b',
      "a'b",
      'user@a:1',
      'redis://a',
      'a:1,b:2',
      '[x]:1',
    ])
      expect(RedisNode.safeParse(node).success, node).toBe(false);
    for (const node of ['a', 'a:1', 'a.b-c:65535', '[::1]:6379'])
      expect(RedisNode.safeParse(node).success, node).toBe(true);
  });
});
