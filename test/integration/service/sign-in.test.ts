import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { signChallenge } from '../../../shared/crypto/statements';
import { ACCESS_TOKEN_TTL_MS, CHALLENGE_TTL_MS } from '../../../shared/domain/limits';
import { jsonCall, newDevice, send, startTestService, type TcpClient, type TestService, tcpClient } from './harness';

let it: TestService;
let bob: TcpClient & { personId: string };
beforeAll(async () => {
  it = await startTestService();
  bob = await it.join('Bob');
});
afterAll(() => it.close());

const me = (headers: Record<string, string>) => send(it.tcp, { method: 'GET', path: '/v1/me', headers });
const withProof = (dpop: string, token = bob.token()) => me({ authorization: `DPoP ${token}`, dpop });

describe('a call on TCP', () => {
  test('is answered with a fresh proof, once', async () => {
    const proof = bob.proof('GET', '/v1/me');
    expect((await withProof(proof)).json.person.displayName).toBe('Bob');
    const replayed = await withProof(proof);
    expect([replayed.status, replayed.json.code]).toEqual([401, 'dpop-invalid']);
  });
  test.each([
    ['for another method', () => bob.proof('GET', '/v1/me', { method: 'POST' })],
    ['for another path', () => bob.proof('GET', '/v1/people')],
    ['for another host', () => bob.proof('GET', '/v1/me', { url: 'https://evil.example/v1/me' })],
    ['for plain http', () => bob.proof('GET', '/v1/me', { url: `${it.tcp.url.replace('https', 'http')}/v1/me` })],
    ['made ten minutes ago', () => bob.proof('GET', '/v1/me', { atMs: it.clock.now() - 600_000 })],
    ['made in ten minutes', () => bob.proof('GET', '/v1/me', { atMs: it.clock.now() + 600_000 })],
    ['without the token’s hash', () => bob.proof('GET', '/v1/me', { token: null })],
    ['for another token', () => bob.proof('GET', '/v1/me', { token: 'another' })],
    ['with a broken signature', () => bob.proof('GET', '/v1/me').replace(/.$/, (c) => (c === 'A' ? 'Q' : 'A'))],
    ['that is no proof at all', () => 'abc'],
  ])('is refused with a proof %s', async (_name, proof) => {
    const reply = await withProof(proof());
    expect([reply.status, reply.json.code]).toEqual([401, 'dpop-invalid']);
  });
  test('without a nonce, or with a foreign one, is told to use the one in the header', async () => {
    for (const nonce of [null, 'foreign']) {
      const reply = await withProof(bob.proof('GET', '/v1/me', { nonce }));
      expect([reply.status, reply.json.code]).toEqual([401, 'dpop-nonce']);
      expect(reply.headers['www-authenticate']).toContain('use_dpop_nonce');
      const again = await withProof(bob.proof('GET', '/v1/me', { nonce: String(reply.headers['dpop-nonce']) }));
      expect(again.status).toBe(200);
    }
  });
  test('with a stolen token and another key is refused', async () => {
    const thief = newDevice('thief');
    const reply = await withProof(bob.proof('GET', '/v1/me', { keys: thief.signing }));
    expect([reply.status, reply.json.code]).toEqual([401, 'not-signed-in']);
  });
  test('without a proof, with two, or with the token as Bearer is refused', async () => {
    const authorization = `DPoP ${bob.token()}`;
    expect((await me({ authorization })).status).toBe(401);
    const two = `${bob.proof('GET', '/v1/me')},${bob.proof('GET', '/v1/me')}`;
    expect((await me({ authorization, dpop: two })).status).toBe(401);
    expect((await me({ authorization: `Bearer ${bob.token()}`, dpop: bob.proof('GET', '/v1/me') })).status).toBe(401);
  });
  test('with the launch token of the socket is refused', async () => {
    const reply = await me({ authorization: `Bearer ${it.config.local?.launchToken}` });
    expect(reply.status).toBe(401);
  });
  test('with an altered or foreign token is refused', async () => {
    const [head, body, signature] = bob.token().split('.');
    const none = Buffer.from('{"alg":"none","typ":"at+jwt"}').toString('base64url');
    for (const token of [
      `${head}.${body}.${'A'.repeat(43)}`,
      `${none}.${body}.`,
      `${none}.${body}.${signature}`,
      'x',
    ]) {
      const reply = await withProof(bob.proof('GET', '/v1/me', { token }), token);
      expect(reply.status).toBe(401);
    }
  });
});

describe('Host and Origin on TCP', () => {
  const port = () => new URL(it.tcp.url).port;
  test.each([
    ['another name', () => ({ host: 'evil.example' })],
    ['another name with our port', () => ({ host: `evil.example:${port()}` })],
    ['our name with another port', () => ({ host: '127.0.0.1:1' })],
    ['our name without a port', () => ({ host: '127.0.0.1' })],
    ['a name that only begins like ours', () => ({ host: `127.0.0.1:${port()}.evil.example` })],
    ['user information', () => ({ host: `a@127.0.0.1:${port()}` })],
    ['a web page’s origin', () => ({ origin: 'https://evil.example' })],
    ['our own address as origin', () => ({ origin: it.tcp.url })],
    ['the null origin', () => ({ origin: 'null' })],
  ])('%s is refused before anything else is looked at', async (_name, headers) => {
    for (const path of ['/v1/me', '/healthz', '/v1/nothing']) {
      const reply = await send(it.tcp, { method: 'GET', path, headers: headers() });
      expect([reply.status, reply.json.code]).toEqual([403, 'forbidden']);
      expect(reply.headers['access-control-allow-origin']).toBeUndefined();
    }
  });
  test('localhost and 127.0.0.1 with our port are ours', async () => {
    for (const host of [`localhost:${port()}`, `127.0.0.1:${port()}`])
      expect((await send(it.tcp, { method: 'GET', path: '/healthz', headers: { host } })).status).toBe(200);
  });
  test('a preflight gets no permission', async () => {
    const reply = await send(it.tcp, {
      method: 'OPTIONS',
      path: '/v1/requests',
      headers: { origin: 'https://evil.example', 'access-control-request-method': 'POST' },
    });
    expect(reply.status).toBe(403);
    expect(Object.keys(reply.headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
  });
  test('plain HTTP is not answered on a TLS listener of a hosting app', async () => {
    await expect(
      send({ url: it.tcp.url.replace('https', 'http') }, { method: 'GET', path: '/healthz' }),
    ).rejects.toThrow();
  });
  test('TLS below 1.2 is not spoken', async () => {
    const socket = connect({
      port: Number(port()),
      host: '127.0.0.1',
      rejectUnauthorized: false,
      maxVersion: 'TLSv1.1',
      minVersion: 'TLSv1',
    });
    await expect(
      new Promise((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject)),
    ).rejects.toThrow();
  });
});

describe('signing in', () => {
  const challengeFor = async (deviceId: string) =>
    (await send(it.tcp, jsonCall('POST', '/v1/session/challenge', { deviceId }, {}))).json.challenge;
  const ask = (body: object, dpop = bob.proof('POST', '/v1/session/token', { token: null })) =>
    send(it.tcp, jsonCall('POST', '/v1/session/token', body, { dpop }));
  const signed = (challenge: string, over: object = {}) => {
    const statement = { deviceId: bob.deviceId, challenge, serviceId: null, ...over };
    return { deviceId: bob.deviceId, challenge, signature: signChallenge(bob.device.signing.secretKey, statement) };
  };
  test('a challenge is good once', async () => {
    const answer = signed(await challengeFor(bob.deviceId));
    expect((await ask(answer)).status).toBe(200);
    expect((await ask(answer)).json.code).toBe('not-signed-in');
  });
  test('a challenge is good for a minute', async () => {
    const answer = signed(await challengeFor(bob.deviceId));
    it.clock.move(CHALLENGE_TTL_MS + 1);
    expect((await ask(answer)).json.code).toBe('not-signed-in');
  });
  test('an answer that names this service is good, one for another service is not', async () => {
    const { service } = (await it.owner.call('GET', '/v1/me')).json;
    expect((await ask(signed(await challengeFor(bob.deviceId), { serviceId: service.id }))).status).toBe(200);
    expect((await ask(signed(await challengeFor(bob.deviceId), { serviceId: 'svc_other' }))).status).toBe(401);
  });
  test('another key’s signature or proof signs nobody in', async () => {
    const thief = newDevice('thief');
    const challenge = await challengeFor(bob.deviceId);
    const forged = {
      deviceId: bob.deviceId,
      challenge,
      signature: signChallenge(thief.signing.secretKey, { deviceId: bob.deviceId, challenge, serviceId: null }),
    };
    expect((await ask(forged)).json.code).toBe('not-signed-in');
    const right = signed(await challengeFor(bob.deviceId));
    expect(
      (await ask(right, bob.proof('POST', '/v1/session/token', { token: null, keys: thief.signing }))).json.code,
    ).toBe('not-signed-in');
    expect((await ask(right, 'none')).json.code).toBe('dpop-invalid');
  });
  test('an unknown device gets a challenge like any other, and never a token', async () => {
    const stranger = tcpClient(it.tcp, newDevice('x'), 'dev_0123456789abcdefghjkmnpqrs', it.clock);
    const reply = await stranger.signIn();
    expect([reply.status, reply.json.code]).toEqual([401, 'not-signed-in']);
  });
  test('a token ends after ten minutes', async () => {
    await bob.signIn();
    it.clock.move(ACCESS_TOKEN_TTL_MS + 1_000);
    expect((await bob.call('GET', '/v1/me')).json.code).toBe('not-signed-in');
    await bob.signIn();
    expect((await bob.call('GET', '/v1/me')).status).toBe(200);
  });
  test('a revoked device is out with the next call, its token notwithstanding', async () => {
    const carol = await it.join('Carol');
    expect((await it.owner.call('POST', `/v1/devices/${carol.deviceId}/revoke`, {})).json.state).toBe('revoked');
    expect((await carol.call('GET', '/v1/me')).json.code).toBe('device-revoked');
  });
});

test('too many calls of one person are told when to come back', async () => {
  const limited = await startTestService({ rateLimits: { caller: { burst: 5, perSecond: 0.5 } } });
  try {
    const dora = await limited.join('Dora');
    let reply = await dora.call('GET', '/v1/me');
    for (let i = 0; i < 5 && reply.status === 200; i++) reply = await dora.call('GET', '/v1/me');
    expect([reply.status, reply.json.code]).toEqual([429, 'too-many-requests']);
    expect(Number(reply.headers['retry-after'])).toBeGreaterThan(0);
    limited.clock.move(2_000);
    expect((await dora.call('GET', '/v1/me')).status).toBe(200);
    expect((await limited.owner.call('GET', '/v1/me')).status).toBe(200);
  } finally {
    await limited.close();
  }
});
