/**
 * The server's own limit. There is no end time for a user on MySQL and MariaDB; but where the resource names a schema for it, a
 * one-time event locks the user and ends its sessions at the deadline, whether the service runs by then or not.
 * The event belongs to the manager, goes with the end, and does nothing to a user that is gone.
 * Settings may name another schema, or none, while access is live: so events are looked for by name in every schema that the manager
 * sees, and one with the old deadline never cuts what was extended.
 */
import type { MysqlSettings } from '../../../../shared/contract/mysql';
import { checkPrincipalName } from '../principal-name';
import { TargetError } from '../provisioner';
import type { Connection, MysqlTarget } from './connections';
import { ident, literal, principalAccount } from './quoting';

const COMMENT = 'Made by Hallpass: ends temporary access. It goes by itself.';
const eventName = (schema: string, principal: string): string => {
  checkPrincipalName(principal);
  return `${ident(schema)}.${ident(principal)}`;
};
/** Looked at before anything is made: a limit that never comes is none. */
export async function schedulerRuns({ query }: Connection): Promise<boolean> {
  const [row] = await query<{ state: string }>('SELECT @@event_scheduler AS state');
  return String(row?.state).toUpperCase() === 'ON';
}

/** The schemas in which an event of ours for this user lies: the settings' own, and those that earlier settings named. */
async function schemasWithEvent({ query }: Connection, principal: string): Promise<string[]> {
  const found = await query<{ name: string }>(
    'SELECT EVENT_SCHEMA AS name FROM information_schema.EVENTS WHERE EVENT_NAME = ? AND EVENT_COMMENT = ?',
    [principal, COMMENT],
  );
  return found.map(({ name }) => name);
}

/**
 * Makes the event, or moves it. Where the resource names no schema there is none, also none of earlier settings.
 * Throws TargetError `refused` when the server runs no events.
 */
export async function setEvent(
  db: Connection,
  target: MysqlTarget,
  principal: string,
  validForMs: number,
): Promise<void> {
  const { deadlineSchema, userHost } = target.settings;
  const earlier = (await schemasWithEvent(db, principal)).filter((schema) => schema !== deadlineSchema);
  if (deadlineSchema !== undefined) await makeEvent(db, { principal, schema: deadlineSchema, userHost, validForMs });
  // After the new one, so that a crash here leaves an end that is too early, never none. One that stays would cut what was extended.
  for (const schema of earlier) await db.query(`DROP EVENT IF EXISTS ${eventName(schema, principal)}`);
}

async function makeEvent(
  db: Connection,
  event: {
    readonly principal: string;
    readonly schema: string;
    readonly userHost: string;
    readonly validForMs: number;
  },
): Promise<void> {
  const { principal, schema, userHost, validForMs } = event;
  if (!(await schedulerRuns(db)))
    throw new TargetError(
      'refused',
      'The server’s event scheduler is off, so the deadline would not hold. SET GLOBAL event_scheduler = ON;',
    );
  const name = eventName(schema, principal);
  const seconds = Math.max(0, Math.ceil(validForMs / 1_000));
  await db.query(`DROP EVENT IF EXISTS ${name}`);
  await db.query(
    `CREATE EVENT ${name} ON SCHEDULE AT CURRENT_TIMESTAMP + INTERVAL ${seconds} SECOND ON COMPLETION NOT PRESERVE
       COMMENT ${literal(COMMENT)} DO ${bodyFor(db, principal, userHost)}`,
  );
}

/** Shut the door, then end who is in. Going on after an error: the second must not depend on the first. */
function bodyFor({ standing }: Connection, principal: string, userHost: string): string {
  const lock = `ALTER USER IF EXISTS ${principalAccount(principal, userHost)} ACCOUNT LOCK`;
  if (standing.flavor === 'mariadb')
    return `BEGIN DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN END; ${lock}; KILL CONNECTION USER ${ident(principal)}; END`;
  return `BEGIN
    DECLARE is_over INT DEFAULT 0;
    DECLARE session_id BIGINT UNSIGNED;
    DECLARE sessions CURSOR FOR SELECT ID FROM information_schema.PROCESSLIST WHERE USER = ${literal(principal)};
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET is_over = 1;
    DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN END;
    ${lock};
    OPEN sessions;
    cutting: LOOP
      FETCH sessions INTO session_id;
      IF is_over THEN LEAVE cutting; END IF;
      KILL CONNECTION session_id;
    END LOOP;
    CLOSE sessions;
  END`;
}

/** Takes the event away, wherever it lies. What can't be seen or removed runs once, finds no user, and goes by itself. */
export async function dropEvent(db: Connection, settings: MysqlSettings, principal: string): Promise<void> {
  const named = settings.deadlineSchema === undefined ? [] : [settings.deadlineSchema];
  const found = await schemasWithEvent(db, principal).catch(() => []);
  for (const schema of new Set([...named, ...found]))
    await db.query(`DROP EVENT IF EXISTS ${eventName(schema, principal)}`).catch(() => undefined);
}
