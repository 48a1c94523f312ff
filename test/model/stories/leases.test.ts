import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Fault, Operation } from '../target';
import { HOUR_MS, MINUTE_MS, World } from '../world';

let world: World;
beforeEach(async () => {
  world = await World.open();
});
afterEach(() => world.close());
const failing = (operation: Operation, ...faults: Fault[]) => {
  world.target.faultOf = (asked) => (asked === operation ? (faults.shift() ?? 'none') : 'none');
};
const back = (id: string) => world.access['grants.return'](world.who('ann'), world.byId(id));

describe('removal', () => {
  test('is not claimed while the target is away, alarms after two minutes, and is done when it is back', async () => {
    const id = await world.active();
    world.target.logIn(world.principalOf(id));
    world.target.faultOf = () => 'unreachable';
    await back(id);
    await world.pass(3 * MINUTE_MS, 5_000);
    const waiting = await world.grant('ann', id);
    expect(waiting).toMatchObject({
      state: 'ending',
      removal: { target: 'unknown', alarmed: true, lastError: 'connection refused' },
    });
    expect(waiting.removal.attempts).toBeGreaterThan(5);
    expect(world.target.works(world.principalOf(id))).toBe(true);
    world.target.faultOf = () => 'none';
    await world.pass(31_000, 1_000);
    expect(await world.grant('ann', id)).toMatchObject({
      state: 'ended',
      endProof: 'read_back',
      removal: { target: 'gone' },
    });
    expect(world.target.works(world.principalOf(id))).toBe(false);
    expect(await world.audited(id)).toEqual(
      ['ready', 'provisioning', 'credential_ready', 'activated', 'ending', 'removal_delayed', 'ended'].map(
        (word) => `grant.${word}`,
      ),
    );
  });
  test('a lost reply and a session that stays open do not count as removed', async () => {
    const id = await world.active();
    world.target.logIn(world.principalOf(id));
    world.target.stubborn = 1;
    failing('end', 'lost');
    await back(id);
    await world.leases.drain();
    expect((await world.grant('ann', id)).state).toBe('ending');
    await world.pass(3_000, 1_000);
    expect(await world.grant('ann', id)).toMatchObject({
      state: 'ending',
      removal: { target: 'present', lastError: '1 sessions are still open' },
    });
    world.target.stubborn = 0;
    await world.pass(10_000, 1_000);
    expect((await world.grant('ann', id)).state).toBe('ended');
  });
  test('left-overs keep no grant from ending; they are shown and worked off', async () => {
    const id = await world.active();
    world.target.residue = [{ kind: 'function', detail: 'public.mine()' }];
    await back(id);
    await world.leases.drain();
    expect(await world.grant('ann', id)).toMatchObject({
      state: 'ended',
      residue: [{ kind: 'function', detail: 'public.mine()' }],
    });
    world.target.residue = [];
    await world.pass(2 * MINUTE_MS, 30_000);
    expect((await world.grant('ann', id)).residue).toEqual([]);
    expect(world.target.logins.size).toBe(0);
  });
  test('an administrator may attest only while the target does not answer', async () => {
    const id = await world.active();
    const attest = (name: string) =>
      world.access['grants.attest'](world.who(name), {
        params: { id },
        query: undefined,
        body: { reason: 'The server was scrapped.' },
      });
    await expect(attest('dan')).rejects.toMatchObject({ code: 'wrong-state' });
    world.target.faultOf = () => 'unreachable';
    await back(id);
    await world.leases.drain();
    await expect(attest('bea')).rejects.toMatchObject({ code: 'not-found' });
    await expect(attest('ann')).rejects.toMatchObject({ code: 'forbidden' });
    expect(await attest('dan')).toMatchObject({ state: 'ended', endProof: 'attested_unverified' });
    // It was not gone after all: the reconciler ends it.
    world.target.faultOf = () => 'none';
    await world.pass(6 * MINUTE_MS);
    expect(world.target.works(world.principalOf(id))).toBe(false);
    expect(await world.audited(world.principalOf(id))).toEqual(['principal.orphan_ended']);
  });
  test('the sweep tries every removal at once, and says what is left', async () => {
    const one = await world.active('ann');
    const two = await world.active('zoe');
    world.target.faultOf = () => 'unreachable';
    await back(one);
    await world.pass(30_000, 5_000);
    world.target.faultOf = (_, principal) => (principal === world.principalOf(two) ? 'unreachable' : 'none');
    world.clock.advance(HOUR_MS);
    expect(await world.leases.sweep()).toEqual({ ended: 1, left: 1 });
    expect((await world.grant('ann', one)).state).toBe('ended');
  });
});

describe('creation', () => {
  test.each<[Fault, string]>([
    ['refused', 'must be superuser'],
    ['hang', 'Making the login got no answer within 10 s'],
  ])('%s: it ends as failed and says why', async (fault, why) => {
    failing('create', fault);
    world.connect('ann');
    const { grantId } = await world.ask('ann', 'orders-dev');
    const done = world.leases.drain();
    for (let i = 0; i < 200 && !world.target.calls.some((call) => call.operation === 'create'); i++)
      await new Promise(setImmediate);
    await new Promise(setImmediate);
    if (fault === 'hang') world.clock.advance(11_000);
    await done;
    await world.leases.drain();
    const id = grantId ?? '';
    expect(await world.grant('ann', id)).toMatchObject({ state: 'ended', endReason: 'failed', endProof: 'read_back' });
    const leaf = await world.store.db
      .selectFrom('audit_leaves')
      .select('body')
      .where('type', '=', 'grant.ending')
      .executeTakeFirst();
    expect(leaf?.body).toContain(why);
    // The call that hung goes on after all: what it makes is found and ended.
    world.target.thaw();
    for (let i = 0; i < 50; i++) await new Promise(setImmediate);
    await world.leases.drain();
    expect(world.target.works(world.principalOf(id))).toBe(false);
  });
  test('a target that is away for a moment is tried again, with the same principal', async () => {
    failing('create', 'unreachable', 'lost');
    world.connect('ann');
    const { grantId } = await world.ask('ann', 'orders-dev');
    await world.pass(6_000, 1_000);
    expect(await world.grant('ann', grantId ?? '')).toMatchObject({ state: 'provisioning', credentialReady: true });
    expect([...world.target.logins.keys()]).toEqual([world.principalOf(grantId ?? '')]);
  });
  test('a device that never answers gets nothing: taken back after two minutes', async () => {
    world.connect('ann');
    const { grantId } = await world.ask('ann', 'orders-dev');
    await world.pass(3 * MINUTE_MS, 30_000);
    expect(await world.grant('ann', grantId ?? '')).toMatchObject({ state: 'ended', endReason: 'failed' });
    await expect(world.report('ann', grantId ?? '', 'injected')).resolves.toMatchObject({ state: 'ended' });
    await expect(world.access['grants.credential'](world.who('ann'), world.byId(grantId ?? ''))).rejects.toMatchObject({
      code: 'wrong-state',
    });
  });
  test('revoked while the login is being made: it ends, and nothing works afterwards', async () => {
    world.connect('ann');
    let id = '';
    world.target.during = async (operation) => {
      if (operation !== 'create') return;
      await world.access['grants.revoke'](world.who('dan'), {
        params: { id },
        query: undefined,
        body: { reason: 'no' },
      });
    };
    id = (await world.ask('ann', 'orders-dev')).grantId ?? '';
    await world.leases.drain();
    expect(await world.grant('ann', id)).toMatchObject({ state: 'ended', endReason: 'revoked', endedBy: 'dan' });
    expect(world.target.works(world.principalOf(id))).toBe(false);
    const ops = world.target.calls.filter((call) => call.principal !== '').map((call) => call.operation);
    expect(ops.indexOf('end')).toBeGreaterThan(ops.indexOf('create'));
  });
  test('a service that dies while making it ends what it may have made', async () => {
    world.connect('ann');
    const { grantId } = await world.ask('ann', 'orders-dev', { startWhen: 'manual' });
    const id = grantId ?? '';
    await world.leases.stop();
    await world.access['grants.start'](world.who('ann'), world.byId(id));
    await world.store.write(async (tx) => {
      await tx.db
        .updateTable('grants')
        .set({ principal_recorded: 1, claimed_by: 'dead:1', claimed_until: world.clock.now() + 15_000 })
        .where('id', '=', id)
        .execute();
    });
    world.target.put(world.principalOf(id), { validUntil: world.clock.now() + HOUR_MS, sessions: 1 });
    await world.restart();
    await world.leases.drain();
    expect(await world.grant('ann', id)).toMatchObject({ state: 'ended', endReason: 'failed', endProof: 'read_back' });
    expect(world.target.works(world.principalOf(id))).toBe(false);
  });
});

test('extend against expire: a target that is away until the deadline ends the grant by the earlier one', async () => {
  const id = await world.active('ann', { ttlMs: 10 * MINUTE_MS });
  await world.pass(9 * MINUTE_MS);
  failing('setDeadline', ...Array<Fault>(50).fill('unreachable'));
  await world.access['grants.extend'](world.who('ann'), {
    params: { id },
    query: undefined,
    body: { ttlMs: HOUR_MS, reason: '', ticketRef: '' },
  });
  await world.pass(MINUTE_MS, 1_000);
  expect(await world.grant('ann', id)).toMatchObject({ state: 'ended', endReason: 'expired' });
  expect(await world.audited(id)).not.toContain('grant.extended');
});

test('two engines on one store do each thing once', async () => {
  const second = world.engine('two');
  const ids = [await world.active('ann'), await world.active('zoe'), await world.active('bea')];
  world.clock.advance(HOUR_MS);
  await Promise.all([world.leases.drain(), second.drain(), world.leases.drain()]);
  await Promise.all([world.leases.drain(), second.drain()]);
  await second.stop();
  for (const id of ids) {
    const entries = await world.audited(id);
    expect(entries).toEqual([...new Set(entries)]);
    expect(entries.at(-1)).toBe('grant.ended');
  }
  expect(world.target.calls.filter((call) => call.operation === 'create')).toHaveLength(3);
});

test('a login of ours that no grant owns is ended and cleared away', async () => {
  const orphan = `hp_${'0'.repeat(26)}`;
  await world.leases.drain();
  world.target.put(orphan, { validUntil: world.clock.now() + HOUR_MS, sessions: 2 });
  await world.pass(6 * MINUTE_MS);
  expect(world.target.logins.size).toBe(0);
  expect(await world.audited(orphan)).toEqual(['principal.orphan_ended']);
});

test('access whose login somebody dropped on the target is ended and says so; an older one of the same person goes on', async () => {
  const [kept, dropped] = [
    await world.active('ann', { ttlMs: HOUR_MS }),
    await world.active('ann', { ttlMs: HOUR_MS }),
  ];
  world.target.logins.delete(world.principalOf(dropped));
  await world.pass(6 * MINUTE_MS);
  expect(await world.grant('ann', dropped)).toMatchObject({
    state: 'ended',
    endReason: 'failed',
    endProof: 'read_back',
  });
  expect((await world.grant('ann', kept)).state).toBe('active');
  const row = await world.store.db
    .selectFrom('audit_leaves')
    .select('body')
    .where('subject_id', '=', dropped)
    .where('type', '=', 'grant.ending')
    .executeTakeFirstOrThrow();
  expect(row.body).toContain('no longer on the target');
});

test('a list that can not be read ends nobody’s access', async () => {
  const id = await world.active('ann', { ttlMs: HOUR_MS });
  world.target.faultOf = (operation) => (operation === 'list' ? 'unreachable' : 'none');
  await world.pass(12 * MINUTE_MS);
  expect((await world.grant('ann', id)).state).toBe('active');
});

test('whether a target can be reached is looked at again and again, and a change is told', async () => {
  const health = async () => {
    const rows = await world.store.db.selectFrom('resources').select(['health', 'health_at']).execute();
    return [...new Set(rows.map((row) => row.health))].join();
  };
  const told = async () =>
    (await world.store.db.selectFrom('outbox').select('seq').where('type', '=', 'resource.changed').execute()).length;
  await world.pass(6 * MINUTE_MS);
  expect(await health()).toBe('reachable');
  const before = await told();
  world.target.faultOf = () => 'unreachable';
  await world.pass(6 * MINUTE_MS);
  expect(await health()).toBe('unreachable');
  expect(await told()).toBe(before + world.resources.size);
  await world.pass(6 * MINUTE_MS);
  expect(await told()).toBe(before + world.resources.size);
});

test('people who leave take their access with them, and wedge nothing', async () => {
  const id = await world.active('ann');
  const asked = await world.ask('zoe', 'orders-staging');
  await world.store.write(async (tx) => {
    for (const name of ['ann', 'bea', 'cid'])
      await tx.db.updateTable('people').set({ state: 'removed' }).where('id', '=', world.who(name).personId).execute();
    for (const name of ['ann', 'bea', 'cid']) await world.lifecycle.onPersonRemoved(tx, world.who(name).personId);
  });
  await world.leases.drain();
  expect(await world.grant('dan', id)).toMatchObject({ state: 'ended', endReason: 'revoked' });
  expect(world.target.logins.size).toBe(0);
  const waiting = await world.access['requests.get'](world.who('zoe'), world.byId(asked.id));
  expect(waiting).toMatchObject({ state: 'blocked' });
  await world.join('fay', { roles: ['member'], invitedBy: world.who('dan').personId });
  await world.group('dba', ['fay']);
  expect((await world.access['requests.get'](world.who('zoe'), world.byId(asked.id))).state).toBe('pending');
  expect((await world.decide('fay', asked.id)).state).toBe('approved');
});
