/**
 * One temporary user for one grant: made, made again, read back. How it ends is in ending.ts.
 * Rights come from the level's role alone, which is the user's default role, so that they hold from the first statement on.
 * The order of the steps is what makes a crash harmless: the user is locked until it carries the mark and the role.
 */
import { createHash } from 'node:crypto';
import type { MysqlCredential } from '../../../../shared/contract/mysql';
import type { Random } from '../../../../shared/domain/instant';
import { checkPrincipalName } from '../principal-name';
import { type CreateOrder, type ReadBack, TargetError } from '../provisioner';
import {
  type Account,
  canGrantRole,
  findAccounts,
  listPrincipals,
  readSessions,
  requireSight,
  roleExists,
} from './accounts';
import { type Connection, type Connections, ERROR, type MysqlTarget, numberOf } from './connections';
import { setEvent } from './deadline';
import { ident, literal, markRoleFor, principalAccount } from './quoting';
import { roleInSql } from './standing';

/** Somebody drops or makes the same user between our look and our statement: look again, this often. */
const CREATE_ATTEMPTS = 3;
/** How long one service waits for another one's work on the same user, in seconds. */
const LOCK_WAIT_S = 5;

/** Lets one at a time work on a principal, over all services that share the target. Goes on without the lock when it takes too long. */
export async function oneAtATime<T>(db: Connection, principal: string, work: () => Promise<T>): Promise<T> {
  checkPrincipalName(principal);
  const name = `hallpass:${principal}`;
  await db.query(`DO GET_LOCK(?, ${LOCK_WAIT_S})`, [name]);
  const result = await work(); // a failure ends the connection, and the lock with it
  await db.query('DO RELEASE_LOCK(?)', [name]);
  return result;
}

/** 32 random bytes, in letters that no option file or shell has to quote; the start satisfies servers that ask for one of each kind. */
export const newPassword = (random: Random): string => `Hp1-${Buffer.from(random.bytes(32)).toString('base64url')}`;

/** What MariaDB stores of a password: so that the password itself is never in a statement. */
export function nativeHash(password: string): string {
  const once = createHash('sha1').update(password, 'utf8').digest();
  return `*${createHash('sha1').update(once).digest('hex').toUpperCase()}`;
}

/** Makes the user, or gives an existing one of this grant a new password. Proves by reading back that it may log in. */
export async function createUser(
  connections: Connections,
  target: MysqlTarget,
  order: CreateOrder,
  random: Random,
): Promise<MysqlCredential> {
  const { principal } = order;
  const password = newPassword(random);
  await connections.onTarget(target, async (db) => {
    if (db.standing.readOnly)
      throw new TargetError(
        'refused',
        'This server is read-only (a replica?); name the primary, where users can be made.',
      );
    if (!(await roleExists(db, order.level.targetRole)))
      throw new TargetError('refused', `The role ${order.level.targetRole} of this level is not on the target.`);
    await oneAtATime(db, principal, () => makeUsable(connections, target, db, order, password));
  });
  const { host, port, schemas, tls, caCertificate } = target.settings;
  const place = { host, port, tls, database: schemas[0] ?? '', ...(caCertificate ? { caCertificate } : {}) };
  return { kind: 'mysql', ...place, user: principal, password };
}

async function makeUsable(
  connections: Connections,
  target: MysqlTarget,
  db: Connection,
  order: CreateOrder,
  password: string,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      if (db.standing.flavor === 'mysql') await makeOnMysql(db, target, order, password);
      else await makeOnMariadb(connections, db, target, order, password);
      break;
    } catch (error) {
      if (numberOf(error) !== ERROR.cannotUser || attempt >= CREATE_ATTEMPTS) throw error;
    }
  }
  const made = await findAccounts(db, order.principal);
  const isRight = made.some(
    (a) => !a.locked && a.host === target.settings.userHost && a.markedFor === target.resourceId,
  );
  if (!isRight) throw new TargetError('conflict', 'The user was made, but reading it back says it can not log in.');
}

/** The account that is there already, if it is ours to use again. */
async function ownAccount(db: Connection, target: MysqlTarget, principal: string): Promise<Account | undefined> {
  const found = await findAccounts(db, principal);
  // Locked and without a mark is what a crash leaves between the first two statements on MariaDB.
  const foreign = found.find((a) => a.markedFor !== target.resourceId && (a.markedFor !== undefined || !a.locked));
  if (foreign)
    throw new TargetError(
      'conflict',
      `A user ${principal}@${foreign.host} is there that was not made for this resource.`,
    );
  const [own, ...others] = found;
  for (const other of others) await db.query(`DROP USER IF EXISTS ${principalAccount(principal, other.host)}`);
  return own;
}

/** The server itself refuses an unencrypted log-in: MariaDB's programs before 11.4 go on without TLS when they are not to check a name. */
const limitsOf = ({ settings: { tls, connectionLimit } }: MysqlTarget): string =>
  `REQUIRE ${tls === 'require' || tls === 'verify-full' ? 'SSL' : 'NONE'} WITH MAX_USER_CONNECTIONS ${connectionLimit}`;

async function makeOnMysql(db: Connection, target: MysqlTarget, order: CreateOrder, password: string): Promise<void> {
  const { principal } = order;
  const own = await ownAccount(db, target, principal);
  const user = principalAccount(principal, target.settings.userHost);
  if (own && own.host !== target.settings.userHost)
    await db.query(`RENAME USER ${principalAccount(principal, own.host)} TO ${user}`);
  const attribute = literal(JSON.stringify({ hallpass: markRoleFor(target.resourceId) }));
  // The server keeps passwords out of its own logs; on the way they are protected by TLS (docs/mysql.md).
  await db.query(
    `${own ? 'ALTER' : 'CREATE'} USER ${user} IDENTIFIED BY ${literal(password)} ${limitsOf(target)} PASSWORD EXPIRE NEVER ACCOUNT LOCK ATTRIBUTE ${attribute}`,
  );
  const role = roleInSql('mysql', order.level.targetRole);
  await db.query(`GRANT ${role} TO ${user}`);
  await db.query(`ALTER USER ${user} DEFAULT ROLE ${role}`);
  await setEvent(db, target, principal, order.validForMs);
  await db.query(`ALTER USER ${user} ACCOUNT UNLOCK`);
}

/**
 * On MariaDB a default role is set by the user itself, or by somebody who may write the `mysql` schema, which is as good as being
 * root. So the new user logs in once, from this very host, and sets it; then it moves to the host that holders come from.
 */
async function makeOnMariadb(
  connections: Connections,
  db: Connection,
  target: MysqlTarget,
  order: CreateOrder,
  password: string,
): Promise<void> {
  const { principal, level } = order;
  const holderHost = target.settings.userHost;
  const ownHost = holderHost === '%' ? '%' : db.standing.manager.clientHost;
  const own = await ownAccount(db, target, principal);
  const user = principalAccount(principal, ownHost);
  if (own && own.host !== ownHost) await db.query(`RENAME USER ${principalAccount(principal, own.host)} TO ${user}`);
  const what = `${own ? 'ALTER' : 'CREATE'} USER ${user}`;
  const rest = `${limitsOf(target)} ACCOUNT LOCK PASSWORD EXPIRE NEVER`;
  try {
    await db.query(`${what} IDENTIFIED VIA mysql_native_password USING ${literal(nativeHash(password))} ${rest}`);
  } catch (error) {
    // A server that checks the strength of passwords wants to see this one.
    if (numberOf(error) !== ERROR.optionPreventsStatement || !/strict.password/i.test(String(error))) throw error;
    await db.query(`${what} IDENTIFIED BY ${literal(password)} ${rest}`);
  }
  const mark = await grantableMark(db, target.resourceId);
  for (const role of [mark, level.targetRole]) await db.query(`GRANT ${ident(role)} TO ${user}`);
  await setEvent(db, target, principal, order.validForMs);
  await db.query(`ALTER USER ${user} ACCOUNT UNLOCK`);
  await connections.loggedInAs(target, principal, password, (query) =>
    query(`SET DEFAULT ROLE ${ident(level.targetRole)}`),
  );
  if (ownHost !== holderHost) await db.query(`RENAME USER ${user} TO ${principalAccount(principal, holderHost)}`);
}
/**
 * The role that marks users of this resource, which the manager can grant. Another manager's that marks nobody is made anew:
 * by one at a time, or the very first grants of a resource would take each other's mark away.
 */
async function grantableMark(db: Connection, resourceId: string): Promise<string> {
  const mark = markRoleFor(resourceId);
  if (await canGrantRole(db, mark)) return mark;
  const [lock] = await db.query<{ got: unknown }>(`SELECT GET_LOCK(?, ${LOCK_WAIT_S}) AS got`, [mark]);
  if (Number(lock?.got) !== 1)
    throw new TargetError('unreachable', 'Another creation on this resource takes too long; this one is tried again.');
  if (!(await canGrantRole(db, mark))) await makeMark(db, resourceId, mark);
  await db.query('DO RELEASE_LOCK(?)', [mark]); // a failure ends the connection, and the lock with it
  return mark;
}
async function makeMark(db: Connection, resourceId: string, mark: string): Promise<void> {
  if ((await roleExists(db, mark)) && (await listPrincipals(db, resourceId)).length === 0)
    await db.query(`DROP ROLE IF EXISTS ${ident(mark)}`);
  await db.query(`CREATE ROLE IF NOT EXISTS ${ident(mark)}`).catch(unlessRace);
}
/** Another service made the same role in the same moment. */
const unlessRace = (error: unknown): void => {
  if (numberOf(error) !== ERROR.cannotUser) throw error;
};

/** What the server says now. An account that is locked can't log in; nothing else proves that. */
export async function readUser(db: Connection, principal: string): Promise<ReadBack> {
  checkPrincipalName(principal);
  await requireSight(db);
  const accounts = await findAccounts(db, principal);
  const sessions = (await readSessions(db, principal)).filter(({ user }) => user === principal);
  return {
    exists: accounts.length > 0,
    canLogIn: accounts.some((found) => !found.locked),
    sessionCount: sessions.length,
  };
}

/**
 * There is no end time for a user on MySQL and MariaDB, so there is nothing to move; but an extension of what is gone must not pass
 * for one. Throws TargetError `conflict` when the user is not there, or shut already.
 */
export async function checkExtendable(db: Connection, principal: string): Promise<void> {
  const accounts = await findAccounts(db, principal);
  if (accounts.length === 0) throw new TargetError('conflict', `The user ${principal} is not on the target.`);
  if (accounts.every((found) => found.locked))
    throw new TargetError('conflict', `The user ${principal} is locked: it has been ended.`);
}
/** No new log-in from now on. Fine on something already gone. */
export async function lockUser(db: Connection, principal: string): Promise<readonly Account[]> {
  const accounts = await findAccounts(db, principal);
  for (const { host } of accounts)
    await db.query(`ALTER USER IF EXISTS ${principalAccount(principal, host)} ACCOUNT LOCK`);
  return accounts;
}
