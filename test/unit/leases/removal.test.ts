/** Taking access away, one step at a time on the model target: when it is over, and what a failure leaves. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { claim } from '../../../electron/service/leases/claims';
import { work } from '../../../electron/service/leases/work';
import type { ReadBack } from '../../../electron/service/provisioners/provisioner';
import type { GrantTable } from '../../../electron/service/store/schema';
import { MINUTE_MS } from '../../../shared/domain/instant';
import type { Fault } from '../../model/target';
import { type Desk, FREED, openDesk } from './desk';

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
    desk.expectRetry(row.due_at, 2_000);
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
    desk.expectRetry((await desk.row(id)).due_at, 1_000);
  });
  test.each<[Fault, string[], Partial<GrantTable>]>([
    ['unreachable', ['silence true'], { target: 'unknown', last_error: 'connection refused' }],
    ['lost', ['silence true'], { target: 'unknown', last_error: 'connection reset' }],
    ['refused', ['answer true'], { target: 'present', last_error: 'must be superuser' }],
  ])('that fails (%s) is tried again', async (fault, heard, columns) => {
    const { id } = await ending({ attempts: 4, target: 'gone' });
    desk.faulty('end', fault);
    expect(await desk.work('remove', id)).toEqual(heard);
    const row = await desk.row(id);
    expect(row).toMatchObject({ ...FREED, ...columns, state: 'ending', attempts: 5 });
    desk.expectRetry(row.due_at, 16_000);
    expect(desk.warned).toEqual([
      { message: 'access could not be removed yet', fields: { grantId: id, err: columns.last_error } },
    ]);
  });
  test('that hangs is unknown after ten seconds', async () => {
    const { id } = await ending({ target: 'present' });
    desk.faulty('end', 'hang');
    expect(await desk.workThatHangs('remove', id, 10_000)).toEqual(['silence true']);
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
    desk.faulty('cleanUp', fault);
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
    desk.faulty('cleanUp', 'hang');
    expect(await desk.workThatHangs('residue', id, 10_000)).toEqual([]);
    expect(desk.warned[0]?.fields.err).toBe('Clearing away what was left got no answer within 10 s');
  });
});

test('work on a grant that is not there is none', async () => {
  const { id, resource_id, epoch } = await desk.grant({ state: 'ending', due_at: now });
  const [held] = await claim(desk.deps, 'remove', [{ id, resource_id, epoch }]);
  if (held === undefined) throw new Error('not claimed');
  const hooks = { lateOn: () => {}, heard: () => {} };
  await work(desk.deps, { ...held, grantId: 'grt_00000000000000000000000000' }, hooks);
  expect(desk.asked()).toEqual([]);
});
