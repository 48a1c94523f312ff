/** What holds for every provisioner, on two Redis nodes, the second with an ACL file, through a manager with the least rights. */
import type { Redis } from 'ioredis';
import { describe, test } from 'vitest';
import { createRedisProvisioner } from '../../../electron/service/provisioners/redis';
import type { RedisCredential, RedisSettings } from '../../../shared/contract/redis';
import { levelNamed, systemRandom } from '../../bed/postgres-target';
import { makeRedisTarget, redisLogIn, redisMissing, startRedisNodes, whenRedisCut } from '../../bed/targets/redis';
import { until } from '../../bed/until';
import { type ContractSession, describeProvisionerContract, type Harness } from './contract';

/** What read-only keeps its holder from, each as one command. */
const FORBIDDEN = {
  'writing a key': ['SET', 'orders:1', 'lamp'],
  'deleting a key': ['DEL', 'orders:1'],
  'reading another key': ['GET', 'people:1'],
  'copying what it may read to where it may not': ['COPY', 'orders:1', 'people:2'],
  'making a user': ['ACL', 'SETUSER', 'mine', 'on', 'nopass', '+@all'],
  'seeing users': ['ACL', 'LIST'],
  'seeing sessions': ['CLIENT', 'LIST'],
  'cutting sessions': ['CLIENT', 'KILL', 'TYPE', 'normal'],
  'seeing every command': ['MONITOR'],
  'changing the server': ['CONFIG', 'SET', 'requirepass', 'x'],
  'emptying a database': ['FLUSHDB'],
  'running a script': ['EVAL', 'return 1', '0'],
  'leaving a function': [
    'FUNCTION',
    'LOAD',
    "#!lua name=door\nredis.register_function('door', function() return 1 end)",
  ],
  'listening elsewhere': ['SUBSCRIBE', 'people:news'],
  publishing: ['PUBLISH', 'orders:news', 'x'],
} as const satisfies Readonly<Record<string, readonly [string, ...string[]]>>;

async function open(credential: RedisCredential, isGone: (id: string) => Promise<boolean>): Promise<ContractSession> {
  const client: Redis = await redisLogIn(credential);
  const cut = whenRedisCut(client);
  const id = String(await client.call('CLIENT', 'ID'));
  return {
    use: async () => {
      if ((await client.get('orders:1')) !== 'chair') throw new Error('the key reads otherwise');
    },
    forbidden: Object.entries(FORBIDDEN).map(([what, [command, ...rest]]) => ({
      what,
      attempt: () => client.call(command, ...rest),
    })),
    cut,
    async close() {
      client.disconnect();
      await until('the node noticing that the session is over', () => isGone(id));
    },
  };
}

const missing = redisMissing();
if (missing !== null) describe('Redis', () => test.skipIf(true)(missing, () => undefined));
else
  describeProvisionerContract<RedisSettings, RedisCredential>({
    name: 'Redis 7, two nodes',
    sessions: 'cut',
    ended: 'refused',
    repeated: 'replaces',
    async start(): Promise<Harness<RedisSettings, RedisCredential>> {
      const redis = await startRedisNodes();
      const provisioner = createRedisProvisioner({ random: systemRandom });
      const target = await makeRedisTarget(redis);
      const onAll = (...words: readonly [string, ...string[]]) =>
        Promise.all(redis.nodes.map((node) => node.command(...words)));
      return {
        provisioner,
        target,
        level: levelNamed((await provisioner.plan(target)).levels, 'read-only'),
        logIn: (credential) =>
          open(credential, async (id) => (await redis.nodes[0].command('CLIENT', 'LIST', 'ID', id)) === ''),
        at: (port) => ({ ...target, settings: { ...target.settings, nodes: [`127.0.0.1:${port}`] } }),
        wrongSecret: 'not the manager’s',
        foreign: {
          make: async (name) => void (await onAll('ACL', 'SETUSER', name, 'on', `>of ${name}`, '~*', '+@all')),
          async isWhole(name) {
            const answers = await onAll('ACL', 'DRYRUN', name, 'GET', 'any');
            const users = await onAll('ACL', 'GETUSER', name);
            return (
              answers.every((said) => said === 'OK') && users.every((user) => JSON.stringify(user).includes('"on"'))
            );
          },
          remove: async (name) => void (await onAll('ACL', 'DELUSER', name)),
        },
        async stop() {
          await provisioner.close();
          await redis.stop();
        },
      };
    },
  });
