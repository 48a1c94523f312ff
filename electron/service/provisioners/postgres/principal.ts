/**
 * One temporary role for one grant: made, prolonged, read back, listed. How it ends is in ending.ts.
 * Rights come from membership in the level's group role alone (never a grant on a table: those would have to be found and undone).
 */
import type { PostgresCredential } from '../../../../shared/contract/credential';
import type { Random } from '../../../../shared/domain/instant';
import { isPrincipalName } from '../principal-name';
import { type CreateOrder, type ReadBack, TargetError } from '../provisioner';
import { type Connection, codeOf, type PgTarget } from './connections';
import { ident, literal, markFor, principalIdent, resourceOfMark } from './quoting';
import { newLogin } from './scram';

/** Two creations of the same principal at once, or a role dropped between look and change: look again, this often. */
const CREATE_ATTEMPTS = 3;
export const FIRST_MAJOR_WITH_SET_OPTION = 16;

export interface FoundRole {
  readonly oid: number;
  readonly canLogIn: boolean;
  /** The resource its mark names; undefined when it carries no mark of ours. */
  readonly markedFor: string | undefined;
}

/** The role of that name, by the catalog that everybody may read. */
export async function findRole(db: Connection, principal: string): Promise<FoundRole | undefined> {
  const { rows } = await db.query(
    `SELECT oid, rolcanlogin, shobj_description(oid, 'pg_authid') AS mark FROM pg_roles WHERE rolname = $1`,
    [principal],
  );
  const row = rows[0];
  return row && { oid: Number(row.oid), canLogIn: row.rolcanlogin === true, markedFor: resourceOfMark(row.mark) };
}

/** Sessions are counted by the role's OID: after somebody dropped the role, its name finds none of them. */
export async function countSessions(db: Connection, oid: number): Promise<number> {
  const { rows } = await db.query(
    'SELECT count(*)::int AS n FROM pg_stat_activity WHERE usesysid = $1 AND pid <> pg_backend_pid()',
    [oid],
  );
  return rows[0]?.n ?? 0;
}

/** What the target says now. `canLogIn` is the role's LOGIN alone: VALID UNTIL holds for passwords only, so it proves no end. */
export async function readRole(db: Connection, principal: string, lastOid: number | undefined): Promise<ReadBack> {
  const role = await findRole(db, principal);
  const oid = role?.oid ?? lastOid;
  return {
    exists: role !== undefined,
    canLogIn: role?.canLogIn ?? false,
    sessionCount: oid === undefined ? 0 : await countSessions(db, oid),
  };
}

interface Answers {
  readonly validUntil: string;
  readonly major: number;
  readonly levelExists: boolean;
  readonly inRecovery: boolean;
}
/** The target's own clock decides: `validUntil` is counted from its `clock_timestamp()`, not from ours. */
async function ask(db: Connection, order: CreateOrder): Promise<Answers> {
  const { rows } = await db.query(
    `SELECT (clock_timestamp() + $1 * interval '1 millisecond')::text AS valid_until,
            current_setting('server_version_num')::int / 10000 AS major,
            EXISTS (SELECT FROM pg_roles WHERE rolname = $2) AS level_exists, pg_is_in_recovery() AS in_recovery`,
    [order.validForMs, order.level.targetRole],
  );
  const row = rows[0];
  return {
    validUntil: row.valid_until,
    major: row.major,
    levelExists: row.level_exists,
    inRecovery: row.in_recovery,
  };
}

/** Where people connect: the pooler when there is one. */
export const clientAddress = ({ host, port, clientHost, clientPort }: PgTarget['settings']) => ({
  host: clientHost ?? host,
  port: clientPort ?? port,
});

/** Makes the role, or gives an existing one of this grant a new password and deadline. One implicit transaction. */
export async function createRole(
  db: Connection,
  target: PgTarget,
  order: CreateOrder,
  random: Random,
): Promise<{ credential: PostgresCredential; oid: number }> {
  const answers = await ask(db, order);
  if (answers.inRecovery)
    throw new TargetError('refused', 'This server is a read-only replica; name the primary, where roles can be made.');
  if (!answers.levelExists)
    throw new TargetError('refused', `The role ${order.level.targetRole} of this level is not on the target.`);
  const { password, verifier } = await newLogin(random);
  for (let attempt = 1; ; attempt++) {
    const existing = await findRole(db, order.principal);
    if (existing && existing.markedFor !== target.resourceId)
      throw new TargetError('conflict', `A role ${order.principal} is there that was not made for this resource.`);
    try {
      await db.query(statements(target, order, answers, verifier, existing ? 'change' : 'make'));
      break;
    } catch (error) {
      const isRace = ['42710', '42704', '23505', 'XX000'].includes(codeOf(error));
      if (!isRace || attempt >= CREATE_ATTEMPTS) throw error;
    }
  }
  const made = await findRole(db, order.principal);
  if (!made?.canLogIn)
    throw new TargetError('conflict', 'The role was made, but reading it back says it can not log in.');
  const { database, tls, caCertificate } = target.settings;
  const place = { ...clientAddress(target.settings), database, tls, ...(caCertificate ? { caCertificate } : {}) };
  return { oid: made.oid, credential: { kind: 'postgres', ...place, user: order.principal, password } };
}

function statements(
  target: PgTarget,
  order: CreateOrder,
  answers: Answers,
  verifier: string,
  what: 'make' | 'change',
): string {
  const role = principalIdent(order.principal);
  const login = `LOGIN INHERIT CONNECTION LIMIT ${target.settings.connectionLimit} PASSWORD ${literal(verifier)} VALID UNTIL ${literal(answers.validUntil)}`;
  const hasSetOption = answers.major >= FIRST_MAJOR_WITH_SET_OPTION;
  return [
    `${what === 'make' ? 'CREATE' : 'ALTER'} ROLE ${role} ${login}`,
    `COMMENT ON ROLE ${role} IS ${literal(markFor(target.resourceId))}`,
    // Without SET the holder can't become the level role, so can own nothing in its name and leave no way in behind.
    `GRANT ${ident(order.level.targetRole)} TO ${role}${hasSetOption ? ' WITH INHERIT TRUE, SET FALSE' : ''}`,
    grantToManager(order.principal, answers.major),
  ].join(';\n');
}

/** The manager ends sessions and takes over objects as a member; granted at once, so that an end never waits for a grant. */
export const grantToManager = (principal: string, major: number): string =>
  `GRANT ${principalIdent(principal)} TO CURRENT_USER${major >= FIRST_MAJOR_WITH_SET_OPTION ? ' WITH INHERIT TRUE, SET TRUE' : ''}`;

/** Moves VALID UNTIL to `validForMs` from the target's now. Throws TargetError `conflict` when the role is not there. */
export async function moveDeadline(db: Connection, principal: string, validForMs: number): Promise<void> {
  const name = principalIdent(principal);
  const { rows } = await db.query(`SELECT (clock_timestamp() + $1 * interval '1 millisecond')::text AS valid_until`, [
    validForMs,
  ]);
  try {
    await db.query(`ALTER ROLE ${name} VALID UNTIL ${literal(rows[0].valid_until)}`);
  } catch (error) {
    if (codeOf(error) === '42704') throw new TargetError('conflict', `The role ${principal} is not on the target.`);
    throw error;
  }
}

/** Principals of this resource: the name has our form *and* the role carries the mark of this very resource. */
export async function listRoles(db: Connection, resourceId: string): Promise<string[]> {
  const { rows } = await db.query(
    `SELECT rolname, shobj_description(oid, 'pg_authid') AS mark FROM pg_roles
      WHERE left(rolname, 3) = 'hp_' ORDER BY rolname`,
  );
  return rows
    .filter((row) => isPrincipalName(row.rolname as string) && resourceOfMark(row.mark) === resourceId)
    .map((row) => row.rolname as string);
}
