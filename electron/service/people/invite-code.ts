/**
 * The code of an invite: twelve characters (60 bits) that somebody reads out and somebody types. Letters that look like
 * digits are read as those digits; case, spaces and dashes don't matter.
 * Why a keyed hash and no slow one: 60 bits and five attempts can't be guessed here, and without the key the stored hash tells nothing.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Random } from '../../../shared/domain/instant';

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const GROUPS = 3;
const GROUP_CHARS = 4;

/** "7K2M-94QX-HT0R" */
export function newInviteCode(random: Random): string {
  const chars = [...random.bytes(GROUPS * GROUP_CHARS)].map((byte) => ALPHABET[byte & 31]);
  return Array.from({ length: GROUPS }, (_, i) => chars.slice(i * GROUP_CHARS, (i + 1) * GROUP_CHARS).join('')).join(
    '-',
  );
}

/** As it was made, however it was typed. */
export function normaliseInviteCode(typed: string): string {
  return typed
    .toUpperCase()
    .replace(/[\s\-_.·–—]/g, '')
    .replaceAll('O', '0')
    .replace(/[IL]/g, '1');
}

/** Bound to the invite: a hash moved to another row fits nothing. */
export const hashInviteCode = (code: string, inviteId: string, key: Uint8Array): string =>
  createHmac('sha256', key)
    .update(`invite/${inviteId}/${normaliseInviteCode(code)}`)
    .digest('hex');

export const fitsInvite = (typed: string, invite: { id: string; code_hash: string }, key: Uint8Array): boolean =>
  timingSafeEqual(
    Buffer.from(hashInviteCode(typed, invite.id, key)),
    Buffer.from(invite.code_hash.padEnd(64).slice(0, 64)),
  );
