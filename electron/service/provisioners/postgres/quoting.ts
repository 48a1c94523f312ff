/**
 * SQL text from names and values, for the statements that take no parameters (CREATE ROLE, GRANT, COMMENT …).
 * Every name that reaches SQL text goes through here, in ending too; nothing is ever put into quotes by hand.
 */
import { createHash } from 'node:crypto';
import { checkPrincipalName } from '../principal-name';
import { TargetError } from '../provisioner';

/** Where PostgreSQL cuts a name silently (NAMEDATALEN − 1): a longer one would name something else. */
export const MAX_IDENTIFIER_BYTES = 63;

/** A quoted identifier. Throws TargetError `refused` when the server could not hold the name as it is. */
export function ident(name: string): string {
  const bytes = Buffer.byteLength(name, 'utf8');
  if (bytes === 0 || bytes > MAX_IDENTIFIER_BYTES || name.includes('\0'))
    throw new TargetError('refused', `A PostgreSQL name has 1 to ${MAX_IDENTIFIER_BYTES} bytes and no NUL.`);
  return `"${name.replaceAll('"', '""')}"`;
}

/** A quoted string; E'' when there is a backslash, so that `standard_conforming_strings` does not matter. */
export function literal(text: string): string {
  if (text.includes('\0')) throw new TargetError('refused', 'PostgreSQL text holds no NUL.');
  const quoted = `'${text.replaceAll("'", "''").replaceAll('\\', '\\\\')}'`;
  return text.includes('\\') ? `E${quoted}` : quoted;
}

/** The principal's name, quoted. Throws a RangeError for anything but `hp_` and 26 characters: no other role is ever touched. */
export function principalIdent(principal: string): string {
  checkPrincipalName(principal);
  return ident(principal);
}

export type RolePurpose = 'read_only' | 'read_write' | 'owner';
/** `hallpass_<resource>_read_only`. A name that would not fit keeps its beginning and gets eight characters of its digest. */
export function groupRoleName(resourceName: string, purpose: RolePurpose): string {
  const whole = `hallpass_${resourceName}_${purpose}`;
  if (Buffer.byteLength(whole, 'utf8') <= MAX_IDENTIFIER_BYTES) return whole;
  const digest = createHash('sha256').update(resourceName, 'utf8').digest('hex').slice(0, 8);
  const room = MAX_IDENTIFIER_BYTES - Buffer.byteLength(`hallpass_~${digest}_${purpose}`, 'utf8');
  let kept = '';
  for (const character of resourceName) {
    if (Buffer.byteLength(kept + character, 'utf8') > room) break;
    kept += character;
  }
  return `hallpass_${kept}~${digest}_${purpose}`;
}

/** The comment that makes a role ours, and ours of this resource: other installations on the same server have other ids. */
export const markFor = (resourceId: string): string =>
  `hallpass:1 ${resourceId} | Temporary access made by Hallpass. It is removed by itself; changes here are lost.`;
/** The resource a mark names, or undefined when the comment is not a mark. */
export const resourceOfMark = (comment: string | null): string | undefined =>
  /^hallpass:1 (res_[0-9a-z]{26}) \|/.exec(comment ?? '')?.[1];
