/**
 * Sealing a credential to one device: X25519 with a fresh key per credential, HKDF-SHA256, AES-256-GCM. Grant and device are
 * bound into key and tag, so a sealed credential can't be replayed for another grant or opened as another device's.
 * The store holds only this; the service itself can't open it again.
 */
import { gcm } from '@noble/ciphers/aes.js';
import { x25519 } from '@noble/curves/ed25519.js';
import { hkdf } from '@noble/hashes/hkdf.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { Credential, type SealedCredential } from '../contract/credential';
import type { Random } from '../domain/instant';
import { concatBytes, fromBase64url, toBase64url, utf8 } from './bytes';
import { canonicalJson } from './canonical-json';

const KEY_BYTES = 32;
const NONCE_BYTES = 12;

interface SealContext {
  readonly grantId: string;
  readonly deviceId: string;
}
const contextBytes = ({ grantId, deviceId }: SealContext): Uint8Array =>
  utf8(`hallpass/credential/v1\n${canonicalJson({ grantId, deviceId })}`);

function sealKey(shared: Uint8Array, ephemeral: Uint8Array, recipient: Uint8Array, context: Uint8Array): Uint8Array {
  return hkdf(sha256, shared, concatBytes(ephemeral, recipient), context, KEY_BYTES);
}

/** Throws on a malformed or weak (small-order) sealing key. */
export function sealCredential(
  credential: Credential,
  to: SealContext & { readonly sealingKey: string },
  random: Random,
): SealedCredential {
  const recipient = fromBase64url(to.sealingKey);
  const ephemeralSecret = random.bytes(KEY_BYTES);
  const ephemeral = x25519.getPublicKey(ephemeralSecret);
  const context = contextBytes(to);
  const key = sealKey(x25519.getSharedSecret(ephemeralSecret, recipient), ephemeral, recipient, context);
  const nonce = random.bytes(NONCE_BYTES);
  const ciphertext = gcm(key, nonce, context).encrypt(utf8(canonicalJson(credential)));
  return {
    v: 1,
    grantId: to.grantId,
    ephemeralKey: toBase64url(ephemeral),
    nonce: toBase64url(nonce),
    ciphertext: toBase64url(ciphertext),
  };
}

/** Throws Error 'seal-broken' when it is for another grant or device, was altered, or holds no credential we know. */
export function openCredential(
  sealed: SealedCredential,
  as: SealContext & { readonly sealingSecretKey: string },
): Credential {
  try {
    if (sealed.grantId !== as.grantId) throw new Error('another grant');
    const secret = fromBase64url(as.sealingSecretKey);
    const ephemeral = fromBase64url(sealed.ephemeralKey);
    const context = contextBytes(as);
    const key = sealKey(x25519.getSharedSecret(secret, ephemeral), ephemeral, x25519.getPublicKey(secret), context);
    const plain = gcm(key, fromBase64url(sealed.nonce), context).decrypt(fromBase64url(sealed.ciphertext));
    return Credential.parse(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(plain)));
  } catch {
    // No cause: a zod or JSON error would quote the credential.
    throw new Error('seal-broken');
  }
}
