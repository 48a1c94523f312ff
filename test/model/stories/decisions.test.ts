import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { signDecision } from '../../../shared/crypto/statements';
import { HOUR_MS, MINUTE_MS, World } from '../world';

let world: World;
beforeAll(async () => {
  world = await World.open();
});
afterAll(() => world.close());

/** A fresh request whose predecessors are out of the way. */
async function fresh(
  resource: 'orders-staging' | 'orders-prod' = 'orders-staging',
  more: Parameters<World['ask']>[2] = {},
) {
  const mine = await world.access['requests.list'](world.who('ann'), {
    params: undefined,
    query: { scope: 'mine', limit: 100 },
    body: undefined,
  });
  for (const request of mine.items)
    if (request.can.withdraw) await world.access['requests.withdraw'](world.who('ann'), world.byId(request.id));
  const held = await world.access['grants.list'](world.who('ann'), {
    params: undefined,
    query: { scope: 'mine', limit: 100 },
    body: undefined,
  });
  for (const grant of held.items)
    if (grant.can.end) await world.access['grants.return'](world.who('ann'), world.byId(grant.id));
  return world.ask('ann', resource, more);
}
const grantsOf = (requestId: string) =>
  world.store.db.selectFrom('grants').selectAll().where('request_id', '=', requestId).execute();
const resign = (name: string, signed: ReturnType<typeof signDecision>, change: object) =>
  signDecision(world.member(name).secretKey, { ...signed.statement, ...change });

describe('what a decision has to be', () => {
  test.each([
    [
      'an altered statement',
      (s: ReturnType<typeof signDecision>) => ({ ...s, statement: { ...s.statement, ttlMs: s.statement.ttlMs - 1 } }),
      'bad-signature',
    ],
    [
      'a statement of another device',
      (s: ReturnType<typeof signDecision>) => resign('bea', s, { deviceId: world.who('cid').deviceId }),
      'bad-signature',
    ],
    ['somebody else’s signature', (s: ReturnType<typeof signDecision>) => resign('cid', s, {}), 'bad-signature'],
    [
      'another digest',
      (s: ReturnType<typeof signDecision>) => resign('bea', s, { requestDigest: 'a'.repeat(64) }),
      'request-changed',
    ],
    [
      'another policy version',
      (s: ReturnType<typeof signDecision>) => resign('bea', s, { policyVersion: 99 }),
      'request-changed',
    ],
    ['another stage', (s: ReturnType<typeof signDecision>) => resign('bea', s, { stage: 1 }), 'request-changed'],
    [
      'a made-up nonce',
      (s: ReturnType<typeof signDecision>) => resign('bea', s, { nonce: 'A'.repeat(43) }),
      'request-changed',
    ],
    [
      'more time than asked for',
      (s: ReturnType<typeof signDecision>) => resign('bea', s, { ttlMs: 31 * MINUTE_MS }),
      'invalid-input',
    ],
    ['no time at all', (s: ReturnType<typeof signDecision>) => resign('bea', s, { ttlMs: 0 }), 'invalid-input'],
  ])('%s is refused, and nothing is granted', async (_, alter, code) => {
    const { id } = await fresh();
    await expect(world.decide('bea', id, {}, alter)).rejects.toMatchObject({ code });
    expect((await world.access['requests.get'](world.who('ann'), world.byId(id))).state).toBe('pending');
    expect(await grantsOf(id)).toEqual([]);
  });
  test('a card that was open too long, or for another request, does not count', async () => {
    const { id } = await fresh();
    const late = await world.sign('bea', id);
    world.clock.advance(11 * MINUTE_MS);
    await expect(
      world.access['requests.decide'](world.who('bea'), { params: { id }, query: undefined, body: late }),
    ).rejects.toMatchObject({ code: 'request-changed' });
    const other = await world.ask('ann', 'orders-staging', { level: 'read-write' });
    const signed = await world.sign('bea', id);
    await expect(
      world.access['requests.decide'](world.who('bea'), { params: { id: other.id }, query: undefined, body: signed }),
    ).rejects.toMatchObject({ code: 'bad-signature' });
  });
  test('production is decided on the card, neither approved nor denied from a notification', async () => {
    const { id } = await fresh('orders-prod');
    for (const decision of ['approve', 'deny'] as const)
      await expect(world.decide('bea', id, { decision, via: 'notification' })).rejects.toMatchObject({
        code: 'card-required',
      });
    expect((await world.decide('bea', id)).approvals).toContainEqual({ from: 'dba', count: 1, given: 1 });
  });
});

describe('who may decide', () => {
  test('the requester on no path: as member of the group, as administrator, with a card of somebody else', async () => {
    await world.group('dba', ['ann', 'bea', 'cid']);
    const { id } = await fresh();
    await expect(world.access['requests.card'](world.who('ann'), world.byId(id))).rejects.toMatchObject({
      code: 'self-approval',
    });
    const stolen = await world.sign('bea', id);
    const mine = resign('ann', stolen, { deviceId: world.who('ann').deviceId });
    await expect(
      world.access['requests.decide'](world.who('ann'), { params: { id }, query: undefined, body: mine }),
    ).rejects.toMatchObject({ code: 'self-approval' });
    const dans = await world.ask('dan', 'orders-prod', { level: 'admin' }); // owners: the administrators, so dan alone
    expect(dans).toMatchObject({ state: 'blocked' });
    expect(dans.blockedBecause).toContain('dan is the requester');
    await expect(world.access['requests.card'](world.who('dan'), world.byId(dans.id))).rejects.toMatchObject({
      code: 'self-approval',
    });
    await world.access['requests.withdraw'](world.who('dan'), world.byId(dans.id));
    await world.group('dba', ['bea', 'cid']);
  });
  test('somebody the requester invited does not count', async () => {
    const request = await world.ask('dan', 'orders-staging'); // dan invited everybody
    expect(request).toMatchObject({ state: 'blocked', waitingFor: [] });
    expect(request.blockedBecause).toContain('bea was invited by the requester');
    await world.join('eve', { roles: ['member'], invitedBy: world.who('bea').personId });
    await world.group('dba', ['bea', 'cid', 'eve']);
    const after = await world.access['requests.get'](world.who('dan'), world.byId(request.id));
    expect(after).toMatchObject({ state: 'pending', blockedBecause: null });
    expect(after.waitingFor.map((p) => p.displayName)).toEqual(['eve']);
    await expect(world.sign('bea', request.id)).rejects.toMatchObject({ code: 'not-found' });
    await world.group('dba', ['bea', 'cid']);
    expect(await world.audited(request.id)).toEqual([
      'request.submitted',
      'request.blocked',
      'request.unblocked',
      'request.blocked',
    ]);
    await world.access['requests.withdraw'](world.who('dan'), world.byId(request.id));
  });
  test('others learn nothing; auditors read but do not decide', async () => {
    const { id } = await fresh();
    for (const route of ['requests.get', 'requests.card', 'requests.withdraw', 'requests.nudge'] as const)
      await expect(world.access[route](world.who('zoe'), world.byId(id))).rejects.toMatchObject({ code: 'not-found' });
    expect((await world.access['requests.get'](world.who('aud'), world.byId(id))).can).toEqual({
      decide: false,
      withdraw: false,
    });
    await expect(world.sign('aud', id)).rejects.toMatchObject({ code: 'not-eligible' });
    await expect(
      world.access['requests.list'](world.who('zoe'), {
        params: undefined,
        query: { scope: 'all', limit: 10 },
        body: undefined,
      }),
    ).rejects.toMatchObject({ code: 'forbidden' });
  });
  test('one person in both groups counts once; the other approval may come from the right one only', async () => {
    const { id } = await fresh('orders-prod');
    expect((await world.decide('bea', id)).state).toBe('pending');
    await expect(world.decide('bea', id)).rejects.toMatchObject({ code: 'already-decided' });
    expect((await world.decide('cid', id)).state).toBe('approved');
  });
  test('an approval of somebody who left the group meanwhile does not count', async () => {
    const { id } = await fresh('orders-prod');
    await world.decide('cid', id);
    await world.group('dba', ['bea']);
    const after = await world.access['requests.get'](world.who('ann'), world.byId(id));
    expect(after.approvals.find((a) => a.from === 'dba')?.given).toBe(0);
    expect((await world.decide('dan', id)).state).toBe('pending');
    await world.group('dba', ['bea', 'cid']);
    expect((await world.access['requests.get'](world.who('ann'), world.byId(id))).state).toBe('approved');
  });
});

describe('races', () => {
  test('a double click and a replay: one decision, one grant', async () => {
    const { id } = await fresh();
    const body = await world.sign('bea', id);
    const send = () => world.access['requests.decide'](world.who('bea'), { params: { id }, query: undefined, body });
    const views = await Promise.all([send(), send()]);
    expect(views.map((view) => view.state)).toEqual(['approved', 'approved']);
    expect((await send()).state).toBe('approved');
    expect(await grantsOf(id)).toHaveLength(1);
    expect(await world.audited(id)).toEqual(['request.submitted', 'decision.recorded', 'request.approved']);
  });
  test('two approvers in the same tick: one grant, the second is told', async () => {
    const { id } = await fresh();
    const [bea, cid] = [await world.sign('bea', id), await world.sign('cid', id)];
    const results = await Promise.allSettled([
      world.access['requests.decide'](world.who('bea'), { params: { id }, query: undefined, body: bea }),
      world.access['requests.decide'](world.who('cid'), { params: { id }, query: undefined, body: cid }),
    ]);
    expect(results.map((result) => result.status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(results.find((result) => result.status === 'rejected')).toMatchObject({
      reason: { code: 'already-decided' },
    });
    expect(await grantsOf(id)).toHaveLength(1);
  });
  test('approve after withdraw, and both at once: never a grant for a withdrawn request', async () => {
    const { id } = await fresh();
    const body = await world.sign('bea', id);
    await Promise.allSettled([
      world.access['requests.withdraw'](world.who('ann'), world.byId(id)),
      world.access['requests.decide'](world.who('bea'), { params: { id }, query: undefined, body }),
    ]);
    const after = await world.access['requests.get'](world.who('ann'), world.byId(id));
    expect((await grantsOf(id)).length).toBe(after.state === 'approved' ? 1 : 0);
    const later = await fresh();
    const signed = await world.sign('bea', later.id);
    await world.access['requests.withdraw'](world.who('ann'), world.byId(later.id));
    await expect(
      world.access['requests.decide'](world.who('bea'), { params: { id: later.id }, query: undefined, body: signed }),
    ).rejects.toMatchObject({ code: 'already-decided' });
    expect(await grantsOf(later.id)).toEqual([]);
  });
  test('asking twice at once makes one request, and says which', async () => {
    const first = await fresh('orders-staging', { level: 'admin' });
    await expect(world.ask('ann', 'orders-staging', { level: 'admin' })).rejects.toMatchObject({
      code: 'conflict',
      errors: [{ path: 'requestId', message: first.id }],
    });
    const both = await Promise.allSettled([world.ask('zoe', 'orders-dev'), world.ask('zoe', 'orders-dev')]);
    expect(both.map((result) => result.status).sort()).toEqual(['fulfilled', 'rejected']);
  });
});

describe('the policy changes', () => {
  const stricter = (count: number) => `version: 1
rules:
  - { name: dev, match: { resource: { environment: development } }, effect: auto, max_duration: 10m }
  - { name: staging, match: { resource: { environment: [staging, production] } }, effect: approve, approvals: [{ from: dba, count: ${count} }], max_duration: 2h, confirm: notification }
`;
  test('approvals given under another answer are void, and what is not covered any more ends', async () => {
    const { id } = await fresh('orders-prod');
    await world.decide('bea', id);
    const active = await world.active('ann', { ttlMs: HOUR_MS });
    const old = await world.sign('cid', id);
    await world.policy(stricter(2));
    const after = await world.access['requests.get'](world.who('ann'), world.byId(id));
    expect(after).toMatchObject({ state: 'pending', decisions: [], approvals: [{ from: 'dba', count: 2, given: 0 }] });
    await expect(
      world.access['requests.decide'](world.who('cid'), { params: { id }, query: undefined, body: old }),
    ).rejects.toMatchObject({ code: 'request-changed' });
    await world.leases.drain();
    expect(await world.grant('ann', active)).toMatchObject({ state: 'ended', endReason: 'policy_changed' });
    expect((await world.decide('bea', id)).state).toBe('pending');
    expect((await world.decide('cid', id)).state).toBe('approved');
    const gone = await fresh('orders-prod');
    await world.policy('version: 1\nrules: []\n');
    expect((await world.access['requests.get'](world.who('ann'), world.byId(gone.id))).state).toBe('denied_by_policy');
  });
  test('a version that began from an older one is refused', async () => {
    await expect(
      world.access['policy.put'](world.who('dan'), {
        params: undefined,
        query: undefined,
        body: { yaml: stricter(1), baseVersion: 1, note: '' },
      }),
    ).rejects.toMatchObject({ code: 'policy-stale' });
    await expect(
      world.access['policy.put'](world.who('ann'), {
        params: undefined,
        query: undefined,
        body: { yaml: stricter(1), baseVersion: 3, note: '' },
      }),
    ).rejects.toMatchObject({ code: 'forbidden' });
  });
});
