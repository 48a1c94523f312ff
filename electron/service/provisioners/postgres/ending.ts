/**
 * How a temporary role ends. Two parts on purpose: `endAccess` is what "revoked" means (nobody can log in, no session is
 * left, read back); `workOffResidue` takes care of what gives nobody access any more, and may wait behind locks for days.
 * Why sessions are cut by OID: an open session outlives NOLOGIN, VALID UNTIL and even DROP ROLE.
 */
import type { CleanUp, EndResult } from '../provisioner';
import { TargetError } from '../provisioner';
import { type Connection, type Connections, codeOf, type PgTarget } from './connections';
import { countSessions, findRole, grantToManager, readRole } from './principal';
import { groupRoleName, ident, literal, principalIdent } from './quoting';

/** Rounds of "cut what is there, look again"; each waits a little on the server, so this is about two seconds. */
const CUT_ROUNDS = 100;
const CUT_PAUSE_S = 0.02;
/** A holder can lock their own role's row by changing their password in an open transaction: cut, then try again. */
const SHUT_ATTEMPTS = 6;
const SHUT_LOCK_LIMIT_MS = 400;
const MAX_RESIDUE_SHOWN = 50;

type Residue = { kind: string; detail: string };

/** No new log-in, every session cut, read back. `lastOid` is the role's OID as last seen, for a role somebody else dropped. */
export async function endAccess(db: Connection, principal: string, lastOid: number | undefined): Promise<EndResult> {
  const role = await findRole(db, principal);
  const oid = role?.oid ?? lastOid;
  let sessionsCut = 0;
  if (role) sessionsCut += await shut(db, principal, role.oid);
  if (role) await becomeMember(db, principal, role.oid);
  if (oid !== undefined) sessionsCut += await cutSessions(db, oid);
  else sessionsCut += await cutNameless(db);
  if (role) await takeRights(db, role.oid);
  const readBack = await readRole(db, principal, oid);
  const nameless = oid === undefined ? await countNameless(db) : 0;
  return { sessionsCut, readBack: { ...readBack, sessionCount: readBack.sessionCount + nameless } };
}

/** NOLOGIN, no password, a deadline long past. Returns the sessions that had to be cut to get there. */
async function shut(db: Connection, principal: string, oid: number): Promise<number> {
  const sql = `SET LOCAL lock_timeout = ${SHUT_LOCK_LIMIT_MS};
    ALTER ROLE ${principalIdent(principal)} NOLOGIN PASSWORD NULL VALID UNTIL 'epoch' CONNECTION LIMIT 0`;
  let cut = 0;
  for (let attempt = 1; ; attempt++) {
    try {
      await db.query(`BEGIN; ${sql}; COMMIT`);
      return cut;
    } catch (error) {
      await db.query('ROLLBACK');
      const code = codeOf(error);
      if (code === '42704') return cut; // dropped meanwhile: nothing to shut
      const mayHelp = code === '55P03' || code === 'XX000';
      if (!mayHelp || attempt >= SHUT_ATTEMPTS) throw error;
      cut += await cutOnce(db, oid);
    }
  }
}

/** For a role that an earlier manager made: without membership its sessions can't be cut. Best effort; cutting tells. */
async function becomeMember(db: Connection, principal: string, oid: number): Promise<void> {
  const { rows } = await db.query(
    `SELECT pg_has_role($1::oid, 'USAGE') AS has, current_setting('server_version_num')::int / 10000 AS major`,
    [oid],
  );
  if (rows[0]?.has) return;
  await db.query(grantToManager(principal, rows[0]?.major ?? 0)).catch(() => undefined);
}

async function cutOnce(db: Connection, oid: number): Promise<number> {
  const { rows } = await db.query(
    `SELECT count(*) FILTER (WHERE pg_terminate_backend(pid))::int AS n FROM pg_stat_activity
      WHERE usesysid = $1 AND pid <> pg_backend_pid()`,
    [oid],
  );
  return rows[0]?.n ?? 0;
}

/**
 * Cuts until two looks in a row, a pause apart, find none: a log-in that passed the server's check just before NOLOGIN
 * shows up a moment later. Returns how many sessions there were.
 */
async function cutSessions(db: Connection, oid: number): Promise<number> {
  const seen = new Set<string>();
  let quietRounds = 0;
  for (let round = 0; round < CUT_ROUNDS && quietRounds < 2; round++) {
    const { rows } = await db.query(
      `SELECT pid, backend_start::text AS started, pg_terminate_backend(pid)
         FROM pg_stat_activity WHERE usesysid = $1 AND pid <> pg_backend_pid()`,
      [oid],
    );
    for (const row of rows) seen.add(`${row.pid} ${row.started}`);
    quietRounds = rows.length === 0 ? quietRounds + 1 : 0;
    if (quietRounds < 2) await db.query('SELECT pg_sleep($1)', [CUT_PAUSE_S]);
  }
  return seen.size;
}

/**
 * Sessions in this database whose role no longer exists. They matter only when the role is gone and its OID was never
 * seen by this process: then one of these may be it, and "none" must not be claimed. (No filter on backend_type: it reads
 * as NULL to a manager that has no right to the session's role.)
 */
const NAMELESS = `FROM pg_stat_activity a WHERE a.usesysid IS NOT NULL AND a.datname = current_database()
  AND NOT EXISTS (SELECT FROM pg_roles r WHERE r.oid = a.usesysid)`;
async function countNameless(db: Connection): Promise<number> {
  return (await db.query(`SELECT count(*)::int AS n ${NAMELESS}`)).rows[0]?.n ?? 0;
}
async function cutNameless(db: Connection): Promise<number> {
  const { rows } = await db.query(`SELECT DISTINCT a.usesysid::int8 AS oid ${NAMELESS}`);
  let cut = 0;
  for (const row of rows) {
    try {
      cut += await cutSessions(db, Number(row.oid));
    } catch (error) {
      if (codeOf(error) !== '42501') throw error; // not ours to cut: the count below says so
    }
  }
  return cut;
}

/** Memberships go too: a function the role left behind then runs with no rights. Both directions (before 16 a role could lend itself). */
async function takeRights(db: Connection, oid: number): Promise<void> {
  const { rows } = await db.query(
    `SELECT r.rolname AS lent, m.rolname AS borrower FROM pg_auth_members a
       JOIN pg_roles r ON r.oid = a.roleid JOIN pg_roles m ON m.oid = a.member
      WHERE a.member = $1 OR (a.roleid = $1 AND m.rolname <> current_user AND NOT m.rolsuper)`,
    [oid],
  );
  for (const row of rows) {
    try {
      await db.query(`REVOKE ${ident(row.lent)} FROM ${ident(row.borrower)}`);
    } catch {
      // Granted by somebody else, or locked: the role can't log in and goes with clean-up; nobody's access hangs on this.
    }
  }
}

/** Reassigns relations, drops what else the role made (and says what), drops the role. Never waits longer than the lock limit. */
export async function workOffResidue(connections: Connections, target: PgTarget, principal: string): Promise<CleanUp> {
  const name = principalIdent(principal);
  const start = await connections.onTarget(target, async (db) => {
    const role = await findRole(db, principal);
    if (!role) return undefined;
    if (role.canLogIn || (await countSessions(db, role.oid)) > 0)
      throw new TargetError('conflict', `${principal} is still in use: end it before cleaning up.`);
    return { oid: role.oid, databases: await databasesOf(db, role.oid), shared: await sharedObjects(db, role.oid) };
  });
  if (!start) return { done: true, residue: [] };
  const residue: Residue[] = [...start.shared];
  for (const database of start.databases) {
    try {
      residue.push(
        ...(await connections.inDatabase(target, database, (db) => clearDatabase(db, target, principal, start.oid))),
      );
    } catch (error) {
      residue.push({ kind: 'database', detail: `${database}: ${error instanceof Error ? error.message : 'failed'}` });
    }
  }
  return await connections.onTarget(target, async (db) => {
    try {
      await db.query(`DROP ROLE IF EXISTS ${name}`);
    } catch (error) {
      const detail = (error as { detail?: string }).detail;
      for (const line of detail?.split('\n').slice(0, MAX_RESIDUE_SHOWN) ?? [])
        residue.push({ kind: 'dependency', detail: line });
      residue.push({ kind: 'role', detail: `${principal} is disabled but could not be dropped (${codeOf(error)}).` });
    }
    const left = await findRole(db, principal);
    return { done: left === undefined, residue };
  });
}

/** Only databases that pg_shdepend names: a server can hold thousands. */
async function databasesOf(db: Connection, oid: number): Promise<string[]> {
  const { rows } = await db.query(
    `SELECT DISTINCT d.datname FROM pg_shdepend s JOIN pg_database d ON d.oid = s.dbid
      WHERE s.refclassid = 'pg_authid'::regclass AND s.refobjid = $1 AND d.datallowconn ORDER BY 1`,
    [oid],
  );
  return rows.map((row) => row.datname as string);
}
async function sharedObjects(db: Connection, oid: number): Promise<Residue[]> {
  const { rows } = await db.query(
    `SELECT i.type, i.identity FROM pg_shdepend s, pg_identify_object(s.classid, s.objid, 0) i
      WHERE s.dbid = 0 AND s.refclassid = 'pg_authid'::regclass AND s.refobjid = $1 AND s.deptype = 'o'
        AND s.classid IN ('pg_database'::regclass, 'pg_tablespace'::regclass)
     UNION ALL SELECT 'prepared transaction', format('%L in %I', gid, database) FROM pg_prepared_xacts p
      WHERE p.owner = (SELECT rolname FROM pg_roles WHERE oid = $1)`,
    [oid],
  );
  return rows.map((row) => ({ kind: row.type, detail: `${row.identity} belongs to the role; give it to somebody.` }));
}

interface Owned {
  readonly type: string;
  readonly identity: string;
  readonly isRelation: boolean;
}
/** One database in one transaction: other objects dropped and named, relations to the owner role, then DROP OWNED. */
async function clearDatabase(db: Connection, target: PgTarget, principal: string, oid: number): Promise<Residue[]> {
  const name = principalIdent(principal);
  const owner = ident(groupRoleName(target.resourceName, 'owner'));
  const { rows } = await db.query(
    `SELECT current_database() AS database, i.type, i.identity, s.classid IN ('pg_class'::regclass, 'pg_largeobject'::regclass) AS is_relation
       FROM pg_shdepend s, pg_identify_object(s.classid, s.objid, 0) i
      WHERE s.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND s.refclassid = 'pg_authid'::regclass AND s.refobjid = $1 AND s.deptype = 'o'
        AND s.classid <> 'pg_default_acl'::regclass ORDER BY s.objid DESC`,
    [oid],
  );
  const owned: Owned[] = rows.map((r) => ({ type: r.type, identity: r.identity, isRelation: r.is_relation }));
  const where = rows[0]?.database ?? '';
  const report: Residue[] = [];
  let isClear = true;
  await db.query('BEGIN');
  try {
    for (const object of owned.filter((o) => !o.isRelation)) {
      const error = await attempt(db, `DROP ${dropKind(object.type)} ${object.identity}`);
      if (error) isClear = false;
      const outcome = error ? `is left: ${error}` : 'was dropped';
      report.push({ kind: object.type, detail: `${object.identity} in ${where} ${outcome}` });
    }
    const relations = owned.filter((o) => o.isRelation);
    const error = relations.length > 0 ? await attempt(db, `REASSIGN OWNED BY ${name} TO ${owner}`) : undefined;
    if (error) isClear = false;
    if (error)
      report.push({ kind: 'relation', detail: `${relations[0]?.identity} and others in ${where} are left: ${error}` });
    // DROP OWNED destroys what is still owned: only when nothing is. What is left in between keeps the (disabled) role.
    if (isClear) {
      const dropError = await attempt(db, `DROP OWNED BY ${name}`);
      if (dropError) report.push({ kind: 'privilege', detail: `${where}: ${dropError}` });
    }
    await db.query('COMMIT');
  } catch (error) {
    await db.query('ROLLBACK').catch(() => undefined);
    throw error;
  }
  return report.slice(0, MAX_RESIDUE_SHOWN);
}

/** Runs one statement under a savepoint. Returns the server's words when it failed; connection errors are thrown. */
async function attempt(db: Connection, sql: string): Promise<string | undefined> {
  await db.query('SAVEPOINT step');
  try {
    await db.query(sql);
    return undefined;
  } catch (error) {
    if (!/^[0-9A-Z]{5}$/.test(codeOf(error))) throw error;
    await db.query('ROLLBACK TO SAVEPOINT step');
    return error instanceof Error ? error.message : 'failed';
  }
}

/** pg_identify_object's word for a kind, as DROP spells it. The identity it gives is quoted already. */
function dropKind(type: string): string {
  const spelled: Record<string, string> = {
    function: 'ROUTINE',
    procedure: 'ROUTINE',
    aggregate: 'ROUTINE',
    'statistics object': 'STATISTICS',
    'foreign-data wrapper': 'FOREIGN DATA WRAPPER',
  };
  const kind = spelled[type] ?? type.toUpperCase();
  if (!/^[A-Z ]+$/.test(kind)) throw new TargetError('refused', `No way is known to drop a ${literal(type)}.`);
  return kind;
}
