/**
 * A resource whose people connect through a pooler (pgbouncer). Whether the pooler fits can't be read from the server: it
 * must let a role in that was made a moment ago (auth_query), open its connections as that very role (else they are
 * somebody else's and the end of a grant can't find them), lead to this server, and be shut when the role is.
 * So a trial role goes through it once. It carries our mark and a deadline: were we to die here, the sweep finds it.
 */

import type { PostgresSettings } from '../../../../shared/contract/resources';
import type { Random } from '../../../../shared/domain/instant';
import { type Check, fine, wrong } from '../checks';
import { TargetError } from '../provisioner';
import type { Connection, Connections, PgTarget } from './connections';
import { endAccess } from './ending';
import { clientAddress, findRole, grantToManager } from './principal';
import { ident, literal, markFor, principalIdent } from './quoting';
import { workOffResidue } from './residue';
import { newLogin } from './scram';

const NAME = 'Through the pooler';
const TRIAL_LIMIT_S = 60;
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';

/** True when people connect elsewhere than the service does. */
export const hasPooler = (settings: PostgresSettings): boolean =>
  settings.clientHost !== undefined || settings.clientPort !== undefined;

/** What a pooler takes away from the promises, whatever the level. */
export const poolerLimits = (settings: PostgresSettings): readonly string[] =>
  hasPooler(settings)
    ? [
        'People connect through a pooler, and a connection that it keeps open does not look at the server’s own deadline: while no Hallpass service runs, such a connection can be used past it.',
        'After the end a client may stay connected to the pooler; there is no connection to the server behind it any more.',
      ]
    : [];

/** Makes a role, sends it through the pooler, ends it, and sees that the pooler is shut to it. */
export async function checkPooler(connections: Connections, target: PgTarget, random: Random): Promise<Check> {
  const principal = `hp_${Array.from(random.bytes(26), (byte) => ALPHABET[byte & 31]).join('')}`;
  const { password, verifier } = await newLogin(random);
  const login = { user: principal, password };
  try {
    const major = await connections.onTarget(target, (db) => makeTrial(db, target, principal, verifier));
    const problem = await findProblem(connections, target, login);
    if (problem) return problem;
    await connections.onTarget(target, async (db) => endAccess(db, principal, (await findRole(db, principal))?.oid));
    const isShut = await connections
      .asPerson(target, login, async () => undefined)
      .then(
        () => false,
        () => true,
      );
    if (!isShut)
      return refusedBecause(
        'A log-in that had ended was let in again: the pooler remembers passwords.',
        'Use auth_query, not auth_file, for the log-ins of people.',
      );
    const { host, port } = clientAddress(target.settings);
    return fine(
      NAME,
      `A trial log-in went through ${host}:${port} to PostgreSQL ${major} as itself, and was shut out after its end.`,
    );
  } finally {
    await removeTrial(connections, target, principal);
  }
}

const refusedBecause = (detail: string, remedy: string): Check => wrong(NAME, detail, remedy);

async function makeTrial(db: Connection, target: PgTarget, principal: string, verifier: string): Promise<number> {
  const { rows } = await db.query(
    `SELECT (clock_timestamp() + ${TRIAL_LIMIT_S} * interval '1 second')::text AS until,
            current_setting('server_version_num')::int / 10000 AS major`,
  );
  const role = principalIdent(principal);
  await db.query(
    [
      `CREATE ROLE ${role} LOGIN CONNECTION LIMIT 2 PASSWORD ${literal(verifier)} VALID UNTIL ${literal(rows[0].until)}`,
      `COMMENT ON ROLE ${role} IS ${literal(markFor(target.resourceId))}`,
      grantToManager(principal, rows[0].major),
    ].join(';\n'),
  );
  return rows[0].major;
}

async function findProblem(
  connections: Connections,
  target: PgTarget,
  login: { user: string; password: string },
): Promise<Check | null> {
  try {
    return await connections.asPerson(target, login, async (pooled) => {
      const { rows } = await pooled.query('SELECT session_user::text AS name, pg_backend_pid() AS pid');
      if (rows[0].name !== login.user)
        return refusedBecause(
          `The pooler signs everybody in as ${rows[0].name}: the end of a grant could not find its sessions.`,
          'Take user= out of the [databases] line of this database in pgbouncer.ini.',
        );
      const isHere = await connections.onTarget(target, async (db) => {
        const found = await db.query(
          'SELECT FROM pg_stat_activity a JOIN pg_roles r ON r.oid = a.usesysid WHERE a.pid = $1 AND r.rolname = $2',
          [rows[0].pid, login.user],
        );
        return found.rowCount === 1;
      });
      if (isHere) return null;
      return refusedBecause(
        `The session behind the pooler is not one of ${target.settings.host}:${target.settings.port}.`,
        'Let both addresses lead to the same server.',
      );
    });
  } catch (error) {
    if (!(error instanceof TargetError)) throw error;
    return refusedBecause(
      error.message,
      'Let the pooler look log-ins up on the server (auth_query); the recipe shows how.',
    );
  }
}

async function removeTrial(connections: Connections, target: PgTarget, principal: string): Promise<void> {
  try {
    await connections.onTarget(target, async (db) => endAccess(db, principal, (await findRole(db, principal))?.oid));
    await workOffResidue(connections, target, principal);
  } catch {
    // It can't be used for longer than its own deadline, and the sweep finds it by its mark.
  }
}

/** What the pooler needs, to be run in every database that is a resource. Its answer honours the deadline. */
export function poolerRecipe(settings: PostgresSettings): readonly string[] {
  if (!hasPooler(settings)) return [];
  const schema = ident('hallpass_pooler');
  return [
    '-- The pooler looks log-ins up, those that are made later too, and only until their deadline (give it a password with \\password):',
    `CREATE ROLE ${schema} LOGIN;`,
    `CREATE SCHEMA ${schema};`,
    `GRANT USAGE ON SCHEMA ${schema} TO ${schema};`,
    `CREATE FUNCTION ${schema}.lookup(login text) RETURNS TABLE (name text, verifier text)`,
    '  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS',
    `  $$ SELECT usename::text, passwd FROM pg_shadow WHERE usename = login AND (valuntil IS NULL OR valuntil > now()) $$;`,
    `REVOKE EXECUTE ON FUNCTION ${schema}.lookup(text) FROM PUBLIC;`,
    `GRANT EXECUTE ON FUNCTION ${schema}.lookup(text) TO ${schema};`,
    '-- pgbouncer.ini, with no user= in the line of the database:',
    '--   auth_type = scram-sha-256',
    '--   auth_user = hallpass_pooler',
    '--   auth_query = SELECT name, verifier FROM hallpass_pooler.lookup($1)',
  ];
}
