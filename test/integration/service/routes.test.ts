import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { API, type Route } from '../../../shared/contract/api';
import { Problem } from '../../../shared/contract/problem';
import { MAX_BODY_BYTES } from '../../../shared/domain/limits';
import { send, startTestService, type TcpClient, type TestService } from './harness';

let it: TestService;
let member: TcpClient & { personId: string };
let auditor: TcpClient & { personId: string };
beforeAll(async () => {
  it = await startTestService();
  member = await it.join('Bob');
  auditor = await it.join('Eve', ['auditor']);
});
afterAll(() => it.close());

const ID = '0123456789abcdefghjkmnpqrs';
const FOREIGN: Record<string, string> = {
  people: `per_${ID}`,
  devices: `dev_${ID}`,
  invites: `inv_${ID}`,
  resources: `res_${ID}`,
  requests: `req_${ID}`,
  grants: `grt_${ID}`,
  groups: 'nobody',
  audit: `grt_${ID}`,
};
const pathOf = (route: Route) => route.path.replace(/:\w+/, FOREIGN[route.path.split('/')[2] ?? ''] ?? 'x');
const routes = Object.entries<Route>(API);
const guarded = routes.filter(([, route]) => route.access !== 'open');

describe('every route of the contract', () => {
  test.each(guarded)('%s refuses a stranger on TCP and on the socket', async (_name, route) => {
    for (const where of [it.tcp, { socketPath: it.socketPath }]) {
      const reply = await send(where, { method: route.method, path: pathOf(route) });
      expect(reply.status).toBe(401);
      expect(Problem.parse(reply.json).code).toBe('not-signed-in');
    }
  });
  test.each(guarded.filter(([, route]) => route.access === 'admin'))(
    '%s refuses a member and an auditor',
    async (_name, route) => {
      for (const client of [member, auditor]) {
        const reply = await client.call(route.method, pathOf(route), route.body ? {} : undefined);
        expect([reply.status, reply.json.code]).toEqual([403, 'forbidden']);
      }
    },
  );
  test.each(guarded.filter(([, route]) => route.access === 'auditor'))(
    '%s refuses a member, answers auditors and admins',
    async (_name, route) => {
      expect((await member.call(route.method, pathOf(route))).json.code).toBe('forbidden');
      const answered = /:/.test(route.path) ? 404 : 200; // of an id that is not there
      expect((await auditor.call(route.method, pathOf(route))).status).toBe(answered);
      expect((await it.owner.call(route.method, pathOf(route))).status).toBe(answered);
    },
  );
  test.each(guarded.filter(([, route]) => /:id/.test(route.path) && route.method === 'GET'))(
    '%s answers 404 for an id that is not there',
    async (_name, route) => {
      const caller = route.access === 'member' ? member : it.owner; // whoever may ask at all
      const reply = await caller.call(route.method, pathOf(route));
      expect([reply.status, reply.json.code]).toEqual([404, 'not-found']);
    },
  );
  test.each(
    guarded.filter(([, route]) => route.method === 'GET' && !/:/.test(route.path) && !/proofs/.test(route.path)),
  )('%s answers the owner with what the contract says', async (_name, route) => {
    const reply = await it.owner.call('GET', route.path);
    expect(reply.status).toBe(200);
    if (reply.json !== undefined) expect(route.reply.safeParse(reply.json).success).toBe(true);
  });
});

describe('what belongs to others', () => {
  test('another person’s device is not there for a member', async () => {
    const { items } = (await it.owner.call('GET', '/v1/devices')).json;
    const others = items.find((device: { personId: string }) => device.personId !== member.personId);
    const reply = await member.call('POST', `/v1/devices/${others.id}/revoke`, {});
    expect(reply.status).toBe(404);
  });
  test('a member sees only their own devices, an admin all', async () => {
    const own = (await member.call('GET', '/v1/devices')).json.items;
    expect(own.map((device: { personId: string }) => device.personId)).toEqual([member.personId]);
    expect((await it.owner.call('GET', '/v1/devices')).json.items.length).toBeGreaterThan(2);
  });
  test('an id of the wrong shape is answered like one that does not exist', async () => {
    for (const id of ['x', '../me', 'req_%00', `REQ_${ID}`]) {
      const reply = await member.call('GET', `/v1/requests/${encodeURIComponent(id)}`);
      expect([reply.status, reply.json.code]).toEqual([404, 'not-found']);
    }
  });
});

describe('errors are problems with a type of ours', () => {
  const check = async (
    reply: { status: number; json: unknown; headers: Record<string, unknown> },
    status: number,
    code: string,
  ) => {
    expect(reply.headers['content-type']).toMatch(/^application\/problem\+json/);
    const problem = Problem.parse(reply.json);
    expect(problem).toMatchObject({ status, code, type: `https://hallpass.example/problems/${code}` });
    expect(reply.status).toBe(status);
    expect(problem.title.length).toBeGreaterThan(3);
  };
  const post = (headers: Record<string, string>, body: string | Buffer) =>
    send(
      { socketPath: it.socketPath },
      { method: 'POST', path: '/v1/requests', headers: { ...auth(), ...headers }, body },
    );
  const auth = () => ({ authorization: `Bearer ${it.config.local?.launchToken}` });

  test('404 for an address that is nothing', async () =>
    check(await it.owner.call('GET', '/v1/nothing'), 404, 'not-found'));
  test('405 says which methods there are', async () => {
    const reply = await it.owner.call('PUT', '/v1/people');
    await check(reply, 405, 'method-not-allowed');
    expect(reply.headers.allow).toBe('GET');
  });
  test('415 for anything but JSON', async () => {
    await check(await post({ 'content-type': 'text/plain' }, 'hello'), 415, 'unsupported-media-type');
    await check(
      await post({ 'content-type': 'application/x-www-form-urlencoded' }, 'a=1'),
      415,
      'unsupported-media-type',
    );
  });
  test('413 for a body over the limit, with or without its length said', async () => {
    const big = Buffer.alloc(MAX_BODY_BYTES + 1, 0x20);
    await check(
      await post({ 'content-type': 'application/json', 'content-length': String(big.length) }, big),
      413,
      'body-too-large',
    );
    await check(
      await post({ 'content-type': 'application/json', 'transfer-encoding': 'chunked' }, big),
      413,
      'body-too-large',
    );
  });
  test('400 for text that is not JSON, for a prototype key and for a depth bomb', async () => {
    for (const body of [
      '{',
      '{"__proto__":{"admin":true}}',
      '['.repeat(100_000) + ']'.repeat(100_000),
      `${'{"a":'.repeat(40)}1${'}'.repeat(40)}`,
    ]) {
      const reply = await post({ 'content-type': 'application/json' }, body);
      expect(reply.json.code).toBe('invalid-input');
      expect([400, 422]).toContain(reply.status);
    }
  });
  test('422 names each field that is wrong', async () => {
    const reply = await it.owner.call('POST', '/v1/requests', { resourceId: 'x', level: 'read-only', ttlMs: -1 });
    await check(reply, 422, 'invalid-input');
    expect(reply.json.errors.map((e: { path: string }) => e.path)).toEqual(['body.resourceId', 'body.ttlMs']);
  });
  test('an unknown field is refused, not ignored', async () => {
    const reply = await it.owner.call('POST', '/v1/invites', {
      displayName: 'X',
      roles: ['member'],
      groups: [],
      admin: true,
    });
    await check(reply, 422, 'invalid-input');
  });
  test('a malformed address and a request that is not HTTP get a problem too', async () => {
    await check(await it.owner.call('GET', '/v1/%zz'), 400, 'invalid-input');
  });
});

test('OpenAPI and health need no sign-in and tell nothing about people', async () => {
  const health = await send(it.tcp, { method: 'GET', path: '/healthz' });
  expect(health.json).toEqual({ status: 'ok', mode: 'normal' });
  const document = await send(it.tcp, { method: 'GET', path: '/openapi.json' });
  expect(document.json.openapi).toBe('3.1.0');
  expect(document.text).not.toMatch(/Ann|Bob/);
});

describe('people, groups and roles', () => {
  test('the last administrator can neither be demoted nor removed, nor lose the last device', async () => {
    const me = (await it.owner.call('GET', '/v1/me')).json;
    const demoted = await it.owner.call('PATCH', `/v1/people/${me.person.id}`, { roles: ['member'] });
    const removed = await it.owner.call('DELETE', `/v1/people/${me.person.id}`);
    const revoked = await it.owner.call('POST', `/v1/devices/${me.device.id}/revoke`, {});
    expect([demoted.status, removed.status, revoked.status]).toEqual([409, 409, 409]);
    expect((await it.owner.call('GET', '/v1/me')).json.person.roles).toContain('admin');
  });
  test('a group is made, changed and removed; an unknown person in it is refused', async () => {
    const put = await it.owner.call('PUT', '/v1/groups/dba', { members: [member.personId, member.personId] });
    expect(put.json).toEqual({ name: 'dba', members: [member.personId] });
    const people = (await it.owner.call('GET', '/v1/people')).json.items;
    expect(people.find((person: { id: string }) => person.id === member.personId).groups).toEqual(['dba']);
    expect((await it.owner.call('PUT', '/v1/groups/dba', { members: [`per_${ID}`] })).status).toBe(404);
    expect((await it.owner.call('PUT', '/v1/groups/owners', { members: [] })).status).toBe(409);
    expect((await it.owner.call('DELETE', '/v1/groups/dba')).status).toBe(200);
    expect((await it.owner.call('DELETE', '/v1/groups/dba')).status).toBe(404);
  });
  test('a role that was taken away counts from the next call on', async () => {
    const carol = await it.join('Carol', ['admin']);
    expect((await carol.call('GET', '/v1/invites')).status).toBe(200);
    await it.owner.call('PATCH', `/v1/people/${carol.personId}`, { roles: ['member'] });
    expect((await carol.call('GET', '/v1/invites')).status).toBe(403);
    await it.owner.call('DELETE', `/v1/people/${carol.personId}`);
    expect((await carol.call('GET', '/v1/me')).json.code).toBe('device-revoked');
    expect((await carol.signIn()).json.code).toBe('device-revoked');
  });
  test('every change of people and groups is one entry of the log', async () => {
    const { entries } = (await it.owner.call('GET', '/v1/audit/entries?limit=500')).json;
    const types = entries.map((entry: { body: { type: string } }) => entry.body.type);
    for (const type of [
      'person.joined',
      'invite.created',
      'device.confirmed',
      'group.changed',
      'group.removed',
      'person.changed',
      'person.removed',
      'device.revoked',
    ])
      expect(types).toContain(type);
  });
});
