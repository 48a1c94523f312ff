/**
 * The node is killed at each command of an end, once before it gets it and once before its answer arrives; it comes back with
 * an ACL file that somebody saved while the user lived. Whatever the moment, the user is found by its mark and ended for good.
 */
import { connect, createServer, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createRedisProvisioner } from '../../../electron/service/provisioners/redis';
import { levelNamed, newPrincipal, systemRandom } from '../../bed/postgres-target';
import {
  makeRedisTarget,
  type RedisNode,
  type RedisNodes,
  type RedisTestTarget,
  redisLogIn,
  redisMissing,
  startRedisNodes,
} from '../../bed/targets/redis';

const GONE = { exists: false, canLogIn: false, sessionCount: 0 };
const provisioner = createRedisProvisioner({ random: systemRandom });
const level = levelNamed(provisioner.proposedLevels('orders-cache'), 'read-only');
type Moment = 'before the command' | 'before the answer';

/** Stands before the node, counts commands, and kills the node at one of them. */
async function killer(node: RedisNode, atCommand: number, moment: Moment) {
  let commands = 0;
  let killed: Promise<void> | undefined;
  const listener = createServer((client: Socket) => {
    const upstream = connect(node.port, node.host);
    const kill = () => {
      killed ??= node.halt('killed');
      client.destroy();
      upstream.destroy();
    };
    let isLast = false;
    client.on('data', (chunk) => {
      commands += 1; // the provisioner waits for each answer, so a piece is a command
      isLast = commands === atCommand;
      if (isLast && moment === 'before the command') kill();
      else upstream.write(chunk);
    });
    upstream.on('data', (chunk) => {
      if (isLast) kill();
      else client.write(chunk);
    });
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      one.on('error', () => other.destroy());
      one.on('close', () => other.destroy());
    }
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', () => resolve()));
  const { port } = listener.address() as { port: number };
  return {
    name: `127.0.0.1:${port}`,
    wasKilled: () => killed !== undefined,
    async close() {
      await killed;
      listener.close();
    },
  };
}

const missing = redisMissing();
describe.skipIf(missing !== null)(missing ?? 'a node that dies while a grant is ended', () => {
  let redis: RedisNodes;
  let node: RedisNode;
  let target: RedisTestTarget;
  beforeAll(async () => {
    redis = await startRedisNodes([{ acl: 'file' }]);
    [node] = redis.nodes;
    target = await makeRedisTarget(redis);
  });
  afterAll(() => redis?.stop());
  const through = (name: string): RedisTestTarget => ({ ...target, settings: { ...target.settings, nodes: [name] } });

  /** Ends a saved user with an open session through a killer. Returns whether the node was killed. */
  const endUnderFire = async (atCommand: number, moment: Moment): Promise<'killed' | 'ended'> => {
    const principal = newPrincipal();
    const credential = await provisioner.create(target, { principal, level, validForMs: 60_000 });
    await node.command('ACL', 'SAVE');
    const session = await redisLogIn(credential);
    const proxy = await killer(node, atCommand, moment);
    const said = await provisioner.end(through(proxy.name), principal).catch((error: unknown) => error);
    const wasKilled = proxy.wasKilled();
    await proxy.close();
    session.disconnect();
    if (!wasKilled) {
      expect(said).toMatchObject({ readBack: GONE });
      return 'ended';
    }
    expect(said, `command ${atCommand}`).toMatchObject({ name: 'TargetError', kind: 'unreachable' });
    await node.start();
    const back = await provisioner.list(target);
    if (back.length > 0) expect(back).toEqual([principal]);
    expect((await provisioner.end(target, principal)).readBack, `command ${atCommand}`).toEqual(GONE);
    await node.halt('killed');
    await node.start(); // what the file says is what counts
    expect(await provisioner.list(target)).toEqual([]);
    expect(await provisioner.readBack(target, principal)).toEqual(GONE);
    return 'killed';
  };

  for (const moment of ['before the command', 'before the answer'] as const)
    test(`killed ${moment}, at each command`, async () => {
      let rounds = 0;
      while ((await endUnderFire(rounds + 1, moment)) === 'killed') rounds += 1;
      expect(rounds).toBeGreaterThanOrEqual(9); // AUTH, and eight commands of an end
    });
});
