/** Giving access, one step at a time on the model target: what is asked, what is written, and what a failure leaves. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { issue } from '../../../electron/service/leases/issue';
import type { GrantTable } from '../../../electron/service/store/schema';
import type { SealedCredential } from '../../../shared/contract/credential';
import { openCredential } from '../../../shared/crypto/seal';
import { HOUR_MS, MINUTE_MS } from '../../../shared/domain/instant';
import { PROVISIONING_TTL_MS } from '../../../shared/domain/limits';
import type { Fault } from '../../model/target';
import { POLICY } from '../../model/world';
import { type Desk, eventually, FREED, openDesk } from './desk';

let desk: Desk;
let now: number;
beforeAll(async () => {
  desk = await openDesk();
});
beforeEach(async () => {
  await desk.reset();
  now = desk.clock.now();
});
afterAll(() => desk.close());

describe('making a credential', () => {
  const due = (more: Partial<GrantTable> = {}) =>
    desk.grant({ state: 'provisioning', provisioning_since: now, due_at: now, ...more });
  test('asks the target once, for no longer than the device has to answer, and seals it to the device', async () => {
    const { id, principal } = await due({ provisioning_since: now - MINUTE_MS });
    const orders: unknown[] = [];
    const { target } = desk.world;
    const create = target.create.bind(target);
    target.create = (on, order) => {
      orders.push(order);
      return create(on, order);
    };
    expect(await desk.work('provision', id)).toEqual(['answer true']);
    const validForMs = PROVISIONING_TTL_MS - MINUTE_MS;
    expect(orders).toEqual([{ principal, level: expect.objectContaining({ name: 'read-only' }), validForMs }]);
    const row = await desk.row(id);
    expect(row).toMatchObject({
      ...FREED,
      state: 'provisioning',
      issue: 1,
      target: 'present',
      credential_until: now + validForMs,
      due_at: now + validForMs,
      principal_recorded: 1,
    });
    const { sealingSecretKey } = desk.world.member('ann');
    const to = { grantId: id, deviceId: desk.world.who('ann').deviceId, sealingSecretKey };
    expect(openCredential(JSON.parse(row.sealed ?? '') as SealedCredential, to)).toMatchObject({ user: principal });
    expect(await desk.world.audited(id)).toEqual(['grant.credential_ready']);
    expect((await desk.entry(id, 'grant.credential_ready')).actor).toMatchObject({ kind: 'service', name: 'Hallpass' });
  });
  test('is for the access itself where that is shorter, and for a moment where the time is up', async () => {
    const short = await due({ ttl_ms: 30_000 });
    await desk.work('provision', short.id);
    expect((await desk.row(short.id)).credential_until).toBe(now + 30_000);
    const unknown = await due({ provisioning_since: null });
    await desk.work('provision', unknown.id);
    expect((await desk.row(unknown.id)).credential_until).toBe(now + PROVISIONING_TTL_MS);
    const late = await due({ provisioning_since: now - PROVISIONING_TTL_MS });
    await desk.work('provision', late.id);
    expect((await desk.row(late.id)).credential_until).toBe(now + 1);
  });
  test('is for the whole length where a credential carries its end', async () => {
    Object.assign(desk.world.target, { extension: 'reissues' });
    const { id } = await due({ ttl_ms: HOUR_MS });
    await desk.work('provision', id);
    expect((await desk.row(id)).credential_until).toBe(now + HOUR_MS);
  });
  test('passes on the device’s key, and is refused without one where the kind needs it', async () => {
    Object.assign(desk.world.target, { deviceKey: 'ssh-ed25519' });
    const keys: unknown[] = [];
    const { target } = desk.world;
    const create = target.create.bind(target);
    target.create = (on, order) => {
      keys.push(order.devicePublicKey);
      return create(on, order);
    };
    const bound = await due({ device_key: 'ssh-ed25519 AAAA' });
    await desk.work('provision', bound.id);
    expect(keys).toEqual(['ssh-ed25519 AAAA']);
    const unbound = await due();
    await desk.work('provision', unbound.id);
    expect(keys).toHaveLength(1);
    const { resource_id } = unbound;
    const { db } = desk.world.store;
    const resource = await db
      .selectFrom('resources')
      .selectAll()
      .where('id', '=', resource_id)
      .executeTakeFirstOrThrow();
    const wanted = { validForMs: () => 1, onLate: () => {} };
    await expect(issue(desk.deps, { row: unbound, resource }, wanted)).rejects.toMatchObject({ kind: 'refused' });
    expect(await desk.row(unbound.id)).toMatchObject({
      state: 'ending',
      last_error: 'the device has not sent its key',
    });
  });
  test('is refused for a device that was revoked, or a level that is gone; the target is not asked', async () => {
    const level = await due({ level: 'gone' });
    expect(await desk.work('provision', level.id)).toEqual([]);
    expect((await desk.row(level.id)).last_error).toBe('the resource has no level "gone" any more');
    const { id } = await due();
    await desk.world.store.write(
      async (tx) => void (await tx.db.updateTable('devices').set({ state: 'revoked' }).execute()),
    );
    expect(await desk.work('provision', id)).toEqual([]);
    expect(await desk.row(id)).toMatchObject({
      state: 'ending',
      end_reason: 'failed',
      last_error: 'the device was revoked',
    });
    expect(desk.asked()).toEqual([]);
    // a word of ours, not of the target's: it is not tried again
    const [resource] = await desk.world.store.db.selectFrom('resources').selectAll().execute();
    if (resource === undefined) throw new Error('no resource');
    const wanted = { validForMs: () => 1, onLate: () => {} };
    for (const row of [level, await desk.row(id)])
      await expect(issue(desk.deps, { row, resource }, wanted)).rejects.toMatchObject({ kind: 'refused' });
  });
  test('on a target that is away is tried again, as long as the device is waited for', async () => {
    desk.faulty('create', 'unreachable');
    const { id } = await due();
    expect(await desk.work('provision', id)).toEqual(['silence true']);
    const row = await desk.row(id);
    expect(row).toMatchObject({ ...FREED, state: 'provisioning', attempts: 1, last_error: 'connection refused' });
    desk.expectRetry(row.due_at, 1_000);
    await desk.work('provision', id);
    const again = await desk.row(id);
    expect(again.attempts).toBe(2);
    desk.expectRetry(again.due_at, 2_000);
    expect(desk.warned[0]).toEqual({
      message: 'a credential could not be made',
      fields: { grantId: id, err: 'connection refused' },
    });
    // the next try would come too late
    const late = await due({ provisioning_since: now - PROVISIONING_TTL_MS + 500 });
    await desk.work('provision', late.id);
    expect(await desk.row(late.id)).toMatchObject({ ...FREED, state: 'ending', end_reason: 'failed', due_at: now });
    // one whose start nobody knows has its two minutes
    const unknown = await due({ provisioning_since: null });
    await desk.work('provision', unknown.id);
    expect((await desk.row(unknown.id)).state).toBe('provisioning');
  });
  test('is tried again to the last moment before the device is given up', async () => {
    desk.faulty('create', 'unreachable');
    const random = { bytes: (count: number) => new Uint8Array(count) }; // the shortest pause: 800 ms
    const [inTime, late] = [800 + 1, 800].map((ms) => due({ provisioning_since: now - PROVISIONING_TTL_MS + ms }));
    for (const grant of [inTime, late]) await desk.work('provision', (await grant)?.id ?? '', { random });
    expect(await desk.row((await inTime)?.id ?? '')).toMatchObject({ state: 'provisioning', due_at: now + 800 });
    expect((await desk.row((await late)?.id ?? '')).state).toBe('ending');
  });
  test('that is refused ends the grant at once and says why', async () => {
    desk.faulty('create', 'refused');
    const { id } = await due();
    expect(await desk.work('provision', id)).toEqual([]);
    expect(await desk.row(id)).toMatchObject({
      ...FREED,
      state: 'ending',
      end_reason: 'failed',
      last_error: 'must be superuser',
    });
    expect((await desk.entry(id, 'grant.ending')).data).toMatchObject({ reason: 'failed', error: 'must be superuser' });
  });
  test('that hangs ends the grant after ten seconds; when it settles after all, that is heard', async () => {
    desk.faulty('create', 'hang');
    const { id } = await due();
    const heard = await desk.workThatHangs('provision', id, 10_000);
    expect(heard).toEqual([]);
    expect(await desk.row(id)).toMatchObject({
      state: 'ending',
      last_error: 'Making the login got no answer within 10 s',
    });
    desk.world.target.thaw();
    await eventually(() => heard).toEqual(['late true']);
  });
  test('of a grant that ended meanwhile is not stored; the claim is freed', async () => {
    const { id } = await due();
    desk.world.target.during = async () => desk.set(id, { state: 'ended' });
    expect(await desk.work('provision', id)).toEqual(['answer true']);
    expect(await desk.row(id)).toMatchObject({ ...FREED, state: 'ended', sealed: null });
  });
});

describe('moving the deadline', () => {
  const active = async (more: Partial<GrantTable> = {}) => {
    const grant = await desk.grant({ state: 'provisioning', provisioning_since: now, due_at: now });
    await desk.work('provision', grant.id);
    await desk.world.report('ann', grant.id, 'injected');
    await desk.set(grant.id, more);
    desk.world.target.calls.length = 0;
    return desk.row(grant.id);
  };
  const extend = (id: string, ttlMs = HOUR_MS) =>
    desk.world.access['grants.extend'](desk.world.who('ann'), {
      params: { id },
      query: undefined,
      body: { ttlMs, reason: '', ticketRef: '' },
    });
  const login = (row: GrantTable) => desk.world.target.logins.get(row.principal);
  const extensionOf = async (id: string) => {
    const found = desk.world.store.db.selectFrom('requests').select('id').where('extends_grant_id', '=', id);
    return (await found.executeTakeFirstOrThrow()).id;
  };
  const extension = (id: string) =>
    desk.world.store.db.selectFrom('requests').select('applied_at').where('extends_grant_id', '=', id).execute();

  test('after the activation: to the exact one, and it is not due before', async () => {
    const row = await active({ attempts: 3, last_error: 'x' });
    desk.clock.advance(1_000);
    expect(await desk.work('deadline', row.id)).toEqual(['answer true']);
    expect(desk.asked()).toEqual(['setDeadline']);
    expect(login(row)?.validUntil).toBe(row.expires_at);
    expect(await desk.row(row.id)).toMatchObject({ ...FREED, due_at: row.expires_at, attempts: 0, last_error: null });
  });
  test('a deadline that has come is a moment away', async () => {
    const row = await active({ expires_at: now });
    await desk.work('deadline', row.id);
    expect(login(row)?.validUntil).toBe(now + 1);
    const unknown = await active({ expires_at: null });
    await desk.work('deadline', unknown.id);
    expect(login(unknown)?.validUntil).toBe(now + 1);
  });
  test.each<[Fault, string[], string]>([
    ['unreachable', ['silence true'], 'connection refused'],
    ['refused', [], 'must be superuser'],
  ])('that fails (%s) is tried again, but never later than the deadline', async (fault, heard, why) => {
    desk.faulty('setDeadline', fault);
    const row = await active({ attempts: 2 });
    expect(await desk.work('deadline', row.id)).toEqual(heard);
    const after = await desk.row(row.id);
    expect(after).toMatchObject({
      ...FREED,
      state: 'active',
      attempts: 3,
      last_error: why,
      expires_at: row.expires_at,
    });
    desk.expectRetry(after.due_at, 4_000);
    expect(desk.warned).toEqual([
      { message: 'the deadline on the target could not be moved', fields: { grantId: row.id, err: why } },
    ]);
    await desk.set(row.id, { expires_at: now + 5, attempts: 9 });
    await desk.work('deadline', row.id);
    expect((await desk.row(row.id)).due_at).toBe(now + 5);
    await desk.set(row.id, { expires_at: null, attempts: 0 });
    await desk.work('deadline', row.id);
    desk.expectRetry((await desk.row(row.id)).due_at, 1_000);
  });
  test('that hangs is given up after five seconds', async () => {
    const row = await active();
    desk.faulty('setDeadline', 'hang');
    expect(await desk.workThatHangs('deadline', row.id, 5_000)).toEqual([]);
    expect((await desk.row(row.id)).last_error).toBe('Moving the deadline got no answer within 5 s');
  });
  test('for an extension: the target first, then the grant, its request and the log', async () => {
    const row = await active();
    await extend(row.id);
    expect(await desk.work('deadline', row.id)).toEqual(['answer true']);
    const later = (row.expires_at ?? 0) + HOUR_MS;
    expect(login(row)?.validUntil).toBe(later);
    expect(desk.asked()).toEqual(['setDeadline']);
    const after = await desk.row(row.id);
    expect(after).toMatchObject({ ...FREED, expires_at: later, due_at: later, ttl_ms: row.ttl_ms + HOUR_MS, issue: 1 });
    expect(await extension(row.id)).toEqual([{ applied_at: now }]);
    expect((await desk.entry(row.id, 'grant.extended')).data).toMatchObject({
      addedMs: HOUR_MS,
      expiresAt: later,
      from: row.expires_at,
      requestId: await extensionOf(row.id),
    });
    // and it is dealt with: the next time nothing is added
    await desk.work('deadline', row.id);
    expect((await desk.row(row.id)).expires_at).toBe(later);
  });
  test('for an extension of which the policy has left nothing: the deadline stays, and the request is dealt with', async () => {
    const row = await active();
    await extend(row.id);
    await desk.world.policy(POLICY.replace('effect: auto, max_duration: 2h', 'effect: auto, max_duration: 10m'));
    await desk.set(row.id, { state: 'active', attempts: 4 });
    await desk.work('deadline', row.id);
    expect(login(row)?.validUntil).toBe(row.expires_at);
    expect(await desk.row(row.id)).toMatchObject({ ...FREED, expires_at: row.expires_at, due_at: row.expires_at });
    expect(await extension(row.id)).toEqual([{ applied_at: now }]);
    expect(await desk.world.audited(row.id)).not.toContain('grant.extended');
  });
  test('for an extension where a credential carries its end: a new one in place of the old', async () => {
    const row = await active();
    Object.assign(desk.world.target, { extension: 'reissues' });
    // at the activation there is nothing to make anew
    await desk.work('deadline', row.id);
    expect(desk.asked()).toEqual(['setDeadline']);
    await extend(row.id);
    expect(await desk.work('deadline', row.id)).toEqual(['answer true']);
    expect(desk.asked()).toEqual(['setDeadline', 'create']);
    const later = (row.expires_at ?? 0) + HOUR_MS;
    const after = await desk.row(row.id);
    expect(after).toMatchObject({ ...FREED, expires_at: later, credential_until: later, issue: 2 });
    expect(after.sealed).not.toBe(row.sealed);
    desk.faulty('create', 'hang');
    await extend(row.id, MINUTE_MS).catch(() => extendWithReason(row.id));
    desk.world.target.calls.length = 0;
    const heard = await desk.workThatHangs('deadline', row.id, 10_000);
    desk.world.target.thaw();
    await eventually(() => heard).toEqual(['late true']);
  });
  const extendWithReason = (id: string) =>
    desk.world.access['grants.extend'](desk.world.who('ann'), {
      params: { id },
      query: undefined,
      body: { ttlMs: MINUTE_MS, reason: 'slow', ticketRef: '' },
    });
  test('an extension that was approved while we asked keeps its turn', async () => {
    const row = await active();
    let once = true;
    desk.world.target.during = async () => {
      if (!once) return;
      once = false;
      await extend(row.id);
    };
    await desk.work('deadline', row.id);
    expect((await desk.row(row.id)).due_at).toBe(now);
    desk.clock.advance(5);
    await desk.work('deadline', row.id);
    expect((await desk.row(row.id)).expires_at).toBe((row.expires_at ?? 0) + HOUR_MS);
  });
  test('an extension that still waits for approval moves nothing, and is not asked for all the time', async () => {
    const row = await active();
    await desk.world.policy(POLICY.replace('effect: auto,', 'effect: approve, approvals: [{ from: dba }],'));
    await desk.set(row.id, { state: 'active' });
    await extend(row.id);
    await desk.work('deadline', row.id);
    expect(await desk.row(row.id)).toMatchObject({ expires_at: row.expires_at, due_at: row.expires_at });
    expect(await extension(row.id)).toEqual([{ applied_at: null }]);
  });
});
