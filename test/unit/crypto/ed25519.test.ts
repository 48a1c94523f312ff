/** The two Ed25519 are one to everybody outside: same keys, same signatures, and the native one takes nothing that the other refuses. */
import crypto from 'node:crypto';
import { ed25519 } from '@noble/curves/ed25519.js';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { fromHex, toHex } from '../../../shared/crypto/bytes';
import { currentEd25519, installEd25519, nativeEd25519 } from '../../../shared/crypto/ed25519';
import { newSigningKeys, sign, verify } from '../../../shared/crypto/keys';

const native = nativeEd25519(crypto);
const javaScript = currentEd25519();
const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const message = fc.uint8Array({ maxLength: 200 });
afterEach(() => installEd25519(javaScript));

describe('both make the same', () => {
  test('public keys and signatures, which each takes from the other', () => {
    fc.assert(
      fc.property(bytes(32), message, (secret, text) => {
        const publicKey = javaScript.publicKeyOf(secret);
        expect(toHex(native.publicKeyOf(secret))).toBe(toHex(publicKey));
        const signature = native.sign(text, secret);
        expect(toHex(signature)).toBe(toHex(javaScript.sign(text, secret)));
        expect(native.verify(signature, text, publicKey)).toBe(true);
        expect(javaScript.verify(signature, text, publicKey)).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  test('RFC 8032, 7.1, test 2', () => {
    const secret = fromHex('4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb');
    expect(toHex(native.publicKeyOf(secret))).toBe('3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c');
    expect(toHex(native.sign(Uint8Array.of(0x72), secret))).toBe(
      '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
    );
  });
});

describe('the native one', () => {
  test('refuses what was changed by one bit, anywhere', () => {
    fc.assert(
      fc.property(bytes(32), bytes(40), fc.nat(64 * 8 - 1), (secret, text, bit) => {
        const signature = native.sign(text, secret);
        signature[bit >> 3] = (signature[bit >> 3] as number) ^ (1 << (bit & 7));
        expect(native.verify(signature, text, native.publicKeyOf(secret))).toBe(false);
      }),
      { numRuns: 50 },
    );
  });

  test('refuses keys of small order and coordinates beyond the field, which would fit many messages', () => {
    const torsion = ed25519.Point.fromHex('c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a');
    const small = Array.from({ length: 8 }, (_, n) =>
      n === 0 ? ed25519.Point.ZERO : torsion.multiplyUnsafe(BigInt(n)),
    );
    const beyond = Array.from({ length: 19 }, (_, n) => {
      const key = new Uint8Array(32).fill(0xff);
      key[0] = 0xed + n;
      key[31] = 0x7f;
      return key;
    });
    const zero = new Uint8Array(64);
    zero[0] = 1; // R is the neutral point, s is 0: right for every message under a key of small order, loosely seen
    for (const key of [...small.map((point) => point.toBytes()), ...beyond])
      for (const text of [Uint8Array.of(1), Uint8Array.of(2), new Uint8Array(100)]) {
        expect(native.verify(zero, text, key)).toBe(false);
        expect(javaScript.verify(zero, text, key)).toBe(false);
      }
  });

  test('a signature with s beyond the group’s order (malleability) is none', () => {
    const secret = new Uint8Array(32).fill(7);
    const text = Uint8Array.of(1, 2, 3);
    const signature = native.sign(text, secret);
    let s = BigInt(`0x${toHex(signature.slice(32).reverse())}`) + ed25519.Point.Fn.ORDER;
    for (let at = 32; at < 64; at += 1, s >>= 8n) signature[at] = Number(s & 0xffn);
    expect(native.verify(signature, text, native.publicKeyOf(secret))).toBe(false);
  });
});

test('keys work by whichever is in use, and a malformed one is no signature, not an error', () => {
  installEd25519(native);
  const keys = newSigningKeys({ bytes: (n) => crypto.randomBytes(n) });
  const signature = sign(keys.secretKey, Uint8Array.of(9));
  expect(verify(keys.publicKey, Uint8Array.of(9), signature)).toBe(true);
  expect(verify(keys.publicKey, Uint8Array.of(8), signature)).toBe(false);
  for (const broken of ['', 'AA', 'no base64!', keys.publicKey.slice(2)]) {
    expect(verify(broken, Uint8Array.of(9), signature)).toBe(false);
    expect(verify(keys.publicKey, Uint8Array.of(9), broken)).toBe(false);
  }
});
