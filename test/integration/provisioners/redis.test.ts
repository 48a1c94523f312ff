/** What is particular to Redis: sessions that wait, levels made of commands and patterns. */
import type { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createRedisProvisioner } from '../../../electron/service/provisioners/redis';
import type { RedisCredential } from '../../../shared/contract/redis';
import type { Level } from '../../../shared/contract/resources';
import { MINUTE_MS } from '../../../shared/domain/instant';
import { levelNamed, newPrincipal, systemRandom } from '../../bed/postgres-target';
import {
  MANAGER,
  makeRedisTarget,
  type RedisNode,
  type RedisNodes,
  type RedisTestTarget,
  redisLogIn,
  redisMissing,
  startRedisNodes,
  whenRedisCut,
} from '../../bed/targets/redis';
import { until } from '../../bed/until';

const GONE = { exists: false, canLogIn: false, sessionCount: 0 };
const provisioner = createRedisProvisioner({ random: systemRandom });
let redis: RedisNodes;
let plain: RedisNode;
let filed: RedisNode;
let target: RedisTestTarget;
let readOnly: Level;
let readWrite: Level;
/** One that an administrator wrote: everything, so also what a fence keeps from the others. */
const everything: Level = { name: 'admin', description: '', targetRole: '+@all', createsAccess: true };
const create = (principal: string, level = readOnly, on = target) =>
  provisioner.create(on, { principal, level, validForMs: 15 * MINUTE_MS });

const missing = redisMissing();
describe.skipIf(missing !== null)(missing ?? 'Redis', () => {
  beforeAll(async () => {
    redis = await startRedisNodes();
    [plain, filed] = redis.nodes as [RedisNode, RedisNode];
    target = await makeRedisTarget(redis);
    const { levels } = await provisioner.plan(target);
    readOnly = levelNamed(levels, 'read-only');
    readWrite = levelNamed(levels, 'read-write');
  });
  afterAll(() => redis?.stop());
  afterEach(async () => {
    for (const principal of await provisioner.list(target)) await provisioner.end(target, principal);
  });

  describe('sessions', () => {
    /** Each leaves its connection waiting in another way. Resolves when the server holds it so. */
    const waiting: Readonly<Record<string, (client: Redis) => Promise<unknown>>> = {
      'blocked in BLPOP': async (client) => {
        const id = await client.call('CLIENT', 'ID');
        client.blpop('orders:nothing', 0).catch(() => undefined);
        const isBlocked = async (node: RedisNode) =>
          / flags=\S*b/.test(String(await node.command('CLIENT', 'LIST', 'ID', String(id))));
        await until('the server holding it', async () => (await isBlocked(plain)) || (await isBlocked(filed)));
      },
      'listening on a channel': (client) => client.subscribe('orders:news'),
      'in the middle of MULTI': async (client) => {
        await client.call('MULTI');
        await client.call('SET', 'orders:3', 'never');
      },
      'watching every command': (client) => client.call('MONITOR'),
      'doing nothing': (client) => client.get('orders:1'),
    };

    test('an end cuts every session on every node, whatever it is waiting for', async () => {
      const principal = newPrincipal();
      const credential = await create(principal, everything);
      const clients: Redis[] = [];
      for (const node of credential.nodes)
        for (const wait of Object.values(waiting)) {
          const client = await redisLogIn(credential, node);
          clients.push(client);
          await wait(client);
        }
      const cut = Promise.all(clients.map(whenRedisCut));
      expect((await provisioner.readBack(target, principal)).sessionCount).toBe(clients.length);
      expect(await provisioner.end(target, principal)).toEqual({ sessionsCut: clients.length, readBack: GONE });
      await cut;
      for (const node of credential.nodes)
        await expect(redisLogIn(credential, node).then((c) => c.get('x'))).rejects.toThrow();
      expect(await plain.command('EXISTS', 'orders:3')).toBe(0);
    });

    test('the sessions of others stay, also of one who calls itself like the user', async () => {
      const [ending, staying] = [newPrincipal(), newPrincipal()];
      await create(ending);
      const other = await redisLogIn(await create(staying));
      await other.call('CLIENT', 'SETNAME', `user=${ending}`);
      expect((await provisioner.end(target, ending)).readBack).toEqual(GONE);
      expect(await other.get('orders:1')).toBe('chair');
      other.disconnect();
    });

    test('a user that somebody deleted by hand is gone with its sessions, and ending it is fine', async () => {
      const principal = newPrincipal();
      const client = await redisLogIn(await create(principal));
      const cut = whenRedisCut(client);
      for (const node of redis.nodes) await node.command('ACL', 'DELUSER', principal);
      await cut;
      expect(await provisioner.end(target, principal)).toEqual({ sessionsCut: 0, readBack: GONE });
    });
  });

  describe('levels', () => {
    const tryOn = async (credential: RedisCredential, ...words: [string, ...string[]]): Promise<string> => {
      const client = await redisLogIn(credential);
      try {
        return String(await client.call(...words));
      } catch (error) {
        return String(error instanceof Error ? error.message : error).split(' ')[0] ?? '';
      } finally {
        client.disconnect();
      }
    };

    test('read-write changes keys of the patterns, publishes on the channels, and nothing beyond', async () => {
      const credential = await create(newPrincipal(), readWrite);
      expect(await tryOn(credential, 'SET', 'orders:9', 'lamp')).toBe('OK');
      expect(await tryOn(credential, 'DEL', 'orders:9')).toBe('1');
      expect(await tryOn(credential, 'PUBLISH', 'orders:news', 'x')).toBe('0');
      expect(await tryOn(credential, 'INFO', 'server')).toContain('redis_version');
      for (const words of [
        ['SET', 'people:1', 'x'],
        ['RENAME', 'orders:1', 'people:2'],
        ['PUBLISH', 'people:news', 'x'],
        ['FLUSHALL'],
        ['KEYS', '*'],
        ['FUNCTION', 'FLUSH'],
        ['SCRIPT', 'FLUSH'],
        ['ACL', 'WHOAMI'],
        ['CONFIG', 'GET', '*'],
        ['CLIENT', 'LIST'],
        ['REPLICAOF', 'NO', 'ONE'],
        ['SHUTDOWN'],
        ['GET', `hallpass:1:${target.resourceId}`], // the mark opens nothing
      ] as [string, ...string[]][])
        expect(await tryOn(credential, ...words), words.join(' ')).toBe('NOPERM');
    });

    test('without channels there are none, and with * every key is open', async () => {
      const on = { ...target, settings: { ...target.settings, keyPatterns: ['*', 'orders:*'], channelPatterns: [] } };
      const credential = await create(newPrincipal(), readOnly, on);
      expect(await tryOn(credential, 'GET', 'people:1')).toBe('somebody');
      expect(await tryOn(credential, 'SUBSCRIBE', 'orders:news')).toBe('NOPERM');
      expect(await tryOn(credential, 'SET', 'people:1', 'x')).toBe('NOPERM');
    });

    test('where the server gives new users all channels, ours get those of the resource only', async () => {
      for (const node of redis.nodes) await node.command('CONFIG', 'SET', 'acl-pubsub-default', 'allchannels');
      const none = { ...target, settings: { ...target.settings, channelPatterns: [] } };
      const [some, without] = [await create(newPrincipal(), readWrite), await create(newPrincipal(), everything, none)];
      for (const node of redis.nodes) await node.command('CONFIG', 'SET', 'acl-pubsub-default', 'resetchannels');
      expect(await tryOn(some, 'PUBLISH', 'orders:news', 'x')).toBe('0');
      expect(await tryOn(some, 'PUBLISH', 'people:news', 'x')).toBe('NOPERM');
      expect(await tryOn(without, 'PUBLISH', 'orders:news', 'x')).toBe('NOPERM');
      expect(await provisioner.list(target)).toEqual([some.user, without.user].sort());
    });

    test('a level of one’s own names commands; the fence holds unless it is said to create access', async () => {
      const named = (targetRole: string, createsAccess = false): Level => ({
        name: 'ops',
        description: '',
        targetRole,
        createsAccess,
      });
      const fenced = await create(newPrincipal(), named('+@all'));
      expect(await tryOn(fenced, 'SET', 'orders:8', 'x')).toBe('OK');
      for (const words of [['ACL', 'LIST'], ['CONFIG', 'GET', '*'], ['MONITOR'], ['FUNCTION', 'LIST']] as [
        string,
        ...string[],
      ][])
        expect(await tryOn(fenced, ...words), words.join(' ')).toBe('NOPERM');
      const open = await create(newPrincipal(), named('-@all +slowlog|get', true));
      expect(await tryOn(open, 'SLOWLOG', 'GET', '1')).not.toBe('NOPERM');
      expect(await tryOn(open, 'GET', 'orders:1')).toBe('NOPERM');
    });

    test('a level that is more than commands is refused before anything is made', async () => {
      for (const targetRole of [
        '',
        'admin',
        '+@read ~*',
        '+@read nopass',
        '>password',
        '+@read on allkeys',
        '(+@all ~*)',
        '+@read\n+@all',
        '+get|',
      ])
        await expect(create(newPrincipal(), { ...readOnly, targetRole }), targetRole).rejects.toMatchObject({
          kind: 'refused',
        });
      expect(await provisioner.list(target)).toEqual([]);
      await expect(create(newPrincipal(), { ...readOnly, targetRole: '+@nonsense' })).rejects.toMatchObject({
        kind: 'refused',
        message: expect.stringContaining('answered'),
      });
      expect(await provisioner.list(target)).toEqual([]);
    });

    test('what Redis can not do is told before anybody approves', () => {
      expect(provisioner.limits(target.settings, readOnly).join(' ')).toMatch(
        /no end time.*can not reach a node.*SCAN/,
      );
      const alone = { ...target.settings, nodes: ['a:1'], keyPatterns: ['*'], database: 3 };
      expect(provisioner.limits(alone, readOnly).join(' ')).toMatch(/can not reach it.*every numbered database/);
      expect(provisioner.limits(alone, everything).join(' ')).toContain('make users of their own');
    });
  });

  describe('the manager', () => {
    test('each right that is missing is named with the command that mends it', async () => {
      for (const [taken, remedy] of [
        ['-acl|save', '+acl|save'],
        ['-client|kill', '+client|kill'],
        ['-acl|dryrun', '+acl|dryrun'],
      ] as const) {
        await filed.command('ACL', 'SETUSER', MANAGER, taken);
        const report = await provisioner.test(target);
        expect(report.ok).toBe(false);
        const failed = report.checks.filter((check) => !check.ok);
        expect(failed.map((check) => check.name)).toEqual([`Manager rights on ${filed.name}`]);
        expect(failed[0]?.command).toBe(`ACL SETUSER ${MANAGER} ${remedy}`);
        await filed.command('ACL', 'SETUSER', MANAGER, remedy);
        expect((await provisioner.test(target)).ok).toBe(true);
      }
    });

    test('a manager that may not save can not say that a user stays away', async () => {
      const principal = newPrincipal();
      await create(principal);
      await filed.command('ACL', 'SETUSER', MANAGER, '-acl|save');
      await expect(provisioner.end(target, principal)).rejects.toMatchObject({
        kind: 'refused',
        message: expect.stringContaining('may not run ACL SAVE'),
      });
      await filed.command('ACL', 'SETUSER', MANAGER, '+acl|save');
      expect((await provisioner.end(target, principal)).readBack).toEqual(GONE);
    });

    test('a node that lets everybody in is told', async () => {
      await plain.command('ACL', 'SETUSER', 'default', 'nopass');
      const report = await provisioner.test(target);
      await plain.command('ACL', 'SETUSER', 'default', 'resetpass', `>${plain.password}`);
      expect(report.checks.filter((check) => !check.ok)).toMatchObject([
        { name: `Default user on ${plain.name}`, detail: expect.stringContaining('without a password') },
      ]);
    });

    test('nothing but a digest of the password reaches the server’s records', async () => {
      for (const node of redis.nodes) await node.command('CONFIG', 'SET', 'slowlog-log-slower-than', '0');
      const { password } = await create(newPrincipal());
      for (const node of redis.nodes) {
        await node.command('ACL', 'SAVE').catch(() => undefined);
        const records = [
          await node.command('ACL', 'LIST'),
          await node.command('SLOWLOG', 'GET', '128'),
          node.aclFile(),
        ];
        expect(JSON.stringify(records)).not.toContain(password);
        await node.command('CONFIG', 'SET', 'slowlog-log-slower-than', '10000');
      }
    });

    test('a secret stays where it was given for: no further node, no other user, no less TLS', () => {
      const { settings } = target;
      const barred = (over: Partial<typeof settings>) => provisioner.secretBarredBy(settings, { ...settings, ...over });
      expect(barred({ nodes: [...settings.nodes, 'elsewhere:6379'] })).not.toBeNull();
      expect(barred({ managerUser: 'another' })).not.toBeNull();
      expect(barred({ caCertificate: 'another' })).not.toBeNull();
      expect(provisioner.secretBarredBy({ ...settings, tls: 'verify-full' }, settings)).not.toBeNull();
      expect(barred({ nodes: settings.nodes.slice(1), tls: 'verify-full' })).toBeNull();
      expect(provisioner.serverOf({ ...settings, nodes: [...settings.nodes].reverse() })).toBe(
        provisioner.serverOf(settings),
      );
      expect(provisioner.serverOf({ ...settings, nodes: settings.nodes.slice(1) })).not.toBe(
        provisioner.serverOf(settings),
      );
    });
  });
});
