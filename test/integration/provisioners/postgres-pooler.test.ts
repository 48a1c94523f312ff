/**
 * PostgreSQL behind Debian's pgbouncer, in both ways of pooling. What people hold are connections to the pooler; what the
 * server knows are the pooler's connections, kept open after the people have gone. The end of a grant must reach both.
 */
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createPostgresProvisioner, type PostgresProvisioner } from '../../../electron/service/provisioners/postgres';
import type { PostgresCredential } from '../../../shared/contract/credential';
import type { Level } from '../../../shared/contract/resources';
import { type PostgresServer, startPostgres } from '../../bed/postgres';
import {
  levelNamed,
  logIn,
  makeTarget,
  newPrincipal,
  type PgTestTarget,
  sqlStateOf,
  systemRandom,
  whenCut,
} from '../../bed/postgres-target';
import { type Pgbouncer, startPgbouncer } from '../../bed/targets/pgbouncer';
import { describeProvisionerContract } from './contract';

const GONE = { exists: false, canLogIn: false, sessionCount: 0 };
const SHUT = { exists: true, canLogIn: false, sessionCount: 0 };
/** The usual look-up of the internet: it knows no deadline. */
const PLAIN_LOOK_UP = 'SELECT name, verifier FROM hallpass_pooler.plain_lookup($1)';

/** A server with the recipe for a pooler run on it as it is shown. */
async function startServer(): Promise<{ server: PostgresServer; target: PgTestTarget }> {
  const server = await startPostgres();
  const direct = await makeTarget(server);
  const target = { ...direct, settings: { ...direct.settings, clientHost: '127.0.0.1', clientPort: 1 } };
  const provisioner = createPostgresProvisioner({ random: systemRandom });
  const { recipe } = await provisioner.test(target);
  await server.query('orders', recipe.slice(recipe.indexOf('CREATE ROLE "hallpass_pooler"')));
  await server.query(
    'orders',
    `CREATE FUNCTION hallpass_pooler.plain_lookup(login text) RETURNS TABLE (name text, verifier text) LANGUAGE sql
       SECURITY DEFINER AS $$ SELECT usename::text, passwd FROM pg_catalog.pg_shadow WHERE usename = login $$`,
  );
  const plan = await provisioner.plan(target);
  await provisioner.apply(target, plan.digest);
  await provisioner.close();
  return { server, target };
}
const through = (target: PgTestTarget, { host, port }: Pgbouncer): PgTestTarget => ({
  ...target,
  settings: { ...target.settings, clientHost: host, clientPort: port },
});
const order = (principal: string, level: Level) => ({ principal, level, validForMs: 900_000 });

for (const mode of ['transaction', 'session'] as const)
  describeProvisionerContract({
    name: `PostgreSQL behind pgbouncer, ${mode} pooling`,
    sessions: 'cut',
    ended: 'refused',
    repeated: 'replaces',
    async start() {
      const { server, target: direct } = await startServer();
      const pooler = await startPgbouncer({ server, mode });
      const target = through(direct, pooler);
      const provisioner = createPostgresProvisioner({ random: systemRandom });
      const { levels } = await provisioner.plan(target);
      return {
        provisioner,
        target,
        level: levelNamed(levels, 'read-only'),
        wrongSecret: 'not-the-password-1234',
        at: (port) => ({ ...target, settings: { ...target.settings, port } }),
        logIn: (credential) => sessionOf(server, credential),
        foreign: null,
        async stop() {
          await provisioner.close();
          await pooler.stop();
          await server.stop();
        },
      };
    },
  });

/** A client in a transaction: it holds a connection to the server in either way of pooling. */
async function sessionOf(server: PostgresServer, credential: PostgresCredential) {
  const client = await logIn(credential);
  await client.query('BEGIN');
  const [pid] = (await client.query('SELECT pg_backend_pid() AS pid')).rows.map((row) => row.pid);
  return {
    use: () => client.query('SELECT item FROM app.orders'),
    forbidden: ["INSERT INTO app.orders (item) VALUES ('lamp')", 'CREATE ROLE another'].map((sql) => ({
      what: sql,
      attempt: async () => {
        await client.query('SAVEPOINT attempt');
        try {
          await client.query(sql);
        } finally {
          await client.query('ROLLBACK TO SAVEPOINT attempt');
        }
      },
    })),
    cut: whenCut(client),
    async close() {
      await client.query('ROLLBACK').catch(() => undefined);
      await client.end();
      // The pooler keeps its connection: it has to go here so that the next fact counts its own.
      await server.query('postgres', 'SELECT pg_terminate_backend($1, 5000)', [pid]);
    },
  };
}

describe.each(['transaction', 'session'] as const)('%s pooling', (mode) => {
  let server: PostgresServer;
  let pooler: Pgbouncer;
  let provisioner: PostgresProvisioner;
  let target: PgTestTarget;
  let level: Level;
  beforeAll(async () => {
    const started = await startServer();
    server = started.server;
    pooler = await startPgbouncer({ server, mode });
    provisioner = createPostgresProvisioner({ random: systemRandom });
    target = through(started.target, pooler);
    level = levelNamed((await provisioner.plan(target)).levels, 'read-only');
  });
  afterAll(async () => {
    await provisioner?.close();
    await pooler?.stop();
    await server?.stop();
  });
  const serverSessions = async (principal: string): Promise<number> =>
    (
      await server.query<{ n: number }>(
        'postgres',
        'SELECT count(*)::int AS n FROM pg_stat_activity WHERE usename = $1',
        [principal],
      )
    )[0]?.n ?? -1;
  const takeAway = async (principal: string) => {
    await provisioner.end(target, principal);
    expect(await provisioner.cleanUp(target, principal)).toEqual({ done: true, residue: [] });
  };

  test('the device gets the pooler’s address, the service goes straight', async () => {
    const principal = newPrincipal();
    const credential = await provisioner.create(target, order(principal, level));
    expect(credential).toMatchObject({ host: pooler.host, port: pooler.port });
    const client = await logIn(credential);
    expect((await client.query('SELECT inet_server_port() AS port, session_user AS name')).rows).toEqual([
      { port: server.port, name: principal },
    ]);
    await client.end();
    const users = (await pooler.show('USERS')).map((row) => row.name);
    expect(users).not.toContain('hallpass_manager');
    await takeAway(principal);
  });

  test('a client that is working is cut through the pooler, and may not come back', async () => {
    const principal = newPrincipal();
    const credential = await provisioner.create(target, order(principal, level));
    const client = await logIn(credential);
    await client.query('BEGIN');
    await client.query('SELECT item FROM app.orders');
    const cut = whenCut(client);
    expect(await provisioner.end(target, principal)).toEqual({ sessionsCut: 1, readBack: SHUT });
    await cut;
    await expect(logIn(credential)).rejects.toThrow();
    expect(await serverSessions(principal)).toBe(0);
    await takeAway(principal);
    expect(await provisioner.readBack(target, principal)).toEqual(GONE);
  });

  test('a client that waits between two statements can run nothing more', async () => {
    const principal = newPrincipal();
    const credential = await provisioner.create(target, order(principal, level));
    const client = await logIn(credential);
    await client.query('SELECT item FROM app.orders');
    expect((await provisioner.end(target, principal)).readBack).toEqual(SHUT);
    await expect(client.query('SELECT item FROM app.orders')).rejects.toThrow();
    await expect(logIn(credential)).rejects.toThrow();
    expect(await serverSessions(principal)).toBe(0);
    await client.end().catch(() => undefined);
    await takeAway(principal);
    const clients = (await pooler.show('CLIENTS')).filter((row) => row.user === principal);
    expect(clients).toEqual([]);
  });

  test('a connection that the pooler kept after its client had gone does not survive the end', async () => {
    const principal = newPrincipal();
    const credential = await provisioner.create(target, order(principal, level));
    const client = await logIn(credential);
    await client.query('SELECT item FROM app.orders');
    await client.end();
    expect(await serverSessions(principal)).toBe(1);
    expect(await provisioner.readBack(target, principal)).toEqual({ exists: true, canLogIn: true, sessionCount: 1 });
    expect(await provisioner.end(target, principal)).toEqual({ sessionsCut: 1, readBack: SHUT });
    await expect(logIn(credential)).rejects.toThrow();
    expect(await serverSessions(principal)).toBe(0);
    await takeAway(principal);
  });

  test('past its deadline no new client comes in by the recipe, although a connection is kept', async () => {
    const principal = newPrincipal();
    const credential = await provisioner.create(target, order(principal, level));
    await (await logIn(credential)).end();
    const kept = await logIn(credential);
    await kept.query('SELECT 1');
    await kept.end();
    await provisioner.setDeadline(target, principal, -1_000);
    await expect(logIn(credential)).rejects.toThrow();
    await provisioner.setDeadline(target, principal, 60_000);
    await (await logIn(credential)).end();
    await takeAway(principal);
  });

  test('the connection test sends a trial log-in through the pooler and leaves nothing of it', async () => {
    const report = await provisioner.test(target);
    expect(report.checks.filter((check) => !check.ok)).toEqual([]);
    expect(report.checks.at(-1)).toMatchObject({ name: 'Through the pooler', ok: true });
    expect(await provisioner.list(target)).toEqual([]);
  });

  test('requester and approver are told what a pooler takes away; without one there is nothing to tell', () => {
    expect(provisioner.limits(target.settings, level)).toHaveLength(2);
    const { clientHost, clientPort, ...straight } = target.settings;
    expect([clientHost, clientPort]).toEqual([pooler.host, pooler.port]);
    expect(provisioner.limits(straight, level)).toEqual([]);
  });
});

describe('poolers that do not fit', () => {
  let server: PostgresServer;
  let target: PgTestTarget;
  let provisioner: PostgresProvisioner;
  beforeAll(async () => {
    ({ server, target } = await startServer());
    provisioner = createPostgresProvisioner({ random: systemRandom });
  });
  afterAll(async () => {
    await provisioner?.close();
    await server?.stop();
  });
  const verdictOf = async (settings: PgTestTarget): Promise<{ detail: string; remedy: string | null } | undefined> => {
    const report = await provisioner.test(settings);
    expect(await provisioner.list(target)).toEqual([]);
    expect(report.ok).toBe(report.checks.every((check) => check.ok));
    return report.checks.find((check) => check.name === 'Through the pooler' && !check.ok);
  };

  test('one that signs everybody in as the same user is refused: an end could not find its sessions', async () => {
    await server.query('postgres', `CREATE ROLE app LOGIN PASSWORD 'apps-own'`);
    const pooler = await startPgbouncer({
      server,
      mode: 'transaction',
      databaseOptions: 'user=app',
      users: { app: 'apps-own' },
    });
    const verdict = await verdictOf(through(target, pooler));
    expect(verdict?.detail).toContain('signs everybody in as app');
    expect(verdict?.remedy).toContain('user=');
    await pooler.stop();
  });

  test('one that can not look log-ins up, or is not there, is told with the remedy', async () => {
    const pooler = await startPgbouncer({
      server,
      mode: 'transaction',
      authQuery: 'SELECT name, verifier FROM nowhere.lookup($1)',
    });
    const settings = through(target, pooler);
    expect((await verdictOf(settings))?.remedy).toContain('auth_query');
    await pooler.stop();
    expect((await verdictOf(settings))?.detail).toContain(`127.0.0.1:${pooler.port}`);
  });

  test('one before another server is refused', async () => {
    const other = await startServer();
    const pooler = await startPgbouncer({ server: other.server, mode: 'transaction' });
    expect(await verdictOf(through(target, pooler))).toBeDefined();
    await pooler.stop();
    await other.server.stop();
  });

  test('a look-up without a deadline lets people in past it over a kept connection: what limits() says', async () => {
    await server.query('orders', 'GRANT EXECUTE ON FUNCTION hallpass_pooler.plain_lookup TO hallpass_pooler');
    const pooler = await startPgbouncer({ server, mode: 'session', authQuery: PLAIN_LOOK_UP });
    const pooled = through(target, pooler);
    const principal = newPrincipal();
    const level = levelNamed((await provisioner.plan(pooled)).levels, 'read-only');
    const credential = await provisioner.create(pooled, order(principal, level));
    const first = await logIn(credential);
    await first.query('SELECT 1');
    await first.end();
    await provisioner.setDeadline(pooled, principal, -1_000);
    const late = await logIn(credential);
    expect((await late.query('SELECT session_user::text AS name')).rows).toEqual([{ name: principal }]);
    const { host, port } = server;
    expect(await sqlStateOf(new pg.Client({ ...credential, host, port }).connect())).toBe('28P01');
    const cut = whenCut(late);
    expect((await provisioner.end(pooled, principal)).readBack).toEqual(SHUT);
    await cut;
    await provisioner.cleanUp(pooled, principal);
    await pooler.stop();
  });
});
