/**
 * Seals secret columns: AES-256-GCM (node:crypto) under the data key. The context (table, column, row) is authenticated, so
 * a sealed value copied to another row does not open there. Format: `v1.<key id>.<nonce>.<ciphertext and tag>`, base64url;
 * the key id tells a wrong key from an altered value, and lets a later version seal with a new key while old rows still open.
 */
import { createCipheriv, createDecipheriv } from 'node:crypto';
import { sha256 } from '@noble/hashes/sha2.js';
import { concatBytes, fromBase64url, toBase64url, toHex, utf8 } from '../../../shared/crypto/bytes';
import type { Random } from '../../../shared/domain/instant';

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const KEY_BYTES = 32;

export interface SecretBox {
  readonly keyId: string;
  /** Binds the value to `context`; the same context must be given to open it. */
  seal(plain: string, context: string): string;
  /** Throws SealError; its message names neither value nor key. */
  open(sealed: string, context: string): string;
}

/** `wrong-key`: sealed under another data key. `altered`: not what was sealed, or not for this context. */
export class SealError extends Error {
  constructor(readonly kind: 'wrong-key' | 'altered') {
    super(kind === 'wrong-key' ? 'sealed under another data key' : 'a sealed value was altered or moved');
    this.name = 'SealError';
  }
}

/** Throws RangeError unless the data key has 32 bytes. */
export function createSecretBox(dataKey: Uint8Array, random: Random): SecretBox {
  if (dataKey.length !== KEY_BYTES)
    throw new RangeError(`"dataKey" expected ${KEY_BYTES} bytes, got ${dataKey.length}`);
  const key = Uint8Array.from(dataKey);
  const keyId = toHex(sha256(concatBytes(utf8('hallpass/data-key/v1\n'), key)).subarray(0, 4));
  const aad = (context: string) => utf8(`hallpass/secret/v1\n${context}`);
  return {
    keyId,
    seal(plain, context) {
      const nonce = random.bytes(NONCE_BYTES);
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(aad(context));
      const body = concatBytes(cipher.update(plain, 'utf8'), cipher.final(), cipher.getAuthTag());
      return `v1.${keyId}.${toBase64url(nonce)}.${toBase64url(body)}`;
    },
    open(sealed, context) {
      const [version, sealedWith, nonce, body, ...rest] = sealed.split('.');
      if (version !== 'v1' || nonce === undefined || body === undefined || rest.length > 0)
        throw new SealError('altered');
      if (sealedWith !== keyId) throw new SealError('wrong-key');
      try {
        const bytes = fromBase64url(body);
        const decipher = createDecipheriv('aes-256-gcm', key, fromBase64url(nonce), { authTagLength: TAG_BYTES })
          .setAAD(aad(context))
          .setAuthTag(bytes.subarray(bytes.length - TAG_BYTES));
        const plain = concatBytes(decipher.update(bytes.subarray(0, bytes.length - TAG_BYTES)), decipher.final());
        return Buffer.from(plain).toString('utf8');
      } catch {
        throw new SealError('altered');
      }
    },
  };
}
