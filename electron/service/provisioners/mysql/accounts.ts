/**
 * Where accounts, roles and privileges are written down on the server, read the same way for MySQL and MariaDB.
 * Why the grant tables and not SHOW: SHOW CREATE USER and SHOW GRANTS of others need SELECT on the whole `mysql` schema.
 */

import { isPrincipalName } from '../principal-name';
import { TargetError } from '../provisioner';
import type { Connection } from './connections';
import { markRoleFor, resourceOfMark } from './quoting';

export interface Account {
  readonly host: string;
  readonly locked: boolean;
  /** The resource its mark names; undefined when it carries no mark of ours. */
  readonly markedFor: string | undefined;
}

/** All accounts of that user name, whatever their host. */
export async function findAccounts({ query, standing }: Connection, principal: string): Promise<readonly Account[]> {
  const sql =
    standing.flavor === 'mariadb'
      ? `SELECT g.Host AS host, COALESCE(JSON_VALUE(g.Priv, '$.account_locked'), '0') IN ('1', 'true') AS locked,
           (SELECT MIN(r.Role) FROM mysql.roles_mapping r WHERE r.User = g.User AND r.Host = g.Host AND r.Role LIKE 'hallpass:%') AS mark
          FROM mysql.global_priv g
         WHERE g.User = ? AND COALESCE(JSON_VALUE(g.Priv, '$.is_role'), '0') NOT IN ('1', 'true') ORDER BY g.Host`
      : `SELECT Host AS host, account_locked = 'Y' AS locked,
           JSON_UNQUOTE(JSON_EXTRACT(User_attributes, '$.metadata.hallpass')) AS mark
          FROM mysql.user WHERE User = ? ORDER BY Host`;
  const rows = await query<{ host: string; locked: number; mark: string | null }>(sql, [principal]);
  return rows.map((row) => ({
    host: String(row.host),
    locked: Number(row.locked) === 1,
    markedFor: resourceOfMark(row.mark),
  }));
}

/** Principals of this resource: the name has our form *and* the account carries the mark of this very resource. */
export async function listPrincipals({ query, standing }: Connection, resourceId: string): Promise<readonly string[]> {
  const sql =
    standing.flavor === 'mariadb'
      ? 'SELECT DISTINCT r.User AS name FROM mysql.roles_mapping r WHERE r.Role = ? ORDER BY 1'
      : `SELECT DISTINCT User AS name FROM mysql.user
          WHERE JSON_UNQUOTE(JSON_EXTRACT(User_attributes, '$.metadata.hallpass')) = ? ORDER BY 1`;
  const rows = await query<{ name: string }>(sql, [markRoleFor(resourceId)]);
  return rows.map((row) => String(row.name)).filter(isPrincipalName);
}

export async function roleExists({ query, standing }: Connection, role: string): Promise<boolean> {
  const sql =
    standing.flavor === 'mariadb'
      ? `SELECT 1 AS yes FROM mysql.global_priv WHERE User = ? AND Host = '' AND JSON_VALUE(Priv, '$.is_role') IN ('1', 'true')`
      : `SELECT 1 AS yes FROM mysql.user WHERE User = ? AND Host = '%'`;
  return (await query(sql, [role])).length > 0;
}

/** Whether the manager may give the role to others. */
export async function canGrantRole({ query, standing }: Connection, role: string): Promise<boolean> {
  const { user, host } = standing.manager;
  const sql =
    standing.flavor === 'mariadb'
      ? `SELECT 1 AS yes FROM mysql.roles_mapping WHERE Role = ? AND User = ? AND Host = ? AND Admin_option = 'Y'`
      : `SELECT 1 AS yes FROM mysql.role_edges
          WHERE FROM_USER = ? AND FROM_HOST = '%' AND TO_USER = ? AND TO_HOST = ? AND WITH_ADMIN_OPTION = 'Y'`;
  if ((await query(sql, [role, user, host])).length > 0) return true;
  return standing.flavor === 'mysql' && (await managerRights({ query, standing })).has('ROLE_ADMIN');
}

/** Names of the manager's global privileges, as the server spells them, with `_` for blanks. */
export async function managerRights({ query, standing }: Connection): Promise<ReadonlySet<string>> {
  const { user, host } = standing.manager;
  const rows = await query<{ name: string }>(
    'SELECT PRIVILEGE_TYPE AS name FROM information_schema.USER_PRIVILEGES WHERE GRANTEE = ?',
    [`'${user}'@'${host}'`],
  );
  return new Set(rows.map((row) => String(row.name).replaceAll(' ', '_')));
}
/** SUPER stands for all of them on both, and is what old accounts have. */
export const mayEndConnections = (rights: ReadonlySet<string>): boolean =>
  rights.has('CONNECTION_ADMIN') || rights.has('SUPER');

export interface Session {
  readonly id: number;
  readonly user: string;
}
/** The server's word for a connection whose user it does not name yet. */
export const NOT_LOGGED_IN = 'unauthenticated user';

/** Throws TargetError `refused` when the manager may not see other people's connections: "none" would mean nothing then. */
export async function requireSight(db: Connection): Promise<void> {
  if (!(await managerRights(db)).has('PROCESS'))
    throw new TargetError('refused', 'The manager may not see open sessions: it needs the PROCESS privilege.');
}
/** Connections of the user, and those just logging in as somebody. By name, which one keeps when its account is dropped. */
export async function readSessions({ query }: Connection, principal: string): Promise<readonly Session[]> {
  const rows = await query<{ id: number; name: string }>(
    'SELECT ID AS id, USER AS name FROM information_schema.PROCESSLIST WHERE BINARY USER IN (?, ?)',
    [principal, NOT_LOGGED_IN],
  );
  return rows.map((row) => ({ id: Number(row.id), user: String(row.name) }));
}

/** Whether the user, by itself or through its roles, may make something that runs with its rights after it is gone. */
export async function mayLeaveObjects({ query }: Connection, principal: string): Promise<boolean> {
  // MariaDB only: MySQL refuses to drop a user that a view, routine, trigger or event still names.
  const [row] = await query<{ n: number }>(
    `WITH RECURSIVE who (name) AS (
       SELECT CAST(? AS CHAR(128)) UNION SELECT r.Role FROM mysql.roles_mapping r JOIN who w ON r.User = w.name)
     SELECT (SELECT COUNT(*) FROM mysql.db d JOIN who w ON BINARY d.User = BINARY w.name WHERE 'Y' IN
               (d.Create_view_priv, d.Create_routine_priv, d.Event_priv, d.Trigger_priv))
          + (SELECT COUNT(*) FROM mysql.tables_priv t JOIN who w ON BINARY t.User = BINARY w.name
              WHERE FIND_IN_SET('Create View', t.Table_priv) OR FIND_IN_SET('Trigger', t.Table_priv))
          + (SELECT COUNT(*) FROM mysql.global_priv g JOIN who w ON BINARY g.User = BINARY w.name
              WHERE COALESCE(JSON_VALUE(g.Priv, '$.access'), 0) <> 0) AS n`,
    [principal],
  );
  return Number(row?.n ?? 1) > 0;
}

export interface Defined {
  readonly kind: 'view' | 'routine' | 'trigger' | 'event';
  readonly name: string;
}
const DEFINED_SQL = `SELECT 'view' AS kind, TABLE_SCHEMA AS s, TABLE_NAME AS n FROM information_schema.VIEWS WHERE DEFINER = ?
  UNION ALL SELECT 'routine', ROUTINE_SCHEMA, ROUTINE_NAME FROM information_schema.ROUTINES WHERE DEFINER = ?
  UNION ALL SELECT 'trigger', TRIGGER_SCHEMA, TRIGGER_NAME FROM information_schema.TRIGGERS WHERE DEFINER = ?
  UNION ALL SELECT 'event', EVENT_SCHEMA, EVENT_NAME FROM information_schema.EVENTS WHERE DEFINER = ? LIMIT 50`;

/** What names the account as its definer, as far as the manager may see it (docs/mysql.md says which rights show all). */
export async function definedBy({ query }: Connection, principal: string, host: string): Promise<readonly Defined[]> {
  const definer = `${principal}@${host}`;
  const rows = await query<{ kind: Defined['kind']; s: string; n: string }>(DEFINED_SQL, Array(4).fill(definer));
  return rows.map((row) => ({ kind: row.kind, name: `${row.s}.${row.n}` }));
}
