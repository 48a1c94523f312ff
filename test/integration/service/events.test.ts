import { type IncomingMessage, request } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EVENT_RETENTION_MS } from '../../../shared/domain/limits';
import { type StreamMessage, startTestService, type TcpClient, type TestService } from './harness';

let it: TestService;
let bob: TcpClient & { personId: string };
beforeAll(async () => {
  it = await startTestService();
  bob = await it.join('Bob');
});
afterAll(() => it.close());

/** Makes one event that everybody sees; returns its group's name. */
let made = 0;
async function makeEvent(members: string[] = []): Promise<string> {
  const name = `group-${++made}`;
  const reply = await it.owner.call('PUT', `/v1/groups/${name}`, { members });
  expect(reply.status).toBe(200);
  return name;
}
const about = (name: string) => (message: StreamMessage) => message.data?.subject === name;

describe('the event stream', () => {
  test('says hello, then sends events named by type, numbered by id', async () => {
    const stream = await bob.events();
    const hello = await stream.until((message) => message.event === 'hello');
    expect(hello).toMatchObject({ id: null, data: { mode: 'normal' } });
    const name = await makeEvent();
    const message = await stream.until(about(name));
    expect(message.event).toBe('group.changed');
    expect(message.id).toBe(String(message.data.seq));
    expect(message.data.seq).toBeGreaterThan(hello.data.seq);
    stream.close();
  });
  test('after a cut the client gets exactly what it missed, in order, then what comes', async () => {
    const first = await bob.events();
    const last = await first.until(about(await makeEvent()));
    first.close();
    await first.ended;
    const missed = [await makeEvent(), await makeEvent(), await makeEvent()];
    const second = await bob.events({ header: last.data.seq });
    const coming = await makeEvent();
    await second.until(about(coming));
    expect(second.events().map((event) => event.subject)).toEqual([...missed, coming]);
    const third = await bob.events({ after: last.data.seq });
    await third.until(about(coming));
    expect(third.events()).toEqual(second.events());
    second.close();
    third.close();
  });
  test('no event is lost or doubled when clients come back in the midst of many', async () => {
    const start = (await (await it.owner.events()).until((message) => message.event === 'hello')).data.seq;
    const names: string[] = [];
    const writing = (async () => {
      for (let i = 0; i < 40; i++) names.push(await makeEvent());
    })();
    const streams = [];
    for (let i = 0; i < 20; i++) streams.push(await it.owner.events({ after: start }));
    await writing;
    for (const stream of streams) {
      await stream.until(about(names.at(-1) ?? ''));
      expect(stream.events().map((event) => event.subject)).toEqual(names);
      expect(stream.events().map((event) => event.seq)).toEqual(names.map((_name, i) => start + 1 + i));
      stream.close();
    }
  });
  test('events that one may not see are left out, also in a replay', async () => {
    const start = (await (await it.owner.events()).until((message) => message.event === 'hello')).data.seq;
    await it.owner.call('POST', '/v1/invites', { displayName: 'X', roles: ['member'], groups: [] });
    const name = await makeEvent();
    const stream = await bob.events({ after: start });
    await stream.until(about(name));
    expect(stream.messages.map((message) => message.event)).not.toContain('invite.changed');
    const admin = await it.owner.events({ after: start });
    await admin.until(about(name));
    expect(admin.messages.map((message) => message.event)).toContain('invite.changed');
    stream.close();
    admin.close();
  });
  test('a role counts from the event on that gives or takes it, on the open stream', async () => {
    const carol = await it.join('Carol');
    const stream = await carol.events();
    const setRoles = (roles: string[]) => it.owner.call('PATCH', `/v1/people/${carol.personId}`, { roles });
    const inviteFor = async (displayName: string) =>
      (await it.owner.call('POST', '/v1/invites', { displayName, roles: ['member'], groups: [] })).json.invite
        .id as string;
    const before = await inviteFor('before');
    await setRoles(['admin', 'member']);
    const during = await inviteFor('during');
    await setRoles(['member']);
    const after = await inviteFor('after');
    await stream.until(about(await makeEvent()));
    const subjects = stream.messages.map((message) => message.data?.subject);
    expect([before, during, after].map((id) => subjects.includes(id))).toEqual([false, true, false]);
    stream.close();
  });
  test('it ends at once when the device is revoked', async () => {
    const dan = await it.join('Dan');
    const stream = await dan.events();
    await stream.until((message) => message.event === 'hello');
    await it.owner.call('POST', `/v1/devices/${dan.deviceId}/revoke`, {});
    await stream.ended;
    expect(stream.messages.map((message) => message.event)).not.toContain('device.revoked');
    expect((await dan.events()).status).toBe(401);
  });
  test('it ends at once when the person is removed', async () => {
    const eve = await it.join('Eve');
    const stream = await eve.events();
    await stream.until((message) => message.event === 'hello');
    await it.owner.call('DELETE', `/v1/people/${eve.personId}`);
    await stream.ended;
  });
  test('a cursor from the future, or one that is no number, is told to resync', async () => {
    for (const options of [{ header: 1_000_000 }, { header: Number.NaN }]) {
      const stream = await it.owner.events(options);
      await stream.until((message) => message.event === 'resync');
      const name = await makeEvent();
      await stream.until(about(name));
      expect(stream.events().map((event) => event.subject)).toEqual([name]);
      stream.close();
    }
  });
  test('needs a sign-in, and a device opens only so many', async () => {
    const streams = [];
    for (let i = 0; i < 8; i++) streams.push(await bob.events());
    expect((await bob.events()).status).toBe(429);
    for (const stream of streams) {
      stream.close();
      await stream.ended;
    }
  });
  test('who comes and goes is told to the others, without a number', async () => {
    const stream = await it.owner.events();
    await stream.until((message) => message.event === 'hello');
    const fay = await it.join('Fay');
    const hers = await fay.events();
    const here = (online: boolean) => (message: StreamMessage) =>
      message.event === 'presence' && message.data.personId === fay.personId && message.data.online === online;
    expect((await stream.until(here(true))).id).toBeNull();
    const people = (await it.owner.call('GET', '/v1/people')).json.items;
    expect(people.find((person: { id: string }) => person.id === fay.personId).online).toBe(true);
    hers.close();
    await stream.until(here(false));
    stream.close();
  });
});

test('a client that does not read is cut at a bounded buffer; others are not held up, and it can resume', async () => {
  const small = await startTestService({ streamLimits: { total: 10, perDevice: 8, bufferBytes: 16 * 1024 } });
  const quick = await small.owner.events();
  const hello = await quick.until((message) => message.event === 'hello');
  const slow = request({
    socketPath: small.socketPath,
    path: '/v1/events',
    headers: { authorization: `Bearer ${small.config.local?.launchToken}` },
  });
  const response = await new Promise<IncomingMessage>((resolve) => slow.on('response', resolve).end());
  response.pause();
  let sent = 0;
  while (!small.log().includes('event stream cut') && sent < 5_000) {
    sent += 1;
    expect((await small.owner.call('PUT', `/v1/groups/g-${sent % 400}`, { members: [] })).status).toBe(200);
  }
  expect(small.log()).toContain('event stream cut');
  await quick.until((message) => message.id === String(hello.data.seq + sent));
  expect(quick.events().map((event) => event.seq)).toEqual(
    Array.from({ length: sent }, (_, i) => hello.data.seq + 1 + i),
  );
  const back = await small.owner.events({ after: hello.data.seq });
  await back.until((message) => message.id === String(hello.data.seq + sent));
  expect(back.events()).toHaveLength(sent);
  slow.destroy();
  quick.close();
  back.close();
  await small.close();
});

test('events older than what is kept are gone, and an old cursor is told so', async () => {
  const old = await startTestService();
  try {
    await old.owner.call('PUT', '/v1/groups/a', { members: [] });
    old.clock.move(EVENT_RETENTION_MS + 60_000);
    await old.owner.call('PUT', '/v1/groups/b', { members: [] });
    await old.service.upkeep();
    const stream = await old.owner.events({ after: 1 });
    const told = await stream.until((message) => message.event === 'resync');
    expect(told.data.seq).toBeGreaterThan(1);
    stream.close();
  } finally {
    await old.close();
  }
});
