/** The contract of the PostgreSQL provisioner on every supported major, through a manager with the least rights. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createPostgresProvisioner, type PostgresProvisioner } from '../../../electron/service/provisioners/postgres';
import { KIND_WORDS } from '../../../renderer/ui/kinds';
import type { Level } from '../../../shared/contract/resources';
import { POSTGRES_MAJORS, type PostgresServer, startPostgres } from '../../bed/postgres';
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

const MINUTE = 60_000;
const GONE = { exists: false, canLogIn: false, sessionCount: 0 };
const SHUT = { exists: true, canLogIn: false, sessionCount: 0 };

describe.each(POSTGRES_MAJORS)('PostgreSQL %i', (major) => {
  let server: PostgresServer;
  let provisioner: PostgresProvisioner;
  let target: PgTestTarget;
  let readOnly: Level;
  let readWrite: Level;
  const order = (principal: string, level: Level, validForMs = 15 * MINUTE) => ({ principal, level, validForMs });
  /** A level that may create objects, as an `admin` one would: only such a level can leave anything behind. */
  const makers: Level = { name: 'admin', description: '', targetRole: 'desk makers', createsAccess: true };
  const openDesk = (database: string) =>
    server.query(database, `CREATE SCHEMA desk; GRANT CREATE, USAGE ON SCHEMA desk TO "desk makers"`);
  const asSuper = <R extends Record<string, unknown>>(sql: string, params: unknown[] = []) =>
    server.query<R>('orders', sql, params);

  beforeAll(async () => {
    server = await startPostgres({ major });
    provisioner = createPostgresProvisioner({ random: systemRandom });
    target = await makeTarget(server);
    await server.query(
      'postgres',
      'CREATE ROLE "desk makers"; GRANT "desk makers" TO hallpass_manager WITH ADMIN OPTION',
    );
    const plan = await provisioner.plan(target);
    expect(plan.notes).toEqual([]);
    expect(await provisioner.apply(target, plan.digest)).toMatchObject({ ok: true, error: null });
    readOnly = levelNamed(plan.levels, 'read-only');
    readWrite = levelNamed(plan.levels, 'read-write');
  });
  afterAll(async () => {
    await provisioner?.close();
    await server?.stop();
  });

  test('the connection test passes with the recipe’s manager, which is no superuser', async () => {
    const report = await provisioner.test(target);
    expect(report.checks.filter((check) => !check.ok)).toEqual([]);
    expect(report).toMatchObject({ ok: true, targetLabel: `PostgreSQL ${major}` });
    expect(report.recipe).toContain('CREATE ROLE "hallpass_manager" LOGIN CREATEROLE;');
  });

  test('an applied plan has nothing left to do, and applying it again runs nothing', async () => {
    const plan = await provisioner.plan(target);
    expect(plan.steps.filter((step) => !step.done)).toEqual([]);
    expect(await provisioner.apply(target, plan.digest)).toMatchObject({ ok: true, ran: 0 });
    await expect(provisioner.apply(target, 'another digest')).rejects.toMatchObject({ kind: 'conflict' });
  });

  test('read-only logs in with SCRAM over TCP, reads, and can not write', async () => {
    const principal = newPrincipal();
    const session = await logIn(await provisioner.create(target, order(principal, readOnly)));
    expect((await session.query('SELECT item FROM app.orders ORDER BY id')).rows).toEqual([
      { item: 'chair' },
      { item: 'table' },
    ]);
    for (const sql of [
      "INSERT INTO app.orders (item) VALUES ('lamp')",
      "UPDATE app.orders SET item = 'x'",
      'DELETE FROM app.orders',
      'TRUNCATE app.orders',
      'CREATE TABLE app.mine ()',
      'CREATE TABLE public.mine ()',
    ])
      expect(await sqlStateOf(session.query(sql)), sql).toBe('42501');
    const [stored] = await server.query('orders', 'SELECT rolpassword FROM pg_authid WHERE rolname = $1', [principal]);
    expect(stored?.rolpassword).toMatch(/^SCRAM-SHA-256\$4096:/);
    await session.end();
    await provisioner.end(target, principal);
    expect(await provisioner.cleanUp(target, principal)).toEqual({ done: true, residue: [] });
  });

  test('read-write changes rows, also in tables made later, and no structure', async () => {
    const principal = newPrincipal();
    const session = await logIn(await provisioner.create(target, order(principal, readWrite)));
    await server.query('orders', 'SET ROLE app_owner; CREATE TABLE app.later (id serial, note text)');
    await session.query("INSERT INTO app.orders (item) VALUES ('lamp')");
    await session.query("DELETE FROM app.orders WHERE item = 'lamp'");
    await session.query("INSERT INTO app.later (note) VALUES ('made after the plan')");
    expect(await sqlStateOf(session.query('DROP TABLE app.later'))).toBe('42501');
    await session.end();
    await server.query('orders', 'DROP TABLE app.later');
    await provisioner.end(target, principal);
    expect((await provisioner.cleanUp(target, principal)).done).toBe(true);
  });

  test('an end cuts every open session, in every database, and stops new ones', async () => {
    const principal = newPrincipal();
    const credential = await provisioner.create(target, order(principal, readOnly));
    const sessions = [await logIn(credential), await logIn(credential), await logIn(credential, 'postgres')];
    expect(await provisioner.readBack(target, principal)).toEqual({ exists: true, canLogIn: true, sessionCount: 3 });
    const cut = Promise.all(sessions.map(whenCut));
    expect(await provisioner.end(target, principal)).toEqual({ sessionsCut: 3, readBack: SHUT });
    await cut;
    expect(await sqlStateOf(logIn(credential))).toMatch(/^28/);
    expect(await provisioner.cleanUp(target, principal)).toEqual({ done: true, residue: [] });
    expect(await provisioner.readBack(target, principal)).toEqual(GONE);
  });

  test('what an administrator is shown to type ends it by hand, and nothing else', async () => {
    const [principal, other] = [newPrincipal(), newPrincipal()];
    const session = await logIn(await provisioner.create(target, order(principal, readOnly)));
    const stays = await logIn(await provisioner.create(target, order(other, readOnly)));
    const cut = whenCut(session);
    for (const line of KIND_WORDS.postgres.endByHand?.(principal).split('\n') ?? []) await server.query('orders', line);
    await cut;
    expect(await provisioner.readBack(target, principal)).toEqual(GONE);
    await stays.query('SELECT 1');
    await stays.end();
    for (const one of [principal, other]) {
      await provisioner.end(target, one);
      await provisioner.cleanUp(target, one);
    }
  });

  test('ending and cleaning up again is fine, also for what never was', async () => {
    const principal = newPrincipal();
    expect(await provisioner.end(target, principal)).toEqual({ sessionsCut: 0, readBack: GONE });
    expect(await provisioner.cleanUp(target, principal)).toEqual({ done: true, residue: [] });
    await provisioner.create(target, order(principal, readOnly));
    await provisioner.end(target, principal);
    expect(await provisioner.end(target, principal)).toEqual({ sessionsCut: 0, readBack: SHUT });
    await provisioner.cleanUp(target, principal);
    expect(await provisioner.end(target, principal)).toEqual({ sessionsCut: 0, readBack: GONE });
  });

  test('a creation whose answer was lost is repeated: one role, a new password', async () => {
    const principal = newPrincipal();
    const lost = await provisioner.create(target, order(principal, readOnly));
    const kept = await provisioner.create(target, order(principal, readOnly));
    expect(await sqlStateOf(logIn(lost))).toBe('28P01');
    await (await logIn(kept)).end();
    await provisioner.end(target, principal);
    await provisioner.cleanUp(target, principal);
  });

  test('creations of the same principal at once end in one role that works', async () => {
    const principal = newPrincipal();
    const all = await Promise.all([1, 2, 3].map(() => provisioner.create(target, order(principal, readOnly))));
    const outcomes = await Promise.all(all.map((credential) => sqlStateOf(logIn(credential).then((c) => c.end()))));
    expect(outcomes.filter((outcome) => outcome === undefined)).toHaveLength(1);
    await provisioner.end(target, principal);
    await provisioner.cleanUp(target, principal);
  });

  test('the server itself refuses a log-in after the deadline, and a moved deadline opens it again', async () => {
    const principal = newPrincipal();
    const credential = await provisioner.create(target, order(principal, readOnly));
    await provisioner.setDeadline(target, principal, -1_000);
    expect(await sqlStateOf(logIn(credential))).toBe('28P01');
    await provisioner.setDeadline(target, principal, MINUTE);
    await (await logIn(credential)).end();
    const [row] = await asSuper<{ left: number }>(
      'SELECT extract(epoch FROM rolvaliduntil - clock_timestamp())::float8 AS left FROM pg_roles WHERE rolname = $1',
      [principal],
    );
    expect(row?.left).toBeGreaterThan(0);
    expect(row?.left).toBeLessThanOrEqual(60);
    await provisioner.end(target, principal);
    await provisioner.cleanUp(target, principal);
    await expect(provisioner.setDeadline(target, principal, MINUTE)).rejects.toMatchObject({ kind: 'conflict' });
  });

  test('the connection limit of the resource holds', async () => {
    const principal = newPrincipal();
    const few = { ...target, settings: { ...target.settings, connectionLimit: 1 } };
    const credential = await provisioner.create(few, order(principal, readOnly));
    const first = await logIn(credential);
    expect(await sqlStateOf(logIn(credential))).toBe('53300');
    await first.end();
    await provisioner.end(target, principal);
    await provisioner.cleanUp(target, principal);
  });

  test('a holder who locks their own role in an open transaction is cut all the same', async () => {
    const principal = newPrincipal();
    const session = await logIn(await provisioner.create(target, order(principal, readOnly)));
    await session.query(`BEGIN; ALTER ROLE ${principal} PASSWORD 'mine now'`);
    expect((await provisioner.end(target, principal)).readBack).toEqual(SHUT);
    expect((await provisioner.cleanUp(target, principal)).done).toBe(true);
  });

  test('a role that somebody dropped under an open session is still cut', async () => {
    const principal = newPrincipal();
    const session = await logIn(await provisioner.create(target, order(principal, readOnly)));
    // A plain manager loses the right to cut when the role is gone; pg_signal_backend is what the recipe names for it.
    await server.query('postgres', 'GRANT pg_signal_backend TO hallpass_manager');
    await server.query('postgres', `DROP ROLE ${principal}`);
    const cut = whenCut(session);
    expect(await provisioner.end(target, principal)).toEqual({ sessionsCut: 1, readBack: GONE });
    await cut;
    await server.query('postgres', 'REVOKE pg_signal_backend FROM hallpass_manager');
  });

  test('a session of a dropped role that can not be cut is counted, never called gone', async () => {
    const principal = newPrincipal();
    const session = await logIn(await provisioner.create(target, order(principal, readOnly)));
    await server.query('postgres', `DROP ROLE ${principal}`);
    const stranger = createPostgresProvisioner({ random: systemRandom }); // never saw the OID
    expect(await stranger.end(target, principal)).toEqual({ sessionsCut: 0, readBack: { ...GONE, sessionCount: 1 } });
    await stranger.close();
    await session.end();
  });

  test('a holder of read-write can not become the level role where SET can be withheld, and can leave no function behind', async () => {
    const principal = newPrincipal();
    const session = await logIn(await provisioner.create(target, order(principal, readWrite)));
    const setRole = await sqlStateOf(session.query(`SET ROLE "${readWrite.targetRole}"`));
    expect(setRole).toBe(major >= 16 ? '42501' : undefined);
    const definer = (schema: string) =>
      `CREATE FUNCTION ${schema}.door() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT count(*) FROM app.orders'`;
    expect(await sqlStateOf(session.query(definer('app')))).toBe('42501');
    expect(await sqlStateOf(session.query(definer('public')))).toBe('42501');
    await session.end();
    await provisioner.end(target, principal);
    await provisioner.cleanUp(target, principal);
  });

  test('tables in two databases go to the owner role with their rows, a function is dropped and reported', async () => {
    const principal = newPrincipal();
    await server.query('postgres', 'CREATE DATABASE second OWNER app_owner');
    for (const database of ['orders', 'second']) await openDesk(database);
    const credential = await provisioner.create(target, order(principal, makers));
    for (const database of ['orders', 'second']) {
      const session = await logIn(credential, database);
      await session.query('CREATE TABLE desk.found (id serial PRIMARY KEY); INSERT INTO desk.found DEFAULT VALUES');
      await session.query(
        "CREATE FUNCTION desk.door(n int) RETURNS int LANGUAGE sql AS 'SELECT n'; SELECT lo_create(0)",
      );
      await session.query('ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC');
      await session.end();
    }
    await provisioner.end(target, principal);
    const { done, residue } = await provisioner.cleanUp(target, principal);
    expect(residue).toEqual([
      { kind: 'function', detail: 'desk.door(integer) in orders was dropped' },
      { kind: 'function', detail: 'desk.door(integer) in second was dropped' },
    ]);
    expect(done).toBe(true);
    for (const database of ['orders', 'second']) {
      const owner = await server.query(database, "SELECT tableowner FROM pg_tables WHERE tablename = 'found'");
      expect(owner).toEqual([{ tableowner: 'hallpass_orders-db_owner' }]);
      expect(await server.query(database, 'SELECT count(*)::int AS n FROM desk.found')).toEqual([{ n: 1 }]);
      await server.query(database, 'DROP SCHEMA desk CASCADE');
    }
    await server.query('postgres', 'DROP DATABASE second');
  });

  test('a lock on what it owned leaves residue, not a grant that hangs; later it is worked off', async () => {
    const principal = newPrincipal();
    await openDesk('orders');
    const credential = await provisioner.create(target, order(principal, makers));
    const session = await logIn(credential);
    await session.query('CREATE TABLE desk.busy (id int)');
    await session.end();
    const { end, readBack } = { end: await provisioner.end(target, principal), readBack: SHUT };
    expect(end.readBack).toEqual(readBack);
    const holder = await logIn({ ...credential, user: server.superUser, password: server.superPassword });
    await holder.query('BEGIN; LOCK TABLE desk.busy IN ACCESS SHARE MODE');
    const stuck = await provisioner.cleanUp(target, principal);
    expect(stuck.done).toBe(false);
    expect(stuck.residue.map((item) => item.kind)).toContain('relation');
    expect(await provisioner.readBack(target, principal)).toEqual(SHUT);
    await holder.query('COMMIT');
    await holder.end();
    expect(await provisioner.cleanUp(target, principal)).toEqual({ done: true, residue: [] });
    await server.query('orders', 'DROP SCHEMA desk CASCADE');
  });

  test('a privilege that somebody else granted is reported, and the disabled role stays until it is gone', async () => {
    const principal = newPrincipal();
    await provisioner.create(target, order(principal, readOnly));
    await server.query('postgres', `CREATE TABLE foreign_grant (); GRANT SELECT ON foreign_grant TO ${principal}`);
    await provisioner.end(target, principal);
    const { done, residue } = await provisioner.cleanUp(target, principal);
    expect(done).toBe(false);
    expect(residue.map((item) => item.kind)).toEqual(expect.arrayContaining(['dependency', 'role']));
    await server.query('postgres', 'DROP TABLE foreign_grant');
    expect((await provisioner.cleanUp(target, principal)).done).toBe(true);
  });

  test('list finds the principals of this resource and nothing else that looks alike', async () => {
    const [ours, others, unmarked] = [newPrincipal(), newPrincipal(), newPrincipal()];
    await provisioner.create(target, order(ours, readOnly));
    const otherResource = { ...target, resourceId: target.resourceId.replace(/.$/, 'q').replace(/^res_./, 'res_7') };
    await provisioner.create(otherResource, order(others, readOnly));
    await server.query('postgres', `CREATE ROLE ${unmarked} LOGIN`);
    expect(await provisioner.list(target)).toEqual([ours]);
    expect(await provisioner.list(otherResource)).toEqual([others]);
    await expect(provisioner.create(target, order(unmarked, readOnly))).rejects.toMatchObject({ kind: 'conflict' });
    await expect(provisioner.create(target, order(others, readOnly))).rejects.toMatchObject({ kind: 'conflict' });
    for (const principal of [ours, others]) {
      await provisioner.end(target, principal);
      await provisioner.cleanUp(target, principal);
    }
    await server.query('postgres', `DROP ROLE ${unmarked}`);
  });

  test('a manager without CREATEROLE, membership or admin option is told what is missing', async () => {
    const alter = (sql: string) => server.query('postgres', sql);
    const wrongOnes = async () => (await provisioner.test(target)).checks.filter((check) => !check.ok);
    await alter('ALTER ROLE hallpass_manager NOCREATEROLE');
    expect((await wrongOnes()).map((check) => check.command)).toContain('ALTER ROLE "hallpass_manager" CREATEROLE;');
    await expect(provisioner.create(target, order(newPrincipal(), readOnly))).rejects.toMatchObject({
      kind: 'refused',
    });
    await alter('ALTER ROLE hallpass_manager CREATEROLE');
    await alter(`ALTER ROLE "${readOnly.targetRole}" CREATEDB`);
    await server.query('orders', `GRANT CREATE ON SCHEMA app TO "${readWrite.targetRole}"`);
    await server.query('orders', 'GRANT CREATE ON SCHEMA public TO PUBLIC');
    const commands = (await wrongOnes()).map((check) => check.command);
    expect(commands).toHaveLength(3);
    expect(commands).toContain(`REVOKE CREATE ON SCHEMA "app" FROM "${readWrite.targetRole}";`);
    for (const sql of commands) await server.query('orders', sql ?? '');
    expect(await wrongOnes()).toEqual([]);
  });

  test('a wrong password is refused and not repeated in the answer', async () => {
    const secret = 'not-the-password-1234';
    const report = await provisioner.test({ ...target, secret });
    expect(report).toMatchObject({ ok: false, checks: [{ name: 'Connection', ok: false }] });
    expect(JSON.stringify(report)).not.toContain(secret);
    await expect(provisioner.list({ ...target, secret })).rejects.toMatchObject({ kind: 'refused' });
  });
});
