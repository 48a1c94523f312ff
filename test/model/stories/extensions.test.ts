/** More time, asked for at every moment of a grant. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { HOUR_MS, MINUTE_MS, World } from '../world';

let world: World;
beforeEach(async () => {
  world = await World.open();
});
afterEach(() => world.close());

const extend = (id: string, ttlMs = 10 * MINUTE_MS, name = 'ann') =>
  world.access['grants.extend'](world.who(name), {
    params: { id },
    query: undefined,
    body: { ttlMs, reason: '', ticketRef: '' },
  });
/** Active access on staging, where somebody has to approve. */
async function approved(ttlMs = 30 * MINUTE_MS): Promise<string> {
  world.connect('ann');
  const asked = await world.ask('ann', 'orders-staging', { ttlMs });
  const id = (await world.decide('bea', asked.id)).grantId ?? '';
  await world.leases.drain();
  await world.report('ann', id, 'injected');
  await world.leases.drain();
  return id;
}
const requestOf = (id: string) => world.access['requests.get'](world.who('ann'), world.byId(id));

test('only while it is active: not before, not at its end, not after', async () => {
  const { grantId } = await world.ask('ann', 'orders-dev', { startWhen: 'manual' });
  const id = grantId ?? '';
  await expect(extend(id)).rejects.toMatchObject({ code: 'wrong-state' });
  await world.access['grants.start'](world.who('ann'), world.byId(id));
  await expect(extend(id)).rejects.toMatchObject({ code: 'wrong-state' });
  await world.leases.drain();
  await world.report('ann', id, 'injected');
  world.target.faultOf = (operation) => (operation === 'end' ? 'unreachable' : 'none');
  world.clock.advance(30 * MINUTE_MS);
  await expect(extend(id)).rejects.toMatchObject({ code: 'wrong-state' }); // its minute has come, nobody has looked yet
  await world.leases.drain();
  expect((await world.grant('ann', id)).state).toBe('ending');
  await expect(extend(id)).rejects.toMatchObject({ code: 'wrong-state' });
  world.target.faultOf = () => 'none';
  await world.pass(MINUTE_MS, 1_000);
  expect((await world.grant('ann', id)).state).toBe('ended');
  await expect(extend(id)).rejects.toMatchObject({ code: 'wrong-state' });
});

test('nobody asks for more time for others, and only one ask waits at a time', async () => {
  const id = await approved();
  await expect(extend(id, MINUTE_MS, 'zoe')).rejects.toMatchObject({ code: 'not-found' });
  await expect(extend(id, MINUTE_MS, 'bea')).rejects.toMatchObject({ code: 'not-found' });
  await extend(id);
  await expect(extend(id)).rejects.toMatchObject({ code: 'conflict' });
});

test('an ask that is open when the grant ends is closed with it, and can not be approved any more', async () => {
  const id = await approved();
  const asked = await extend(id);
  const signed = await world.sign('bea', asked.id);
  await world.pass(31 * MINUTE_MS);
  expect((await world.grant('ann', id)).state).toBe('ended');
  expect((await requestOf(asked.id)).state).toBe('expired');
  await expect(
    world.access['requests.decide'](world.who('bea'), { params: { id: asked.id }, query: undefined, body: signed }),
  ).rejects.toMatchObject({ code: 'already-decided' });
  expect(world.target.logins.size).toBe(0);
});

test('approved and the clock in the same moment: it ends by the clock, and the longer deadline never comes', async () => {
  const id = await approved();
  const asked = await extend(id);
  await world.pass(29 * MINUTE_MS);
  const signed = await world.sign('bea', asked.id);
  world.clock.advance(MINUTE_MS);
  const decided = world.access['requests.decide'](world.who('bea'), {
    params: { id: asked.id },
    query: undefined,
    body: signed,
  });
  await Promise.allSettled([decided, world.leases.drain()]);
  await world.pass(10_000, 1_000);
  expect(await world.grant('ann', id)).toMatchObject({ state: 'ended', endReason: 'expired' });
  expect(await world.audited(id)).not.toContain('grant.extended');
});

test('an approver may give less, never more; what was given is added once', async () => {
  const id = await approved();
  const before = (await world.grant('ann', id)).expiresAt ?? 0;
  const asked = await extend(id, 20 * MINUTE_MS);
  await expect(world.decide('bea', asked.id, { ttlMs: HOUR_MS })).rejects.toMatchObject({ code: 'invalid-input' });
  await world.decide('bea', asked.id, { ttlMs: 5 * MINUTE_MS });
  await world.leases.drain();
  await world.leases.drain();
  expect((await world.grant('ann', id)).expiresAt).toBe(before + 5 * MINUTE_MS);
  expect(world.target.logins.get(world.principalOf(id))?.validUntil).toBe(before + 5 * MINUTE_MS);
  expect((await world.audited(id)).filter((type) => type === 'grant.extended')).toHaveLength(1);
});

test('a denied ask takes nothing away; another may follow', async () => {
  const id = await approved();
  const before = (await world.grant('ann', id)).expiresAt;
  const asked = await extend(id);
  await world.decide('bea', asked.id, { decision: 'deny', reason: 'you have enough' });
  expect(await requestOf(asked.id)).toMatchObject({ state: 'denied', deniedBecause: 'you have enough' });
  expect(await world.grant('ann', id)).toMatchObject({ state: 'active', expiresAt: before });
  expect((await extend(id)).state).toBe('pending');
});

test('returned or revoked while an approved extension is on its way: it stays ended', async () => {
  for (const end of ['return', 'revoke'] as const) {
    const id = await approved();
    const asked = await extend(id);
    world.target.during = async (operation) => {
      if (operation !== 'setDeadline') return;
      world.target.during = async () => {};
      await (end === 'return'
        ? world.access['grants.return'](world.who('ann'), world.byId(id))
        : world.access['grants.revoke'](world.who('dan'), { ...world.byId(id), body: { reason: 'no' } }));
    };
    await world.decide('bea', asked.id);
    await world.leases.drain();
    await world.pass(5_000, 1_000);
    expect(await world.grant('ann', id)).toMatchObject({ state: 'ended', endProof: 'read_back' });
    expect(await world.audited(id)).not.toContain('grant.extended');
    expect(world.target.works(world.principalOf(id))).toBe(false);
  }
});
