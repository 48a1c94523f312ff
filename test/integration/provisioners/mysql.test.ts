/** What is particular to MySQL and MariaDB, on a real MariaDB, through a manager with the least rights. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createMysqlProvisioner, type MysqlProvisioner } from '../../../electron/service/provisioners/mysql';
import { KIND_WORDS } from '../../../renderer/ui/kinds';
import type { Level } from '../../../shared/contract/resources';
import { MINUTE_MS } from '../../../shared/domain/instant';
import { chance26, levelNamed, newPrincipal, systemRandom } from '../../bed/postgres-target';
import {
  logInMysql,
  type MariaDbServer,
  type MysqlTestTarget,
  makeMysqlTarget,
  mariaDbMissing,
  mysqlErrorOf,
  startMariaDb,
} from '../../bed/targets/mysql';
import { beginLogin } from '../../bed/targets/mysql-slow-login';

const GONE = { exists: false, canLogIn: false, sessionCount: 0 };
const DENIED = 1142;
const LOCKED = 4151;

let server: MariaDbServer;
let provisioner: MysqlProvisioner;
let target: MysqlTestTarget;
let readOnly: Level;
let readWrite: Level;
/** A level whose holders may make things, as an `admin` one would: only such a level can leave anything behind. */
const makers: Level = { name: 'admin', description: '', targetRole: 'makers', createsAccess: true };
const order = (principal: string, level = readOnly) => ({ principal, level, validForMs: 15 * MINUTE_MS });
const create = (principal: string, level = readOnly) => provisioner.create(target, order(principal, level));
const takeAway = async (principal: string) => {
  expect((await provisioner.end(target, principal)).readBack).toEqual(GONE);
  expect(await provisioner.cleanUp(target, principal)).toEqual({ done: true, residue: [] });
};

const missing = mariaDbMissing();
describe.skipIf(missing !== null)(missing ?? 'MariaDB', () => {
  beforeAll(async () => {
    server = await startMariaDb();
    provisioner = createMysqlProvisioner({ random: systemRandom });
    target = await makeMysqlTarget(server);
    const plan = await provisioner.plan(target);
    expect(plan.notes).toEqual([]);
    expect(await provisioner.apply(target, plan.digest)).toMatchObject({ ok: true, error: null });
    readOnly = levelNamed(plan.levels, 'read-only');
    readWrite = levelNamed(plan.levels, 'read-write');
    await server.query(
      `CREATE ROLE makers WITH ADMIN hallpass_manager@'%';
       GRANT SELECT, INSERT, CREATE VIEW, CREATE ROUTINE, EVENT, TRIGGER ON orders.* TO makers`,
    );
  });
  afterAll(async () => {
    await provisioner?.close();
    await server?.stop();
  });

  describe('the manager', () => {
    test('the recipe that a failed connection shows makes a manager who passes, and who is not root', async () => {
      const settings = { ...target.settings, managerUser: 'by recipe', schemas: ['orders', 'or%der_s'] };
      const failed = await provisioner.test({ ...target, settings, secret: 'x' });
      expect(failed).toMatchObject({ ok: false, targetLabel: 'MySQL or MariaDB' });
      const [, recipe = ''] = /-- MariaDB\n([\s\S]*?)\n\n-- MySQL/.exec(failed.recipe) ?? [];
      await server.query('CREATE DATABASE `or%der_s`; CREATE DATABASE `orXderYs`');
      await server.query(recipe.replace('<a long password>', 'recipe-password'));
      const own = {
        ...target,
        resourceId: `res_${chance26()}`,
        resourceName: 'recipe-db',
        settings,
        secret: 'recipe-password',
      };
      const plan = await provisioner.plan(own);
      expect(await provisioner.apply(own, plan.digest)).toMatchObject({ ok: true });
      const report = await provisioner.test(own);
      expect(report.checks.filter((check) => !check.ok)).toEqual([]);
      expect(report).toMatchObject({
        ok: true,
        targetLabel: 'MariaDB 10.11',
        recipe: expect.stringContaining(recipe.slice(0, 40)),
      });
      const principal = newPrincipal();
      const session = await logInMysql(
        await provisioner.create(own, order(principal, levelNamed(plan.levels, 'read-only'))),
      );
      await server.query('CREATE TABLE `or%der_s`.t (i INT); CREATE TABLE `orXderYs`.t (i INT)');
      await session.query('SELECT * FROM `or%der_s`.t');
      expect(await mysqlErrorOf(session.query('SELECT * FROM `orXderYs`.t'))).toBe(DENIED);
      await session.end();
      await provisioner.end(own, principal);
    });

    test('a manager that lacks rights is told which, and the statements given mend it', async () => {
      const manager = "hallpass_manager@'%'";
      const wrongOnes = async () => (await provisioner.test(target)).checks.filter((check) => !check.ok);
      await server.query(
        `REVOKE PROCESS, CONNECTION ADMIN ON *.* FROM ${manager}; REVOKE SELECT ON mysql.db FROM ${manager}`,
      );
      await provisioner.close(); // global rights are read when a connection begins
      const found = await wrongOnes();
      expect(found.map(({ name }) => name)).toEqual(['Manager’s rights', 'Reading back']);
      for (const { command } of found) await server.query(command ?? '');
      await provisioner.close();
      expect(await wrongOnes()).toEqual([]);
      await server.query(`GRANT CREATE VIEW, TRIGGER ON orders.* TO \`${readWrite.targetRole}\``);
      const [level] = await wrongOnes();
      expect(level).toMatchObject({ name: 'Level read-write', detail: expect.stringContaining('leave a way in') });
      await server.query(level?.command ?? '');
      expect(await wrongOnes()).toEqual([]);
    });

    test('without the right to see sessions nothing is called ended, and the door is shut all the same', async () => {
      const principal = newPrincipal();
      const credential = await create(principal);
      const session = await logInMysql(credential);
      await server.query("REVOKE PROCESS ON *.* FROM hallpass_manager@'%'");
      await provisioner.close();
      const refusal = { kind: 'refused', message: expect.stringContaining('PROCESS') };
      await expect(provisioner.readBack(target, principal)).rejects.toMatchObject(refusal);
      await expect(provisioner.end(target, principal)).rejects.toMatchObject(refusal);
      expect(await mysqlErrorOf(logInMysql(credential))).toBe(LOCKED);
      await session.query('SELECT 1');
      await server.query("GRANT PROCESS ON *.* TO hallpass_manager@'%'");
      await provisioner.close();
      expect(await provisioner.end(target, principal)).toEqual({ sessionsCut: 1, readBack: GONE });
      await session.cut;
    });

    test('another manager takes a resource over: what marks its users is made anew once nobody carries it', async () => {
      const principal = newPrincipal();
      await server.query(
        `CREATE USER second@'%' IDENTIFIED BY 'second'; GRANT ALL ON *.* TO second@'%' WITH GRANT OPTION`,
      );
      const second = { ...target, secret: 'second', settings: { ...target.settings, managerUser: 'second' } };
      await create(principal);
      for (const role of [readOnly.targetRole, readWrite.targetRole]) {
        const admin = await server.connect();
        await admin.query(`GRANT \`${role}\` TO second@'%' WITH ADMIN OPTION`).catch(() => undefined);
        admin.destroy();
      }
      const mark = (await provisioner.test(second)).checks.find(({ name }) => name === 'Mark');
      expect(mark).toMatchObject({ ok: false, command: expect.stringContaining('WITH ADMIN OPTION') });
      expect((await provisioner.end(second, principal)).readBack).toEqual(GONE);
    });

    test('the plan says what the manager can not see, and may be run by hand', async () => {
      const blind = { ...target, resourceName: 'elsewhere', settings: { ...target.settings, schemas: ['nowhere'] } };
      const plan = await provisioner.plan(blind);
      expect(plan.notes.join()).toContain('no schema “nowhere”');
      expect(await provisioner.apply(blind, plan.digest)).toMatchObject({
        ok: false,
        failedSql: 'GRANT SELECT ON `nowhere`.* TO `hallpass_elsewhere_ro`',
      });
      const checks = (await provisioner.test(blind)).checks.filter((check) => !check.ok);
      expect(checks.map(({ name }) => name)).toEqual(['Schemas']);
      for (const step of (await provisioner.plan(blind)).steps.filter(({ done }) => !done))
        await server.query(step.sql);
      const after = await provisioner.plan(blind);
      expect(after.steps.every(({ done }) => done)).toBe(true);
      expect((await provisioner.test(blind)).ok).toBe(true);
    });
  });

  describe('a grant', () => {
    test('read-write changes rows, also in tables made later, and no structure', async () => {
      const principal = newPrincipal();
      const session = await logInMysql(await create(principal, readWrite));
      await server.query('CREATE TABLE orders.later (id INT)');
      await session.query("INSERT INTO orders (item) VALUES ('lamp'); DELETE FROM orders WHERE item = 'lamp'");
      await session.query('INSERT INTO later VALUES (1)');
      for (const sql of [
        'DROP TABLE later',
        'ALTER TABLE later ADD x INT',
        'CREATE TRIGGER t BEFORE INSERT ON later FOR EACH ROW SET @a = 1',
      ])
        expect(await mysqlErrorOf(session.query(sql)), sql).toBe(DENIED);
      await session.end();
      await takeAway(principal);
      await server.query('DROP TABLE orders.later');
    });

    test('what an administrator is shown to type ends it by hand, and nothing else', async () => {
      const [principal, other] = [newPrincipal(), newPrincipal()];
      const credential = await provisioner.create(target, order(principal, readOnly));
      const session = await logInMysql(credential);
      const stays = await logInMysql(await provisioner.create(target, order(other, readOnly)));
      const [lock, kills, drop] = KIND_WORDS.mysql.endByHand?.(principal).split('\n') ?? [];
      await server.query(lock ?? '');
      for (const row of await server.query<Record<string, string>>(kills ?? '')) // it writes the statements to type next
        for (const statement of Object.values(row)) await server.query(statement);
      await expect(session.query('SELECT 1')).rejects.toThrow();
      await server.query(drop ?? '');
      expect(await provisioner.readBack(target, principal)).toEqual(GONE);
      await stays.query('SELECT 1');
      await stays.end();
      for (const one of [principal, other]) await provisioner.end(target, one);
    });

    test('the connection limit of the resource holds', async () => {
      const principal = newPrincipal();
      const few = { ...target, settings: { ...target.settings, connectionLimit: 1 } };
      const credential = await provisioner.create(few, order(principal));
      const first = await logInMysql(credential);
      expect(await mysqlErrorOf(logInMysql(credential))).toBe(1226);
      await first.end();
      await takeAway(principal);
    });

    test('neither the password nor the manager’s secret is in what the server was told', async () => {
      await server.query("SET GLOBAL log_output = 'TABLE', GLOBAL general_log = 1");
      const principal = newPrincipal();
      const credential = await create(principal);
      await server.query('SET GLOBAL general_log = 0');
      const [row] = await server.query<{ said: string }>(
        "SELECT GROUP_CONCAT(argument SEPARATOR '\\n') AS said FROM mysql.general_log",
      );
      expect(String(row?.said)).toContain(principal);
      expect(String(row?.said)).not.toContain(credential.password);
      expect(String(row?.said)).not.toContain(target.secret);
      await takeAway(principal);
    });

    test('a server that checks passwords is shown this one, and takes it', async () => {
      await server.query("INSTALL SONAME 'simple_password_check'");
      try {
        const principal = newPrincipal();
        await (await logInMysql(await create(principal))).end();
        await takeAway(principal);
        expect((await provisioner.test(target)).checks.filter((check) => !check.ok)).toEqual([]);
      } finally {
        await server.query("UNINSTALL SONAME 'simple_password_check'");
      }
    });

    test('over the server’s own socket everything works as well', async () => {
      const local = { ...target, settings: { ...target.settings, host: server.socket, userHost: 'localhost' } };
      expect((await provisioner.test(local)).ok).toBe(true);
      const principal = newPrincipal();
      const session = await logInMysql(await provisioner.create(local, order(principal)));
      await session.query('SELECT * FROM orders');
      expect(await provisioner.end(local, principal)).toEqual({ sessionsCut: 1, readBack: GONE });
      await session.cut;
    });

    test('a user that a crash left half-made is completed, one at another host is moved, others are never touched', async () => {
      const [half, moved] = [newPrincipal(), newPrincipal()];
      await server.query(`CREATE USER ${half}@'%' ACCOUNT LOCK`);
      await (await logInMysql(await create(half))).end();
      const narrow = { ...target, settings: { ...target.settings, userHost: 'localhost' } };
      await provisioner.create(narrow, order(moved));
      await (await logInMysql(await create(moved))).end();
      const hosts = await server.query('SELECT Host FROM mysql.global_priv WHERE User = ?', [moved]);
      expect(hosts).toEqual([{ Host: '%' }]);
      for (const principal of [half, moved]) await takeAway(principal);
    });

    test('a length that is over shuts the door, and what is shut is not extended', async () => {
      const principal = newPrincipal();
      const credential = await create(principal);
      await provisioner.setDeadline(target, principal, -1_000);
      expect(await mysqlErrorOf(logInMysql(credential))).toBe(LOCKED);
      await expect(provisioner.setDeadline(target, principal, MINUTE_MS)).rejects.toMatchObject({ kind: 'conflict' });
      expect(await mysqlErrorOf(logInMysql(credential))).toBe(LOCKED);
      await takeAway(principal);
    });

    test('requester and approver are told that the server knows no end time', () => {
      expect(provisioner.limits(target.settings, readOnly).join()).toContain('no end time');
      expect(provisioner.limits(target.settings, makers)).toHaveLength(2);
    });
  });

  describe('the server’s own deadline, where the resource names a schema for events', () => {
    const own = () => ({ ...target, settings: { ...target.settings, deadlineSchema: 'orders' } });
    const events = () =>
      server.query<{ name: string; left: number }>(
        "SELECT EVENT_NAME AS name, TIMESTAMPDIFF(SECOND, NOW(), EXECUTE_AT) AS 'left' FROM information_schema.EVENTS",
      );

    test('it is asked for in the test, with the statements that give it, and refused while no event would run', async () => {
      const wrongOnes = async () => (await provisioner.test(own())).checks.filter((check) => !check.ok);
      await expect(provisioner.create(own(), order(newPrincipal()))).rejects.toMatchObject({ kind: 'refused' });
      for (const says of ['GRANT EVENT', 'event_scheduler = ON']) {
        const [found, ...others] = await wrongOnes();
        expect(others).toEqual([]);
        expect(found).toMatchObject({ name: 'The server’s own deadline', command: expect.stringContaining(says) });
        await server.query(found?.command ?? '');
      }
      expect(await wrongOnes()).toEqual([]);
      expect((await provisioner.test(own())).recipe).toContain('GRANT EVENT ON `orders`.*');
      expect(provisioner.limits(own().settings, readOnly)).toEqual([]);
      for (const name of await provisioner.list(target)) await provisioner.end(target, name);
    });

    test('the server locks the user and cuts its sessions by itself, and the end finds nothing left to cut', async () => {
      const principal = newPrincipal();
      const credential = await provisioner.create(own(), { ...order(principal), validForMs: 1_000 });
      const session = await logInMysql(credential);
      await session.cut; // nobody called `end`
      expect(await mysqlErrorOf(logInMysql(credential))).toBe(LOCKED);
      expect(await events()).toEqual([]);
      expect(await provisioner.end(own(), principal)).toEqual({ sessionsCut: 0, readBack: GONE });
    });

    test('an extension moves it, and an end takes it away', async () => {
      const principal = newPrincipal();
      await provisioner.create(own(), order(principal));
      await provisioner.setDeadline(own(), principal, 60 * MINUTE_MS);
      const [event, ...others] = await events();
      expect(others).toEqual([]);
      expect(event).toMatchObject({ name: principal });
      expect(Number(event?.left)).toBeGreaterThan(30 * 60);
      expect(Number(event?.left)).toBeLessThanOrEqual(60 * 60);
      expect((await provisioner.end(own(), principal)).readBack).toEqual(GONE);
      expect(await events()).toEqual([]);
    });

    describe('when the settings name another schema, or none, while access is live', () => {
      const placed = () =>
        server.query<{ place: string }>(
          'SELECT CONCAT(EVENT_SCHEMA, ".", EVENT_NAME) AS place FROM information_schema.EVENTS ORDER BY 1',
        );
      const elsewhere = () => ({ ...target, settings: { ...target.settings, deadlineSchema: 'deadlines' } });
      beforeAll(async () => {
        await server.query('CREATE DATABASE IF NOT EXISTS deadlines');
        const missing = (await provisioner.test(elsewhere())).checks.find((check) => !check.ok);
        await server.query(missing?.command ?? '');
      });

      test.each([
        ['another', elsewhere],
        ['none', () => target],
      ])('an end finds the event of the earlier ones and drops it (now: %s)', async (_, now) => {
        const principal = newPrincipal();
        await provisioner.create(own(), order(principal));
        expect(await placed()).toEqual([{ place: `orders.${principal}` }]);
        expect((await provisioner.end(now(), principal)).readBack).toEqual(GONE);
        expect(await placed()).toEqual([]);
      });

      test('so does clearing up after it, and an event of that name that is not ours stays', async () => {
        const principal = newPrincipal();
        await server.query(`CREATE EVENT orders.${principal} ON SCHEDULE EVERY 1 YEAR DO DO 1`);
        expect(await provisioner.cleanUp(elsewhere(), principal)).toMatchObject({ done: true });
        expect(await placed()).toEqual([{ place: `orders.${principal}` }]);
        await server.query(`DROP EVENT orders.${principal}`);
        await provisioner.create(own(), order(principal));
        await server.query(`DROP USER ${principal}@'%'`);
        expect(await provisioner.cleanUp(elsewhere(), principal)).toMatchObject({ done: true });
        expect(await placed()).toEqual([]);
      });

      test.each([
        ['another', elsewhere, 'deadlines'],
        ['none', () => target, null],
      ])('the old deadline does not cut what was extended (now: %s)', async (_, now, schema) => {
        const principal = newPrincipal();
        const credential = await provisioner.create(own(), order(principal));
        await provisioner.setDeadline(now(), principal, 60 * MINUTE_MS);
        expect(await placed()).toEqual(schema === null ? [] : [{ place: `${schema}.${principal}` }]);
        const session = await logInMysql(credential);
        expect(await provisioner.end(now(), principal)).toEqual({ sessionsCut: 1, readBack: GONE });
        await session.cut;
      });
    });
  });

  describe('an end', () => {
    test('cuts a statement that runs and a transaction that holds locks', async () => {
      const principal = newPrincipal();
      const credential = await create(principal, readWrite);
      const [busy, holding] = [await logInMysql(credential), await logInMysql(credential)];
      await holding.query("BEGIN; UPDATE orders SET item = 'theirs'");
      const running = busy.query('SELECT SLEEP(1000)').catch(() => 'cut');
      expect(await provisioner.end(target, principal)).toEqual({ sessionsCut: 2, readBack: GONE });
      expect(await running).toBe('cut');
      await Promise.all([busy.cut, holding.cut]);
      expect(await server.query("SELECT COUNT(*) AS n FROM orders.orders WHERE item = 'theirs'")).toEqual([{ n: 0 }]);
    });

    test('a session whose user somebody dropped by hand is found by its name, and cut', async () => {
      const principal = newPrincipal();
      const session = await logInMysql(await create(principal));
      await server.query(`DROP USER ${principal}@'%'`);
      await session.query('DO 1'); // stands
      expect(await provisioner.readBack(target, principal)).toEqual({ ...GONE, sessionCount: 1 });
      expect(await provisioner.end(target, principal)).toEqual({ sessionsCut: 1, readBack: GONE });
      await session.cut;
    });

    test('MariaDB lets a log-in complete whose account is gone by then: why an end looks at those under way', async () => {
      const principal = newPrincipal();
      const late = await beginLogin(await create(principal));
      await server.query(`ALTER USER ${principal}@'%' ACCOUNT LOCK; DROP USER ${principal}@'%'`);
      expect(await late.finish()).toBe('in');
      expect((await provisioner.readBack(target, principal)).sessionCount).toBe(1);
      expect(await provisioner.end(target, principal)).toEqual({ sessionsCut: 1, readBack: GONE });
      expect(await late.works()).toBe(false);
      late.close();
    });

    test('a log-in begun before the end and completed after it does not stand', async () => {
      const principal = newPrincipal();
      const credential = await create(principal);
      const honest = await beginLogin(credential);
      expect(await honest.finish()).toBe('in');
      expect(await honest.works()).toBe(true);
      honest.close();
      const late = await beginLogin(credential);
      expect(await provisioner.end(target, principal)).toEqual({ sessionsCut: 1, readBack: GONE });
      expect(await late.finish()).toBe('cut');
      expect(await provisioner.readBack(target, principal)).toEqual(GONE);
      late.close();
    });

    test('other people who are just logging in are left alone', async () => {
      const [ending, staying] = [newPrincipal(), newPrincipal()];
      await create(ending);
      const credential = await create(staying);
      const log = await beginLogin(credential);
      const ended = provisioner.end(target, ending);
      expect(await log.finish()).toBe('in');
      expect((await ended).readBack).toEqual(GONE);
      expect(await log.works()).toBe(true);
      log.close();
      await takeAway(staying);
    });

    test('what runs with the user’s rights keeps the user, locked and without rights, until somebody takes it over', async () => {
      const principal = newPrincipal();
      const credential = await create(principal, makers);
      const session = await logInMysql(credential);
      await session.query('CREATE VIEW door AS SELECT * FROM orders');
      await session.query('CREATE PROCEDURE way_in() SELECT * FROM orders');
      expect(await provisioner.end(target, principal)).toEqual({
        sessionsCut: 1,
        readBack: { exists: true, canLogIn: false, sessionCount: 0 },
      });
      await session.cut;
      expect(await mysqlErrorOf(server.query('SELECT * FROM orders.door'))).toBe(1356);
      await server.query("GRANT SELECT ON mysql.proc TO hallpass_manager@'%'");
      const stuck = await provisioner.cleanUp(target, principal);
      expect(stuck.done).toBe(false);
      expect(stuck.residue.map(({ kind, detail }) => `${kind} ${detail.split(' ')[0]}`).sort()).toEqual([
        'routine orders.way_in',
        'view orders.door',
      ]);
      expect(await provisioner.list(target)).toEqual([principal]);
      await server.query('DROP VIEW orders.door; DROP PROCEDURE orders.way_in');
      expect(await provisioner.cleanUp(target, principal)).toEqual({ done: true, residue: [] });
      expect(await provisioner.readBack(target, principal)).toEqual(GONE);
    });

    test('a holder who could make things and made none leaves nothing', async () => {
      const principal = newPrincipal();
      await create(principal, makers);
      expect((await provisioner.end(target, principal)).readBack).toEqual({ ...GONE, exists: true });
      expect(await provisioner.cleanUp(target, principal)).toEqual({ done: true, residue: [] });
    });

    test('a server that was killed in between has the user still, and the end works when it is back', async () => {
      const principal = newPrincipal();
      const credential = await create(principal);
      await server.killAndRestart();
      const attempt = await provisioner.readBack(target, principal).catch((error: { kind: string }) => error.kind);
      expect([{ exists: true, canLogIn: true, sessionCount: 0 }, 'unreachable']).toContainEqual(attempt);
      await (await logInMysql(credential)).end();
      await takeAway(principal);
    });

    test('a read-only server gives nothing, and says why', async () => {
      await server.query('SET GLOBAL read_only = 1');
      await provisioner.close();
      await expect(create(newPrincipal())).rejects.toMatchObject({
        kind: 'refused',
        message: expect.stringContaining('primary'),
      });
      expect((await provisioner.test(target)).checks.find(({ name }) => name === 'Primary')).toMatchObject({
        ok: false,
      });
      await server.query('SET GLOBAL read_only = 0');
      await provisioner.close();
    });
  });
});
