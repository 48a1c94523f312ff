/**
 * How two programs that share a secret sign what they say over HTTP: HMAC-SHA-256 over the time stamp, a dot, and the very
 * bytes of the body, so that neither can be changed and an old call can't be played again (the receiver checks the time and
 * remembers what it took). Pure.
 */
import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';

/** Seconds since 1970, as digits. */
export const HOOK_TIMESTAMP_HEADER = 'hallpass-timestamp';
/** `v1=` and 64 hex digits; several, with commas, while a secret is being replaced. */
export const HOOK_SIGNATURE_HEADER = 'hallpass-signature';
const SIGNATURE = /^v1=([0-9a-f]{64})$/;

/** The value of the signature's header. */
export const signHook = (secret: string, timestamp: string, body: string): string =>
  `v1=${bytesToHex(hmac(sha256, utf8ToBytes(secret), utf8ToBytes(`${timestamp}.${body}`)))}`;

/** The first signature of the header that fits, as hex; null when none does. Takes the same time for every wrong one. */
export function fittingSignature(secret: string, timestamp: string, body: string, header: string): string | null {
  const wanted = SIGNATURE.exec(signHook(secret, timestamp, body))?.[1] ?? '';
  for (const part of header.split(',').slice(0, 4)) {
    const given = SIGNATURE.exec(part.trim())?.[1];
    if (given !== undefined && isSame(given, wanted)) return given;
  }
  return null;
}
function isSame(a: string, b: string): boolean {
  let differs = a.length ^ b.length;
  for (let i = 0; i < b.length; i++) differs |= a.charCodeAt(i % a.length) ^ b.charCodeAt(i);
  return differs === 0;
}
