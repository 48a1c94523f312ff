/**
 * Redis, two nodes, the second with an ACL file: redis-cli reads with the command that is shown, can't write, is cut while it
 * waits, and finds no user on either node afterwards, also when a node starts again.
 */
import { spawn } from 'node:child_process';
import type { LocalInjection } from '../../../shared/contract/ipc';
import { until } from '../../bed';
import { makeRedisTarget, startRedisNodes } from '../../bed/targets/redis';
import { must } from '../timeline';
import type { TargetPlay, TargetStage } from './target-play';

/** What the app tells the person to type, with more words behind it. */
const type = (stage: TargetStage, { command }: LocalInjection, words: string) =>
  stage.run('sh', ['-c', `${command} ${words}`]);

export const play: TargetPlay = {
  kind: 'redis',
  title: 'Redis, two nodes',
  programs: ['redis-server', 'redis-cli'],
  async play(stage) {
    const redis = await startRedisNodes();
    stage.closing(redis.stop);
    const target = await makeRedisTarget(redis);
    const resource = await stage.add({ name: 'orders-cache', settings: target.settings, secret: target.secret });
    const held = await stage.ask(resource, 'read-only');
    await stage.step('redis-cli reads with it, and may not write', async () => {
      const read = await type(stage, held.injection, 'GET orders:1');
      must(read.code === 0 && read.out.trim() === 'chair', `reading: ${read.out} ${read.err}`);
      const write = await type(stage, held.injection, 'DEL orders:1');
      must(write.out.includes('NOPERM'), `writing: ${write.out} ${write.err}`);
      const beyond = await type(stage, held.injection, 'GET people:1');
      must(beyond.out.includes('NOPERM'), `another key: ${beyond.out} ${beyond.err}`);
      return `GET orders:1: ${read.out.trim()}; DEL: ${write.out.trim().slice(0, 70)}`;
    });
    const listener = spawn('sh', ['-c', `${held.injection.command} SUBSCRIBE orders:news`], {
      env: { ...stage.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    stage.closing(async () => void listener.kill());
    let said = '';
    for (const stream of [listener.stdout, listener.stderr])
      stream.on('data', (chunk) => {
        said += chunk;
      });
    const cut = new Promise<void>((resolve) => listener.once('close', () => resolve()));
    await until('redis-cli listening', () => said.includes('subscribe'));
    const ended = await stage.giveBack(held);
    await stage.step('the waiting session was cut, the user is on no node, also after a restart', async () => {
      await cut;
      const [, second] = redis.nodes;
      await second?.halt('killed');
      await second?.start();
      for (const node of redis.nodes) {
        const users = JSON.stringify(await node.command('ACL', 'USERS'));
        const clients = String(await node.command('CLIENT', 'LIST'));
        must(!users.includes(held.principal), `${node.name} still has the user`);
        must(!clients.includes(held.principal), `${node.name} still has a session`);
        must(!node.aclFile().includes(held.principal), `${node.name} still has it in its ACL file`);
      }
      const again = await type(stage, held.injection, 'PING');
      must(again.code !== 0, 'redis-cli still signs in');
      return `${ended.removal.sessionsCut} session cut; ${again.err.trim().split('\n')[0]}`;
    });
  },
};
