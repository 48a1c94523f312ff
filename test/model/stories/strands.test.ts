/** I14: people, groups, devices, levels and rules that go while there is access and while somebody waits. Nothing is stranded, nothing wedged. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { HOUR_MS, MINUTE_MS, POLICY, World } from '../world';

let world: World;
beforeEach(async () => {
  world = await World.open();
});
afterEach(() => world.close());

const requestOf = (id: string) => world.access['requests.get'](world.who('dan'), world.byId(id));
const dropGroup = (name: string) =>
  world.store.write(async (tx) => {
    await tx.db.deleteFrom('group_members').where('group_name', '=', name).execute();
    await tx.db.deleteFrom('groups').where('name', '=', name).execute();
    await world.lifecycle.onMembershipChanged(tx);
  });
async function approved(name: string): Promise<string> {
  world.connect(name);
  const id =
    (await world.decide('bea', (await world.ask(name, 'orders-staging', { ttlMs: HOUR_MS })).id)).grantId ?? '';
  await world.leases.drain();
  await world.report(name, id, 'injected');
  await world.leases.drain();
  return id;
}

test('a group that approves is deleted: who waits is told who must do what, who has access keeps it, and it comes back', async () => {
  const id = await approved('ann');
  const asked = await world.ask('zoe', 'orders-staging');
  await dropGroup('dba');
  const blocked = await requestOf(asked.id);
  expect(blocked.state).toBe('blocked');
  expect(blocked.blockedBecause).toMatch(/"dba".*administrator/);
  expect((await world.grant('ann', id)).state).toBe('active');
  await world.group('dba', ['cid']);
  expect((await requestOf(asked.id)).state).toBe('pending');
  expect((await world.decide('cid', asked.id)).state).toBe('approved');
});

test('a group that may ask is deleted: its access ends by the policy, an open request is denied and says why', async () => {
  await world.group('on-call', ['ann', 'zoe']);
  await world.policy(
    POLICY.replace('environment: staging }', 'environment: staging }, requester: { groups: [on-call] }'),
  );
  const id = await approved('ann');
  const asked = await world.ask('zoe', 'orders-staging');
  await dropGroup('on-call');
  await world.leases.drain();
  expect(await world.grant('ann', id)).toMatchObject({
    state: 'ended',
    endReason: 'policy_changed',
    endProof: 'read_back',
  });
  expect(await requestOf(asked.id)).toMatchObject({ state: 'denied_by_policy', deniedBecause: expect.any(String) });
  expect(world.target.logins.size).toBe(0);
});

test('the only approver leaves after a first approval of two: it waits for another, and the leaver no longer counts', async () => {
  await world.policy(POLICY.replace('[{ from: dba }], max', '[{ from: dba, count: 2 }], max'));
  const asked = await world.ask('zoe', 'orders-staging');
  await world.decide('bea', asked.id);
  await world.store.write(async (tx) => {
    const { personId } = world.who('bea');
    await tx.db.updateTable('people').set({ state: 'removed' }).where('id', '=', personId).execute();
    await tx.db.deleteFrom('group_members').where('person_id', '=', personId).execute();
    await world.lifecycle.onPersonRemoved(tx, personId);
  });
  expect(await requestOf(asked.id)).toMatchObject({ state: 'blocked' });
  await world.join('fay', { roles: ['member'], invitedBy: world.who('dan').personId });
  await world.group('dba', ['cid', 'fay']);
  expect((await world.decide('cid', asked.id)).state).toBe('pending');
  expect((await world.decide('fay', asked.id)).state).toBe('approved');
});

test('two of whom one was invited by the requester are one', async () => {
  await world.policy(POLICY.replace('[{ from: dba }], max', '[{ from: dba, count: 2 }], max'));
  await world.join('eve', { roles: ['member'], invitedBy: world.who('zoe').personId });
  await world.group('dba', ['bea', 'eve']);
  const asked = await world.ask('zoe', 'orders-staging');
  expect(asked).toMatchObject({ state: 'blocked', blockedBecause: expect.stringContaining('eve was invited') });
  await world.group('dba', ['bea', 'cid', 'eve']);
  await world.decide('bea', asked.id);
  await expect(world.decide('eve', asked.id)).rejects.toMatchObject({
    code: expect.stringMatching(/not-eligible|not-found/),
  });
  expect((await world.decide('cid', asked.id)).state).toBe('approved');
});

test('a device is revoked in every state of its access: all of it ends, on other devices none', async () => {
  const ready = (await world.ask('ann', 'orders-dev', { startWhen: 'manual' })).grantId ?? '';
  const active = await world.active('ann', { level: 'read-write' });
  const other = await world.active('bea');
  const asked = await world.ask('ann', 'orders-staging');
  const { deviceId } = world.who('ann');
  await world.store.write(async (tx) => {
    await tx.db.updateTable('devices').set({ state: 'revoked' }).where('id', '=', deviceId).execute();
    await world.lifecycle.onDeviceRevoked(tx, deviceId);
  });
  await world.leases.drain();
  expect(await world.grant('dan', ready)).toMatchObject({ state: 'ended', endProof: 'never_created' });
  expect(await world.grant('dan', active)).toMatchObject({
    state: 'ended',
    endProof: 'read_back',
    endReason: 'revoked',
  });
  expect((await world.grant('bea', other)).state).toBe('active');
  expect((await requestOf(asked.id)).state).toBe('withdrawn');
  expect([...world.target.logins.keys()]).toEqual([world.principalOf(other)]);
});

test('an archived resource, an empty policy: access ends, nothing new comes', async () => {
  const [onDev, onStaging] = [await world.active('ann', { ttlMs: HOUR_MS }), await approved('zoe')];
  await world.store.write(async (tx) => {
    const id = world.id('orders-staging');
    await tx.db.updateTable('resources').set({ state: 'archived' }).where('id', '=', id).execute();
    await world.lifecycle.onResourceArchived(tx, id);
  });
  await world.leases.drain();
  expect(await world.grant('zoe', onStaging)).toMatchObject({ state: 'ended', endReason: 'revoked' });
  expect((await world.grant('ann', onDev)).state).toBe('active');
  await world.policy('version: 1\nrules: []\n');
  await world.pass(MINUTE_MS);
  expect(await world.grant('ann', onDev)).toMatchObject({ state: 'ended', endReason: 'policy_changed' });
  await expect(world.ask('ann', 'orders-dev')).rejects.toMatchObject({ code: 'not-requestable' });
  expect(world.target.logins.size).toBe(0);
});

test('a request that changes what is asked of it voids what was approved: the old approval opens nothing', async () => {
  const asked = await world.ask('ann', 'orders-prod');
  await world.decide('bea', asked.id);
  const stale = await world.sign('cid', asked.id);
  await world.policy(POLICY.replace('max_duration: 1h, reason', 'max_duration: 45m, reason'));
  const now = await requestOf(asked.id);
  expect(now.approvals.every((approval) => approval.given === 0)).toBe(true);
  await expect(
    world.access['requests.decide'](world.who('cid'), { params: { id: asked.id }, query: undefined, body: stale }),
  ).rejects.toMatchObject({ code: 'request-changed' });
  await world.decide('cid', asked.id);
  expect((await requestOf(asked.id)).state).toBe('pending');
  expect((await world.decide('dan', asked.id)).state).toBe('approved');
});
