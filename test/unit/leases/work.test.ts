/** One piece of work at a time on the model target: what is asked, what is written, and what a failure leaves. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { claim } from '../../../electron/service/leases/claims';
import { work } from '../../../electron/service/leases/work';
import type { ReadBack } from '../../../electron/service/provisioners/provisioner';
import type { GrantTable } from '../../../electron/service/store/schema';
import type { SealedCredential } from '../../../shared/contract/credential';
import { openCredential } from '../../../shared/crypto/seal';
import { HOUR_MS, MINUTE_MS } from '../../../shared/domain/instant';
import { PROVISIONING_TTL_MS } from '../../../shared/domain/limits';
import type { Fault, Operation } from '../../model/target';
import { POLICY } from '../../model/world';
import { type Desk, openDesk } from './desk';

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

const FREED = { claimed_by: null, claimed_until: null };
const faulty = (operation: Operation, fault: Fault) => {
  desk.world.target.faultOf = (asked) => (asked === operation ? fault : 'none');
};
/** Work on a call that hangs: `ms` later it is given up. */
const workThatHangs = async (kind: Parameters<Desk['work']>[0], id: string, ms: number) => {
  const heard = desk.work(kind, id);
  await expect.poll(() => desk.world.target.calls.length).toBeGreaterThan(0);
  await desk.settle();
  desk.clock.advance(ms);
  return heard;
};
const asked = () => desk.world.target.calls.map(({ operation }) => operation);
/** After so many failed tries: within a fifth of the pause. */
const expectRetry = (dueAt: number | null, pauseMs: number) => {
  expect((dueAt ?? 0) - desk.clock.now()).toBeGreaterThanOrEqual(0.8 * pauseMs);
  expect((dueAt ?? 0) - desk.clock.now()).toBeLessThanOrEqual(1.2 * pauseMs);
};

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
    expect(asked()).toEqual([]);
  });
  test('on a target that is away is tried again, as long as the device is waited for', async () => {
    faulty('create', 'unreachable');
    const { id } = await due();
    expect(await desk.work('provision', id)).toEqual(['silence true']);
    const row = await desk.row(id);
    expect(row).toMatchObject({ ...FREED, state: 'provisioning', attempts: 1, last_error: 'connection refused' });
    expectRetry(row.due_at, 1_000);
    await desk.work('provision', id);
    const again = await desk.row(id);
    expect(again.attempts).toBe(2);
    expectRetry(again.due_at, 2_000);
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
  test('that is refused ends the grant at once and says why', async () => {
    faulty('create', 'refused');
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
    faulty('create', 'hang');
    const { id } = await due();
    const heard = await workThatHangs('provision', id, 10_000);
    expect(heard).toEqual([]);
    expect(await desk.row(id)).toMatchObject({
      state: 'ending',
      last_error: 'Making the login got no answer within 10 s',
    });
    desk.world.target.thaw();
    await expect.poll(() => heard).toEqual(['late true']);
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
  const extension = (id: string) =>
    desk.world.store.db.selectFrom('requests').select('applied_at').where('extends_grant_id', '=', id).execute();

  test('after the activation: to the exact one, and it is not due before', async () => {
    const row = await active({ attempts: 3, last_error: 'x' });
    desk.clock.advance(1_000);
    expect(await desk.work('deadline', row.id)).toEqual(['answer true']);
    expect(asked()).toEqual(['setDeadline']);
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
    faulty('setDeadline', fault);
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
    expectRetry(after.due_at, 4_000);
    expect(desk.warned).toEqual([
      { message: 'the deadline on the target could not be moved', fields: { grantId: row.id, err: why } },
    ]);
    await desk.set(row.id, { expires_at: now + 5, attempts: 9 });
    await desk.work('deadline', row.id);
    expect((await desk.row(row.id)).due_at).toBe(now + 5);
    await desk.set(row.id, { expires_at: null, attempts: 0 });
    await desk.work('deadline', row.id);
    expectRetry((await desk.row(row.id)).due_at, 1_000);
  });
  test('that hangs is given up after five seconds', async () => {
    const row = await active();
    faulty('setDeadline', 'hang');
    expect(await workThatHangs('deadline', row.id, 5_000)).toEqual([]);
    expect((await desk.row(row.id)).last_error).toBe('Moving the deadline got no answer within 5 s');
  });
  test('for an extension: the target first, then the grant, its request and the log', async () => {
    const row = await active();
    await extend(row.id);
    expect(await desk.work('deadline', row.id)).toEqual(['answer true']);
    const later = (row.expires_at ?? 0) + HOUR_MS;
    expect(login(row)?.validUntil).toBe(later);
    expect(asked()).toEqual(['setDeadline']);
    const after = await desk.row(row.id);
    expect(after).toMatchObject({ ...FREED, expires_at: later, due_at: later, ttl_ms: row.ttl_ms + HOUR_MS, issue: 1 });
    expect(await extension(row.id)).toEqual([{ applied_at: now }]);
    expect((await desk.entry(row.id, 'grant.extended')).data).toMatchObject({
      addedMs: HOUR_MS,
      expiresAt: later,
      from: row.expires_at,
      requestId: expect.stringContaining('req_'),
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
    expect(asked()).toEqual(['setDeadline']);
    await extend(row.id);
    expect(await desk.work('deadline', row.id)).toEqual(['answer true']);
    expect(asked()).toEqual(['setDeadline', 'create']);
    const later = (row.expires_at ?? 0) + HOUR_MS;
    const after = await desk.row(row.id);
    expect(after).toMatchObject({ ...FREED, expires_at: later, credential_until: later, issue: 2 });
    expect(after.sealed).not.toBe(row.sealed);
    faulty('create', 'hang');
    await extend(row.id, MINUTE_MS).catch(() => extendWithReason(row.id));
    desk.world.target.calls.length = 0;
    const heard = await workThatHangs('deadline', row.id, 10_000);
    desk.world.target.thaw();
    await expect.poll(() => heard).toEqual(['late true']);
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

describe('taking it away', () => {
  const ending = (more: Partial<GrantTable> = {}) =>
    desk.grant({
      state: 'ending',
      end_reason: 'returned',
      ending_since: now,
      due_at: now,
      principal_recorded: 1,
      ...more,
    });
  const answers = (readBack: Partial<ReadBack>, sessionsCut = 0) => {
    const answer = { readBack: { exists: true, canLogIn: false, sessionCount: 0, ...readBack }, sessionsCut };
    desk.world.target.end = async () => answer;
  };
  test('is over when the target says so', async () => {
    const { id } = await ending({ attempts: 2, sessions_cut: 1, last_error: 'x', target: 'unknown' });
    answers({}, 3);
    expect(await desk.work('remove', id)).toEqual(['answer true']);
    expect(await desk.row(id)).toMatchObject({
      ...FREED,
      state: 'ended',
      end_proof: 'read_back',
      target: 'gone',
      attempts: 3,
      sessions_cut: 4,
      last_error: null,
      residue_due_at: now,
    });
    expect((await desk.entry(id, 'grant.ended')).data).toMatchObject({
      proof: 'read_back',
      sessionsCut: 4,
      attempts: 3,
    });
  });
  test.each<[string, Partial<ReadBack>, string]>([
    ['a login that works', { canLogIn: true }, 'the login still works'],
    ['sessions', { sessionCount: 2 }, '2 sessions are still open'],
    ['both', { canLogIn: true, sessionCount: 2 }, 'the login still works'],
  ])('is not over with %s', async (_, readBack, why) => {
    const { id } = await ending({ attempts: 1, sessions_cut: 1 });
    answers(readBack, 2);
    expect(await desk.work('remove', id)).toEqual(['answer true']);
    const row = await desk.row(id);
    expect(row).toMatchObject({
      ...FREED,
      state: 'ending',
      target: 'present',
      attempts: 2,
      sessions_cut: 3,
      last_error: why,
    });
    expectRetry(row.due_at, 2_000);
  });
  test('says so where the last holder may still know it', async () => {
    const { id } = await ending();
    answers({ proof: 'holder_may_know' });
    await desk.work('remove', id);
    expect(await desk.row(id)).toMatchObject({ state: 'ended', end_proof: 'holder_may_know' });
  });
  test('of what nobody can ask for waits until the credential has run out', async () => {
    const { id } = await ending({ credential_until: now + 90_000 });
    answers({ canLogIn: true, sessionCount: 1, proof: 'ran_out' });
    await desk.work('remove', id);
    expect(await desk.row(id)).toMatchObject({
      ...FREED,
      state: 'ending',
      target: 'present',
      due_at: now + 90_000,
      last_error: 'this target can’t be asked; the credential works until it runs out',
    });
    desk.clock.advance(89_999);
    await desk.work('remove', id);
    expect((await desk.row(id)).state).toBe('ending');
    desk.clock.advance(1);
    await desk.work('remove', id);
    expect(await desk.row(id)).toMatchObject({ state: 'ended', end_proof: 'ran_out' });
    const never = await ending({ credential_until: null });
    await desk.work('remove', never.id);
    expect(await desk.row(never.id)).toMatchObject({ state: 'ended', end_proof: 'ran_out' });
  });
  test('of a login that works waits for no credential to run out where the target was asked', async () => {
    const { id } = await ending({ credential_until: now + 90_000 });
    answers({ canLogIn: true });
    await desk.work('remove', id);
    expectRetry((await desk.row(id)).due_at, 1_000);
  });
  test.each<[Fault, string[], Partial<GrantTable>]>([
    ['unreachable', ['silence true'], { target: 'unknown', last_error: 'connection refused' }],
    ['lost', ['silence true'], { target: 'unknown', last_error: 'connection reset' }],
    ['refused', ['answer true'], { target: 'present', last_error: 'must be superuser' }],
  ])('that fails (%s) is tried again', async (fault, heard, columns) => {
    const { id } = await ending({ attempts: 4, target: 'gone' });
    faulty('end', fault);
    expect(await desk.work('remove', id)).toEqual(heard);
    const row = await desk.row(id);
    expect(row).toMatchObject({ ...FREED, ...columns, state: 'ending', attempts: 5 });
    expectRetry(row.due_at, 16_000);
    expect(desk.warned).toEqual([
      { message: 'access could not be removed yet', fields: { grantId: id, err: columns.last_error } },
    ]);
  });
  test('that hangs is unknown after ten seconds', async () => {
    const { id } = await ending({ target: 'present' });
    faulty('end', 'hang');
    expect(await workThatHangs('remove', id, 10_000)).toEqual(['silence true']);
    expect(await desk.row(id)).toMatchObject({
      target: 'unknown',
      last_error: 'Ending access on the target got no answer within 10 s',
    });
  });
  test('that fails by a fault of our own teaches nothing about the target, and keeps its words to itself', async () => {
    const { id } = await ending({ target: 'present' });
    expect(await desk.work('remove', id, { provisioners: new Map() })).toEqual([]);
    expect(await desk.row(id)).toMatchObject({
      target: 'unknown',
      attempts: 1,
      last_error: 'the service could not do it',
    });
  });
});

describe('what was left', () => {
  const KEPT = [{ kind: 'table', detail: 'public.kept' }];
  const left = (more: Partial<GrantTable> = {}) =>
    desk.grant({ state: 'ended', due_at: null, residue_due_at: now, principal_recorded: 1, ...more });
  test('is cleared away, and then it is over', async () => {
    const { id } = await left();
    expect(await desk.work('residue', id)).toEqual(['answer true']);
    expect(await desk.row(id)).toMatchObject({ ...FREED, residue: '[]', residue_due_at: null });
    expect(await desk.world.audited(id)).not.toContain('grant.residue');
  });
  test('is told when it changes, and tried again in a minute', async () => {
    const { id } = await left();
    desk.world.target.residue = KEPT;
    await desk.work('residue', id);
    expect(await desk.row(id)).toMatchObject({
      ...FREED,
      residue: JSON.stringify(KEPT),
      residue_due_at: now + MINUTE_MS,
    });
    const told = async () => (await desk.told(id)).filter((type) => type === 'grant.residue').length;
    expect(await told()).toBe(1);
    const entry = await desk.entry(id, 'grant.residue');
    expect(entry).toMatchObject({ actor: { kind: 'service' }, data: { done: false, residue: KEPT } });
    const event = desk.world.store.db.selectFrom('outbox').select('data').where('type', '=', 'grant.residue');
    expect(JSON.parse((await event.executeTakeFirstOrThrow()).data)).toMatchObject({ grant: { residue: KEPT } });
    await desk.work('residue', id);
    expect(await told()).toBe(1);
    desk.world.target.residue = [];
    await desk.work('residue', id);
    expect(await told()).toBe(2);
    expect(await desk.row(id)).toMatchObject({ residue: '[]', residue_due_at: null });
  });
  test.each<[Fault, string[], string]>([
    ['unreachable', ['silence true'], 'connection refused'],
    ['refused', [], 'must be superuser'],
  ])('that can’t be cleared away (%s) waits for the next minute', async (fault, heard, why) => {
    const { id } = await left();
    faulty('cleanUp', fault);
    expect(await desk.work('residue', id)).toEqual(heard);
    expect(await desk.row(id)).toMatchObject({
      ...FREED,
      state: 'ended',
      residue_due_at: now + MINUTE_MS,
      attempts: 0,
    });
    expect(desk.warned).toEqual([
      { message: 'left-overs could not be cleared away yet', fields: { grantId: id, err: why } },
    ]);
  });
  test('on a target that hangs is given up after ten seconds', async () => {
    const { id } = await left();
    faulty('cleanUp', 'hang');
    expect(await workThatHangs('residue', id, 10_000)).toEqual([]);
    expect(desk.warned[0]?.fields.err).toBe('Clearing away what was left got no answer within 10 s');
  });
});

test('work on a grant that is not there is none', async () => {
  const { id, resource_id, epoch } = await desk.grant({ state: 'ending', due_at: now });
  const [held] = await claim(desk.deps, 'remove', [{ id, resource_id, epoch }]);
  if (held === undefined) throw new Error('not claimed');
  const hooks = { lateOn: () => {}, heard: () => {} };
  await work(desk.deps, { ...held, grantId: 'grt_00000000000000000000000000' }, hooks);
  expect(asked()).toEqual([]);
});
