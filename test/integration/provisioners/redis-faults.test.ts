/** TLS in its three ways, answers that get lost, and servers that are not what the settings say. */
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeCertificate } from '../../../electron/service/http/certificate';
import { createRedisProvisioner } from '../../../electron/service/provisioners/redis';
import type { RedisSettings } from '../../../shared/contract/redis';
import type { Level } from '../../../shared/contract/resources';
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

const provisioner = createRedisProvisioner({ random: systemRandom });
let redis: RedisNodes;
let encrypted: RedisNode;
let plain: RedisNode;
let target: RedisTestTarget;
let own: string;
let foreign: string;
let level: Level;

const missing = redisMissing();
describe.skipIf(missing !== null)(missing ?? 'Redis faults', () => {
  beforeAll(async () => {
    const certificate = await makeCertificate(systemRandom, new Date());
    own = certificate.certificatePem;
    foreign = (await makeCertificate(systemRandom, new Date())).certificatePem;
    redis = await startRedisNodes([
      { acl: 'none', tls: certificate, settings: { bind: '127.0.0.1 127.0.0.2' } },
      { acl: 'file' },
    ]);
    [encrypted, plain] = redis.nodes as [RedisNode, RedisNode];
    target = await makeRedisTarget(redis);
    level = levelNamed(provisioner.proposedLevels(target.resourceName), 'read-only');
  });
  afterAll(() => redis?.stop());
  const at = (settings: Partial<RedisSettings>): RedisTestTarget => ({
    ...target,
    settings: { ...target.settings, nodes: [encrypted.name], ...settings },
  });
  const connection = async (settings: Partial<RedisSettings>) => (await provisioner.test(at(settings))).checks[0];

  test('require encrypts; with an authority it takes that authority only', async () => {
    expect(await connection({ tls: 'require' })).toMatchObject({
      ok: true,
      detail: expect.stringContaining('with TLS'),
    });
    expect(await connection({ tls: 'require', caCertificate: own })).toMatchObject({ ok: true });
    expect(await connection({ tls: 'require', caCertificate: foreign })).toMatchObject({ ok: false });
    expect(await connection({ tls: 'disable', nodes: [plain.name] })).toMatchObject({
      ok: true,
      detail: expect.stringContaining('without TLS'),
    });
  });

  test('verify-full checks the authority and the very name or address that was given', async () => {
    const elsewhere = `127.0.0.2:${encrypted.port}`;
    expect(await connection({ tls: 'verify-full', caCertificate: own })).toMatchObject({ ok: true });
    expect(
      await connection({ tls: 'verify-full', caCertificate: own, nodes: [`localhost:${encrypted.port}`] }),
    ).toMatchObject({
      ok: true,
    });
    expect(await connection({ tls: 'verify-full', caCertificate: foreign })).toMatchObject({ ok: false });
    expect(await connection({ tls: 'verify-full' })).toMatchObject({ ok: false });
    expect(await connection({ tls: 'require', nodes: [elsewhere] })).toMatchObject({ ok: true });
    // Reached, but the certificate is for 127.0.0.1 (and "localhost").
    expect(await connection({ tls: 'verify-full', caCertificate: own, nodes: [elsewhere] })).toMatchObject({
      ok: false,
    });
    await expect(provisioner.list(at({ tls: 'verify-full' }))).rejects.toMatchObject({ kind: 'refused' });
  });

  test('the password never travels in the clear where TLS is asked for, and the certificate reaches the device', async () => {
    await expect(provisioner.list(at({ tls: 'verify-full', nodes: [plain.name] }))).rejects.toMatchObject({
      name: 'TargetError',
    });
    const on = at({ tls: 'verify-full', caCertificate: own });
    const credential = await provisioner.create(on, { principal: newPrincipal(), level, validForMs: 60_000 });
    expect(credential).toMatchObject({ tls: 'verify-full', caCertificate: own });
    const client = await redisLogIn(credential);
    expect(await client.get('orders:1')).toBe('chair');
    client.disconnect();
    expect((await provisioner.end(on, credential.user)).readBack).toMatchObject({ exists: false, sessionCount: 0 });
  });

  const listening = (listener: Server): Promise<number> =>
    new Promise((resolve) =>
      listener.listen(0, '127.0.0.1', () => resolve((listener.address() as { port: number }).port)),
    );
  /** Stands before the plain node and swallows the answer to the first command that holds `words`: "did it happen?" */
  async function answerEater(words: string) {
    let hasEaten = false;
    const listener = createServer((client: Socket) => {
      const upstream = connect(plain.port, plain.host);
      let isEating = false;
      client.on('data', (chunk) => {
        if (!hasEaten && chunk.toString('latin1').toLowerCase().includes(words)) isEating = true;
        upstream.write(chunk);
      });
      upstream.on('data', (chunk) => {
        if (!isEating) return void client.write(chunk);
        hasEaten = true;
        client.destroy();
        upstream.destroy();
      });
      for (const [one, other] of [
        [client, upstream],
        [upstream, client],
      ] as const) {
        one.on('error', () => other.destroy());
        one.on('close', () => other.destroy());
      }
    });
    const port = await listening(listener);
    return { node: `127.0.0.1:${port}`, hasEaten: () => hasEaten, close: () => listener.close() };
  }

  test('a creation that happened but whose answer was lost is unknown, is listed, and is done again', async () => {
    const eater = await answerEater('setuser');
    const through = at({ nodes: [eater.node] });
    const principal = newPrincipal();
    const order = { principal, level, validForMs: 60_000 };
    await expect(provisioner.create(through, order)).rejects.toMatchObject({ kind: 'unreachable' });
    expect(eater.hasEaten()).toBe(true);
    expect(await provisioner.list(through)).toEqual([principal]);
    const client = await redisLogIn(await provisioner.create(through, order));
    expect(await client.get('orders:1')).toBe('chair');
    client.disconnect();
    await provisioner.end(through, principal);
    eater.close();
  });

  for (const words of ['resetpass', 'kill', 'deluser', 'save'])
    test(`an end whose answer to ${words.toUpperCase()} was lost is unknown, and finished by the next one`, async () => {
      const direct = at({ nodes: [plain.name] });
      const principal = newPrincipal();
      const credential = await provisioner.create(direct, { principal, level, validForMs: 60_000 });
      const client = await redisLogIn(credential);
      const eater = await answerEater(words);
      const through = at({ nodes: [eater.node] });
      await expect(provisioner.end(through, principal)).rejects.toMatchObject({ kind: 'unreachable' });
      expect(eater.hasEaten()).toBe(true);
      await expect(redisLogIn(credential).then((again) => again.get('orders:1'))).rejects.toThrow();
      expect((await provisioner.end(through, principal)).readBack).toEqual({
        exists: false,
        canLogIn: false,
        sessionCount: 0,
      });
      expect(plain.aclFile()).not.toContain(principal);
      client.disconnect();
      eater.close();
    });

  test('a server that is no Redis, or answers nonsense, is neither taken for one nor waited for without end', async () => {
    for (const answer of ['HTTP/1.1 400 Bad Request\r\n\r\n', '+OK\r\n+OK\r\n+OK\r\n+OK\r\n', '*-1\r\n', '']) {
      const listener = createServer((socket) => {
        socket.on('error', () => undefined);
        socket.on('data', () => (answer === '' ? socket.destroy() : socket.write(answer)));
      });
      const node = `127.0.0.1:${await listening(listener)}`;
      const principal = newPrincipal();
      await expect(provisioner.end(at({ nodes: [node] }), principal), answer).rejects.toMatchObject({
        name: 'TargetError',
      });
      await expect(provisioner.list(at({ nodes: [node] })), answer).rejects.toMatchObject({ name: 'TargetError' });
      expect((await provisioner.test(at({ nodes: [node] }))).ok, answer).toBe(false);
      listener.close();
    }
  });

  test('a node that is still loading its data is asked again later', async () => {
    const listener = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.on('data', () => socket.write('-LOADING Redis is loading the dataset in memory\r\n'));
    });
    const node = `127.0.0.1:${await listening(listener)}`;
    await expect(provisioner.list(at({ nodes: [node] }))).rejects.toMatchObject({ kind: 'unreachable' });
    listener.close();
  });
});
