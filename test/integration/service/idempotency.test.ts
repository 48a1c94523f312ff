import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openRaw } from '../../../electron/service/store/sqlite-binding';
import { DAY_MS } from '../../../shared/domain/instant';
import { newKey, startTestService, type TcpClient, type TestService } from './harness';

let it: TestService;
let bob: TcpClient & { personId: string };
beforeAll(async () => {
  it = await startTestService();
  bob = await it.join('Bob');
});
afterAll(() => it.close());
const NEW = { displayName: 'Carol', roles: ['member'], groups: [] };
const openInvites = async () => (await it.owner.call('GET', '/v1/invites')).json.items.length as number;
const draft = (text: string) => ({ yaml: `version: 1\nrules: []\n# ${text}\n` });

test('two at once with one key do the work once', async () => {
  const before = await openInvites();
  const key = newKey();
  const replies = await Promise.all([1, 2, 3].map(() => it.owner.call('POST', '/v1/invites', NEW, key)));
  expect(replies.map((reply) => reply.status).sort()).toEqual([200, 409, 409]);
  expect(await openInvites()).toBe(before + 1);
});
test('a repeated key gets the same answer, marked as replayed', async () => {
  const key = newKey();
  const first = await bob.call('POST', '/v1/policy/check', draft('a'), key);
  const second = await bob.call('POST', '/v1/policy/check', draft('a'), key);
  expect(second.json).toEqual(first.json);
  expect([first.headers['idempotency-replayed'], second.headers['idempotency-replayed']]).toEqual([undefined, 'true']);
});
test('a key that was used for something else is refused', async () => {
  const key = newKey();
  await bob.call('POST', '/v1/policy/check', draft('a'), key);
  const body = await bob.call('POST', '/v1/policy/check', draft('b'), key);
  expect([body.status, body.json.code]).toEqual([422, 'idempotency-mismatch']);
  const path = await bob.call('POST', '/v1/requests/req_0123456789abcdefghjkmnpqrs/withdraw', undefined, key);
  expect(path.json.code).toBe('idempotency-mismatch');
});
test('keys of different people have nothing to do with each other', async () => {
  const key = newKey();
  await bob.call('POST', '/v1/policy/check', draft('bob'), key);
  expect((await it.owner.call('POST', '/v1/policy/check', draft('ann'), key)).status).toBe(200);
});
test('a secret that is shown once is not in the store, and a replay says what to do instead', async () => {
  const key = newKey();
  const first = await it.owner.call('POST', '/v1/invites', NEW, key);
  const second = await it.owner.call('POST', '/v1/invites', NEW, key);
  expect([second.status, second.json.code]).toEqual([409, 'conflict']);
  expect(second.text).not.toContain(first.json.code);
  expect(second.json.next).toMatch(/withdraw/i);
});
test('what was refused may be tried again with the same key', async () => {
  const key = newKey();
  const path = '/v1/devices/dev_0123456789abcdefghjkmnpqrs/revoke';
  expect((await bob.call('POST', path, {}, key)).status).toBe(404);
  expect((await bob.call('POST', path, {}, key)).status).toBe(404);
});
test('a key whose work was cut off by a crash: what takes away is done again, what gives is not done twice', async () => {
  const cutOff = (key: { 'idempotency-key': string }) => {
    const raw = openRaw(join(it.dataDir, 'hallpass.db'), 5_000);
    raw.prepare("update idempotency set status = 0, reply = '' where key = ?").run(key['idempotency-key']);
    raw.close();
  };
  const [takes, gives] = [newKey(), newKey()];
  const first = await it.owner.call('POST', '/v1/policy/check', draft('a'), takes);
  await it.owner.call('POST', '/v1/invites', NEW, gives);
  const before = await openInvites();
  cutOff(takes);
  cutOff(gives);
  const again = await it.owner.call('POST', '/v1/policy/check', draft('a'), takes);
  expect([again.status, again.json, again.headers['idempotency-replayed']]).toEqual([200, first.json, undefined]);
  const third = await it.owner.call('POST', '/v1/policy/check', draft('a'), takes);
  expect(third.headers['idempotency-replayed']).toBe('true'); // and stored this time
  const refused = await it.owner.call('POST', '/v1/invites', NEW, gives);
  expect([refused.status, refused.json.code, await openInvites()]).toEqual([409, 'conflict', before]);
});
test('a key is forgotten after a day', async () => {
  const key = newKey();
  await it.owner.call('POST', '/v1/policy/check', draft('a'), key);
  it.clock.move(DAY_MS + 1);
  expect((await it.owner.call('POST', '/v1/policy/check', draft('b'), key)).status).toBe(200);
});
test('a key that is none is refused', async () => {
  for (const value of ['short', 'with space in it', 'x'.repeat(200)])
    expect((await it.owner.call('POST', '/v1/policy/check', draft('a'), { 'idempotency-key': value })).json.code).toBe(
      'invalid-input',
    );
});
