import { calculateJwkThumbprint, decodeJwt, decodeProtectedHeader, importJWK, jwtVerify } from 'jose';
import { describe, expect, test } from 'vitest';
import { toBase64url, utf8 } from '../../../shared/crypto/bytes';
import { checkDpopProof, DPOP_MAX_SKEW_MS, dpopProof, keyThumbprint } from '../../../shared/crypto/dpop';
import { newSigningKeys, sign } from '../../../shared/crypto/keys';
import { asInstant } from '../../../shared/domain/instant';

let counter = 0;
const random = { bytes: (count: number) => new Uint8Array(count).map((_, i) => (i * 7 + ++counter) & 255) };
const keys = newSigningKeys(random);
const now = asInstant(1_700_000_000_000);
const call = { method: 'post', url: 'https://host:8443/v1/requests?x=1#f', accessToken: 'token', nonce: 'nonce-1' };
const make = (over: Partial<typeof call> = {}) => dpopProof(keys, { ...call, ...over }, { now, random });

describe('a proof', () => {
  test('is a JWT that another library verifies, with the claims of RFC 9449', async () => {
    const jwk = decodeProtectedHeader(make()).jwk as { kty: string; crv: string; x: string };
    await expect(
      jwtVerify(make(), await importJWK(jwk, 'EdDSA'), { currentDate: new Date(now) }),
    ).resolves.toBeTruthy();
    expect(decodeJwt(make())).toMatchObject({
      htm: 'POST',
      htu: 'https://host:8443/v1/requests',
      iat: now / 1000,
      nonce: 'nonce-1',
    });
    expect(await calculateJwkThumbprint(jwk)).toBe(keyThumbprint(keys.publicKey));
  });
  test('fits its own call, whatever the query', () => {
    const verdict = checkDpopProof(make(), { ...call, url: 'https://host:8443/v1/requests?y=2' }, now);
    expect(verdict).toMatchObject({ ok: true, publicKey: keys.publicKey, nonce: 'nonce-1' });
  });
  test('never has the same id twice', () => {
    expect(decodeJwt(make()).jti).not.toBe(decodeJwt(make()).jti);
  });
  test.each([
    ['another method', { method: 'GET' }],
    ['another path', { url: 'https://host:8443/v1/grants' }],
    ['another port', { url: 'https://host/v1/requests' }],
    ['another scheme', { url: 'http://host:8443/v1/requests' }],
    ['another token', { accessToken: 'other' }],
  ])('does not fit %s', (_name, over) => {
    expect(checkDpopProof(make(), { ...call, ...over }, now).ok).toBe(false);
  });
  test.each([-1, 1])('does not fit when a clock is off by more than allowed (%i)', (sign) => {
    const at = (ms: number) => asInstant(now + sign * ms);
    expect(checkDpopProof(make(), call, at(DPOP_MAX_SKEW_MS)).ok).toBe(true);
    expect(checkDpopProof(make(), call, at(DPOP_MAX_SKEW_MS + 1_000)).ok).toBe(false);
  });
  test('is refused with another algorithm, type, key kind, a private key in the header, or a signature of another key', () => {
    const forge = (header: object, signer = keys) => {
      const [, body] = make().split('.');
      const head = toBase64url(utf8(JSON.stringify(header)));
      return `${head}.${body}.${sign(signer.secretKey, utf8(`${head}.${body}`))}`;
    };
    const jwk = { kty: 'OKP', crv: 'Ed25519', x: keys.publicKey };
    const good = { typ: 'dpop+jwt', alg: 'EdDSA', jwk };
    expect(checkDpopProof(forge(good), call, now).ok).toBe(true);
    for (const bad of [
      { ...good, alg: 'none' },
      { ...good, alg: 'HS256' },
      { ...good, typ: 'JWT' },
      { ...good, jwk: { ...jwk, crv: 'X25519' } },
      { ...good, jwk: { ...jwk, d: keys.secretKey } },
      { ...good, crit: ['b64'] },
    ])
      expect(checkDpopProof(forge(bad), call, now).ok).toBe(false);
    expect(checkDpopProof(forge(good, newSigningKeys(random)), call, now).ok).toBe(false);
  });
  test.each(['', '.', 'a.b.c', 'a.b.c.d', `${'A'.repeat(5_000)}.b.c`])(
    'that is none is refused, not thrown at (%#)',
    (text) => {
      expect(checkDpopProof(text, call, now).ok).toBe(false);
    },
  );
  test('is not made for what is no URL', () => {
    expect(() => make({ url: '/v1/requests' })).toThrow(RangeError);
  });
});
