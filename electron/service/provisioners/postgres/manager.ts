/**
 * What the manager role needs on a target, and whether it has it. The rights are tried in a transaction that is rolled
 * back, not only read from the catalog; each failed check comes with the statement that mends it.
 */

import type { ConnectionReport } from '../../../../shared/contract/resources';
import { type Check, fine, wrong } from '../checks';
import { TRIAL_PRINCIPAL } from '../principal-name';
import { type Connection, codeOf, type PgTarget } from './connections';
import { openSchemas, type Standing, standingOf } from './levels';
import { poolerRecipe } from './pooler';
import { FIRST_MAJOR_WITH_SET_OPTION, grantToManager } from './principal';
import { groupRoleName, ident, literal, markFor } from './quoting';

export const FIRST_SUPPORTED_MAJOR = 13;

/** Checks a connection and the manager's rights. `connect` failures are the caller's to report (there is no connection). */
export async function checkManager(db: Connection, target: PgTarget): Promise<ConnectionReport> {
  const { rows } = await db.query(
    `SELECT current_setting('server_version') AS version, pg_is_in_recovery() AS in_recovery,
            COALESCE((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false) AS tls`,
  );
  const standing = await standingOf(db);
  const { version, in_recovery: inRecovery, tls } = rows[0];
  const checks: Check[] = [
    fine(
      'Connection',
      `Signed in as ${standing.manager} to ${target.settings.database}, ${tls ? 'with' : 'without'} TLS.`,
    ),
    standing.major >= FIRST_SUPPORTED_MAJOR
      ? fine('Version', `PostgreSQL ${version}`)
      : wrong('Version', `PostgreSQL ${version} is too old.`, `Use ${FIRST_SUPPORTED_MAJOR} or newer.`),
    inRecovery
      ? wrong('Primary', 'This server is a read-only replica; roles can not be made here.', 'Name the primary server.')
      : fine('Primary', 'The server takes changes.'),
  ];
  if (!inRecovery) {
    checks.push(await checkAttributes(db, standing), await tryOut(db, target, standing));
    checks.push(...(await checkSchemas(db, target)), ...(await checkLevels(db, target, standing)));
    checks.push(await checkPublicCreate(db));
  }
  return {
    ok: checks.every((check) => check.ok),
    targetLabel: `PostgreSQL ${standing.major}`,
    serverVersion: version,
    checks,
    recipe: recipeFor(target, standing.major, await tableOwners(db, target)),
  };
}

/** The least rights, as statements a superuser runs once. Shown by the connection test; docs/postgresql.md explains each line. */
export function recipeFor(target: PgTarget, major: number, owners: readonly string[] = []): string {
  const manager = ident(target.settings.managerUser);
  const options = major >= FIRST_MAJOR_WITH_SET_OPTION ? ' WITH INHERIT TRUE, SET FALSE' : '';
  const owner = owners.length > 0 ? owners.map(ident).join(', ') : '<the role that owns the tables>';
  const lines = [
    `-- PostgreSQL ${major}: run once as a superuser, then give the manager a password with psql's \\password`,
    `CREATE ROLE ${manager} LOGIN CREATEROLE;`,
    `GRANT CONNECT ON DATABASE ${ident(target.settings.database)} TO ${manager};`,
    '-- So that it can apply the plan (may be revoked afterwards; or the owner runs the plan by hand):',
    `GRANT ${owner} TO ${manager}${options};`,
  ];
  if (major < 15)
    lines.push(
      '-- Before PostgreSQL 15 everybody may create in "public", so a temporary role could leave a function behind.',
      'REVOKE CREATE ON SCHEMA public FROM PUBLIC;',
    );
  if (major < FIRST_MAJOR_WITH_SET_OPTION)
    lines.push(
      `-- Before PostgreSQL 16 CREATEROLE lets the manager give away every role that is not a superuser's: guard its password like one.`,
    );
  lines.push(
    '-- Optional: lets it also cut sessions of a role that somebody dropped by hand.',
    `-- GRANT pg_signal_backend TO ${manager.replaceAll('\n', ' ')};`,
  );
  return [...lines, ...poolerRecipe(target.settings)].join('\n');
}

/** Owners in the schemas that are not superusers (membership in those is never asked for). */
async function tableOwners(db: Connection, target: PgTarget): Promise<string[]> {
  const { rows } = await db.query(
    `SELECT DISTINCT r.rolname FROM pg_namespace n JOIN pg_class c ON c.relnamespace = n.oid JOIN pg_roles r ON r.oid = c.relowner
      WHERE n.nspname = ANY ($1) AND NOT r.rolsuper AND r.rolname <> current_user ORDER BY 1 LIMIT 20`,
    [target.settings.schemas],
  );
  return rows.map((row) => row.rolname as string);
}

async function checkAttributes(db: Connection, standing: Standing): Promise<Check> {
  const name = 'Manager role';
  const manager = ident(standing.manager);
  if (standing.isSuperuser)
    return fine(name, `${standing.manager} is a superuser: it works, but needs far less. See the recipe.`);
  const { rows } = await db.query(
    'SELECT rolcreaterole, rolinherit, rolreplication OR rolbypassrls OR rolcreatedb AS more FROM pg_roles WHERE rolname = current_user',
  );
  if (!rows[0].rolcreaterole)
    return wrong(name, `${standing.manager} may not make roles.`, null, `ALTER ROLE ${manager} CREATEROLE;`);
  if (!rows[0].rolinherit)
    return wrong(
      name,
      `${standing.manager} does not inherit what it is a member of.`,
      null,
      `ALTER ROLE ${manager} INHERIT;`,
    );
  return fine(
    name,
    rows[0].more
      ? 'May make roles; has other attributes it does not need.'
      : 'May make roles, and no more than it needs.',
  );
}

/** Makes, grants, prolongs, disables and drops a role, and takes all of it back. */
async function tryOut(db: Connection, target: PgTarget, standing: Standing): Promise<Check> {
  const name = 'Making and ending a temporary role';
  const trial = ident(TRIAL_PRINCIPAL);
  const steps = [
    `CREATE ROLE ${trial} LOGIN INHERIT CONNECTION LIMIT 1 VALID UNTIL 'epoch'`,
    `COMMENT ON ROLE ${trial} IS ${literal(markFor(target.resourceId))}`,
    grantToManager(TRIAL_PRINCIPAL, standing.major),
    `ALTER ROLE ${trial} NOLOGIN PASSWORD NULL CONNECTION LIMIT 0`,
    `DROP OWNED BY ${trial}`,
    `DROP ROLE ${trial}`,
  ];
  await db.query('BEGIN');
  try {
    for (const step of steps) await db.query(step);
    return fine(name, 'Tried in a transaction and taken back.');
  } catch (error) {
    if (!/^[0-9A-Z]{5}$/.test(codeOf(error))) throw error;
    const words = error instanceof Error ? error.message : 'failed';
    return wrong(name, words, null, `ALTER ROLE ${ident(standing.manager)} CREATEROLE INHERIT;`);
  } finally {
    await db.query('ROLLBACK');
  }
}

async function checkSchemas(db: Connection, target: PgTarget): Promise<Check[]> {
  const { rows } = await db.query('SELECT nspname FROM pg_namespace WHERE nspname = ANY ($1)', [
    target.settings.schemas,
  ]);
  const there = new Set(rows.map((row) => row.nspname as string));
  const missing = target.settings.schemas.filter((schema) => !there.has(schema));
  if (missing.length === 0) return [fine('Schemas', target.settings.schemas.join(', '))];
  return [wrong('Schemas', `Not in this database: ${missing.join(', ')}`, 'Correct the names in the settings.')];
}

interface GroupRole {
  readonly name: string;
  readonly isPlain: boolean;
  readonly canUse: boolean;
  readonly canGrant: boolean;
  readonly creates: readonly string[];
}
async function readGroupRole(db: Connection, name: string, standing: Standing): Promise<GroupRole | undefined> {
  const { rows } = await db.query(
    `SELECT NOT (rolcanlogin OR rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls) AS plain,
            pg_has_role(oid, 'USAGE') AS can_use, pg_has_role(oid, 'MEMBER WITH ADMIN OPTION') AS can_grant,
            ARRAY(SELECT nspname::text FROM pg_namespace n WHERE n.nspname !~ '^pg_(temp|toast)'
                   AND EXISTS (SELECT FROM aclexplode(n.nspacl) a WHERE a.privilege_type = 'CREATE' AND a.grantee = pg_roles.oid)) AS creates
       FROM pg_roles WHERE rolname = $1`,
    [name],
  );
  const row = rows[0];
  if (!row) return undefined;
  // Before 16 CREATEROLE alone lets the manager grant any role that is not a superuser's.
  const canGrant = row.can_grant || standing.major < FIRST_MAJOR_WITH_SET_OPTION;
  return { name, isPlain: row.plain, canUse: row.can_use, canGrant, creates: row.creates };
}

async function checkLevels(db: Connection, target: PgTarget, standing: Standing): Promise<Check[]> {
  const manager = ident(standing.manager);
  const checks: Check[] = [];
  for (const purpose of ['read_only', 'read_write'] as const) {
    const roleName = groupRoleName(target.resourceName, purpose);
    const label = `Level ${purpose.replace('_', '-')}`;
    const role = await readGroupRole(db, roleName, standing);
    const name = ident(roleName);
    if (!role) checks.push(fine(label, `${roleName} is not there yet: the plan makes it.`));
    else if (!role.isPlain)
      checks.push(
        wrong(
          label,
          `${roleName} can log in or has attributes of its own.`,
          null,
          `ALTER ROLE ${name} NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;`,
        ),
      );
    else if (role.creates.length > 0)
      checks.push(
        wrong(
          label,
          `${roleName} may create objects: a holder could leave a way in behind.`,
          null,
          role.creates.map((s) => `REVOKE CREATE ON SCHEMA ${ident(s)} FROM ${name};`).join(' '),
        ),
      );
    else if (!role.canGrant)
      checks.push(
        wrong(
          label,
          `${standing.manager} may not grant ${roleName}.`,
          null,
          `GRANT ${name} TO ${manager} WITH ADMIN TRUE, INHERIT FALSE, SET FALSE;`,
        ),
      );
    else checks.push(fine(label, `${roleName} can be granted, and can create nothing.`));
  }
  const ownerName = groupRoleName(target.resourceName, 'owner');
  const owner = await readGroupRole(db, ownerName, standing);
  if (!owner) checks.push(fine('Owner role', `${ownerName} is not there yet: the plan makes it.`));
  else if (owner.canUse) checks.push(fine('Owner role', `Tables left behind go to ${ownerName}.`));
  else {
    const options = standing.major >= FIRST_MAJOR_WITH_SET_OPTION ? ' WITH INHERIT TRUE, SET TRUE' : '';
    const command = `GRANT ${ident(ownerName)} TO ${manager}${options};`;
    checks.push(wrong('Owner role', `${standing.manager} is not a member of ${ownerName}.`, null, command));
  }
  return checks;
}

async function checkPublicCreate(db: Connection): Promise<Check> {
  const name = 'Nothing can be left behind';
  const open = await openSchemas(db);
  if (open.length === 0) return fine(name, 'No schema lets everybody create objects.');
  const command = open.map((schema) => `REVOKE CREATE ON SCHEMA ${ident(schema.name)} FROM PUBLIC;`).join(' ');
  return wrong(
    name,
    `Everybody may create objects in: ${open.map((schema) => schema.name).join(', ')}.`,
    null,
    command,
  );
}
