/** What people, tools and attackers send: each gets a clear answer, and nothing is lost or half done by it. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Problem } from '../../../shared/contract/problem';
import { newSigningKeys } from '../../../shared/crypto/keys';
import { requestDigest, signDecision } from '../../../shared/crypto/statements';
import { MINUTE_MS } from '../../../shared/domain/instant';
import { jsonCall, random, send, startTestService } from '../service/harness';
import { openWorkspace, type Workspace } from './workspace';

let work: Workspace;
beforeAll(async () => {
  work = await openWorkspace();
});
afterAll(() => work.close());

const body = (more: object = {}) => ({
  resourceId: work.resourceId,
  level: 'read-only',
  ttlMs: 5 * MINUTE_MS,
  reason: 'why',
  ...more,
});
/** Sends text as it is: JSON.stringify would already turn NaN into null. */
const raw = (text: string) =>
  send(
    { socketPath: work.it.socketPath },
    {
      method: 'POST',
      path: '/v1/requests',
      headers: { authorization: `Bearer ${work.it.config.local?.launchToken}`, 'content-type': 'application/json' },
      body: text,
    },
  );
const counts = async () => {
  const requests = (await work.it.owner.call('GET', '/v1/requests?scope=all&limit=200')).json.items.length;
  const head = (await work.it.owner.call('GET', '/v1/audit/checkpoint')).json;
  return { requests, size: head.size ?? head.treeSize ?? head.note };
};

describe('a request', () => {
  test('with a duration that is none is refused with words, and leaves no trace', async () => {
    const before = await counts();
    const json = JSON.stringify(body());
    for (const ttl of [
      '0',
      '-1',
      'NaN',
      '1e309',
      '-1e309',
      '59999',
      '604800001',
      '2147483648',
      '1.5',
      '"5m"',
      'null',
      '[]',
    ]) {
      const reply = await raw(json.replace(String(5 * MINUTE_MS), ttl));
      expect([ttl, reply.status === 422 || reply.status === 400]).toEqual([ttl, true]);
      expect(Problem.parse(reply.json).code).toBe('invalid-input');
      if (ttl !== 'NaN') expect(reply.json.errors[0].message).toMatch(/\w{3}/);
    }
    const beyond = await work.bob.call('POST', '/v1/requests', body({ ttlMs: 2 * 60 * MINUTE_MS }));
    expect(beyond.json).toMatchObject({ code: 'invalid-input', errors: [{ path: 'ttlMs' }] });
    expect(beyond.json.title).toMatch(/1 h/);
    expect(await counts()).toEqual(before);
  });
  test('with a reason of 1 MB is too large, and one of 100 kB is named', async () => {
    const huge = await work.bob
      .call('POST', '/v1/requests', body({ reason: 'x'.repeat(1024 * 1024) }))
      .catch(() => null);
    if (huge !== null) expect([huge.status, huge.json.code]).toEqual([413, 'body-too-large']);
    const big = await work.bob.call('POST', '/v1/requests', body({ reason: 'x'.repeat(100_000) }));
    expect([big.status, big.json.errors[0].path]).toEqual([422, 'body.reason']);
    expect(big.text.length).toBeLessThan(2_000); // it is not sent back
  });
  test('for something that is not there is told so', async () => {
    const resource = await work.bob.call(
      'POST',
      '/v1/requests',
      body({ resourceId: 'res_01jd0000000000000000000000' }),
    );
    expect(resource.json.code).toBe('not-found');
    const level = await work.bob.call('POST', '/v1/requests', body({ level: 'superuser' }));
    expect([404, 422]).toContain(level.status);
    expect(Problem.parse(level.json).title).toMatch(/level/i);
  });
  test('keys of a prototype, unknown keys and doubled keys give nothing', async () => {
    for (const text of [
      JSON.stringify(body()).replace('{', '{"__proto__":{"state":"approved"},'),
      JSON.stringify(body({ constructor: { prototype: { admin: true } } })),
      JSON.stringify(body({ state: 'approved', requesterId: 'per_01jd0000000000000000000000' })),
    ]) {
      const reply = await raw(text);
      expect(reply.json.code).toBe('invalid-input');
    }
    expect(({} as { admin?: boolean }).admin).toBeUndefined();
  });
  test('with hostile text is kept as clean text, and its digest is of what is kept', async () => {
    const reason = 'a\u202eb\u0000c\ud83d d\n\n<script>alert(1)</script> \u{1f600} \u3164';
    const asked = await work.ask({ reason });
    expect(asked.reason).toBe('abc d <script>alert(1)</script> \u{1f600}');
    const again = (await work.bob.call('GET', `/v1/requests/${asked.id}`)).json;
    expect(again.reason).toBe(asked.reason);
    expect(again.digest).toBe(
      requestDigest({
        requestId: asked.id,
        requesterId: asked.requester.personId,
        deviceId: asked.requester.deviceId,
        resourceId: asked.resource.id,
        resourceName: asked.resource.name,
        level: asked.level,
        ttlMs: asked.ttlMs,
        reason: again.reason,
        ticketRef: asked.ticketRef,
        extendsGrantId: null,
        createdAt: asked.createdAt,
      }),
    );
    await work.bob.call('POST', `/v1/requests/${asked.id}/withdraw`);
  });
  test('sent twice by a double click, with and without a key, is one request', async () => {
    const key = { 'idempotency-key': randomUUID() };
    const [one, two] = await Promise.all([
      work.bob.call('POST', '/v1/requests', body({ reason: 'twice' }), key),
      work.bob.call('POST', '/v1/requests', body({ reason: 'twice' }), key),
    ]);
    const ids = new Set([one, two].flatMap((reply) => (reply.status === 200 ? [reply.json.id] : [])));
    expect(ids.size).toBe(1);
    const third = await work.bob.call('POST', '/v1/requests', body({ reason: 'twice' }));
    expect(third.json.code).toBe('conflict');
    await work.bob.call('POST', `/v1/requests/${[...ids][0]}/withdraw`);
  });
});

describe('a decision that was not made by this approver, on this device, about this request', () => {
  test.each([
    ['another key', {}, 'stranger'],
    ['another digest', { requestDigest: 'b'.repeat(64) }, 'own'],
    ['another device', { deviceId: 'dev_01jd0000000000000000000000' }, 'own'],
    ['another request', { requestId: 'req_01jd0000000000000000000000' }, 'own'],
    ['a nonce that was never given', { nonce: 'A'.repeat(43) }, 'own'],
    ['more time than was asked for', { ttlMs: 60 * MINUTE_MS }, 'own'],
    ['another stage', { stage: 1 }, 'own'],
    ['another policy', { policyVersion: 99 }, 'own'],
    ['the requester as approver', {}, 'requester'],
  ] as const)('%s: refused, still pending', async (_name, change, who) => {
    const asked = await work.ask({ reason: `forged: ${_name}` });
    try {
      const by = who === 'requester' ? work.bob : work.ann;
      const keys = who === 'stranger' ? newSigningKeys(random) : by.device.signing;
      const statement = await work.statement(work.ann, by.deviceId, asked.id, change);
      const reply = await by.call(
        'POST',
        `/v1/requests/${asked.id}/decisions`,
        signDecision(keys.secretKey, statement),
      );
      expect(reply.status).toBeGreaterThanOrEqual(400);
      expect(Problem.parse(reply.json).title.length).toBeGreaterThan(5);
      expect((await work.bob.call('GET', `/v1/requests/${asked.id}`)).json.state).toBe('pending');
    } finally {
      await work.bob.call('POST', `/v1/requests/${asked.id}/withdraw`);
    }
  });
  test('a decision is good once: replayed it makes no second grant, for another request it is nothing', async () => {
    const asked = await work.ask({ reason: 'replay' });
    const signed = signDecision(
      work.ann.device.signing.secretKey,
      await work.statement(work.ann, work.ann.deviceId, asked.id, { decision: 'deny', ttlMs: 0 }),
    );
    const first = await work.ann.call('POST', `/v1/requests/${asked.id}/decisions`, signed);
    expect(first.json.state).toBe('denied');
    const second = await work.ann.call('POST', `/v1/requests/${asked.id}/decisions`, signed);
    expect(second.json.decisions ?? []).toHaveLength(second.status === 200 ? 1 : 0);
    const other = await work.ask({ reason: 'replay elsewhere' });
    expect((await work.ann.call('POST', `/v1/requests/${other.id}/decisions`, signed)).status).toBeGreaterThanOrEqual(
      400,
    );
    await work.bob.call('POST', `/v1/requests/${other.id}/withdraw`);
    const late = await work.ann.call('GET', `/v1/requests/${other.id}/card`);
    expect(late.status === 200 ? late.json.request.can.decide : false).toBe(false);
  });
});

describe('ids of others', () => {
  test('are not there: requests, cards, grants, credentials, evidence, devices', async () => {
    const eve = await work.it.join('Eve');
    const asked = await work.ask({ reason: 'mine' });
    const grantId = (await work.approve(asked.id)).grantId as string;
    await work.bob.call('POST', `/v1/grants/${grantId}/start`);
    await work.it.service.drain();
    const calls: [string, string, unknown?][] = [
      ['GET', `/v1/requests/${asked.id}`],
      ['GET', `/v1/requests/${asked.id}/card`],
      ['POST', `/v1/requests/${asked.id}/seen`],
      ['POST', `/v1/requests/${asked.id}/withdraw`],
      ['POST', `/v1/requests/${asked.id}/nudge`],
      ['GET', `/v1/grants/${grantId}`],
      ['POST', `/v1/grants/${grantId}/start`],
      ['GET', `/v1/grants/${grantId}/credential`],
      ['POST', `/v1/grants/${grantId}/injection`, { state: 'injected' }],
      ['POST', `/v1/grants/${grantId}/extend`, { ttlMs: MINUTE_MS }],
      ['POST', `/v1/grants/${grantId}/return`],
      ['POST', `/v1/grants/${grantId}/revoke`, { reason: 'x' }],
      ['GET', `/v1/audit/evidence/${grantId}`],
      ['POST', `/v1/devices/${work.bob.deviceId}/revoke`, {}],
    ];
    for (const [method, path, data] of calls) {
      const reply = await eve.call(method, path, data);
      expect([method, path, reply.status]).toEqual([method, path, 404]);
    }
    const foreign = JSON.stringify(
      await Promise.all(
        ['/v1/requests', '/v1/grants', '/v1/audit/entries?limit=200', '/v1/devices'].map((path) =>
          eve.call('GET', path),
        ),
      ),
    );
    for (const id of [asked.id, grantId, work.bob.deviceId]) expect(foreign).not.toContain(id);
    // An approver sees the request, never the credential; the holder's other device does not get it either.
    expect((await work.ann.call('GET', `/v1/grants/${grantId}/credential`)).status).toBeGreaterThanOrEqual(403);
    expect((await work.it.owner.call('GET', `/v1/grants/${grantId}/credential`)).status).toBeGreaterThanOrEqual(403);
    await work.bob.call('POST', `/v1/grants/${grantId}/return`);
    await work.it.service.drain();
  });
});

describe('the borders of the TCP listener', () => {
  const call = (headers: Record<string, string>) => send(work.it.tcp, { method: 'GET', path: '/healthz', headers });
  const port = () => new URL(work.it.tcp.url).port;
  test('a page cannot call it, rebound name or not', async () => {
    for (const headers of [
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { origin: work.it.tcp.url },
      { origin: '' },
      { host: 'evil.example' },
      { host: `evil.example:${port()}` },
      { host: `127.0.0.1.evil.example:${port()}` },
      { host: `localhost.:${port()}` },
      { host: '127.0.0.1' },
      { host: `127.1:${port()}` },
      { host: `0.0.0.0:${port()}` },
      { host: `[::ffff:127.0.0.1]:${port()}` },
    ] as Record<string, string>[]) {
      const reply = await call(headers);
      expect([headers, reply.status]).toEqual([headers, 403]);
      expect(reply.headers['access-control-allow-origin']).toBeUndefined();
    }
    expect((await call({})).status).toBe(200);
  });
  test('who calls too often is told to wait, and how long', async () => {
    const small = await startTestService({ rateLimits: { join: { burst: 3, perSecond: 0.01 } } });
    try {
      const statuses: number[] = [];
      for (let i = 0; i < 6; i++) {
        const reply = await send(small.tcp, jsonCall('POST', '/v1/join', {}, {}));
        statuses.push(reply.status);
        if (reply.status === 429) expect(Number(reply.headers['retry-after'])).toBeGreaterThan(0);
      }
      // A body that is not valid is refused before it counts as an attempt; a valid one with a wrong code does count.
      if (!statuses.includes(429)) {
        const attempt = {
          inviteId: 'inv_01jd0000000000000000000000',
          code: 'AAAA-AAAA',
          ...keysOf(),
          proof: 'A'.repeat(86),
        };
        for (let i = 0; i < 6; i++)
          statuses.push((await send(small.tcp, jsonCall('POST', '/v1/join', attempt, {}))).status);
      }
      expect(statuses).toContain(429);
    } finally {
      await small.close();
    }
  });
});
const keysOf = () => ({
  deviceName: 'x',
  signingKey: newSigningKeys(random).publicKey,
  sealingKey: newSigningKeys(random).publicKey,
});

test('after all of this the log is whole, and nothing was half done', async () => {
  const counted = await counts();
  expect(counted.size).toBeTruthy();
  const { items } = (await work.it.owner.call('GET', '/v1/requests?scope=all&limit=200')).json;
  for (const request of items as { state: string }[]) expect(request.state).not.toBe('pending');
  expect((await work.it.owner.call('GET', '/v1/me')).json.service.mode).toBe('normal');
  expect(work.it.log()).not.toContain('request failed');
});
