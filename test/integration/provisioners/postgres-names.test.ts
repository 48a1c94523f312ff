/** Hostile names in database, schema, owner, manager, and resource: quoted everywhere, in ending and clean-up too. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createPostgresProvisioner, type PostgresProvisioner } from '../../../electron/service/provisioners/postgres';
import { POSTGRES_MAJORS, type PostgresServer, startPostgres } from '../../bed/postgres';
import {
  levelNamed,
  logIn,
  makeTarget,
  newPrincipal,
  quote,
  systemRandom,
  type TargetNames,
  whenCut,
} from '../../bed/postgres-target';

const bytes63 = (start: string) => start + 'x'.repeat(63 - Buffer.byteLength(start));
const HOSTILE: readonly string[] = [
  `a"b'c;d--e`,
  '"; DROP ROLE postgres; --',
  '$$ $1 %I %s {}',
  'new\nline\ttab\\back',
  'Größe 数据 🗄',
  bytes63('long é '),
];

describe.each(POSTGRES_MAJORS)('PostgreSQL %i', (major) => {
  let server: PostgresServer;
  let provisioner: PostgresProvisioner;
  beforeAll(async () => {
    server = await startPostgres({ major });
    provisioner = createPostgresProvisioner({ random: systemRandom });
  });
  afterAll(async () => {
    await provisioner?.close();
    await server?.stop();
  });

  test.each(HOSTILE)('everything works with names like %j', async (name) => {
    const short = [...name].slice(0, 20).join('');
    const names: TargetNames = {
      database: name,
      schema: name,
      owner: `${short} owner`,
      manager: `${short} manager`,
      resource: name,
    };
    const target = await makeTarget(server, names);
    const plan = await provisioner.plan(target);
    expect(await provisioner.apply(target, plan.digest)).toMatchObject({ ok: true });
    expect((await provisioner.test(target)).checks.filter((check) => !check.ok)).toEqual([]);
    for (const level of plan.levels) expect(Buffer.byteLength(level.targetRole)).toBeLessThanOrEqual(63);

    const principal = newPrincipal();
    const level = levelNamed(plan.levels, 'read-write');
    const session = await logIn(await provisioner.create(target, { principal, level, validForMs: 60_000 }));
    const table = `${quote(name)}.orders`;
    await session.query(`INSERT INTO ${table} (item) VALUES ('lamp')`);
    expect((await session.query(`SELECT count(*)::int AS n FROM ${table}`)).rows).toEqual([{ n: 3 }]);
    await server.query(name, `GRANT CREATE ON SCHEMA ${quote(name)} TO ${quote(level.targetRole)}`);
    await session.query(`CREATE TABLE ${quote(name)}.${quote(name)} (id int)`);
    expect(await provisioner.list(target)).toEqual([principal]);

    const cut = whenCut(session);
    expect(await provisioner.end(target, principal)).toEqual({
      sessionsCut: 1,
      readBack: { exists: true, canLogIn: false, sessionCount: 0 },
    });
    await cut;
    expect(await provisioner.cleanUp(target, principal)).toEqual({ done: true, residue: [] });
    const owners = await server.query(name, 'SELECT tableowner FROM pg_tables WHERE tablename = $1', [name]);
    expect(owners[0]?.tableowner).toMatch(/^hallpass_.*_owner$/s);
    expect(await server.query('postgres', "SELECT rolname FROM pg_roles WHERE rolname LIKE 'hp\\_%'")).toEqual([]);
  });

  test('two long resource names that begin alike get roles of their own', async () => {
    const target = await makeTarget(server);
    const rolesOf = async (resourceName: string) =>
      (await provisioner.plan({ ...target, resourceName })).levels.map((level) => level.targetRole);
    const all = [...(await rolesOf(`${'y'.repeat(62)}a`)), ...(await rolesOf(`${'y'.repeat(62)}b`))];
    expect(new Set(all).size).toBe(4);
  });

  test('a principal that is not of our form is never touched', async () => {
    const target = await makeTarget(server, {
      database: 'other',
      schema: 's',
      owner: 'o2',
      manager: 'm2',
      resource: 'other',
    });
    for (const principal of ['postgres', 'hp_', 'hp_"; DROP ROLE postgres; --', `hp_${'u'.repeat(26)}`]) {
      await expect(provisioner.end(target, principal)).rejects.toBeInstanceOf(RangeError);
      await expect(provisioner.cleanUp(target, principal)).rejects.toBeInstanceOf(RangeError);
      await expect(provisioner.setDeadline(target, principal, 1)).rejects.toBeInstanceOf(RangeError);
    }
  });
});
