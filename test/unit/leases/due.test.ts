/** What the clock alone decides, on a real store: no target is asked here. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { eachGrant, passDue } from '../../../electron/service/leases/due';
import type { GrantTable } from '../../../electron/service/store/schema';
import type { WriteOptions } from '../../../electron/service/store/store';
import { MINUTE_MS } from '../../../shared/domain/instant';
import { PENDING_TTL_MS, PROVISIONING_TTL_MS, REMOVAL_ALARM_MS } from '../../../shared/domain/limits';
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
afterEach(() => expect(desk.world.target.calls).toEqual([])); // whatever is due, a clock asks no target
afterAll(() => desk.close());
const pass = () => passDue(desk.deps);

/** As many more grants like this one, each with a request of its own. */
async function copies(template: GrantTable, count: number, columns: (i: number) => Partial<GrantTable>): Promise<void> {
  const requests = desk.world.store.db.selectFrom('requests').selectAll();
  const request = await requests.where('id', '=', template.request_id).executeTakeFirstOrThrow();
  const numbered = (prefix: string, i: number) => `${prefix}_${String(i).padStart(26, '0')}`;
  await desk.world.store.write(async (tx) => {
    for (let i = 0; i < count; i++) {
      const own = { id: numbered('req', i), ticket_number: 1_000_000 + i };
      await tx.db
        .insertInto('requests')
        .values({ ...request, ...own })
        .execute();
      const copy = { id: numbered('grt', i), request_id: own.id, principal: numbered('hp', i), ...columns(i) };
      await tx.db
        .insertInto('grants')
        .values({ ...template, ...copy })
        .execute();
    }
  });
}

describe('a request nobody answers', () => {
  test('expires at its time and not before', async () => {
    const asked = await desk.world.ask('ann', 'orders-staging');
    const state = async () =>
      (await desk.world.access['requests.get'](desk.world.who('ann'), desk.world.byId(asked.id))).state;
    desk.clock.advance(PENDING_TTL_MS - 1);
    expect([await pass(), await state()]).toEqual([0, 'pending']);
    desk.clock.advance(1);
    expect([await pass(), await state()]).toEqual([1, 'expired']);
    expect(await pass()).toBe(0);
    expect(await desk.entry(asked.id, 'request.expired')).toMatchObject({
      actor: { kind: 'service', name: 'Hallpass' },
      data: { why: 'unanswered' },
    });
  });
  test('expires also while it is blocked; one that is decided does not', async () => {
    const decided = await desk.world.ask('zoe', 'orders-staging');
    await desk.world.decide('bea', decided.id);
    const blocked = await desk.world.ask('ann', 'orders-staging');
    await desk.world.group('dba', []);
    desk.clock.advance(PENDING_TTL_MS);
    expect(await pass()).toBe(2); // the second: the approval that nobody claimed
    expect(await desk.world.audited(blocked.id)).toContain('request.expired');
    expect(await desk.world.audited(decided.id)).not.toContain('request.expired');
  });
  test('that is answered in the same moment stays answered', async () => {
    const { id } = await desk.world.ask('ann', 'orders-staging');
    desk.clock.advance(PENDING_TTL_MS);
    const withdraw = () => desk.world.access['requests.withdraw'](desk.world.who('ann'), desk.world.byId(id));
    let first = true;
    const store = Object.create(desk.deps.store, {
      write: {
        value: async (work: never, options?: WriteOptions) => {
          if (first) await withdraw();
          first = false;
          return desk.deps.store.write(work, options);
        },
      },
    });
    await passDue({ ...desk.deps, store });
    expect(await desk.world.audited(id)).toContain('request.withdrawn');
    expect(await desk.world.audited(id)).not.toContain('request.expired');
  });
});

describe('a grant', () => {
  test('that nobody claims ends at its time', async () => {
    const { id } = await desk.grant({ ready_until: now + 1, due_at: now });
    const { id: undue } = await desk.grant({ ready_until: now, due_at: now + 1 });
    expect(await pass()).toBe(0);
    desk.clock.advance(1);
    expect(await pass()).toBe(2);
    for (const one of [id, undue])
      expect(await desk.row(one)).toMatchObject({ state: 'ended', end_reason: 'expired', end_proof: 'never_created' });
    expect(await pass()).toBe(0);
  });
  test('that is active ends at its deadline', async () => {
    const { id } = await desk.grant({ state: 'active', principal_recorded: 1, expires_at: now + 1, due_at: now });
    expect(await pass()).toBe(0);
    desk.clock.advance(1);
    expect(await pass()).toBe(1);
    expect(await desk.row(id)).toMatchObject({ state: 'ending', end_reason: 'expired', due_at: now + 1 });
    expect((await desk.entry(id, 'grant.ending')).actor).toEqual({ kind: 'service', id: null, name: 'Hallpass' });
  });
  test('that is active and out of time has expired, whatever became of its credential and its last worker', async () => {
    const gone = { principal_recorded: 1, sealed: null, claimed_by: 'x', claimed_until: now };
    const { id } = await desk.grant({ ...gone, state: 'active', expires_at: now, due_at: now });
    expect(await pass()).toBe(1);
    expect(await desk.row(id)).toMatchObject({ state: 'ending', end_reason: 'expired', last_error: null });
  });
  test('whose device does not answer ends after two minutes', async () => {
    const { id } = await desk.grant({
      ...{ state: 'provisioning', principal_recorded: 1, sealed: 'x', due_at: now },
      provisioning_since: now - PROVISIONING_TTL_MS + 1,
    });
    expect(await pass()).toBe(0);
    desk.clock.advance(1);
    expect(await pass()).toBe(1);
    expect(await desk.row(id)).toMatchObject({ state: 'ending', end_reason: 'failed', last_error: null });
  });
  test('whose creation was abandoned ends when its claim has run out, and says why', async () => {
    const why = 'the service stopped while the credential was made';
    const abandoned = {
      state: 'provisioning',
      principal_recorded: 1,
      provisioning_since: now,
      due_at: now,
      claimed_by: 'x',
    };
    const { id } = await desk.grant({ ...abandoned, claimed_until: now + 1 });
    const kept = [
      await desk.grant({ ...abandoned, claimed_until: now + 2 }),
      await desk.grant({ ...abandoned, claimed_until: null, claimed_by: null }),
      await desk.grant({ ...abandoned, claimed_until: now, principal_recorded: 0 }),
      await desk.grant({ ...abandoned, claimed_until: now, sealed: 'x' }),
      await desk.grant({ ...abandoned, claimed_until: now, due_at: now + 2 }),
      await desk.grant({ ...abandoned, claimed_until: now, state: 'active', expires_at: now + MINUTE_MS }),
    ];
    expect(await pass()).toBe(0);
    desk.clock.advance(1);
    expect(await pass()).toBe(1);
    expect(await desk.row(id)).toMatchObject({ state: 'ending', end_reason: 'failed', last_error: why });
    expect((await desk.entry(id, 'grant.ending')).data).toMatchObject({ reason: 'failed', error: why });
    for (const one of kept) expect((await desk.row(one.id)).state).toBe(one.state);
  });
  test('both too late and abandoned is abandoned; too late alone never says so', async () => {
    const late = { state: 'provisioning', due_at: now, provisioning_since: now - PROVISIONING_TTL_MS } as const;
    const both = await desk.grant({ ...late, principal_recorded: 1, claimed_by: 'x', claimed_until: now });
    const others = [
      await desk.grant({ ...late, principal_recorded: 1, claimed_by: 'x', claimed_until: now + 1 }),
      await desk.grant({ ...late, principal_recorded: 1 }),
      await desk.grant({ ...late, principal_recorded: 1, sealed: 'x', claimed_until: now }),
      await desk.grant({ ...late, principal_recorded: 0, claimed_until: now }),
    ];
    expect(await pass()).toBe(5);
    expect((await desk.row(both.id)).last_error).toContain('the service stopped');
    for (const { id } of others) expect((await desk.row(id)).last_error).toBeNull();
  });
  test.each(['ending', 'ended'])('that is %s is not stepped again, whatever its times are', async (state) => {
    const times = { ready_until: now, expires_at: now, provisioning_since: 0, due_at: now, alarmed_at: now };
    const { id } = await desk.grant({ ...times, state, principal_recorded: 1, claimed_until: now });
    expect(await pass()).toBe(0);
    expect(await desk.row(id)).toMatchObject({ state });
  });
  test('of each state looks at its own limit only', async () => {
    const past = { due_at: now, principal_recorded: 1 };
    await desk.grant({ ...past, state: 'ready', ready_until: now + 1, expires_at: now, provisioning_since: 0 });
    await desk.grant({ ...past, state: 'active', ready_until: now, expires_at: now + 1, provisioning_since: 0 });
    await desk.grant({ ...past, state: 'provisioning', ready_until: now, expires_at: now, provisioning_since: now });
    expect(await pass()).toBe(0);
  });
  test('comes in the order in which it was due, a hundred at a time', async () => {
    const template = await desk.grant({ state: 'active', principal_recorded: 1, expires_at: now, due_at: now });
    await copies(template, 100, (i) => ({ due_at: now - 1 - i }));
    expect(await pass()).toBe(100);
    expect((await desk.row(template.id)).state).toBe('active');
    expect(await pass()).toBe(1);
    expect((await desk.row(template.id)).state).toBe('ending');
  });
});

describe('a removal that takes too long', () => {
  test('is told after two minutes, once, with what was tried', async () => {
    const ending = { state: 'ending', principal_recorded: 1, attempts: 7, last_error: 'connection refused' } as const;
    const { id } = await desk.grant({ ...ending, ending_since: now + 1 - REMOVAL_ALARM_MS });
    expect(await pass()).toBe(0);
    desk.clock.advance(1);
    expect(await pass()).toBe(1);
    expect(await desk.row(id)).toMatchObject({ state: 'ending', alarmed_at: now + 1 });
    expect((await desk.entry(id, 'grant.removal_delayed')).data).toMatchObject({
      attempts: 7,
      lastError: 'connection refused',
    });
    expect(await pass()).toBe(0);
  });
  test('is no matter of grants that are not ending', async () => {
    await desk.grant({ state: 'ended', ending_since: 0 });
    await desk.grant({ state: 'active', ending_since: 0, expires_at: now + 1 });
    expect(await pass()).toBe(0);
  });
});

describe('what is approved and wanted at once', () => {
  const asked = async () => (await desk.world.ask('ann', 'orders-dev', { startWhen: 'connected' })).grantId ?? '';
  test('begins when the device is there, and not before', async () => {
    const id = await asked();
    expect([await pass(), (await desk.row(id)).state]).toEqual([0, 'ready']);
    desk.world.connect('zoe');
    expect([await pass(), (await desk.row(id)).state]).toEqual([0, 'ready']);
    desk.world.connect('ann');
    expect(await pass()).toBe(1);
    expect(await desk.row(id)).toMatchObject({ state: 'provisioning', provisioning_since: now });
    expect(await pass()).toBe(0);
  });
  test('begins a hundred at a time', async () => {
    const first = await asked();
    await copies(await desk.row(first), 100, () => ({}));
    desk.world.connect('ann');
    expect([await pass(), await pass(), await pass()]).toEqual([100, 1, 0]);
  });
  test('is not begun for who wants to start by hand', async () => {
    desk.world.connect('ann');
    const { id } = await desk.grant();
    expect([await pass(), (await desk.row(id)).state]).toEqual([0, 'ready']);
  });
  test('is not begun while access may only be taken away', async () => {
    desk.world.connect('ann');
    const id = await asked();
    const mode = () => ({ mode: 'revoke_only' as const, reason: 'damaged' });
    const store = Object.create(desk.deps.store, { mode: { value: mode } });
    expect(await passDue({ ...desk.deps, store })).toBe(0);
    expect((await desk.row(id)).state).toBe('ready');
  });
  test('of what began already nothing begins again', async () => {
    desk.world.connect('ann');
    const id = await asked();
    await desk.set(id, { state: 'ended' });
    expect(await pass()).toBe(0);
  });
});

describe('what is written', () => {
  test('takes access away also while nothing else may be written; only a beginning is a change', async () => {
    const purposes: (string | undefined)[] = [];
    const store = Object.create(desk.deps.store, {
      write: {
        value: (work: never, options?: WriteOptions) => {
          purposes.push(options?.purpose);
          return desk.deps.store.write(work, options);
        },
      },
    });
    const waiting = await desk.world.ask('ann', 'orders-staging');
    desk.clock.advance(PENDING_TTL_MS);
    const deps = { ...desk.deps, store };
    expect(await passDue(deps)).toBe(1);
    expect(await desk.world.audited(waiting.id)).toContain('request.expired');
    const begun = desk.clock.now();
    await desk.grant({ state: 'active', principal_recorded: 1, expires_at: begun, due_at: begun });
    expect(await passDue(deps)).toBe(1);
    await desk.grant({ state: 'ending', ending_since: 0 });
    expect(await passDue(deps)).toBe(1);
    expect(purposes).toEqual(['removal', 'removal', 'removal']);
    desk.world.connect('ann');
    await desk.world.ask('ann', 'orders-dev', { startWhen: 'connected' });
    expect(await passDue(deps)).toBe(1);
    expect(purposes).toHaveLength(4);
    expect(purposes[3]).toBe('change');
    purposes.length = 0;
    expect(await passDue(deps)).toBe(0);
    expect(purposes).toEqual([]);
  });
  test('a grant that moved on meanwhile, or is not there, is left alone', async () => {
    const { id } = await desk.grant({ state: 'ended' });
    const gone = { id: 'grt_00000000000000000000000000' };
    const tried: string[] = [];
    await eachGrant(desk.deps, [gone, { id }], (row) => {
      tried.push(row.id);
      return { command: { kind: 'end', reason: 'failed' }, record: {} };
    });
    expect(tried).toEqual([id]);
    expect(await desk.world.audited(id)).not.toContain('grant.ending');
  });
});
