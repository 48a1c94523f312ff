/**
 * SQL text from names and values, for the statements that take no parameters (CREATE USER, GRANT, KILL …).
 * Every name that reaches SQL text goes through here, in ending too; nothing is ever put into quotes by hand.
 * Holds for the `sql_mode` that connections.ts sets: backslashes escape, double quotes are strings.
 */
import { createHash } from 'node:crypto';
import { checkPrincipalName } from '../principal-name';
import { TargetError } from '../provisioner';

/** Of schemas, tables and the like, on MySQL and MariaDB. */
export const MAX_IDENTIFIER_CHARACTERS = 64;
/** MySQL's limit for users and roles; MariaDB takes 80 and more, but a plan should read the same on both. */
export const MAX_ROLE_CHARACTERS = 32;

const lengthOf = (text: string): number => [...text].length;

/** A quoted identifier. Throws TargetError `refused` when the server could not hold the name as it is. */
export function ident(name: string): string {
  if (name === '' || lengthOf(name) > MAX_IDENTIFIER_CHARACTERS || name.includes('\0'))
    throw new TargetError(
      'refused',
      `A name on the server has 1 to ${MAX_IDENTIFIER_CHARACTERS} characters and no NUL.`,
    );
  return `\`${name.replaceAll('`', '``')}\``;
}

/** A quoted string. */
export function literal(text: string): string {
  if (text.includes('\0')) throw new TargetError('refused', 'Text in SQL holds no NUL here.');
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
}

/** How a schema is named in a GRANT: there `_` and `%` would stand for other characters, and open other schemas too. */
export const schemaPattern = (schema: string): string => schema.replace(/[_%]/g, '\\$&');
/** The same, quoted. Longer than an identifier may be, because of the escapes. */
export function schemaInGrant(schema: string): string {
  ident(schema);
  if (schema.includes('\\'))
    throw new TargetError('refused', 'A schema whose name holds a backslash can not be granted.');
  return `\`${schemaPattern(schema).replaceAll('`', '``')}\``;
}

/** `'user'@'host'`. A user is both: the same name at another host is another account. */
export const account = (user: string, host: string): string => `${literal(user)}@${literal(host)}`;
export function principalAccount(principal: string, host: string): string {
  checkPrincipalName(principal);
  return account(principal, host);
}

export type RolePurpose = 'read_only' | 'read_write';
const SUFFIX: Readonly<Record<RolePurpose, string>> = { read_only: 'ro', read_write: 'rw' };
/** `hallpass_<resource>_ro`. A name that would not fit keeps its beginning and gets eight characters of its digest. */
export function groupRoleName(resourceName: string, purpose: RolePurpose): string {
  const whole = `hallpass_${resourceName}_${SUFFIX[purpose]}`;
  if (lengthOf(whole) <= MAX_ROLE_CHARACTERS) return whole;
  const digest = createHash('sha256').update(resourceName, 'utf8').digest('hex').slice(0, 8);
  const room = MAX_ROLE_CHARACTERS - `hallpass_~${digest}_ro`.length;
  return `hallpass_${[...resourceName].slice(0, room).join('')}~${digest}_${SUFFIX[purpose]}`;
}

/** On MariaDB the mark is a role without rights that the user is a member of: there is no comment on a user. */
export const markRoleFor = (resourceId: string): string => `hallpass:${resourceId}`;
/** The resource a mark names, or undefined when it is none. On MySQL the attribute holds the same text. */
export const resourceOfMark = (mark: string | null | undefined): string | undefined =>
  /^hallpass:(res_[0-9a-z]{26})$/.exec(mark ?? '')?.[1];
