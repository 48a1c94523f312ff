/** MariaDB servers that half-answer, TLS in its four ways, hostile names; and what must never show in an error. */
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeCertificate } from '../../../electron/service/http/certificate';
import { createMysqlProvisioner, type MysqlProvisioner } from '../../../electron/service/provisioners/mysql';
import type { MysqlSettings } from '../../../shared/contract/mysql';
import type { Level } from '../../../shared/contract/resources';
import { levelNamed, newPrincipal, systemRandom } from '../../bed/postgres-target';
import {
  backticks,
  logInMysql,
  type MariaDbServer,
  type MysqlTestTarget,
  makeMysqlTarget,
  mariaDbMissing,
  mysqlErrorOf,
  startMariaDb,
} from '../../bed/targets/mysql';

const GONE = { exists: false, canLogIn: false, sessionCount: 0 };
const HOSTILE: readonly string[] = [
  'a`b\'c"d;--e',
  '`; DROP USER root; -- ',
  '%',
  '_',
  'new\nline\ttab',
  '$$ $1 %s {} ?',
  'Größe 数据',
  `long é ${'x'.repeat(57)}`,
].map((name) => name.trimEnd());

let server: MariaDbServer;
let provisioner: MysqlProvisioner;
let target: MysqlTestTarget;
let level: Level;
let ownCa: string;
let foreignCa: string;

const missing = mariaDbMissing();
describe.skipIf(missing !== null)(missing ?? 'MariaDB faults', () => {
  beforeAll(async () => {
    const certificate = await makeCertificate(systemRandom, new Date());
    ownCa = certificate.certificatePem;
    foreignCa = (await makeCertificate(systemRandom, new Date())).certificatePem;
    server = await startMariaDb({
      settings: { 'bind-address': '0.0.0.0', 'ssl-cert': '{folder}/server.crt', 'ssl-key': '{folder}/server.key' },
      files: { 'server.crt': certificate.certificatePem, 'server.key': certificate.keyPem },
    });
    provisioner = createMysqlProvisioner({ random: systemRandom });
    target = await makeMysqlTarget(server);
    const plan = await provisioner.plan(target);
    await provisioner.apply(target, plan.digest);
    level = levelNamed(plan.levels, 'read-only');
  });
  afterAll(async () => {
    await provisioner?.close();
    await server?.stop();
  });
  const withSettings = (settings: Partial<MysqlSettings>): MysqlTestTarget => ({
    ...target,
    settings: { ...target.settings, ...settings },
  });
  const listening = (listener: Server): Promise<number> =>
    new Promise((resolve) =>
      listener.listen(0, '127.0.0.1', () => resolve((listener.address() as { port: number }).port)),
    );
  const closed = (listener: Server) => new Promise((resolve) => listener.close(resolve));

  /** Stands between; once the client says `word`, the server's answer is swallowed and the connection reset. */
  function answerEater(word: string) {
    let hasEaten = false;
    const listener = createServer((client: Socket) => {
      const upstream = connect(server.port, '127.0.0.1');
      let isEating = false;
      client.on('data', (chunk) => {
        if (!hasEaten && chunk.includes(word)) isEating = true;
        upstream.write(chunk);
      });
      upstream.on('data', (chunk) => {
        if (!isEating) return void client.write(chunk);
        hasEaten = true;
        client.resetAndDestroy();
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
    return { listener, hasEaten: () => hasEaten };
  }

  describe('lost answers', () => {
    const STEPS = ['CREATE USER', 'GRANT `hallpass:', 'GRANT `hallpass_', 'ACCOUNT UNLOCK', 'SET DEFAULT ROLE'];
    test.each(STEPS)(
      'a creation that loses the answer to %s is unknown, and a repeat makes one user that works',
      async (word) => {
        const { listener, hasEaten } = answerEater(word);
        const port = await listening(listener);
        const own = createMysqlProvisioner({ random: systemRandom });
        const principal = newPrincipal();
        const order = { principal, level, validForMs: 60_000 };
        await expect(own.create(withSettings({ port, tls: 'disable' }), order)).rejects.toMatchObject({
          kind: 'unreachable',
        });
        expect(hasEaten()).toBe(true);
        const session = await logInMysql(await provisioner.create(target, order));
        await session.query('SELECT * FROM orders');
        await session.end();
        expect(await server.query('SELECT Host FROM mysql.global_priv WHERE User = ?', [principal])).toHaveLength(1);
        await provisioner.end(target, principal);
        expect(await provisioner.list(target)).toEqual([]);
        await own.close();
        await closed(listener);
      },
    );

    test.each(['ACCOUNT LOCK', 'KILL CONNECTION', 'DROP USER', 'RELEASE_LOCK'])(
      'an end that loses the answer to %s is repeated until it is read back',
      async (word) => {
        const { listener, hasEaten } = answerEater(word);
        const port = await listening(listener);
        const own = createMysqlProvisioner({ random: systemRandom });
        const principal = newPrincipal();
        const session = await logInMysql(await provisioner.create(target, { principal, level, validForMs: 60_000 }));
        const through = withSettings({ port, tls: 'disable' });
        await expect(own.end(through, principal)).rejects.toMatchObject({ kind: 'unreachable' });
        expect(hasEaten()).toBe(true);
        expect((await own.end(through, principal)).readBack).toEqual(GONE);
        await session.cut;
        await own.close();
        await closed(listener);
      },
    );

    test('a server that takes connections and says nothing is unreachable within the limit', async () => {
      const held: Socket[] = [];
      const listener = createServer((socket) => held.push(socket.on('error', () => undefined)));
      const port = await listening(listener);
      const own = createMysqlProvisioner({ random: systemRandom });
      await expect(own.list(withSettings({ port }))).rejects.toMatchObject({ kind: 'unreachable' });
      for (const socket of held) socket.destroy();
      await own.close();
      await closed(listener);
    });

    test('after the server cut all of the manager’s own connections the next call works', async () => {
      await provisioner.list(target);
      const mine = await server.query<{ ID: number }>('SELECT ID FROM information_schema.PROCESSLIST WHERE USER = ?', [
        target.settings.managerUser,
      ]);
      for (const { ID } of mine) await server.query(`KILL ${ID}`);
      const attempt = await provisioner.list(target).catch((error: { kind: string }) => error.kind);
      expect([[], 'unreachable']).toContainEqual(attempt);
      expect(await provisioner.list(target)).toEqual([]);
    });

    test('no hash and no password stands in an error', async () => {
      const broken = { ...level, targetRole: 'nobody' };
      const error = await provisioner
        .create(target, { principal: newPrincipal(), level: broken, validForMs: 60_000 })
        .catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ kind: 'refused', message: expect.stringContaining('nobody') });
      const narrow = withSettings({ managerUser: "x' IDENTIFIED BY 'y" });
      const refused = await provisioner.list(narrow).catch((thrown: unknown) => thrown);
      expect(refused).toMatchObject({ kind: 'refused' });
      for (const thrown of [error, refused])
        expect(JSON.stringify([String(thrown), thrown, (thrown as Error).cause])).not.toMatch(/\*[0-9A-F]{40}|Hp1-/);
    });
  });

  describe('TLS', () => {
    const connection = async (settings: Partial<MysqlSettings>) =>
      (await provisioner.test(withSettings(settings))).checks[0];

    test('prefer and require encrypt, disable does not', async () => {
      for (const tls of ['prefer', 'require'] as const)
        expect(await connection({ tls })).toMatchObject({ ok: true, detail: expect.stringContaining('with TLS') });
      expect(await connection({ tls: 'disable' })).toMatchObject({
        ok: true,
        detail: expect.stringContaining('without TLS'),
      });
    });

    test('require with an authority takes that authority only', async () => {
      expect(await connection({ tls: 'require', caCertificate: ownCa })).toMatchObject({ ok: true });
      expect(await connection({ tls: 'require', caCertificate: foreignCa })).toMatchObject({ ok: false });
    });

    test('verify-full checks the authority and the very name or address that was given', async () => {
      const full = { tls: 'verify-full' } as const;
      expect(await connection({ ...full, caCertificate: ownCa })).toMatchObject({ ok: true });
      expect(await connection({ ...full, caCertificate: ownCa, host: 'localhost' })).toMatchObject({ ok: true });
      expect(await connection({ ...full, caCertificate: foreignCa })).toMatchObject({ ok: false });
      expect(await connection(full)).toMatchObject({ ok: false });
      expect(await connection({ tls: 'require', host: '127.0.0.2' })).toMatchObject({ ok: true });
      // Reached, but the certificate is for 127.0.0.1 (and "localhost").
      expect(await connection({ ...full, caCertificate: ownCa, host: '127.0.0.2' })).toMatchObject({ ok: false });
      await expect(provisioner.list(withSettings(full))).rejects.toMatchObject({ kind: 'refused' });
    });

    test('where TLS is required the server itself refuses a log-in without it', async () => {
      const principal = newPrincipal();
      const strict = withSettings({ tls: 'require' });
      const credential = await provisioner.create(strict, { principal, level, validForMs: 60_000 });
      expect(await mysqlErrorOf(logInMysql(credential))).toBe(1045);
      expect((await provisioner.end(strict, principal)).readBack).toEqual(GONE);
    });
  });

  test.each(HOSTILE)('everything works with names like %j', async (name) => {
    const short = [...name].slice(0, 20).join('').trim();
    const own = await makeMysqlTarget(server, { schema: name, manager: `${short} manager`, resource: name });
    const plan = await provisioner.plan(own);
    expect(await provisioner.apply(own, plan.digest)).toMatchObject({ ok: true, error: null });
    expect((await provisioner.test(own)).checks.filter((check) => !check.ok)).toEqual([]);
    for (const { targetRole } of plan.levels) expect([...targetRole].length).toBeLessThanOrEqual(32);
    const principal = newPrincipal();
    const order = { principal, level: levelNamed(plan.levels, 'read-write'), validForMs: 60_000 };
    const session = await logInMysql(await provisioner.create(own, order));
    await session.query(`INSERT INTO ${backticks(name)}.orders (item) VALUES ('lamp')`);
    // A pattern in the name opens no other schema.
    expect(await mysqlErrorOf(session.query('SELECT * FROM orders.orders'))).toBe(1142);
    expect(await provisioner.list(own)).toEqual([principal]);
    expect(await provisioner.end(own, principal)).toEqual({ sessionsCut: 1, readBack: GONE });
    await session.cut;
  });

  test('two long resource names that begin alike get roles of their own', async () => {
    const rolesOf = (resourceName: string) => provisioner.proposedLevels(resourceName).map((each) => each.targetRole);
    const all = [...rolesOf(`${'y'.repeat(62)}a`), ...rolesOf(`${'y'.repeat(62)}b`)];
    expect(new Set(all).size).toBe(4);
  });
});
