/**
 * What the manager needs on a target, and whether it has it. What can be tried is tried (there are no transactions around users,
 * so the trial user is real, locked, and dropped); each failed check comes with the statement that mends it.
 */

import type { ConnectionReport } from '../../../../shared/contract/resources';
import type { Random } from '../../../../shared/domain/instant';
import { type Check, fine, wrong } from '../checks';
import { TRIAL_PRINCIPAL } from '../principal-name';
import { canGrantRole, managerRights, mayEndConnections, roleExists } from './accounts';
import { asTargetError, type Connection, type MysqlTarget, numberOf } from './connections';
import { schedulerRuns } from './deadline';
import { hasRights, PURPOSES, RIGHTS, unseenSchemas } from './levels';
import { account, groupRoleName, ident, literal, markRoleFor, schemaInGrant } from './quoting';
import { type Flavor, isAtLeast, OLDEST, PRODUCT, roleInSql } from './standing';
import { newPassword, oneAtATime } from './users';

/** Privileges that make a level more than it says. */
const MAKES_OBJECTS = ['Create_view_priv', 'Create_routine_priv', 'Event_priv', 'Trigger_priv', 'Grant_priv'] as const;

/** Tables (and columns) of the `mysql` schema that are read. */
const READ: Readonly<Record<Flavor, readonly { readonly table: string; readonly columns: string }[]>> = {
  mariadb: [
    { table: 'global_priv', columns: '' },
    { table: 'roles_mapping', columns: '' },
    { table: 'db', columns: '' },
    { table: 'tables_priv', columns: '' },
  ],
  mysql: [
    { table: 'user', columns: ' (User, Host, account_locked, User_attributes)' },
    { table: 'role_edges', columns: '' },
    { table: 'db', columns: '' },
  ],
};

/** Checks a connection and the manager's rights. `connect` failures are the caller's to report (there is no connection). */
export async function checkManager(db: Connection, target: MysqlTarget, random: Random): Promise<ConnectionReport> {
  const { flavor, numbers, version, readOnly, manager } = db.standing;
  const [tls] = await db.query<{ Value: string }>("SHOW SESSION STATUS LIKE 'Ssl_cipher'");
  const product = PRODUCT[flavor];
  const oldest = OLDEST[flavor].join('.');
  const checks: Check[] = [
    fine('Connection', `Signed in as ${manager.user}@${manager.host}, ${tls?.Value ? 'with' : 'without'} TLS.`),
    isAtLeast(numbers, OLDEST[flavor])
      ? fine('Version', `${product} ${version}`)
      : wrong('Version', `${product} ${version} is too old.`, `Use ${product} ${oldest} or newer.`),
    readOnly
      ? wrong(
          'Primary',
          'This server is read-only (a replica?); users can not be made here.',
          'Name the primary server.',
        )
      : fine('Primary', 'The server takes changes.'),
  ];
  if (!readOnly && isAtLeast(numbers, OLDEST[flavor])) {
    const rights = await checkRights(db);
    const reading = await checkReading(db);
    checks.push(rights, reading);
    if (rights.ok) checks.push(await tryOut(db, target, random));
    checks.push(...(await checkDeadline(db, target)));
    if (reading.ok) checks.push(...(await checkLevels(db, target)), await checkSchemas(db, target));
  }
  return {
    ok: checks.every((check) => check.ok),
    targetLabel: `${product} ${numbers[0]}.${numbers[1]}`,
    serverVersion: version,
    checks,
    recipe: recipeFor(target, flavor, manager.host),
  };
}

/** The least rights, as statements an administrator of the server runs once. docs/mysql.md explains each line. */
export function recipeFor(target: MysqlTarget, flavor: Flavor, host = '%'): string {
  const manager = account(target.settings.managerUser, host);
  const everywhere =
    flavor === 'mariadb'
      ? 'CREATE USER, PROCESS, CONNECTION ADMIN'
      : 'CREATE USER, PROCESS, CONNECTION_ADMIN, ROLE_ADMIN';
  const lines = [
    `CREATE USER ${manager} IDENTIFIED BY '<a long password>';`,
    `GRANT ${everywhere} ON *.* TO ${manager};`,
    '-- To read back what is there:',
    ...READ[flavor].map(({ table, columns }) => `GRANT SELECT${columns} ON mysql.${table} TO ${manager};`),
    '-- So that it can apply the plan (may be revoked afterwards; or run the plan by hand):',
    ...target.settings.schemas.map(
      (schema) =>
        `GRANT ${RIGHTS.read_write.join(', ')} ON ${schemaInGrant(schema)}.* TO ${manager} WITH GRANT OPTION;`,
    ),
  ];
  const { deadlineSchema } = target.settings;
  if (deadlineSchema !== undefined)
    lines.push(
      '-- So that the server ends a log-in at its deadline by itself (and in the server’s configuration: event_scheduler = ON):',
      'SET GLOBAL event_scheduler = ON;',
      `GRANT EVENT ON ${schemaInGrant(deadlineSchema)}.* TO ${manager};`,
    );
  if (flavor === 'mariadb')
    lines.push(
      '-- On MariaDB CREATE USER reaches every account, root’s too: guard the manager’s password like root’s.',
    );
  lines.push(
    '-- Only for levels of your own that may make views, routines, triggers or events: lets the manager see whose they are.',
    ...target.settings.schemas.map(
      (schema) => `-- GRANT TRIGGER, EVENT, SHOW VIEW ON ${oneLine(schemaInGrant(schema))}.* TO ${oneLine(manager)};`,
    ),
    flavor === 'mariadb'
      ? `-- GRANT SELECT ON mysql.proc TO ${oneLine(manager)};`
      : `-- GRANT SHOW_ROUTINE ON *.* TO ${oneLine(manager)};`,
  );
  return lines.join('\n');
}
/** For what stands in a comment: a line end in a name would end the comment. */
const oneLine = (text: string): string => text.replaceAll(/[\r\n]/g, ' ');

async function checkRights(db: Connection): Promise<Check> {
  const name = 'Manager’s rights';
  const { flavor, manager } = db.standing;
  const rights = await managerRights(db);
  const missing = [
    ...(rights.has('CREATE_USER') ? [] : ['CREATE USER']),
    ...(rights.has('PROCESS') ? [] : ['PROCESS']),
    ...(mayEndConnections(rights) ? [] : [flavor === 'mariadb' ? 'CONNECTION ADMIN' : 'CONNECTION_ADMIN']),
  ];
  const command = `GRANT ${missing.join(', ')} ON *.* TO ${account(manager.user, manager.host)};`;
  if (missing.length > 0) return wrong(name, `The manager lacks ${missing.join(', ')}.`, null, command);
  if (rights.has('SUPER') || rights.has('SHUTDOWN'))
    return fine(name, `${manager.user} can do nearly everything: it works, but needs far less. See the recipe.`);
  return fine(name, 'May make users, see sessions and end them.');
}

async function checkReading(db: Connection): Promise<Check> {
  const name = 'Reading back';
  const { flavor, manager } = db.standing;
  const commands: string[] = [];
  for (const { table, columns } of READ[flavor]) {
    try {
      await db.query(`SELECT ${columns ? columns.trim().slice(1, -1) : '*'} FROM mysql.${table} LIMIT 1`);
    } catch (error) {
      if (numberOf(error) === 0) throw error;
      commands.push(`GRANT SELECT${columns} ON mysql.${table} TO ${account(manager.user, manager.host)};`);
    }
  }
  if (commands.length === 0) return fine(name, 'Users, roles and their rights can be read.');
  return wrong(name, 'What is on the server can not be read, so no end could be proven.', null, commands.join(' '));
}

/** Makes, marks, locks and drops a user that could never log in. */
async function tryOut(db: Connection, target: MysqlTarget, random: Random): Promise<Check> {
  const name = 'Making and ending a temporary user';
  const { flavor, manager } = db.standing;
  const trial = account(TRIAL_PRINCIPAL, 'localhost');
  try {
    await oneAtATime(db, TRIAL_PRINCIPAL, async () => {
      await db.query(`DROP USER IF EXISTS ${trial}`);
      const mark = flavor === 'mysql' ? ` ATTRIBUTE ${literal(JSON.stringify({ hallpass: 'trial' }))}` : '';
      const password = literal(newPassword(random)); // nobody's, but some servers take no user without a good one
      await db.query(`CREATE USER ${trial} IDENTIFIED BY ${password} WITH MAX_USER_CONNECTIONS 1 ACCOUNT LOCK${mark}`);
      await db.query(`DROP USER ${trial}`);
    });
    return fine(name, 'Made, locked and dropped again.');
  } catch (error) {
    if (numberOf(error) === 0) throw error;
    const { message } = asTargetError(error, target);
    return wrong(name, message, null, `GRANT CREATE USER ON *.* TO ${account(manager.user, manager.host)};`);
  }
}

/** Makes an event that would not run, and drops it. Nothing to say where the resource names no schema for events. */
async function checkDeadline(db: Connection, target: MysqlTarget): Promise<Check[]> {
  const { deadlineSchema } = target.settings;
  if (deadlineSchema === undefined) return [];
  const name = 'The server’s own deadline';
  const { user, host } = db.standing.manager;
  const event = `${ident(deadlineSchema)}.${ident(TRIAL_PRINCIPAL)}`;
  try {
    await db.query(`DROP EVENT IF EXISTS ${event}`);
    await db.query(`CREATE EVENT ${event} ON SCHEDULE AT CURRENT_TIMESTAMP + INTERVAL 1 DAY DISABLE DO DO 0`);
    await db.query(`DROP EVENT IF EXISTS ${event}`);
  } catch (error) {
    if (numberOf(error) === 0) throw error;
    const command = `GRANT EVENT ON ${schemaInGrant(deadlineSchema)}.* TO ${account(user, host)};`;
    return [wrong(name, asTargetError(error, target).message, null, command)];
  }
  if (await schedulerRuns(db)) return [fine(name, `An event in ${deadlineSchema} ends each log-in.`)];
  return [wrong(name, 'The event scheduler is off: no event would run.', null, 'SET GLOBAL event_scheduler = ON;')];
}

async function checkSchemas(db: Connection, target: MysqlTarget): Promise<Check> {
  const unseen = new Set(await unseenSchemas(db, target.settings.schemas));
  // A manager without rights on the data sees no schema, and needs none once the roles have theirs.
  for (const schema of [...unseen])
    if (await hasRights(db, groupRoleName(target.resourceName, 'read_only'), schema, RIGHTS.read_only))
      unseen.delete(schema);
  if (unseen.size === 0) return fine('Schemas', target.settings.schemas.join(', '));
  return wrong(
    'Schemas',
    `The manager sees none of that name: ${[...unseen].join(', ')}`,
    'Correct the names in the settings, or grant the rights of the recipe.',
  );
}

async function checkLevels(db: Connection, target: MysqlTarget): Promise<Check[]> {
  const { flavor, manager } = db.standing;
  const checks: Check[] = [];
  for (const purpose of PURPOSES) {
    const role = groupRoleName(target.resourceName, purpose);
    const name = roleInSql(flavor, role);
    const label = `Level ${purpose.replace('_', '-')}`;
    const grant = `GRANT ${name} TO ${account(manager.user, manager.host)} WITH ADMIN OPTION;`;
    const makes = await makesObjects(db, role);
    if (!(await roleExists(db, role))) checks.push(fine(label, `${role} is not there yet: the plan makes it.`));
    else if (makes.length > 0)
      checks.push(
        wrong(
          label,
          `${role} may make objects or grant rights: a holder could leave a way in behind.`,
          null,
          makes
            .map(({ schema, right }) => `REVOKE ${right} ON \`${schema.replaceAll('`', '``')}\`.* FROM ${name};`)
            .join(' '),
        ),
      );
    else if (!(await canGrantRole(db, role)))
      checks.push(wrong(label, `${manager.user} may not grant ${role}.`, 'Who made the role can let it:', grant));
    else checks.push(fine(label, `${role} can be granted, and can make nothing that stays.`));
  }
  const mark = markRoleFor(target.resourceId);
  if (flavor === 'mariadb' && (await roleExists(db, mark)) && !(await canGrantRole(db, mark)))
    checks.push(
      wrong(
        'Mark',
        `Another manager made the role ${mark}, which marks this resource’s users.`,
        null,
        `GRANT ${roleInSql(flavor, mark)} TO ${account(manager.user, manager.host)} WITH ADMIN OPTION;`,
      ),
    );
  return checks;
}

async function makesObjects(db: Connection, role: string): Promise<readonly { schema: string; right: string }[]> {
  const rows = await db.query<Record<string, string>>(
    `SELECT Db AS s, ${MAKES_OBJECTS.join(', ')} FROM mysql.db WHERE User = ? AND Host = ?`,
    [role, db.standing.flavor === 'mysql' ? '%' : ''],
  );
  const spelled = (column: string) =>
    column === 'Grant_priv' ? 'GRANT OPTION' : column.replace('_priv', '').replaceAll('_', ' ').toUpperCase();
  return rows.flatMap((row) =>
    MAKES_OBJECTS.filter((column) => row[column] === 'Y').map((column) => ({
      schema: String(row.s),
      right: spelled(column),
    })),
  );
}
