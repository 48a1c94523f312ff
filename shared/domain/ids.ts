/**
 * Identifiers: a prefix that tells the kind, then 26 lower-case base32 characters (48 bits of time, 80 of
 * chance, as in ULID), so that they sort by time and fit where targets allow only [a-z0-9_].
 */
import type { Instant, Random } from './instant';

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
export const ID_PREFIXES = {
  person: 'per',
  device: 'dev',
  invite: 'inv',
  resource: 'res',
  request: 'req',
  decision: 'dec',
  grant: 'grt',
} as const;
export type IdKind = keyof typeof ID_PREFIXES;

/** Makes a time-ordered id such as `grt_01jd…`. */
export function newId(kind: IdKind, now: Instant, random: Random): string {
  let time = '';
  let rest = now as number;
  for (let i = 0; i < 10; i++) {
    time = ALPHABET[rest % 32] + time;
    rest = Math.floor(rest / 32);
  }
  let chance = '';
  for (const byte of random.bytes(16)) chance += ALPHABET[byte & 31];
  return `${ID_PREFIXES[kind]}_${time}${chance}`;
}

/** Matches ids of one kind, as text for a zod regex or a route. */
export const idPattern = (kind: IdKind): RegExp => new RegExp(`^${ID_PREFIXES[kind]}_[0-9a-hjkmnp-tv-z]{26}$`);

/** The name a grant's principal has on its target: from the grant id alone, so that a retry finds the first attempt. */
export function principalName(grantId: string): string {
  if (!idPattern('grant').test(grantId)) throw new RangeError(`"grantId" expected grt_…, got ${grantId}`);
  return `hp_${grantId.slice(4)}`;
}
/** The same as a name of a Kubernetes object, which knows no underscore. */
export const kubernetesName = (principal: string): string => principal.replace('_', '-');
