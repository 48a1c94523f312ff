/**
 * What a temporary role left behind on the server, worked off after its access has ended: in each database its tables go to
 * the owner role, other objects are dropped and named, its privileges go, then the role. Nothing here gives anybody access any
 * more, so it may wait behind locks, closed databases or somebody's decision; what can't be done yet is reported.
 */
import type { CleanUp } from '../provisioner';
import { TargetError } from '../provisioner';
import { type Connection, type Connections, codeOf, type PgTarget } from './connections';
import { membershipsOf, takeMemberships } from './memberships';
import { countSessions, findRole } from './principal';
import { groupRoleName, ident, literal, principalIdent } from './quoting';

const MAX_RESIDUE_SHOWN = 50;

type Residue = { kind: string; detail: string };

/** What stands in the way, as the server knows it before anything is done. */
interface Start {
  readonly oid: number;
  readonly databases: readonly string[];
  /** Things that only somebody else can settle. While one is left, the role stays: its name says whose they are. */
  readonly waiting: readonly Residue[];
  /** Whether it granted something to others that could not be taken back right away. */
  readonly hasGranted: boolean;
}

/** Reassigns relations, drops what else the role made (and says what), drops the role. Never waits longer than the lock limit. */
export async function workOffResidue(connections: Connections, target: PgTarget, principal: string): Promise<CleanUp> {
  const name = principalIdent(principal);
  const start = await connections.onTarget(target, (db) => lookAround(db, target, principal));
  if (!start) return { done: true, residue: [] };
  const residue: Residue[] = [...start.waiting];
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
    for (const { lent, borrower, isByRole } of start.hasGranted ? await membershipsOf(db, start.oid) : [])
      if (isByRole)
        residue.push({
          kind: 'membership',
          detail: `${borrower} still has ${lent}, which the role granted; revoke it.`,
        });
    try {
      if (start.waiting.length === 0) await db.query(`DROP ROLE IF EXISTS ${name}`);
    } catch (error) {
      const detail = (error as { detail?: string }).detail;
      for (const line of detail?.split('\n').slice(0, MAX_RESIDUE_SHOWN) ?? [])
        residue.push({ kind: 'dependency', detail: line });
      residue.push({ kind: 'role', detail: `${principal} is disabled but could not be dropped (${codeOf(error)}).` });
    }
    const left = await findRole(db, principal);
    return { done: left === undefined, residue: residue.slice(0, MAX_RESIDUE_SHOWN) };
  });
}

async function lookAround(db: Connection, target: PgTarget, principal: string): Promise<Start | undefined> {
  const role = await findRole(db, principal);
  if (!role) return undefined;
  if (role.canLogIn || (await countSessions(db, role.oid)) > 0)
    throw new TargetError('conflict', `${principal} is still in use: end it before cleaning up.`);
  const lent = await takeMemberships(db, role.oid);
  const hasGranted = lent > 0 && (await membershipsOf(db, role.oid)).some((membership) => membership.isByRole);
  const all = await databasesOf(db, role.oid);
  const open = all.filter((database) => database.isOpen).map((database) => database.name);
  // Privileges on a database itself, or on memberships, belong to no database: they are dropped from any, so from ours.
  if (!open.includes(target.settings.database) && (await hasSharedPrivileges(db, role.oid)))
    open.push(target.settings.database);
  const closed = all.filter((database) => !database.isOpen);
  const waiting = closed.map(({ name }) => ({
    kind: 'database',
    detail: `${name} takes no connections; what the role left there waits until it does.`,
  }));
  return { oid: role.oid, databases: open, waiting: [...waiting, ...(await sharedObjects(db, role.oid))], hasGranted };
}

async function hasSharedPrivileges(db: Connection, oid: number): Promise<boolean> {
  const { rows } = await db.query(
    `SELECT EXISTS (SELECT FROM pg_shdepend WHERE dbid = 0 AND refclassid = 'pg_authid'::regclass
        AND refobjid = $1 AND deptype = 'a') AS yes`,
    [oid],
  );
  return rows[0]?.yes === true;
}

/** Only databases where the catalog names something of the role: a server can hold thousands. */
async function databasesOf(db: Connection, oid: number): Promise<{ name: string; isOpen: boolean }[]> {
  const { rows } = await db.query(
    `SELECT d.datname, d.datallowconn AS open FROM pg_database d WHERE d.oid IN (
        SELECT dbid FROM pg_shdepend WHERE refclassid = 'pg_authid'::regclass AND refobjid = $1
        UNION SELECT subdbid FROM pg_subscription WHERE subowner = $1) ORDER BY 1`,
    [oid],
  );
  return rows.map((row) => ({ name: row.datname, isOpen: row.open }));
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
  return rows.map((row) => {
    const what = row.type === 'prepared transaction' ? 'commit it or roll it back.' : 'give it to somebody.';
    return { kind: row.type, detail: `${row.identity} belongs to the role; ${what}` };
  });
}

interface Owned {
  readonly type: string;
  readonly identity: string;
  readonly isRelation: boolean;
}
/** One database in one transaction: other objects dropped and named, relations to the owner role, then DROP OWNED. */
async function clearDatabase(db: Connection, target: PgTarget, principal: string, oid: number): Promise<Residue[]> {
  const name = principalIdent(principal);
  const { rows } = await db.query(
    `SELECT i.type, i.identity, s.classid IN ('pg_class'::regclass, 'pg_largeobject'::regclass) AS is_relation
       FROM pg_shdepend s, pg_identify_object(s.classid, s.objid, 0) i
      WHERE s.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND s.refclassid = 'pg_authid'::regclass AND s.refobjid = $1 AND s.deptype = 'o'
        AND s.classid <> 'pg_default_acl'::regclass ORDER BY s.objid DESC`,
    [oid],
  );
  const owned: Owned[] = rows.map((r) => ({ type: r.type, identity: r.identity, isRelation: r.is_relation }));
  const where: string = (await db.query('SELECT current_database() AS name')).rows[0].name;
  const report: Residue[] = await dropSubscriptions(db, oid, where);
  await db.query('BEGIN');
  try {
    report.push(...(await clearOwned(db, target, name, where, owned)));
    // DROP OWNED destroys what is still owned: only when nothing is. What is left in between keeps the (disabled) role.
    if (!(await ownsHere(db, oid))) {
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

/**
 * Objects that can act (functions, triggers, types with functions …) are dropped; only when none is left do the others
 * change hands, so that no code of a holder is ever run in the owner role's name.
 */
async function clearOwned(
  db: Connection,
  target: PgTarget,
  name: string,
  where: string,
  owned: readonly Owned[],
): Promise<Residue[]> {
  const owner = ident(groupRoleName(target.resourceName, 'owner'));
  const report: Residue[] = [];
  const kept: Owned[] = owned.filter((object) => object.isRelation);
  let isHarmless = true;
  for (const object of owned.filter((o) => !o.isRelation)) {
    const error = await attempt(db, `DROP ${dropKind(object.type)} ${object.identity}`);
    if (error && object.type === 'schema') {
      kept.push(object); // it holds tables: it goes where they go
      continue;
    }
    if (error) isHarmless = false;
    const outcome = error ? `is left: ${error}` : 'was dropped';
    report.push({ kind: object.type, detail: `${object.identity} in ${where} ${outcome}` });
  }
  if (kept.length === 0) return report;
  const error = isHarmless ? await attempt(db, `REASSIGN OWNED BY ${name} TO ${owner}`) : 'objects above come first';
  if (error) {
    const others = kept.length > 1 ? ` and ${kept.length - 1} more` : '';
    report.push({ kind: 'relation', detail: `${kept[0]?.identity}${others} in ${where} left: ${error}` });
  }
  return report;
}

async function ownsHere(db: Connection, oid: number): Promise<boolean> {
  const { rows } = await db.query(
    `SELECT EXISTS (SELECT FROM pg_shdepend WHERE refclassid = 'pg_authid'::regclass AND refobjid = $1 AND deptype = 'o'
        AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND classid <> 'pg_default_acl'::regclass) AS yes`,
    [oid],
  );
  return rows[0]?.yes === true;
}

/**
 * A subscription belongs to the whole server but is dropped from its database. Its slot stays on the publisher, which we
 * don't know: dropping it there is said, not done. (Its worker ended with the role's log-in.)
 */
async function dropSubscriptions(db: Connection, oid: number, where: string): Promise<Residue[]> {
  const { rows } = await db.query(
    `SELECT subname FROM pg_subscription WHERE subowner = $1
        AND subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())`,
    [oid],
  );
  const report: Residue[] = [];
  for (const { subname } of rows) {
    const subscription = ident(subname);
    await db.query('BEGIN');
    const steps = ['DISABLE', 'SET (slot_name = NONE)'].map((what) => `ALTER SUBSCRIPTION ${subscription} ${what}`);
    const error = await attempt(db, [...steps, `DROP SUBSCRIPTION ${subscription}`].join('; '));
    await db.query('COMMIT');
    const outcome = error ? `is left: ${error}` : 'was dropped; its slot may be left on the publisher';
    report.push({ kind: 'subscription', detail: `${subname} in ${where} ${outcome}` });
  }
  return report;
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
