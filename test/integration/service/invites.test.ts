import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { joinProof } from '../../../shared/crypto/statements';
import { INVITE_TTL_MS } from '../../../shared/domain/limits';
import { parseLink } from '../../../shared/domain/links';
import {
  joinWith,
  jsonCall,
  newDevice,
  publicKeys,
  send,
  startTestService,
  type TestService,
  tcpClient,
} from './harness';

let it: TestService;
beforeAll(async () => {
  it = await startTestService({ rateLimits: { join: { burst: 1_000, perSecond: 1_000 } } });
});
afterAll(() => it.close());
const invite = async (displayName = 'Bob') =>
  (await it.owner.call('POST', '/v1/invites', { displayName, roles: ['member'], groups: [] })).json as {
    invite: { id: string };
    link: string;
    code: string;
  };

describe('an invite', () => {
  test('is a link with address, pin and id, and a code that is not in it', async () => {
    const issued = await invite();
    expect(issued.code).toMatch(/^[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}$/);
    expect(parseLink(issued.link)).toEqual({
      ok: true,
      link: { kind: 'join', address: new URL(it.tcp.url).host, pin: it.tcp.pin, inviteId: issued.invite.id },
    });
    expect(issued.link).not.toContain(issued.code);
  });
  test('makes a person whose device waits for an administrator', async () => {
    const issued = await invite('Bea');
    const device = newDevice('Bea’s laptop');
    const joined = await joinWith(it.tcp, device, issued.invite.id, issued.code);
    expect(joined.json).toMatchObject({ state: 'pending' });
    const client = tcpClient(it.tcp, device, joined.json.deviceId, it.clock);
    const early = await client.signIn();
    expect([early.status, early.json.code]).toEqual([403, 'device-pending']);
    const confirm = (fingerprint: string) =>
      it.owner.call('POST', `/v1/devices/${joined.json.deviceId}/confirm`, { fingerprint });
    expect((await confirm('0000 0000 0000 0000')).status).toBe(409);
    expect((await client.signIn()).json.code).toBe('device-pending');
    expect((await confirm(joined.json.fingerprint.toUpperCase().replaceAll(' ', ''))).json.state).toBe('active');
    expect((await client.signIn()).status).toBe(200);
    const me = (await client.call('GET', '/v1/me')).json;
    expect(me.person).toMatchObject({ displayName: 'Bea', roles: ['member'], invitedBy: { displayName: 'Ann' } });
    expect(me.device.confirmedBy).toBe('Ann');
  });
  test('is found whatever way the code is typed', async () => {
    const issued = await invite();
    const typed = ` ${issued.code.toLowerCase().replaceAll('-', ' ').replaceAll('0', 'o').replaceAll('1', 'l')} `;
    expect((await joinWith(it.tcp, newDevice('d'), issued.invite.id, typed)).status).toBe(200);
  });
  test('is good once, also for two at the same moment', async () => {
    const issued = await invite();
    const replies = await Promise.all(
      [1, 2, 3, 4].map(() => joinWith(it.tcp, newDevice('d'), issued.invite.id, issued.code)),
    );
    expect(replies.map((reply) => reply.status).sort()).toEqual([200, 410, 410, 410]);
    expect(replies.filter((reply) => reply.status === 410).map((reply) => reply.json.code)).toEqual(
      Array(3).fill('invite-used'),
    );
  });
  test('expires', async () => {
    const issued = await invite();
    it.clock.move(INVITE_TTL_MS + 1);
    const reply = await joinWith(it.tcp, newDevice('d'), issued.invite.id, issued.code);
    expect([reply.status, reply.json.code]).toEqual([410, 'invite-expired']);
    const { items } = (await it.owner.call('GET', '/v1/invites')).json;
    expect(items.find((one: { id: string }) => one.id === issued.invite.id).state).toBe('expired');
  });
  test('can be withdrawn, and says nothing more then', async () => {
    const issued = await invite();
    expect((await it.owner.call('DELETE', `/v1/invites/${issued.invite.id}`)).status).toBe(200);
    expect((await joinWith(it.tcp, newDevice('d'), issued.invite.id, issued.code)).json.code).toBe('invite-invalid');
  });
  test('is locked by five wrong codes, also when they come at once; the right one is then refused too', async () => {
    const issued = await invite();
    const wrong = await Promise.all(
      [1, 2, 3, 4, 5, 6].map((n) => joinWith(it.tcp, newDevice('d'), issued.invite.id, `AAAA-AAAA-AAA${n}`)),
    );
    expect(new Set(wrong.map((reply) => reply.json.code))).toEqual(new Set(['invite-invalid']));
    const right = await joinWith(it.tcp, newDevice('d'), issued.invite.id, issued.code);
    expect([right.status, right.json.code]).toEqual([403, 'invite-invalid']);
    const { entries } = (await it.owner.call('GET', `/v1/audit/entries?type=invite.locked`)).json;
    expect(
      entries.filter((entry: { body: { subject: { id: string } } }) => entry.body.subject.id === issued.invite.id),
    ).toHaveLength(1);
  });
  test('an unknown one is answered like a wrong code', async () => {
    const known = await joinWith(it.tcp, newDevice('d'), (await invite()).invite.id, 'AAAA-AAAA-AAAA');
    const unknown = await joinWith(it.tcp, newDevice('d'), 'inv_0123456789abcdefghjkmnpqrs', 'AAAA-AAAA-AAAA');
    const told = (reply: { json: Record<string, unknown> }) => ({ ...reply.json, instance: '' });
    expect(told(unknown)).toEqual(told(known));
  });
  test('is of no use with keys that are not one’s own', async () => {
    const issued = await invite();
    const [mine, other] = [newDevice('mine'), newDevice('other')];
    const body = { inviteId: issued.invite.id, code: issued.code, ...publicKeys(other) };
    const reply = await send(
      it.tcp,
      jsonCall('POST', '/v1/join', { ...body, proof: joinProof(mine.signing.secretKey, body) }, {}),
    );
    expect(reply.json.code).toBe('bad-signature');
    const swapped = {
      ...body,
      ...publicKeys(mine),
      proof: joinProof(mine.signing.secretKey, { ...body, ...publicKeys(mine) }),
      sealingKey: other.sealing.publicKey,
    };
    expect((await send(it.tcp, jsonCall('POST', '/v1/join', swapped, {}))).json.code).toBe('bad-signature');
  });
  test('a key that is known already joins no second time', async () => {
    const [first, second] = [await invite(), await invite()];
    const device = newDevice('d');
    expect((await joinWith(it.tcp, device, first.invite.id, first.code)).status).toBe(200);
    expect((await joinWith(it.tcp, device, second.invite.id, second.code)).json.code).toBe('conflict');
  });
});

test('guessing is slowed down for an address', async () => {
  const slow = await startTestService();
  try {
    const replies = [];
    for (let i = 0; i < 12; i++)
      replies.push(await joinWith(slow.tcp, newDevice('d'), 'inv_0123456789abcdefghjkmnpqrs', 'X'));
    expect(replies.at(-1)?.json.code).toBe('too-many-requests');
  } finally {
    await slow.close();
  }
});
test('a service on this machine alone invites nobody, and says what to do', async () => {
  const alone = await startTestService({ tcp: null });
  try {
    const reply = await alone.owner.call('POST', '/v1/invites', { displayName: 'Bob', roles: ['member'], groups: [] });
    expect([reply.status, reply.json.code]).toEqual([409, 'wrong-state']);
    expect(reply.json.next).toMatch(/host for my team/);
    expect((await alone.owner.call('GET', '/v1/me')).json.service.shared).toBe(false);
  } finally {
    await alone.close();
  }
});
