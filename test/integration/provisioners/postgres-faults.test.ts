/** Targets that are down, slow, wrong or half-answering; and what must never show in an error. */
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createPostgresProvisioner, type PostgresProvisioner } from '../../../electron/service/provisioners/postgres';
import type { Level } from '../../../shared/contract/resources';
import { type PostgresServer, startPostgres } from '../../bed/postgres';
import {
  levelNamed,
  logIn,
  makeTarget,
  newPrincipal,
  type PgTestTarget,
  systemRandom,
} from '../../bed/postgres-target';

let server: PostgresServer;
let provisioner: PostgresProvisioner;
let target: PgTestTarget;
let level: Level;
beforeAll(async () => {
  server = await startPostgres();
  provisioner = createPostgresProvisioner({ random: systemRandom });
  target = await makeTarget(server);
  const plan = await provisioner.plan(target);
  await provisioner.apply(target, plan.digest);
  level = levelNamed(plan.levels, 'read-only');
});
afterAll(async () => {
  await provisioner?.close();
  await server?.stop();
});
const at = (port: number): PgTestTarget => ({ ...target, settings: { ...target.settings, port } });
const portOf = (listener: Server): number => (listener.address() as { port: number }).port;
const listening = (listener: Server): Promise<void> =>
  new Promise((resolve) => listener.listen(0, '127.0.0.1', () => resolve()));

test('a target that is down is unreachable, for every call', async () => {
  const gone = createServer();
  await listening(gone);
  const down = at(portOf(gone));
  await new Promise((resolve) => gone.close(resolve));
  const principal = newPrincipal();
  const calls = [
    provisioner.create(down, { principal, level, validForMs: 60_000 }),
    provisioner.setDeadline(down, principal, 1_000),
    provisioner.end(down, principal),
    provisioner.readBack(down, principal),
    provisioner.cleanUp(down, principal),
    provisioner.list(down),
    provisioner.plan(down),
  ];
  for (const outcome of await Promise.allSettled(calls)) {
    expect(outcome).toMatchObject({ status: 'rejected', reason: { name: 'TargetError', kind: 'unreachable' } });
    expect(String((outcome as PromiseRejectedResult).reason)).not.toContain(target.secret);
  }
  expect(await provisioner.test(down)).toMatchObject({ ok: false, targetLabel: 'PostgreSQL' });
});

/** Stands between, and swallows the server's next answer after a CREATE ROLE went through: "did it happen?" */
function answerEater(): { listener: Server; hasEaten: () => boolean } {
  let hasEaten = false;
  const listener = createServer((client: Socket) => {
    const upstream = connect(server.port, '127.0.0.1');
    let isCreating = false;
    client.on('data', (chunk) => {
      if (!hasEaten && chunk.includes('CREATE ROLE')) isCreating = true;
      upstream.write(chunk);
    });
    upstream.on('data', (chunk) => {
      if (!isCreating) return void client.write(chunk);
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
  return { listener, hasEaten: () => hasEaten };
}

test('a creation whose answer is lost is unknown: reading back finds it, and a repeat makes it usable', async () => {
  const { listener, hasEaten } = answerEater();
  await listening(listener);
  const through = at(portOf(listener));
  const principal = newPrincipal();
  const order = { principal, level, validForMs: 60_000 };
  await expect(provisioner.create(through, order)).rejects.toMatchObject({ kind: 'unreachable' });
  expect(hasEaten()).toBe(true);
  expect((await provisioner.readBack(target, principal)).exists).toBe(true);
  const credential = await provisioner.create(target, order);
  await (await logIn(credential)).end();
  await provisioner.end(target, principal);
  expect((await provisioner.cleanUp(target, principal)).done).toBe(true);
  await new Promise((resolve) => listener.close(resolve));
});

test('after the server cut all of the manager’s own connections the next call works', async () => {
  await provisioner.list(target);
  await server.query('postgres', 'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1', [
    target.settings.managerUser,
  ]);
  const attempt = await provisioner.list(target).catch((error: { kind: string }) => error.kind);
  expect([[], 'unreachable']).toContainEqual(attempt);
  expect(await provisioner.list(target)).toEqual([]);
});

test('the password of a credential is never sent to the target, and no verifier stands in an error', async () => {
  const sent: Buffer[] = [];
  const listener = createServer((client) => {
    const upstream = connect(server.port, '127.0.0.1');
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const)
      one.on('error', () => other.destroy());
    client.on('data', (chunk: Buffer) => sent.push(chunk)).pipe(upstream);
    upstream.pipe(client);
  });
  await listening(listener);
  const principal = newPrincipal();
  const own = createPostgresProvisioner({ random: systemRandom });
  const through = at(portOf(listener));
  const credential = await own.create(through, { principal, level, validForMs: 60_000 });
  const text = Buffer.concat(sent).toString('latin1');
  expect(text).toContain(`CREATE ROLE "${principal}"`);
  expect(text).not.toContain(credential.password);
  expect(text).not.toContain(target.secret);
  const broken = { ...level, targetRole: 'pg_signal_backend' };
  const error = await own.create(through, { principal, level: broken, validForMs: 60_000 }).catch((e: unknown) => e);
  expect(error).toMatchObject({ kind: 'refused' });
  expect(JSON.stringify([String(error), error])).not.toMatch(/SCRAM-SHA-256\$/);
  await own.end(through, principal);
  await own.cleanUp(through, principal);
  await own.close();
  await new Promise((resolve) => listener.close(resolve));
});

test('require refuses a server without TLS, prefer goes on without', async () => {
  const strict = { ...target, settings: { ...target.settings, tls: 'require' as const } };
  await expect(provisioner.list(strict)).rejects.toMatchObject({ kind: 'refused' });
  expect(await provisioner.list({ ...target, settings: { ...target.settings, tls: 'prefer' } })).toEqual([]);
  const fresh = createPostgresProvisioner({ random: systemRandom });
  const preferring = { ...target, settings: { ...target.settings, tls: 'prefer' as const } };
  // All learn at once that there is no TLS; none of them may take it for a refusal.
  expect(await Promise.all(Array.from({ length: 8 }, () => fresh.list(preferring)))).toEqual(Array(8).fill([]));
  await fresh.close();
});

test('tables of an owner the manager is no member of are named, with the statement the owner must run', async () => {
  await server.query('orders', 'CREATE ROLE stranger; GRANT CREATE, USAGE ON SCHEMA app TO stranger');
  await server.query('orders', 'SET ROLE stranger; CREATE TABLE app.strange (id int)');
  const plan = await provisioner.plan(target);
  expect(plan.notes.join('\n')).toContain('ALTER DEFAULT PRIVILEGES FOR ROLE "stranger" IN SCHEMA "app" GRANT SELECT');
  const applied = await provisioner.apply(target, plan.digest);
  expect(applied).toMatchObject({ ok: false });
  expect(applied.failedSql).toContain('ON ALL TABLES IN SCHEMA "app"');
  await server.query('orders', 'GRANT stranger TO hallpass_manager WITH INHERIT TRUE, SET FALSE');
  const again = await provisioner.plan(target);
  expect(again.notes).toEqual([]);
  await expect(provisioner.apply(target, plan.digest)).rejects.toMatchObject({ kind: 'conflict' });
  expect(await provisioner.apply(target, again.digest)).toMatchObject({ ok: true });
});

test('sixty grants that end together leave no role and no session', async () => {
  const principals = Array.from({ length: 60 }, newPrincipal);
  await Promise.all(
    principals.map((principal) => provisioner.create(target, { principal, level, validForMs: 60_000 })),
  );
  const ends = await Promise.all(principals.map((principal) => provisioner.end(target, principal)));
  expect(ends.every(({ readBack }) => !readBack.canLogIn && readBack.sessionCount === 0)).toBe(true);
  const cleaned = await Promise.all(principals.map((principal) => provisioner.cleanUp(target, principal)));
  expect(cleaned.every(({ done }) => done)).toBe(true);
  expect(await provisioner.list(target)).toEqual([]);
});
