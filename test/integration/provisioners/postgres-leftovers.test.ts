/**
 * What a temporary role can leave behind on a server, and what others tied to it: objects in several databases, closed
 * databases, memberships with foreign grantors, subscriptions, prepared transactions. Access must end in every case; what
 * is left must be worked off or told.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createPostgresProvisioner, type PostgresProvisioner } from '../../../electron/service/provisioners/postgres';
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

const SHUT = { exists: true, canLogIn: false, sessionCount: 0 };
const DONE = { done: true, residue: [] };

describe.each(POSTGRES_MAJORS)('PostgreSQL %i', (major) => {
  let server: PostgresServer;
  let provisioner: PostgresProvisioner;
  let target: PgTestTarget;
  let readOnly: Level;
  const makers: Level = { name: 'admin', description: '', targetRole: 'makers', createsAccess: true };
  const order = (principal: string, level: Level) => ({ principal, level, validForMs: 900_000 });
  const asSuper = (sql: string, database = 'orders') => server.query(database, sql);
  const membersOf = async (role: string) =>
    (
      await server.query<{ name: string }>(
        'postgres',
        `SELECT m.rolname AS name FROM pg_auth_members a JOIN pg_roles m ON m.oid = a.member
          JOIN pg_roles r ON r.oid = a.roleid WHERE r.rolname = $1 ORDER BY 1`,
        [role],
      )
    ).map((row) => row.name);

  beforeAll(async () => {
    server = await startPostgres({ major, settings: { max_prepared_transactions: '5', wal_level: 'logical' } });
    provisioner = createPostgresProvisioner({ random: systemRandom });
    target = await makeTarget(server);
    const plan = await provisioner.plan(target);
    await provisioner.apply(target, plan.digest);
    readOnly = levelNamed(plan.levels, 'read-only');
    await asSuper(
      `CREATE ROLE makers NOLOGIN; GRANT makers TO hallpass_manager WITH ADMIN OPTION;
       CREATE ROLE dba LOGIN CREATEROLE; CREATE ROLE bob LOGIN; CREATE ROLE payroll NOLOGIN`,
    );
    await asSuper('CREATE DATABASE second OWNER app_owner');
    for (const database of ['orders', 'second'])
      await asSuper('CREATE SCHEMA desk; GRANT CREATE, USAGE ON SCHEMA desk TO makers', database);
  });
  afterAll(async () => {
    await provisioner?.close();
    await server?.stop();
  });

  test('objects of many kinds in two databases: tables keep their rows under the owner role, what can act is dropped', async () => {
    const principal = newPrincipal();
    await asSuper('GRANT CREATE ON DATABASE orders TO makers; GRANT CREATE ON DATABASE second TO makers', 'postgres');
    const credential = await provisioner.create(target, order(principal, makers));
    for (const database of ['orders', 'second']) {
      const session = await logIn(credential, database);
      await session.query(`
        CREATE SCHEMA mine; CREATE TABLE mine.kept (id serial PRIMARY KEY, at timestamptz DEFAULT now());
        INSERT INTO mine.kept DEFAULT VALUES;
        CREATE VIEW mine.seen AS SELECT id FROM mine.kept; CREATE MATERIALIZED VIEW mine.counted AS SELECT count(*) FROM mine.kept;
        CREATE FUNCTION mine.door() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';
        CREATE FUNCTION mine.tick() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
        CREATE TYPE desk.mood AS ENUM ('ok'); CREATE DOMAIN desk.small AS int CHECK (VALUE < 10);
        CREATE STATISTICS desk.figures ON id, at FROM mine.kept;
        CREATE TEXT SEARCH CONFIGURATION desk.words (COPY = pg_catalog.simple);
        SELECT lo_create(0);
        ALTER DEFAULT PRIVILEGES IN SCHEMA mine GRANT SELECT ON TABLES TO bob;
        ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO bob;
        GRANT SELECT ON mine.kept TO bob`);
      await session.end();
    }
    expect((await provisioner.end(target, principal)).readBack).toEqual(SHUT);
    const { done, residue } = await provisioner.cleanUp(target, principal);
    expect(residue.filter((item) => !item.detail.endsWith('was dropped'))).toEqual([]);
    expect(residue.map((item) => item.kind)).toContain('function');
    expect(done).toBe(true);
    for (const database of ['orders', 'second']) {
      expect(await asSuper('SELECT count(*)::int AS n FROM mine.kept', database)).toEqual([{ n: 1 }]);
      expect(await asSuper("SELECT tableowner FROM pg_tables WHERE tablename = 'kept'", database)).toEqual([
        { tableowner: 'hallpass_orders-db_owner' },
      ]);
      expect(
        await asSuper(`SELECT count(*)::int AS n FROM pg_proc WHERE proname IN ('door', 'tick')`, database),
      ).toEqual([{ n: 0 }]);
      expect(await asSuper(`SELECT count(*)::int AS n FROM pg_largeobject_metadata`, database)).toEqual([{ n: 1 }]);
      await asSuper('DROP SCHEMA mine CASCADE', database);
    }
    await asSuper('REVOKE CREATE ON DATABASE orders FROM makers; REVOKE CREATE ON DATABASE second FROM makers');
  });

  test('a function that others depend on keeps its tables with the disabled role: no code changes hands', async () => {
    const principal = newPrincipal();
    const session = await logIn(await provisioner.create(target, order(principal, makers)));
    await session.query(
      `CREATE TABLE desk.left (id int); CREATE FUNCTION desk.used() RETURNS int LANGUAGE sql AS 'SELECT 1'`,
    );
    await asSuper('CREATE VIEW app.uses AS SELECT desk.used()');
    await provisioner.end(target, principal);
    const first = await provisioner.cleanUp(target, principal);
    expect(first.done).toBe(false);
    expect(first.residue.map((item) => item.kind)).toEqual(expect.arrayContaining(['function', 'relation', 'role']));
    expect(await asSuper(`SELECT pg_get_userbyid(proowner) AS owner FROM pg_proc WHERE proname = 'used'`)).toEqual([
      { owner: principal },
    ]);
    await asSuper('DROP VIEW app.uses');
    expect((await provisioner.cleanUp(target, principal)).done).toBe(true);
    await asSuper('DROP TABLE desk.left');
  });

  test('a database that takes no connections, or none of the manager’s, is named and waits; the role stays shut', async () => {
    const principal = newPrincipal();
    const session = await logIn(await provisioner.create(target, order(principal, makers)), 'second');
    await session.query('CREATE TABLE desk.far (id int)');
    await session.end();
    await asSuper('ALTER DATABASE second ALLOW_CONNECTIONS false', 'postgres');
    expect((await provisioner.end(target, principal)).readBack).toEqual(SHUT);
    const closed = await provisioner.cleanUp(target, principal);
    expect(closed.done).toBe(false);
    expect(closed.residue).toContainEqual({
      kind: 'database',
      detail: 'second takes no connections; what the role left there waits until it does.',
    });
    await asSuper('ALTER DATABASE second ALLOW_CONNECTIONS true', 'postgres');
    await asSuper('ALTER DATABASE second OWNER TO postgres', 'postgres');
    await asSuper('REVOKE CONNECT ON DATABASE second FROM PUBLIC', 'postgres');
    const refused = await provisioner.cleanUp(target, principal);
    expect(refused.done).toBe(false);
    expect(refused.residue.find((item) => item.kind === 'database')?.detail).toContain('second');
    expect(JSON.stringify(refused)).not.toContain(target.secret);
    await asSuper('GRANT CONNECT ON DATABASE second TO PUBLIC', 'postgres');
    await asSuper('ALTER DATABASE second OWNER TO app_owner', 'postgres');
    expect(await provisioner.cleanUp(target, principal)).toEqual(DONE);
    await asSuper('DROP TABLE desk.far', 'second');
  });

  test('a privilege on a database alone is dropped with the role', async () => {
    const principal = newPrincipal();
    await provisioner.create(target, order(principal, readOnly));
    await asSuper(`SET ROLE app_owner; GRANT CREATE ON DATABASE orders TO ${principal}`);
    await provisioner.end(target, principal);
    expect(await provisioner.cleanUp(target, principal)).toEqual(DONE);
  });

  test('a row policy that names the role goes with it', async () => {
    const principal = newPrincipal();
    await provisioner.create(target, order(principal, readOnly));
    await asSuper(
      `SET ROLE app_owner; CREATE TABLE app.rows (id int); CREATE POLICY p ON app.rows TO ${principal}, bob`,
    );
    await provisioner.end(target, principal);
    expect(await provisioner.cleanUp(target, principal)).toEqual(DONE);
    await asSuper('DROP TABLE app.rows');
  });

  test('a prepared transaction keeps the disabled role, is named, and is not decided for anybody', async () => {
    const principal = newPrincipal();
    const session = await logIn(await provisioner.create(target, order(principal, readOnly)));
    await session.query(`BEGIN; SELECT 1 FROM app.orders; PREPARE TRANSACTION 'half ''done'`);
    expect((await provisioner.end(target, principal)).readBack).toEqual(SHUT);
    const waiting = await provisioner.cleanUp(target, principal);
    expect(waiting).toEqual({
      done: false,
      residue: [
        {
          kind: 'prepared transaction',
          detail: `'half ''done' in orders belongs to the role; commit it or roll it back.`,
        },
      ],
    });
    await asSuper(`ROLLBACK PREPARED 'half ''done'`);
    expect(await provisioner.cleanUp(target, principal)).toEqual(DONE);
  });

  test('a database that was given to the role is named until it is given to somebody', async () => {
    const principal = newPrincipal();
    await provisioner.create(target, order(principal, makers));
    await asSuper(`ALTER DATABASE second OWNER TO ${principal}`, 'postgres');
    expect((await provisioner.end(target, principal)).readBack).toEqual(SHUT);
    const first = await provisioner.cleanUp(target, principal);
    expect(first.done).toBe(false);
    expect(first.residue[0]).toEqual({ kind: 'database', detail: 'second belongs to the role; give it to somebody.' });
    await asSuper('ALTER DATABASE second OWNER TO app_owner', 'postgres');
    expect(await provisioner.cleanUp(target, principal)).toEqual(DONE);
  });

  test('a role that others were made members of, by others, is shut and cut, and nobody is left in it', async () => {
    const principal = newPrincipal();
    const credential = await provisioner.create(target, order(principal, readOnly));
    await asSuper(`GRANT ${principal} TO bob; GRANT payroll TO ${principal}`);
    const session = await logIn(credential);
    const cut = whenCut(session);
    expect(await provisioner.end(target, principal)).toEqual({ sessionsCut: 1, readBack: SHUT });
    await cut;
    expect(await membersOf(readOnly.targetRole)).not.toContain(principal);
    expect(await provisioner.cleanUp(target, principal)).toEqual(DONE);
    expect(await membersOf('payroll')).toEqual([]);
  });

  test('what the holder granted on with an admin option ends with the grant', async () => {
    const principal = newPrincipal();
    const credential = await provisioner.create(target, order(principal, readOnly));
    await asSuper(`GRANT payroll TO ${principal} WITH ADMIN OPTION`);
    const session = await logIn(credential);
    await session.query('GRANT payroll TO bob');
    expect(await membersOf('payroll')).toContain('bob');
    expect((await provisioner.end(target, principal)).readBack).toEqual(SHUT);
    expect(await membersOf('payroll')).not.toContain('bob');
    expect(await provisioner.cleanUp(target, principal)).toEqual(DONE);
    expect(await membersOf('payroll')).toEqual([]);
  });

  test('a role made for this resource by an earlier manager is ended by a new one that was given it', async () => {
    const principal = newPrincipal();
    const session = await logIn(await provisioner.create(target, order(principal, readOnly)));
    const password = 'another-manager-1';
    const give = (what: string) =>
      asSuper(
        `GRANT ${what} TO new_manager${major >= 16 ? ' WITH ADMIN TRUE, INHERIT TRUE, SET TRUE' : ' WITH ADMIN OPTION'}`,
      );
    await asSuper(`CREATE ROLE new_manager LOGIN CREATEROLE PASSWORD '${password}'`);
    for (const role of ['"hallpass_orders-db_owner"', `"${readOnly.targetRole}"`]) await give(role);
    const later = { ...target, secret: password, settings: { ...target.settings, managerUser: 'new_manager' } };
    expect(await provisioner.list(later)).toEqual([principal]);
    if (major >= 16) {
      // Without ADMIN on the role it can't be shut; what can be cut is cut, and the refusal is told.
      await asSuper('GRANT pg_signal_backend TO new_manager');
      const cut = whenCut(session);
      await expect(provisioner.end(later, principal)).rejects.toMatchObject({ kind: 'refused' });
      await cut;
      expect(await provisioner.readBack(later, principal)).toEqual({ ...SHUT, canLogIn: true });
      await give(principal);
    }
    expect((await provisioner.end(later, principal)).readBack).toEqual(SHUT);
    expect(await provisioner.cleanUp(later, principal)).toEqual(DONE);
    expect(await membersOf(readOnly.targetRole)).not.toContain(principal);
  });

  const mayOwnSubscriptions = major >= 16; // before, only superusers make them, and no principal is one
  if (mayOwnSubscriptions)
    test('a subscription is dropped without its publisher, and its slot is told', async () => {
      const principal = newPrincipal();
      await asSuper('GRANT pg_create_subscription TO makers; GRANT CREATE ON DATABASE orders TO makers');
      const session = await logIn(await provisioner.create(target, order(principal, makers)));
      await session.query(
        `CREATE SUBSCRIPTION "feed; me" CONNECTION 'host=192.0.2.1 dbname=x password=y' PUBLICATION p WITH (connect = false)`,
      );
      await provisioner.end(target, principal);
      const cleaned = await provisioner.cleanUp(target, principal);
      expect(cleaned).toEqual({
        done: true,
        residue: [
          {
            kind: 'subscription',
            detail: 'feed; me in orders was dropped; its slot may be left on the publisher',
          },
        ],
      });
      expect(await sqlStateOf(asSuper('REVOKE pg_create_subscription FROM makers'))).toBeUndefined();
    });
});
