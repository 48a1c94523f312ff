/**
 * The roles that carry a resource's levels: what has to be run once on the target, as a plan that is shown before it is applied.
 * Every step can be run again, and says whether it is done already, so that an owner may run some of them by hand.
 * No level may make views, routines, triggers or events: those run with their maker's rights, and keep tables from working once
 * that user is gone.
 */
import type { Level, LevelPlan, PlanApplied } from '../../../../shared/contract/resources';
import { runSteps, stepPlan } from '../level-plan';
import { canGrantRole, roleExists } from './accounts';
import { asTargetError, type Connection, type MysqlTarget } from './connections';
import { account, groupRoleName, type RolePurpose, schemaInGrant, schemaPattern } from './quoting';
import { roleInSql } from './standing';

type Step = LevelPlan['steps'][number];
export const RIGHTS: Readonly<Record<RolePurpose, readonly string[]>> = {
  read_only: ['SELECT'],
  read_write: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
};
export const PURPOSES = Object.keys(RIGHTS) as RolePurpose[];

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

/** The plan against the target as it is now. */
export async function planLevels(db: Connection, target: MysqlTarget): Promise<LevelPlan> {
  const steps: Step[] = [];
  for (const purpose of PURPOSES) {
    steps.push(...(await roleSteps(db, groupRoleName(target.resourceName, purpose), purpose)));
    for (const schema of target.settings.schemas)
      steps.push(await schemaStep(db, groupRoleName(target.resourceName, purpose), purpose, schema));
  }
  const notes = (await unseenSchemas(db, target.settings.schemas)).map(
    (schema) =>
      `The manager sees no schema “${schema}”: check the name, or run the statements for it by hand as somebody who may grant on it.`,
  );
  return stepPlan(proposedLevels(target.resourceName), steps, notes);
}

export const applyLevels = (db: Connection, target: MysqlTarget, digest: string): Promise<PlanApplied> =>
  runSteps(digest, {
    replan: () => planLevels(db, target),
    run: (sql) => db.query(sql),
    messageOf: (error) => asTargetError(error, target).message,
    idle: 'A statement ran but had no effect.',
  });

/** Statements about roles belong to no schema. */
async function roleSteps(db: Connection, role: string, purpose: RolePurpose): Promise<Step[]> {
  const { flavor, manager } = db.standing;
  const name = roleInSql(flavor, role);
  return [
    {
      database: null,
      sql: `CREATE ROLE IF NOT EXISTS ${name}`,
      why: `Carries the level ${purpose.replace('_', '-')}.`,
      done: await roleExists(db, role),
    },
    {
      database: null,
      sql: `GRANT ${name} TO ${account(manager.user, manager.host)} WITH ADMIN OPTION`,
      why: 'Lets the manager give the level to temporary users.',
      done: await canGrantRole(db, role),
    },
  ];
}

async function schemaStep(db: Connection, role: string, purpose: RolePurpose, schema: string): Promise<Step> {
  return {
    database: schema,
    sql: `GRANT ${RIGHTS[purpose].join(', ')} ON ${schemaInGrant(schema)}.* TO ${roleInSql(db.standing.flavor, role)}`,
    why: 'Today’s tables and later ones; needs these rights with the grant option.',
    done: await hasRights(db, role, schema, RIGHTS[purpose]),
  };
}

/** Whether the role holds every one of the rights on the whole schema. */
export async function hasRights(
  db: Connection,
  role: string,
  schema: string,
  rights: readonly string[],
): Promise<boolean> {
  const columns = rights.map((right) => `${right[0]}${right.slice(1).toLowerCase()}_priv = 'Y'`).join(' AND ');
  const rows = await db.query(`SELECT 1 AS yes FROM mysql.db WHERE User = ? AND Host = ? AND Db = ? AND ${columns}`, [
    role,
    db.standing.flavor === 'mysql' ? '%' : '',
    schemaPattern(schema),
  ]);
  return rows.length > 0;
}

/** Schemas the manager does not see: a server shows those alone on which one has rights. */
export async function unseenSchemas({ query }: Connection, schemas: readonly string[]): Promise<readonly string[]> {
  const rows = await query<{ name: string }>('SELECT SCHEMA_NAME AS name FROM information_schema.SCHEMATA');
  const seen = new Set(rows.map((row) => String(row.name)));
  return schemas.filter((schema) => !seen.has(schema));
}
