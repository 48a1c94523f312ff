/**
 * The two kinds of device key: Ed25519 signs (decisions, sign-in), X25519 receives sealed credentials.
 * Why noble and not WebCrypto: the Chromium we run on has neither curve. Keys and signatures are unpadded base64url.
 */
import { x25519 } from '@noble/curves/ed25519.js';
import { sha256 } from '@noble/hashes/sha2.js';
import type { Random } from '../domain/instant';
import { concatBytes, fromBase64url, toBase64url, toHex } from './bytes';
import { currentEd25519 } from './ed25519';

export interface KeyPair {
  readonly publicKey: string;
  /** 32 bytes. Never logged, never sent. */
  readonly secretKey: string;
}

/** A fresh Ed25519 pair. */
export function newSigningKeys(random: Random): KeyPair {
  const secret = random.bytes(32);
  return { publicKey: toBase64url(currentEd25519().publicKeyOf(secret)), secretKey: toBase64url(secret) };
}

/** A fresh X25519 pair. */
export function newSealingKeys(random: Random): KeyPair {
  const secret = random.bytes(32);
  return { publicKey: toBase64url(x25519.getPublicKey(secret)), secretKey: toBase64url(secret) };
}

/** The public half of an Ed25519 secret key. Throws on a malformed key. */
export const signingPublicKey = (secretKey: string): string =>
  toBase64url(currentEd25519().publicKeyOf(fromBase64url(secretKey)));

/** Ed25519 (RFC 8032). Callers sign statement bytes (statements.ts), never bare user input. */
export function sign(secretKey: string, bytes: Uint8Array): string {
  return toBase64url(currentEd25519().sign(bytes, fromBase64url(secretKey)));
}

/** Strict RFC 8032 verification. Anything malformed is simply not a signature: never throws. */
export function verify(publicKey: string, bytes: Uint8Array, signature: string): boolean {
  try {
    return currentEd25519().verify(fromBase64url(signature), bytes, fromBase64url(publicKey));
  } catch {
    return false;
  }
}

/** What two people compare by voice: "8f3a 61c0 22d4 9b7e", the first 64 bits of SHA-256 over both keys. */
export function fingerprintOf(keys: { readonly signingKey: string; readonly sealingKey: string }): string {
  const digest = sha256(concatBytes(fromBase64url(keys.signingKey), fromBase64url(keys.sealingKey)));
  return toHex(digest.subarray(0, 8)).replace(/(.{4})(?=.)/g, '$1 ');
}
