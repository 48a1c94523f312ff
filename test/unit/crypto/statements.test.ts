import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fromBase64, fromBase64url, fromHex, toBase64, toBase64url, toHex, utf8 } from '../../../shared/crypto/bytes';
import { canonicalJson } from '../../../shared/crypto/canonical-json';
import {
  fingerprintOf,
  newSealingKeys,
  newSigningKeys,
  sign,
  signingPublicKey,
  verify,
} from '../../../shared/crypto/keys';
import { openCredential, sealCredential } from '../../../shared/crypto/seal';
import {
  joinProof,
  requestDigest,
  signChallenge,
  signDecision,
  statementBytes,
  verifyChallenge,
  verifyDecision,
  verifyJoin,
} from '../../../shared/crypto/statements';
import { newId } from '../../../shared/domain/ids';
import { asInstant } from '../../../shared/domain/instant';
import { seededRandom } from './helpers';

const random = seededRandom('statements');
const now = asInstant(1_800_000_000_000);
const id = (kind: Parameters<typeof newId>[0]) => newId(kind, now, random);
const keys = newSigningKeys(random);
const others = newSigningKeys(random);

describe('spellings', () => {
  test('bytes survive every spelling, and each has one only', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        expect(fromHex(toHex(bytes))).toEqual(bytes);
        expect(fromBase64url(toBase64url(bytes))).toEqual(bytes);
        expect(fromBase64(toBase64(bytes))).toEqual(bytes);
        expect(toBase64url(bytes)).toBe(Buffer.from(bytes).toString('base64url'));
        expect(toBase64(bytes)).toBe(Buffer.from(bytes).toString('base64'));
      }),
    );
    for (const bad of ['A', 'AB', 'AA==', 'A A', 'A+', '\u00e9A']) expect(() => fromBase64url(bad)).toThrow(RangeError);
    for (const bad of ['AA', 'AB==', 'AA=', '====', 'A-==']) expect(() => fromBase64(bad)).toThrow(RangeError);
    for (const bad of ['0', 'AB', '0g']) expect(() => fromHex(bad)).toThrow(RangeError);
  });
  test('canonical JSON is that of RFC 8785', () => {
    // The examples of section 3.2.2 and section 3.2.3.
    const example = {
      numbers: JSON.parse('[333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001]'),
      string: '\u20ac$\u000F\u000aA\'\u0042\u0022\u005c\\"/',
      literals: [null, true, false],
    };
    expect(canonicalJson(example)).toBe(
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    );
    const sorted = { '\u20ac': 1, '\r': 2, '\ufb33': 3, '1': 4, '\u{1f600}': 5, '\u0080': 6, '\u00f6': 7 };
    expect(canonicalJson(sorted)).toBe('{"\\r":2,"1":4,"\u0080":6,"ö":7,"€":1,"😀":5,"\ufb33":3}');
  });
  test('canonical JSON drops what is undefined and refuses what JSON can’t say', () => {
    expect(canonicalJson({ b: undefined, a: 1 })).toBe('{"a":1}');
    const cycle: Record<string, unknown> = {};
    cycle.self = cycle;
    for (const bad of [Number.NaN, Infinity, undefined, () => 1, 1n, [undefined], { a: Symbol() }, '\ud800', cycle])
      expect(() => canonicalJson(bad)).toThrow(TypeError);
  });
  test('canonical JSON does not hang on the order of keys', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const again = JSON.parse(canonicalJson(value));
        expect(canonicalJson(again)).toBe(canonicalJson(value));
      }),
    );
  });
});

describe('keys', () => {
  test('Ed25519 is that of RFC 8032 (section 7.1, test 2)', () => {
    const secret = toBase64url(fromHex('4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb'));
    expect(toHex(fromBase64url(signingPublicKey(secret)))).toBe(
      '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
    );
    expect(toHex(fromBase64url(sign(secret, Uint8Array.of(0x72))))).toBe(
      '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
    );
  });
  test('verifying never throws', () => {
    fc.assert(
      fc.property(fc.string(), fc.uint8Array(), fc.string(), (key, bytes, signature) => {
        expect(verify(key, bytes, signature)).toBe(false);
      }),
    );
    expect(verify(toBase64url(new Uint8Array(32)), utf8('x'), toBase64url(new Uint8Array(64)))).toBe(false);
  });
  test('a fingerprint is four groups of four, and of both keys', () => {
    const pair = { signingKey: keys.publicKey, sealingKey: newSealingKeys(random).publicKey };
    expect(fingerprintOf(pair)).toMatch(/^[0-9a-f]{4}( [0-9a-f]{4}){3}$/);
    expect(fingerprintOf({ ...pair, sealingKey: newSealingKeys(random).publicKey })).not.toBe(fingerprintOf(pair));
    expect(fingerprintOf({ ...pair, signingKey: others.publicKey })).not.toBe(fingerprintOf(pair));
  });
});

describe('statements', () => {
  const statement = {
    v: 1 as const,
    kind: 'decision' as const,
    requestId: id('request'),
    requestDigest: 'a'.repeat(64),
    decision: 'approve' as const,
    stage: 0,
    ttlMs: 900_000,
    reason: '',
    policyVersion: 1,
    policyDigest: 'b'.repeat(64),
    nonce: toBase64url(random.bytes(32)),
    via: 'card' as const,
    deviceId: id('device'),
    at: now as number,
  };
  test('a signed decision verifies, and no change of it does', () => {
    const signed = signDecision(keys.secretKey, statement);
    expect(verifyDecision(keys.publicKey, signed)).toBe(true);
    expect(verifyDecision(others.publicKey, signed)).toBe(false);
    for (const change of [{ decision: 'deny' }, { ttlMs: 900_001 }, { stage: 1 }, { via: 'tray' }, { extra: 1 }])
      expect(
        verifyDecision(keys.publicKey, { ...signed, statement: { ...statement, ...change } as typeof statement }),
      ).toBe(false);
  });
  test('a signature for one purpose is none for another', () => {
    const value = { deviceId: statement.deviceId, challenge: statement.nonce, serviceId: null };
    const asDecision = sign(keys.secretKey, statementBytes('decision', value));
    expect(verifyChallenge(keys.publicKey, value, asDecision)).toBe(false);
    const signature = signChallenge(keys.secretKey, value);
    expect(verifyChallenge(keys.publicKey, value, signature)).toBe(true);
    expect(verifyChallenge(keys.publicKey, { ...value, serviceId: 'x' }, signature)).toBe(false);
  });
  test('a join proof covers every other field', () => {
    const join = {
      inviteId: id('invite'),
      code: 'K7QF-2M4X',
      deviceName: 'laptop',
      signingKey: keys.publicKey,
      sealingKey: newSealingKeys(random).publicKey,
    };
    const proof = joinProof(keys.secretKey, join);
    expect(verifyJoin({ ...join, proof })).toBe(true);
    for (const change of [
      { code: 'x' },
      { deviceName: 'y' },
      { signingKey: others.publicKey },
      { inviteId: id('invite') },
    ])
      expect(verifyJoin({ ...join, proof, ...change })).toBe(false);
  });
  test('the request digest changes with each fact, and with nothing else', () => {
    const facts = {
      requestId: id('request'),
      requesterId: id('person'),
      deviceId: id('device'),
      resourceId: id('resource'),
      resourceName: 'orders-db',
      level: 'read-only',
      ttlMs: 900_000,
      reason: 'because',
      ticketRef: 'INC-1',
      extendsGrantId: null as string | null,
      createdAt: now as number,
    };
    const digest = requestDigest(facts);
    expect(digest).toMatch(/^[0-9a-f]{64}$/);
    expect(requestDigest({ ...facts, more: 1 } as typeof facts)).toBe(digest);
    for (const [key, value] of Object.entries(facts)) {
      const other = typeof value === 'number' ? value + 1 : value === null ? id('grant') : `${value}x`;
      expect(requestDigest({ ...facts, [key]: other })).not.toBe(digest);
    }
  });
});

describe('sealed credentials', () => {
  const device = newSealingKeys(random);
  const grantId = id('grant');
  const deviceId = id('device');
  const credential = {
    kind: 'postgres' as const,
    host: 'db.example',
    port: 5432,
    database: 'orders',
    user: 'hp_x',
    password: 'correct horse',
    tls: 'require' as const,
  };
  const sealed = sealCredential(credential, { sealingKey: device.publicKey, grantId, deviceId }, random);
  const as = { sealingSecretKey: device.secretKey, grantId, deviceId };
  test('open on their device, for their grant', () => {
    expect(openCredential(sealed, as)).toEqual(credential);
    expect(JSON.stringify(sealed)).not.toContain('horse');
  });
  test('open nowhere else', () => {
    const broken = [
      () => openCredential(sealed, { ...as, sealingSecretKey: newSealingKeys(random).secretKey }),
      () => openCredential(sealed, { ...as, deviceId: id('device') }),
      () => openCredential({ ...sealed, grantId: id('grant') }, as),
      () => openCredential({ ...sealed, ephemeralKey: device.publicKey }, as),
      () => openCredential({ ...sealed, ciphertext: `${sealed.ciphertext.slice(0, -2)}AA` }, as),
      () => openCredential({ ...sealed, ephemeralKey: toBase64url(new Uint8Array(32)) }, as),
      () => openCredential({ ...sealed, nonce: '' }, as),
    ];
    for (const attempt of broken) expect(attempt).toThrow(/^seal-broken$/);
  });
  test('are not made for a weak key', () => {
    const weak = toBase64url(new Uint8Array(32));
    expect(() => sealCredential(credential, { sealingKey: weak, grantId, deviceId }, random)).toThrow();
  });
});
