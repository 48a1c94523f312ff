/**
 * The group roles that carry a resource's levels: what has to be run once on the target, as a plan that is shown before it is applied.
 * Every step can be run again, and says whether it is done already, so that an owner may run some of them by hand.
 * Level roles get no CREATE anywhere: before 16 a holder can act as the level role, and a SECURITY DEFINER function
 * owned by it would be a way in that outlives every grant.
 */
import type { Level, LevelPlan, PlanApplied } from '../../../../shared/contract/resources';
import { runSteps, stepPlan } from '../level-plan';
import { TargetError } from '../provisioner';
import { asTargetError, type Connection, type PgTarget } from './connections';
import { FIRST_MAJOR_WITH_SET_OPTION } from './principal';
import { groupRoleName, ident } from './quoting';

type Step = LevelPlan['steps'][number];
interface LevelRights {
  readonly tables: string;
  readonly sequences: string;
}
const RIGHTS = {
  read_only: { tables: 'SELECT', sequences: 'SELECT' },
  read_write: { tables: 'SELECT, INSERT, UPDATE, DELETE', sequences: 'USAGE, SELECT' },
} as const satisfies Record<string, LevelRights>;
type LevelPurpose = keyof typeof RIGHTS;
const PURPOSES = Object.keys(RIGHTS) as LevelPurpose[];

/** What this provisioner proposes for a resource: `read-only` and `read-write`. */
export const proposedLevels = (resourceName: string): Level[] => [
  {
    name: 'read-only',
    description: 'Read every table of the named schemas.',
    targetRole: groupRoleName(resourceName, 'read_only'),
    createsAccess: false,
  },
  {
    name: 'read-write',
    description: 'Read and change rows in every table of the named schemas; no changes to their structure.',
    targetRole: groupRoleName(resourceName, 'read_write'),
    createsAccess: false,
  },
];

export interface Standing {
  readonly major: number;
  readonly manager: string;
  readonly isSuperuser: boolean;
}
export async function standingOf(db: Connection): Promise<Standing> {
  const { rows } = await db.query(
    `SELECT current_setting('server_version_num')::int / 10000 AS major, rolname AS manager, rolsuper AS is_superuser
       FROM pg_roles WHERE rolname = current_user`,
  );
  return { major: rows[0].major, manager: rows[0].manager, isSuperuser: rows[0].is_superuser };
}

/** The plan against the target as it is now. */
export async function planLevels(db: Connection, target: PgTarget): Promise<LevelPlan> {
  const standing = await standingOf(db);
  const notes: string[] = [];
  const steps = [
    ...(await roleSteps(db, target, standing)),
    ...(await databaseSteps(db, target)),
    ...(await openSchemaSteps(db, target, standing, notes)),
  ];
  for (const schema of target.settings.schemas) steps.push(...(await schemaSteps(db, target, schema, standing, notes)));
  return stepPlan(proposedLevels(target.resourceName), steps, notes);
}

export const applyLevels = (db: Connection, target: PgTarget, digest: string): Promise<PlanApplied> =>
  runSteps(digest, {
    replan: () => planLevels(db, target),
    run: (sql) => db.query(sql),
    messageOf: (error) => asTargetError(error, target).message,
    // GRANT without the grant option is a warning, not an error: only looking again tells.
    idle: 'A statement ran but had no effect: the manager may not grant this.',
  });

const ask = async (db: Connection, sql: string, params: unknown[]): Promise<boolean> =>
  (await db.query(sql, params)).rows[0]?.yes === true;

async function roleSteps(db: Connection, target: PgTarget, standing: Standing): Promise<Step[]> {
  const { database } = target.settings;
  const exists = (name: string) => ask(db, 'SELECT true AS yes FROM pg_roles WHERE rolname = $1', [name]);
  const steps: Step[] = [];
  for (const purpose of [...PURPOSES, 'owner'] as const) {
    const name = groupRoleName(target.resourceName, purpose);
    const why =
      purpose === 'owner'
        ? 'Takes over tables that a temporary role leaves behind; has no rights itself.'
        : `Carries the level ${purpose.replace('_', '-')}.`;
    steps.push({ database, sql: `CREATE ROLE ${ident(name)} NOLOGIN`, why, done: await exists(name) });
  }
  const owner = groupRoleName(target.resourceName, 'owner');
  const options = standing.major >= FIRST_MAJOR_WITH_SET_OPTION ? ' WITH INHERIT TRUE, SET TRUE' : '';
  const member = `SELECT pg_has_role(oid, 'MEMBER') AND pg_has_role(oid, 'USAGE')${options ? " AND pg_has_role(oid, 'SET')" : ''} AS yes FROM pg_roles WHERE rolname = $1`;
  steps.push({
    database,
    sql: `GRANT ${ident(owner)} TO ${ident(standing.manager)}${options}`,
    why: 'Lets the manager hand tables over to the owner role.',
    done: await ask(db, member, [owner]),
  });
  return steps;
}

async function databaseSteps(db: Connection, target: PgTarget): Promise<Step[]> {
  const { database } = target.settings;
  const steps: Step[] = [];
  for (const purpose of PURPOSES) {
    const role = groupRoleName(target.resourceName, purpose);
    steps.push({
      database,
      sql: `GRANT CONNECT ON DATABASE ${ident(database)} TO ${ident(role)}`,
      why: 'Opens the database to the level.',
      done: await ask(
        db,
        `SELECT has_database_privilege(oid, current_database(), 'CONNECT') AS yes FROM pg_roles WHERE rolname = $1`,
        [role],
      ),
    });
  }
  return steps;
}

/** Schemas where PUBLIC may create (before 15 `public` is one). Also those the levels don't open. */
export async function openSchemas(db: Connection): Promise<{ name: string; owner: string; isOurs: boolean }[]> {
  const { rows } = await db.query(
    `SELECT n.nspname, pg_get_userbyid(n.nspowner) AS owner, pg_has_role(n.nspowner, 'USAGE') AS ours FROM pg_namespace n
      WHERE n.nspname !~ '^pg_(temp|toast)' AND EXISTS (SELECT FROM aclexplode(n.nspacl) a WHERE a.grantee = 0 AND a.privilege_type = 'CREATE')
      ORDER BY 1`,
  );
  return rows.map((row) => ({ name: row.nspname, owner: row.owner, isOurs: row.ours }));
}
async function openSchemaSteps(db: Connection, target: PgTarget, standing: Standing, notes: string[]): Promise<Step[]> {
  const steps: Step[] = [];
  for (const { name, owner, isOurs } of await openSchemas(db)) {
    const sql = `REVOKE CREATE ON SCHEMA ${ident(name)} FROM PUBLIC`;
    const why = 'Whoever may create a function here can leave a way in behind.';
    if (isOurs || standing.isSuperuser) steps.push({ database: target.settings.database, sql, why, done: false });
    else
      notes.push(
        `Everybody may create objects in schema ${ident(name)}. ${why} ${owner} (or a superuser) should run: ${sql};`,
      );
  }
  return steps;
}

async function schemaSteps(
  db: Connection,
  target: PgTarget,
  schema: string,
  standing: Standing,
  notes: string[],
): Promise<Step[]> {
  const { rows } = await db.query('SELECT oid::int8 AS oid FROM pg_namespace WHERE nspname = $1', [schema]);
  const oid = rows[0]?.oid;
  if (oid === undefined) throw new TargetError('refused', `There is no schema ${ident(schema)} in this database.`);
  const owners = await ownersIn(db, oid);
  const database = target.settings.database;
  const steps: Step[] = [];
  for (const purpose of PURPOSES) {
    const role = groupRoleName(target.resourceName, purpose);
    steps.push({
      database,
      sql: `GRANT USAGE ON SCHEMA ${ident(schema)} TO ${ident(role)}`,
      why: 'Lets the level see what is in the schema.',
      done: await ask(
        db,
        `SELECT has_schema_privilege(oid, $2::oid, 'USAGE') AS yes FROM pg_roles WHERE rolname = $1`,
        [role, oid],
      ),
    });
    for (const kind of ['TABLES', 'SEQUENCES'] as const) {
      const rights = RIGHTS[purpose][kind === 'TABLES' ? 'tables' : 'sequences'];
      steps.push({
        database,
        sql: `GRANT ${rights} ON ALL ${kind} IN SCHEMA ${ident(schema)} TO ${ident(role)}`,
        why: `Today's ${kind.toLowerCase()}; needs the right to grant on each (owners: ${owners.map((o) => o.name).join(', ') || 'none'}).`,
        done: await hasOnAll(db, role, oid, kind, rights),
      });
      for (const owner of owners) {
        const sql = `ALTER DEFAULT PRIVILEGES FOR ROLE ${ident(owner.name)} IN SCHEMA ${ident(schema)} GRANT ${rights} ON ${kind} TO ${ident(role)}`;
        const done = await hasDefault(db, role, oid, owner.oid, kind, rights);
        const why = `${kind === 'TABLES' ? 'Tables' : 'Sequences'} that ${owner.name} makes later.`;
        if (done || owner.isOurs || standing.isSuperuser) steps.push({ database, sql, why, done });
        else
          notes.push(`${why.slice(0, -1)} stay closed to the level until ${owner.name} (or a superuser) runs: ${sql};`);
      }
    }
  }
  return steps;
}

interface SchemaOwner {
  readonly oid: number;
  readonly name: string;
  readonly isOurs: boolean;
}
/** Who owns something in the schema or the schema itself. Nobody can be pg_database_owner, so the database's owner stands for it. */
async function ownersIn(db: Connection, schemaOid: unknown): Promise<SchemaOwner[]> {
  const { rows } = await db.query(
    `SELECT r.oid::int8 AS oid, r.rolname, pg_has_role(r.oid, 'USAGE') AS ours FROM pg_roles r WHERE r.oid IN (
       SELECT relowner FROM pg_class WHERE relnamespace = $1::oid AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
       UNION SELECT CASE WHEN pg_get_userbyid(n.nspowner) = 'pg_database_owner' THEN d.datdba ELSE n.nspowner END
         FROM pg_namespace n, pg_database d WHERE n.oid = $1::oid AND d.datname = current_database()) ORDER BY 2`,
    [schemaOid],
  );
  return rows.map((row) => ({ oid: Number(row.oid), name: row.rolname, isOurs: row.ours }));
}

/** Whether the role holds every one of `rights` on every table (or sequence) of the schema. False while the role is missing. */
async function hasOnAll(
  db: Connection,
  role: string,
  schemaOid: unknown,
  kind: 'TABLES' | 'SEQUENCES',
  rights: string,
) {
  const has = kind === 'TABLES' ? 'has_table_privilege' : 'has_sequence_privilege';
  const relkinds = kind === 'TABLES' ? ['r', 'p', 'v', 'm', 'f'] : ['S'];
  return await ask(
    db,
    `SELECT NOT EXISTS (SELECT FROM pg_class c, unnest($3::text[]) AS wanted
        WHERE c.relnamespace = $2::oid AND c.relkind = ANY ($4::"char"[]) AND NOT ${has}(r.oid, c.oid, wanted)) AS yes
       FROM pg_roles r WHERE r.rolname = $1`,
    [role, schemaOid, rights.split(', '), relkinds],
  );
}

async function hasDefault(
  db: Connection,
  role: string,
  schemaOid: unknown,
  ownerOid: number,
  kind: 'TABLES' | 'SEQUENCES',
  rights: string,
): Promise<boolean> {
  return await ask(
    db,
    `SELECT NOT EXISTS (SELECT FROM unnest($4::text[]) AS wanted WHERE NOT EXISTS (
        SELECT FROM pg_default_acl d, aclexplode(d.defaclacl) a WHERE d.defaclrole = $3::oid AND d.defaclnamespace = $2::oid
           AND d.defaclobjtype = $5::"char" AND a.grantee = r.oid AND a.privilege_type = wanted)) AS yes
       FROM pg_roles r WHERE r.rolname = $1`,
    [role, schemaOid, ownerOid, rights.split(', '), kind === 'TABLES' ? 'r' : 'S'],
  );
}
