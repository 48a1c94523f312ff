/** Locks, budgets, extensions that need a reason, tickets that close, credentials that are made anew, targets that come back. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createHookCases } from '../../../electron/service/access';
import type { SealedCredential } from '../../../shared/contract/credential';
import { signHook } from '../../../shared/crypto/hook-signature';
import { openCredential } from '../../../shared/crypto/seal';
import type { Fault } from '../target';
import { HOUR_MS, MINUTE_MS, POLICY, World } from '../world';

let world: World;
beforeEach(async () => {
  world = await World.open();
});
afterEach(() => world.close());

const extend = (id: string, more: { ttlMs?: number; reason?: string } = {}) =>
  world.access['grants.extend'](world.who('ann'), {
    params: { id },
    query: undefined,
    body: { ttlMs: 10 * MINUTE_MS, reason: '', ticketRef: '', ...more },
  });
/** As an administrator's route does it: the row, then what follows. */
const lock = (what: 'person' | 'resource', id: string, because = 'lost laptop') =>
  world.store.write(async (tx) => {
    const columns = { suspended_at: world.clock.now(), suspended_by: 'dan', suspended_because: because };
    const dan = { kind: 'person', id: world.who('dan').personId, name: 'dan' } as const;
    if (what === 'person') {
      await tx.db.updateTable('people').set(columns).where('id', '=', id).execute();
      await world.lifecycle.onPersonSuspended(tx, id, because, dan);
    } else {
      await tx.db.updateTable('resources').set(columns).where('id', '=', id).execute();
      await world.lifecycle.onResourceSuspended(tx, id, because, dan);
    }
  });
const unlock = (what: 'people' | 'resources', id: string) =>
  world.store.write(async (tx) => {
    const columns = { suspended_at: null, suspended_by: null, suspended_because: null };
    await tx.db.updateTable(what).set(columns).where('id', '=', id).execute();
    await world.lifecycle.onMembershipChanged(tx);
  });

describe('a locked person', () => {
  test('holds nothing any more, asks for nothing, and unlocking revives nothing', async () => {
    const id = await world.active('ann', { ttlMs: HOUR_MS });
    world.target.logIn(world.principalOf(id));
    const waiting = await world.ask('ann', 'orders-staging');
    const other = await world.active('zoe', { ttlMs: HOUR_MS });
    await lock('person', world.who('ann').personId);
    await world.leases.drain();
    expect(await world.grant('dan', id)).toMatchObject({
      state: 'ended',
      endReason: 'revoked',
      endedBy: 'dan',
      endedBecause: 'lost laptop',
    });
    expect(world.target.works(world.principalOf(id))).toBe(false);
    expect(await world.access['requests.get'](world.who('dan'), world.byId(waiting.id))).toMatchObject({
      state: 'denied_by_policy',
      deniedBecause: 'Access for ann is locked: lost laptop',
    });
    expect((await world.grant('zoe', other)).state).toBe('active');
    expect(await world.ask('ann', 'orders-dev')).toMatchObject({ state: 'denied_by_policy' });
    await unlock('people', world.who('ann').personId);
    await world.pass(MINUTE_MS, 1_000);
    expect((await world.grant('dan', id)).state).toBe('ended');
    expect((await world.access['requests.get'](world.who('dan'), world.byId(waiting.id))).state).toBe(
      'denied_by_policy',
    );
    expect((await world.ask('ann', 'orders-dev')).state).toBe('auto_approved');
  });
  test('locked while the login is being made: it ends, and nothing works afterwards', async () => {
    world.connect('ann');
    world.target.during = async (operation) => {
      if (operation !== 'create') return;
      world.target.during = async () => {};
      await lock('person', world.who('ann').personId);
    };
    const { grantId } = await world.ask('ann', 'orders-dev');
    await world.leases.drain();
    expect(await world.grant('dan', grantId ?? '')).toMatchObject({ state: 'ended', endReason: 'revoked' });
    expect(world.target.works(world.principalOf(grantId ?? ''))).toBe(false);
  });
  test('can’t approve: what waits for them says so, and comes back when they do', async () => {
    await world.group('dba', ['bea']);
    const asked = await world.ask('zoe', 'orders-staging');
    await lock('person', world.who('bea').personId);
    const blocked = await world.access['requests.get'](world.who('dan'), world.byId(asked.id));
    expect(blocked).toMatchObject({ state: 'blocked' });
    expect(blocked.blockedBecause).toContain('bea is locked');
    await expect(world.decide('bea', asked.id)).rejects.toThrow();
    await unlock('people', world.who('bea').personId);
    expect((await world.decide('bea', asked.id)).state).toBe('approved');
  });
});

test('a locked resource gives nobody anything, and takes back what it gave', async () => {
  const id = await world.active('ann', { ttlMs: HOUR_MS });
  const resourceId = world.resources.get('orders-dev') ?? '';
  await lock('resource', resourceId, 'incident 12');
  await world.leases.drain();
  expect(await world.grant('ann', id)).toMatchObject({
    state: 'ended',
    endedBecause: 'incident 12',
    endProof: 'read_back',
  });
  const asked = await world.ask('ann', 'orders-dev');
  expect(asked).toMatchObject({ state: 'denied_by_policy', deniedBecause: 'orders-dev is locked: incident 12' });
  await unlock('resources', resourceId);
  expect((await world.ask('ann', 'orders-dev')).state).toBe('auto_approved');
});

describe('the day’s budget', () => {
  const budgeted = POLICY.replace(
    'max_duration: 2h }\n  - { name: staging',
    'max_duration: 2h, max_per_day: 1h }\n  - { name: staging',
  );
  test('counts what was held and what is promised, says when there is more, and frees what was given back', async () => {
    await world.policy(budgeted);
    const id = await world.active('ann', { ttlMs: 40 * MINUTE_MS });
    await expect(world.ask('ann', 'orders-dev', { ttlMs: 30 * MINUTE_MS })).rejects.toMatchObject({
      code: 'invalid-input',
      message: expect.stringContaining('20 minutes of 1 hour within 24 hours are left'),
    });
    await expect(extend(id, { ttlMs: 30 * MINUTE_MS })).rejects.toMatchObject({ code: 'invalid-input' });
    expect((await world.ask('zoe', 'orders-dev', { ttlMs: 30 * MINUTE_MS })).state).toBe('auto_approved');
    await world.pass(10 * MINUTE_MS);
    await world.access['grants.return'](world.who('ann'), { ...world.byId(id), body: undefined });
    await world.leases.drain();
    const preview = await world.access['requests.preview'](world.who('ann'), {
      params: undefined,
      query: undefined,
      body: {
        resourceId: world.resources.get('orders-dev') ?? '',
        level: 'read-only',
        ttlMs: 50 * MINUTE_MS,
        reason: '',
        ticketRef: '',
        startWhen: 'manual',
      },
    });
    expect(preview.budget).toMatchObject({ maxMs: HOUR_MS, leftMs: 50 * MINUTE_MS });
    expect(preview.answer.problems).toEqual([]);
    expect((await world.ask('ann', 'orders-dev', { ttlMs: 50 * MINUTE_MS })).state).toBe('auto_approved');
  });
  test('two asks in the same moment can’t both fit', async () => {
    await world.policy(budgeted);
    const asks = await Promise.allSettled([
      world.ask('ann', 'orders-dev', { ttlMs: 40 * MINUTE_MS, level: 'read-only' }),
      world.ask('ann', 'orders-dev', { ttlMs: 40 * MINUTE_MS, level: 'read-write' }),
    ]);
    expect(asks.filter((one) => one.status === 'fulfilled')).toHaveLength(1);
  });
});

test('the first extension takes over the reason, the second needs one of its own', async () => {
  const id = await world.active('ann', { ttlMs: 30 * MINUTE_MS });
  expect((await extend(id)).state).toBe('auto_approved');
  await world.leases.drain();
  expect((await world.grant('ann', id)).extensionNeedsReason).toBe(true);
  await expect(extend(id)).rejects.toMatchObject({ code: 'invalid-input', errors: [{ path: 'reason' }] });
  expect((await extend(id, { reason: 'the restore is slow' })).state).toBe('auto_approved');
});

describe('a closed ticket', () => {
  const box = { seal: (text: string) => `sealed:${text}`, open: (text: string) => text.slice('sealed:'.length) };
  const hooks = () =>
    createHookCases({
      ...{ store: world.store, clock: world.clock, random: world.random, presence: world.presence },
      secretBox: box,
    });
  const seconds = (offsetMs = 0) => String(Math.floor((world.clock.now() + offsetMs) / 1_000));
  const call = (secret: string, ticket: string, timestamp = seconds()) => {
    const rawBody = JSON.stringify({ ticket });
    return hooks().ticketClosed({ timestamp, signature: signHook(secret, timestamp, rawBody), rawBody, ticket });
  };
  test('ends what the policy binds to it, tells the desktops of the rest, once', async () => {
    await world.policy(
      POLICY.replace(
        'environment: development } }, effect: auto',
        'environment: development } }, end_on: [ticket_closed], effect: auto',
      ),
    );
    const { secret } = await hooks().admin['hooks.renew'](world.who('dan'), {
      params: undefined,
      query: undefined,
      body: undefined,
    });
    const bound = await world.active('ann', { ttlMs: HOUR_MS, ticketRef: 'INC-12' });
    const other = await world.active('zoe', { ttlMs: HOUR_MS, ticketRef: 'INC-13' });
    const stamp = seconds();
    expect(await call(secret, 'inc-12', stamp)).toEqual({ ended: 1, refused: 0 });
    await world.leases.drain();
    expect(await world.grant('ann', bound)).toMatchObject({
      state: 'ended',
      endReason: 'revoked',
      endedBecause: 'Ticket inc-12 was closed.',
    });
    expect((await world.grant('zoe', other)).state).toBe('active');
    const again = await world.active('ann', { ttlMs: HOUR_MS, ticketRef: 'INC-12' });
    expect(await call(secret, 'inc-12', stamp)).toEqual({ ended: 0, refused: 0 }); // the same call, played again
    expect((await world.grant('ann', again)).state).toBe('active');
  });
  test('without the secret, too late, or with another body: nothing is ended', async () => {
    const id = await world.active('ann', { ttlMs: HOUR_MS, ticketRef: 'INC-12' });
    await expect(call('x', 'INC-12')).rejects.toMatchObject({ code: 'not-found' });
    const { secret } = await hooks().admin['hooks.renew'](world.who('dan'), {
      params: undefined,
      query: undefined,
      body: undefined,
    });
    await expect(call('wrong', 'INC-12')).rejects.toMatchObject({ code: 'not-signed-in' });
    await expect(call(secret, 'INC-12', seconds(-6 * MINUTE_MS))).rejects.toMatchObject({ code: 'not-signed-in' });
    await expect(call(secret, 'INC-12', seconds(6 * MINUTE_MS))).rejects.toMatchObject({ code: 'not-signed-in' });
    const timestamp = seconds();
    const signature = signHook(secret, timestamp, '{"ticket":"INC-1"}');
    await expect(
      hooks().ticketClosed({ timestamp, signature, rawBody: '{"ticket":"INC-12"}', ticket: 'INC-12' }),
    ).rejects.toMatchObject({ code: 'not-signed-in' });
    await hooks().admin['hooks.remove'](world.who('dan'), { params: undefined, query: undefined, body: undefined });
    await expect(call(secret, 'INC-12')).rejects.toMatchObject({ code: 'not-found' });
    expect((await world.grant('ann', id)).state).toBe('active');
  });
});

test('a credential that carries its end is made for the whole length, and anew at an extension; the device is told which is newest', async () => {
  Object.assign(world.target, { extension: 'reissues' });
  const id = await world.active('ann', { ttlMs: 30 * MINUTE_MS });
  const principal = world.principalOf(id);
  const made = world.clock.now();
  expect(world.target.logins.get(principal)?.validUntil).toBeLessThanOrEqual(made + 30 * MINUTE_MS);
  const secretOf = async () => {
    const sealed = (await world.access['grants.credential'](world.who('ann'), world.byId(id))) as SealedCredential;
    const { sealingSecretKey } = world.people.get('ann') as { sealingSecretKey: string };
    return openCredential(sealed, { grantId: id, deviceId: world.who('ann').deviceId, sealingSecretKey });
  };
  const first = await secretOf();
  expect((await world.grant('ann', id)).issue).toBe(1);
  await extend(id, { ttlMs: HOUR_MS });
  await world.leases.drain();
  const after = await world.grant('ann', id);
  expect(after).toMatchObject({ issue: 2, expiresAt: made + 90 * MINUTE_MS });
  expect(world.target.logins.get(principal)?.validUntil).toBe(made + 90 * MINUTE_MS);
  expect(await secretOf()).not.toEqual(first);
  expect(world.target.calls.filter((call) => call.operation === 'create')).toHaveLength(2);
});

test('a target that was away gets every removal within seconds of its first answer, whatever each one’s pause was', async () => {
  const ids = [await world.active('ann'), await world.active('zoe'), await world.active('bea')];
  world.target.faultOf = () => 'unreachable';
  await world.pass(45 * MINUTE_MS, 5_000);
  const before = world.target.calls.length;
  await world.pass(MINUTE_MS, 1_000);
  // One question at a time, not one for each grant.
  expect(world.target.calls.slice(before).filter((call) => call.operation === 'end').length).toBeLessThanOrEqual(16);
  world.target.faultOf = () => 'none';
  await world.pass(5_000, 1_000);
  for (const id of ids) expect((await world.grant('dan', id)).state).toBe('ended');
  expect(ids.some((id) => world.target.works(world.principalOf(id)))).toBe(false);
});

test('a stray login that resists is listed, tried again like any removal, and comes off the list when it is gone', async () => {
  const orphan = `hp_${'0'.repeat(26)}`;
  await world.leases.drain();
  world.target.put(orphan, { validUntil: world.clock.now() + HOUR_MS, sessions: 1 });
  // Three resources point at this one server, and each lists what is there.
  const listed = async () => {
    const rows = await world.store.db.selectFrom('orphans').select(['principal', 'last_error']).execute();
    return [...new Set(rows.map((row) => `${row.principal} ${row.last_error}`))];
  };
  let fault: Fault = 'refused';
  world.target.faultOf = (operation, principal) => (operation === 'end' && principal === orphan ? fault : 'none');
  await world.pass(6 * MINUTE_MS);
  expect(await listed()).toEqual([`${orphan} must be superuser`]);
  fault = 'none';
  await world.pass(31_000, 1_000);
  expect(await listed()).toEqual([]);
  expect(world.target.logins.size).toBe(0);
  expect([...new Set(await world.audited(orphan))]).toEqual(['principal.orphan_found', 'principal.orphan_ended']);
});

test('a target that comes back and refuses some removals does not keep the others waiting for its probes', async () => {
  const ids = [await world.active('ann'), await world.active('zoe'), await world.active('bea')];
  world.target.faultOf = () => 'unreachable';
  await world.pass(45 * MINUTE_MS, 5_000);
  // The one that was asked last is the last whose turn it would be.
  const healthy = world.target.calls.filter((call) => call.operation === 'end').at(-1)?.principal;
  world.target.faultOf = (operation, principal) => (operation === 'end' && principal !== healthy ? 'refused' : 'none');
  await world.pass(5_000, 1_000);
  const left = await Promise.all(ids.map((id) => world.grant('dan', id)));
  expect(left.filter(({ state }) => state === 'ended')).toHaveLength(1);
  expect(world.target.works(healthy ?? '')).toBe(false);
});

test('a stray login that somebody else locked comes off the list, also while it still owns something, and is not asked for all the time', async () => {
  const orphan = `hp_${'0'.repeat(26)}`;
  await world.leases.drain();
  const login = { password: 'x', canLogIn: true, validUntil: world.clock.now() + HOUR_MS, sessions: 1 };
  world.target.logins.set(orphan, login);
  world.target.faultOf = (operation) => (operation === 'end' ? 'refused' : 'none');
  await world.pass(6 * MINUTE_MS);
  const listed = () => world.store.db.selectFrom('orphans').select('principal').execute();
  expect(await listed()).not.toEqual([]);
  Object.assign(login, { canLogIn: false, sessions: 0 });
  world.target.residue = [{ kind: 'table', detail: 'public.kept' }];
  await world.pass(40_000, 1_000);
  expect(await listed()).toEqual([]);
  expect(await world.audited(orphan)).toContain('principal.orphan_ended');
  const before = world.target.calls.length;
  await world.pass(MINUTE_MS, 1_000);
  expect(world.target.calls.length - before).toBeLessThan(20);
  // Clearing away may be refused too: it is not found and ended again and again for that.
  const said = (await world.audited(orphan)).length;
  world.target.faultOf = (operation) => (operation === 'cleanUp' ? 'refused' : 'none');
  await world.pass(11 * MINUTE_MS, 30_000);
  expect(await listed()).toEqual([]);
  expect(await world.audited(orphan)).toHaveLength(said);
});

test('a target restored from a backup with old logins is cleaned; those of live grants stay', async () => {
  const ended = await world.active('ann');
  const live = await world.active('zoe', { ttlMs: 2 * HOUR_MS });
  const backup = new Map([...world.target.logins].map(([name, login]) => [name, { ...login, sessions: 0 }]));
  await world.pass(31 * MINUTE_MS, MINUTE_MS);
  expect((await world.grant('ann', ended)).state).toBe('ended');
  world.target.faultOf = () => 'unreachable'; // it is being restored
  const gone = await world.active('bea').catch(() => null);
  expect(gone).toBeNull();
  for (const [name, login] of backup)
    world.target.logins.set(name, { ...login, validUntil: world.clock.now() + HOUR_MS });
  expect(world.target.works(world.principalOf(ended))).toBe(true);
  world.target.faultOf = () => 'none';
  await world.pass(6 * MINUTE_MS);
  expect(world.target.works(world.principalOf(ended))).toBe(false);
  expect(world.target.logins.has(world.principalOf(ended))).toBe(false);
  expect((await world.grant('zoe', live)).state).toBe('active');
  expect(world.target.works(world.principalOf(live))).toBe(true);
});

test('two grants of the same person, resource and level: the access stays until the last one ends', async () => {
  const [first, second] = [
    await world.active('ann', { ttlMs: 20 * MINUTE_MS }),
    await world.active('ann', { ttlMs: HOUR_MS }),
  ];
  await world.pass(21 * MINUTE_MS, MINUTE_MS);
  expect((await world.grant('ann', first)).state).toBe('ended');
  expect(world.target.logIn(world.principalOf(second))).toBe(true);
  await world.pass(40 * MINUTE_MS, MINUTE_MS);
  expect(world.target.works(world.principalOf(second))).toBe(false);
});
