/**
 * How a temporary role's access ends: nobody can log in, no session is left, read back. That is what "revoked" means; what
 * gives nobody access any more is worked off in residue.ts, and may wait behind locks for days.
 * Why sessions are cut by OID: an open session outlives NOLOGIN, VALID UNTIL and even DROP ROLE.
 */
import type { EndResult } from '../provisioner';
import { type Connection, codeOf } from './connections';
import { takeMemberships } from './memberships';
import { findRole, grantToManager, readRole } from './principal';
import { principalIdent } from './quoting';

/** Rounds of "cut what is there, look again"; each waits a little on the server, so this is about two seconds. */
const CUT_ROUNDS = 100;
const CUT_PAUSE_S = 0.02;
/** A holder can lock their own role's row by changing their password in an open transaction: cut, then try again. */
const SHUT_ATTEMPTS = 6;
const SHUT_LOCK_LIMIT_MS = 400;

/** No new log-in, every session cut, read back. `lastOid` is the role's OID as last seen, for a role somebody else dropped. */
export async function endAccess(db: Connection, principal: string, lastOid: number | undefined): Promise<EndResult> {
  const role = await findRole(db, principal);
  const oid = role?.oid ?? lastOid;
  let sessionsCut = 0;
  if (role) sessionsCut += await shutOrCut(db, principal, role.oid);
  if (role) await becomeMember(db, principal, role.oid);
  if (oid !== undefined) sessionsCut += await cutSessions(db, oid);
  else sessionsCut += await cutNameless(db);
  if (role) await takeMemberships(db, role.oid);
  const readBack = await readRole(db, principal, oid);
  const nameless = oid === undefined ? await countNameless(db) : 0;
  return { sessionsCut, readBack: { ...readBack, sessionCount: readBack.sessionCount + nameless } };
}

/**
 * A role that somebody else made (16 and newer: without ADMIN on it) can't be shut by us. Its sessions are cut all the same
 * where we may, before the refusal is passed on: what is open now is then gone, and the server's own deadline holds for the rest.
 */
async function shutOrCut(db: Connection, principal: string, oid: number): Promise<number> {
  try {
    return await shut(db, principal, oid);
  } catch (error) {
    if (codeOf(error) !== '42501') throw error;
    await becomeMember(db, principal, oid);
    await cutSessions(db, oid).catch(() => undefined); // the refusal is what has to be told
    throw error;
  }
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
