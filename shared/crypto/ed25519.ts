/**
 * Ed25519 (RFC 8032), in JavaScript everywhere, and by the process's own library where there is one.
 * Why two: pages have none, but in Node the JavaScript one costs 30 ms at its first use, which is in every start, and a
 * hundred times as much at each later one. Both make the same signatures; what the native one takes, the other takes too
 * (it leaves out keys that only it would take), so what a service accepted can be verified by anybody.
 */
import { ed25519 } from '@noble/curves/ed25519.js';
import { concatBytes, equalBytes, fromHex, toHex } from './bytes';

/** All of it raw bytes: keys 32, signatures 64. Everything throws on malformed keys; `verify` may throw or return false. */
export interface Ed25519 {
  publicKeyOf(secretKey: Uint8Array): Uint8Array;
  sign(bytes: Uint8Array, secretKey: Uint8Array): Uint8Array;
  verify(signature: Uint8Array, bytes: Uint8Array, publicKey: Uint8Array): boolean;
}

const inJavaScript: Ed25519 = {
  publicKeyOf: (secretKey) => ed25519.getPublicKey(secretKey),
  sign: (bytes, secretKey) => ed25519.sign(bytes, secretKey),
  verify: (signature, bytes, publicKey) => ed25519.verify(signature, bytes, publicKey, { zip215: false }),
};
let engine = inJavaScript;
/** The one in use. */
export const currentEd25519 = (): Ed25519 => engine;
/** Once, where a process starts. */
export function installEd25519(next: Ed25519): void {
  engine = next;
}

/** What we use of `node:crypto`; handed over because this room knows no Node. `any`: Node's own classes. */
export interface NodeCrypto {
  // biome-ignore-start lint/suspicious/noExplicitAny: see above
  createPrivateKey(of: any): any;
  createPublicKey(of: any): any;
  sign(algorithm: null, bytes: Uint8Array, key: any): Uint8Array;
  verify(algorithm: null, bytes: Uint8Array, key: any, signature: Uint8Array): boolean;
  // biome-ignore-end lint/suspicious/noExplicitAny: see above
}
/** RFC 8410: what stands before the 32 bytes of a secret key (PKCS #8) and of a public one (SPKI). */
const PKCS8_PREFIX = fromHex('302e020100300506032b657004220420');
const SPKI_PREFIX = fromHex('302a300506032b6570032100');
const KEY_BYTES = 32;
/** 2^255 − 19, of which a y coordinate is a remainder. */
const FIELD_PRIME = 2n ** 255n - 19n;
/** The y coordinates of points of order 1, 2, 4 and 8: a key of these makes one signature fit every message. */
const SMALL_ORDER_Y = new Set([
  0n,
  1n,
  FIELD_PRIME - 1n,
  0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n,
  0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n,
]);

/** By the library of the process (OpenSSL in Node, BoringSSL in Electron). */
export function nativeEd25519(crypto: NodeCrypto): Ed25519 {
  let last: { readonly secretKey: Uint8Array; readonly key: unknown } | null = null;
  /** A process signs with one key again and again, and reading it takes longer than signing. */
  const secretOf = (secretKey: Uint8Array) => {
    if (last === null || !equalBytes(last.secretKey, secretKey)) {
      const key = crypto.createPrivateKey({ key: der(PKCS8_PREFIX, secretKey), format: 'der', type: 'pkcs8' });
      last = { secretKey: Uint8Array.from(secretKey), key };
    }
    return last.key;
  };
  return {
    publicKeyOf(secretKey) {
      const spki: Uint8Array = crypto.createPublicKey(secretOf(secretKey)).export({ format: 'der', type: 'spki' });
      return Uint8Array.from(spki.subarray(SPKI_PREFIX.length));
    },
    sign: (bytes, secretKey) => Uint8Array.from(crypto.sign(null, bytes, secretOf(secretKey))),
    verify(signature, bytes, publicKey) {
      if (!isUsable(publicKey)) return false;
      const key = crypto.createPublicKey({ key: der(SPKI_PREFIX, publicKey), format: 'der', type: 'spki' });
      return crypto.verify(null, bytes, key, signature);
    },
  };
}

function der(prefix: Uint8Array, key: Uint8Array): Uint8Array {
  if (key.length !== KEY_BYTES) throw new RangeError(`a key has ${KEY_BYTES} bytes, got ${key.length}`);
  return concatBytes(prefix, key);
}

/** Libraries differ in whether they refuse these; the strict ones do. */
function isUsable(publicKey: Uint8Array): boolean {
  if (publicKey.length !== KEY_BYTES) return false;
  const bigEndian = Uint8Array.from(publicKey).reverse();
  bigEndian[0] = (bigEndian[0] as number) & 0x7f; // the sign of x
  const y = BigInt(`0x${toHex(bigEndian)}`);
  return y < FIELD_PRIME && !SMALL_ORDER_Y.has(y);
}
