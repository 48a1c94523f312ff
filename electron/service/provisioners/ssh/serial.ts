/**
 * A certificate's serial, from the principal's name alone: whoever knows the grant can revoke it, after any crash and without
 * a list. 63 bits of a hash, so that two live grants share one about never (a million of them: once in ten million times).
 */
import { createHash } from 'node:crypto';
import { isPrincipalName } from '../principal-name';

/** Always on the list: with a certificate of this serial the connection test sees whether the host reads the list. */
export const CANARY_SERIAL = 1n;
/** What the service signs for itself; never on a list. */
export const OWN_SERIAL = 2n;
/** Small numbers are what people and other tools count with. */
const HIGH_BIT = 1n << 62n;

/** Throws RangeError on a name that is not ours. */
export function serialOf(principal: string): bigint {
  if (!isPrincipalName(principal)) throw new RangeError(`"principal" expected hp_…, got ${JSON.stringify(principal)}`);
  const digest = createHash('sha256').update(principal).digest();
  return (digest.readBigUInt64BE(0) >> 2n) | HIGH_BIT;
}
