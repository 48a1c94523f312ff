/**
 * How a temporary user ends: lock, end every connection until none is left, take it away, read back.
 * Why lock first: DROP USER ends no session and an open one keeps its rights; and who logs in meanwhile would stay.
 * Why connections that are only just logging in count too: the server looks up the account when a log-in begins and checks that
 * copy when it completes, up to `connect_timeout` later, whatever has become of the account. A holder could begin one before the
 * end and complete it after. MariaDB lists such a connection under the user's name at once, MySQL under nobody's.
 * What can't be taken away at once (something names the user as its definer) stays locked, without rights, as residue.
 */
import { type CleanUp, type EndResult, TargetError } from '../provisioner';
import { definedBy, findAccounts, mayLeaveObjects, NOT_LOGGED_IN, readSessions, requireSight } from './accounts';
import { type Connection, ERROR, type MysqlTarget, numberOf } from './connections';
import { dropEvent } from './deadline';
import { principalAccount } from './quoting';
import { roleInSql } from './standing';
import { lockUser, oneAtATime, readUser } from './users';

/** Rounds of "cut what is there, look again"; each waits a little on the server, so this is about two seconds. */
const CUT_ROUNDS = 60;
const CUT_PAUSE_S = 0.02;
/** Others may be logging in too: they get this many rounds (about half a second) before what hangs is cut. */
const PATIENT_ROUNDS = 20;

type Residue = { kind: string; detail: string };

/** No new log-in, every session cut, the user gone or without rights, read back. Fine on something already gone. */
export function endAccess(db: Connection, target: MysqlTarget, principal: string): Promise<EndResult> {
  return oneAtATime(db, principal, async () => {
    const accounts = await lockUser(db, principal);
    const sessionsCut = await cutSessions(db, principal);
    for (const { host } of accounts) await takeAway(db, principal, host);
    await dropEvent(db, target.settings, principal);
    return { sessionsCut, readBack: await readUser(db, principal) };
  });
}

/**
 * Cuts until two looks in a row, a pause apart, find none of the user's and no log-in that began before the lock. Returns how many
 * sessions there were. A connection that is rolling back stays on the list until it is done; the read-back then counts it.
 */
async function cutSessions(db: Connection, principal: string): Promise<number> {
  await requireSight(db);
  const cut = new Set<number>();
  const before = db.standing.flavor === 'mysql' ? await readSessions(db, principal) : [];
  const pending = new Set(before.filter(({ user }) => user === NOT_LOGGED_IN).map(({ id }) => id));
  for (let round = 0, quiet = 0; round < CUT_ROUNDS && quiet < 2; round++) {
    const sessions = await readSessions(db, principal);
    const own = sessions.filter(({ user }) => user === principal);
    const begun = sessions.filter(({ user, id }) => user === NOT_LOGGED_IN && pending.has(id));
    for (const { id } of own) cut.add(id);
    for (const { id } of round >= PATIENT_ROUNDS ? [...own, ...begun] : own) await kill(db, id);
    quiet = own.length + begun.length === 0 ? quiet + 1 : 0;
    if (quiet < 2) await db.query(`DO SLEEP(${CUT_PAUSE_S})`);
  }
  return cut.size;
}

async function kill(db: Connection, id: number): Promise<void> {
  try {
    await db.query(`KILL CONNECTION ${Number(id)}`);
  } catch (error) {
    if (numberOf(error) !== ERROR.noSuchThread) throw error; // gone by itself meanwhile
  }
}

/** Drops the account, or, when it may have left something that runs with its rights, takes those rights away first. */
async function takeAway(db: Connection, principal: string, host: string): Promise<void> {
  if (db.standing.flavor === 'mysql') {
    if (await dropped(db, principal, host)) return;
    await db
      .query(`REVOKE ALL PRIVILEGES, GRANT OPTION FROM ${principalAccount(principal, host)}`)
      .catch(() => undefined);
    return await takeRoles(db, principal, host);
  }
  // Can't be learned: the rights go, and clean-up looks for what it left.
  const mayLeave = await mayLeaveObjects(db, principal).catch(() => true);
  if (mayLeave) await takeRoles(db, principal, host);
  else await dropped(db, principal, host);
}

/** False when MySQL says that something names the user as its definer. */
async function dropped(db: Connection, principal: string, host: string): Promise<boolean> {
  try {
    await db.query(`DROP USER IF EXISTS ${principalAccount(principal, host)}`);
    return true;
  } catch (error) {
    if (numberOf(error) === ERROR.usedAsDefiner) return false;
    throw error;
  }
}

/** All roles but the mark, by which the account is still known as ours. What can't be revoked goes with the account. */
async function takeRoles(db: Connection, principal: string, host: string): Promise<void> {
  const { query, standing } = db;
  const sql =
    standing.flavor === 'mariadb'
      ? `SELECT Role AS name FROM mysql.roles_mapping WHERE User = ? AND Host = ? AND Role NOT LIKE 'hallpass:%'`
      : 'SELECT FROM_USER AS name FROM mysql.role_edges WHERE TO_USER = ? AND TO_HOST = ?';
  for (const { name } of await query<{ name: string }>(sql, [principal, host]))
    await query(`REVOKE ${roleInSql(standing.flavor, name)} FROM ${principalAccount(principal, host)}`).catch(
      () => undefined,
    );
}

/** Drops what `endAccess` had to leave, and says what keeps it from going. */
export function workOffResidue(db: Connection, target: MysqlTarget, principal: string): Promise<CleanUp> {
  return oneAtATime(db, principal, async () => {
    const before = await readUser(db, principal);
    if (before.canLogIn || before.sessionCount > 0)
      throw new TargetError('conflict', `${principal} is still in use: end it before cleaning up.`);
    await dropEvent(db, target.settings, principal);
    const residue: Residue[] = [];
    for (const { host } of await findAccounts(db, principal)) {
      const left = await definedBy(db, principal, host);
      residue.push(...left.map(({ kind, name }) => ({ kind, detail: sentenceOf(kind, name) })));
      if (left.length > 0) continue;
      if (!(await dropped(db, principal, host)))
        residue.push({
          kind: 'user',
          detail: `${principal} is locked; a view, routine, trigger or event that the manager can not see names it as its definer.`,
        });
    }
    return { done: (await findAccounts(db, principal)).length === 0, residue };
  });
}

const sentenceOf = (kind: string, name: string): string =>
  `${name} is a ${kind} that runs as the ended user, so it no longer works: make it again with another DEFINER, or drop it.`;
