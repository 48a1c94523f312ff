/** Redis hands its users on to no other node, and may remember them in a file: ended is what is ended on each, and stays so. */
import { copyFileSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
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

const GONE = { exists: false, canLogIn: false, sessionCount: 0 };
const provisioner = createRedisProvisioner({ random: systemRandom });
let redis: RedisNodes;
let plain: RedisNode;
let filed: RedisNode;
let target: RedisTestTarget;
let readOnly: Level;
const create = (principal: string) =>
  provisioner.create(target, { principal, level: readOnly, validForMs: 15 * MINUTE_MS });
const users = async (node: RedisNode): Promise<string> => JSON.stringify(await node.command('ACL', 'USERS'));

const missing = redisMissing();
describe.skipIf(missing !== null)(missing ?? 'Redis nodes', () => {
  beforeAll(async () => {
    redis = await startRedisNodes();
    [plain, filed] = redis.nodes as [RedisNode, RedisNode];
    target = await makeRedisTarget(redis);
    const { levels } = await provisioner.plan(target);
    readOnly = levelNamed(levels, 'read-only');
  });
  afterAll(() => redis?.stop());
  afterEach(async () => {
    for (const principal of await provisioner.list(target)) await provisioner.end(target, principal);
  });

  describe('several nodes', () => {
    test('a node that is down keeps a grant from being ended, is named, and the others are ended all the same', async () => {
      const principal = newPrincipal();
      const credential = await create(principal);
      await filed.halt('killed');
      try {
        const error = await provisioner.end(target, principal).catch((thrown: unknown) => thrown);
        expect(error).toMatchObject({ name: 'TargetError', kind: 'unreachable' });
        expect(String(error)).toContain(`1 of 2 nodes: ${filed.name}`);
        expect(await users(plain)).not.toContain(principal);
        await expect(redisLogIn(credential, plain.name).then((c) => c.get('orders:1'))).rejects.toThrow(
          /WRONGPASS|NOAUTH/,
        );
        await expect(provisioner.readBack(target, principal)).rejects.toMatchObject({ kind: 'unreachable' });
        await expect(provisioner.list(target)).rejects.toMatchObject({ kind: 'unreachable' });
        await expect(create(newPrincipal())).rejects.toMatchObject({ kind: 'unreachable' });
        const report = await provisioner.test(target);
        expect(report).toMatchObject({ ok: false, serverVersion: null });
        expect(report.checks.filter((check) => !check.ok).map((check) => check.name)).toEqual([
          `Connection to ${filed.name}`,
        ]);
      } finally {
        await filed.start();
      }
      expect((await provisioner.end(target, principal)).readBack).toEqual(GONE);
    });

    test('what still works on one node is told, although another is down', async () => {
      const principal = newPrincipal();
      await create(principal);
      await filed.halt('in order');
      try {
        expect(await provisioner.readBack(target, principal)).toEqual({
          exists: true,
          canLogIn: true,
          sessionCount: 0,
        });
      } finally {
        await filed.start();
      }
    });

    test('a node that hangs is unreachable, not ended', async () => {
      const principal = newPrincipal();
      await create(principal);
      const thaw = filed.freeze();
      try {
        await expect(provisioner.end(target, principal)).rejects.toMatchObject({
          kind: 'unreachable',
          message: expect.stringContaining(filed.name),
        });
      } finally {
        thaw();
      }
      expect((await provisioner.end(target, principal)).readBack).toEqual(GONE);
    });

    test('the primary is the node that clients are told first, and users are made on its replica too', async () => {
      await plain.command('CONFIG', 'SET', 'masterauth', filed.password);
      await plain.command('REPLICAOF', filed.host, String(filed.port));
      try {
        const credential = await create(newPrincipal());
        expect(target.settings.nodes[0]).toBe(plain.name);
        expect(credential.nodes).toEqual([filed.name, plain.name]);
        const client = await redisLogIn(credential, plain.name);
        expect(await client.call('ACL', 'WHOAMI').catch(() => 'signed in')).toBe('signed in');
        client.disconnect();
      } finally {
        await plain.command('REPLICAOF', 'NO', 'ONE');
      }
    });

    test('creations of one user at once leave one password on all nodes', async () => {
      const principal = newPrincipal();
      const all = await Promise.all([1, 2, 3, 4].map(() => create(principal)));
      const works = async (credential: RedisCredential, node: string) =>
        redisLogIn(credential, node).then(
          async (client) => {
            const said = await client.ping().catch(() => null);
            client.disconnect();
            return said === 'PONG';
          },
          () => false,
        );
      const table = await Promise.all(
        all.map((one) => Promise.all(target.settings.nodes.map((node) => works(one, node)))),
      );
      expect(table.filter((row) => row.every(Boolean))).toHaveLength(1);
      expect(table.flat().filter(Boolean)).toHaveLength(target.settings.nodes.length);
    });
  });

  describe('ACL files', () => {
    test('creating writes none, so a node that restarts forgets a live user: early, never late', async () => {
      const principal = newPrincipal();
      await create(principal);
      expect(filed.aclFile()).not.toContain(principal);
      await filed.halt('killed');
      await filed.start();
      expect(await users(filed)).not.toContain(principal);
      await expect(provisioner.setDeadline(target, principal, MINUTE_MS)).rejects.toMatchObject({ kind: 'conflict' });
    });

    test('a user that somebody saved is taken out of the file by the end, and stays away after a restart', async () => {
      const principal = newPrincipal();
      await create(principal);
      await filed.command('ACL', 'SAVE');
      expect(filed.aclFile()).toContain(principal);
      await provisioner.end(target, principal);
      expect(filed.aclFile()).not.toContain(principal);
      await filed.halt('killed');
      await filed.start();
      expect(await provisioner.readBack(target, principal)).toEqual(GONE);
    });

    test('a node that comes back with an old file brings a user back: it is listed by its mark, and ended', async () => {
      const principal = newPrincipal();
      const credential = await create(principal);
      await filed.command('ACL', 'SAVE');
      const old = join(filed.folder, 'old.acl');
      copyFileSync(join(filed.folder, 'users.acl'), old);
      await provisioner.end(target, principal);
      await filed.halt('killed');
      copyFileSync(old, join(filed.folder, 'users.acl'));
      await filed.start();
      const back = await redisLogIn(credential, filed.name);
      expect(await provisioner.list(target)).toEqual([principal]);
      const cut = whenRedisCut(back);
      expect(await provisioner.end(target, principal)).toEqual({ sessionsCut: 1, readBack: GONE });
      await cut;
      expect(await provisioner.cleanUp(target, principal)).toEqual({ done: true, residue: [] });
      expect(filed.aclFile()).not.toContain(principal);
    });

    test('an end that died between deleting and saving is finished by the next one', async () => {
      const principal = newPrincipal();
      await create(principal);
      await filed.command('ACL', 'SAVE');
      await filed.command('ACL', 'DELUSER', principal); // as far as the first end got
      await provisioner.end(target, principal);
      expect(filed.aclFile()).not.toContain(principal);
    });

    test('a file that can not be written is said: the user would be back after a restart', async () => {
      const principal = newPrincipal();
      await create(principal);
      const file = join(filed.folder, 'users.acl');
      rmSync(file);
      mkdirSync(file);
      await expect(provisioner.end(target, principal)).rejects.toMatchObject({
        kind: 'refused',
        message: expect.stringMatching(/user is gone, but its ACL file could not be written/),
      });
      rmSync(file, { recursive: true });
      expect((await provisioner.end(target, principal)).readBack).toEqual(GONE);
      expect(filed.aclFile()).toContain(MANAGER);
    });
  });
});
