/** The engine's loop: what wakes it, what it takes first and how much at once, what it does when the store or a target is away. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { AppError } from '../../../electron/service/errors';
import { type LeaseDeps, type LeaseEngine, startLeases } from '../../../electron/service/leases/engine';
import type { GrantTable } from '../../../electron/service/store/schema';
import type { Store, WriteOptions } from '../../../electron/service/store/store';
import { HOUR_MS, MINUTE_MS } from '../../../shared/domain/instant';
import type { Fault, Operation } from '../../model/target';
import { type Desk, eventually, openDesk } from './desk';

let desk: Desk;
let now: number;
const engines: LeaseEngine[] = [];
beforeAll(async () => {
  desk = await openDesk();
});
beforeEach(async () => {
  await desk.reset();
  now = desk.clock.now();
});
afterEach(async () => {
  desk.world.target.faultOf = () => 'none';
  desk.world.target.thaw();
  await Promise.all(engines.splice(0).map((engine) => engine.stop()));
});
afterAll(() => desk.close());

const start = (over: Partial<LeaseDeps> = {}): LeaseEngine => {
  const engine = startLeases({ ...desk.deps, ...over });
  engines.push(engine);
  return engine;
};
const ending = (more: Partial<GrantTable> = {}, on: Parameters<Desk['grant']>[1] = 'orders-dev') =>
  desk.grant({ state: 'ending', ending_since: now, due_at: now, principal_recorded: 1, ...more }, on);
const active = (more: Partial<GrantTable> = {}, on: Parameters<Desk['grant']>[1] = 'orders-dev') =>
  desk.grant({ state: 'active', expires_at: now + HOUR_MS, due_at: now + HOUR_MS, principal_recorded: 1, ...more }, on);
/** Active on our side and on the target. */
const live = async (more: Partial<GrantTable> = {}, on: Parameters<Desk['grant']>[1] = 'orders-dev') => {
  const grant = await active(more, on);
  desk.world.target.put(grant.principal, { validUntil: now + HOUR_MS, sessions: 1 });
  return grant;
};
const state = async ({ id }: { id: string }) => (await desk.row(id)).state;
const calls = (operation: Operation) => desk.world.target.calls.filter((call) => call.operation === operation);
const faulty = (fault: (operation: Operation, principal: string) => Fault) => {
  desk.world.target.faultOf = fault;
};
/** A login of ours that no grant owns. */
const stray = () => {
  const principal = `hp_${'1'.repeat(26)}`;
  desk.world.target.put(principal, { validUntil: now + HOUR_MS, sessions: 0 });
};
/** The store with some of it replaced. */
const storeWith = (over: Partial<Store>): Store =>
  Object.create(desk.deps.store, Object.fromEntries(Object.entries(over).map(([name, value]) => [name, { value }])));
const bounded = async (rounds = 200) => {
  for (let i = 0; i < rounds; i++) await new Promise(setImmediate);
};

describe('what wakes it', () => {
  test('its start: what is due is begun when it says that it is armed', async () => {
    const grant = await ending();
    await start().armed();
    expect((await desk.row(grant.id)).claimed_by).toMatch(/^me:/);
    await eventually(() => state(grant)).toBe('ended');
  });
  test('its start alone, without anybody asking', async () => {
    const grant = await ending();
    start();
    await eventually(() => state(grant)).toBe('ended');
  });
  test('a commit', async () => {
    await start().drain();
    const { id } = await desk.grant({ state: 'provisioning', provisioning_since: now, due_at: now });
    await desk.world.store.write(async (tx) =>
      tx.event({
        type: 'resource.changed',
        subject: 'x',
        data: { resourceId: 'x', name: 'x' },
        audience: { people: [], roles: [] },
      }),
    );
    await eventually(async () => (await desk.row(id)).sealed).not.toBeNull();
  });
  test('a device that connects', async () => {
    await start().drain();
    const grant = await ending();
    desk.world.connect('zoe');
    await eventually(() => state(grant)).toBe('ended');
  });
  test('a second that has passed, and not less', async () => {
    await start().drain();
    await bounded(); // it heard of its own commits
    const grant = await ending();
    desk.clock.advance(999);
    await bounded();
    expect(await state(grant)).toBe('ending');
    desk.clock.advance(1);
    await eventually(() => state(grant)).toBe('ended');
    await bounded();
    const next = await ending({ due_at: now + 3_000 });
    await eventually(async () => {
      desk.clock.advance(1_000);
      return state(next);
    }).toBe('ended');
  });
  test('a word', async () => {
    const engine = start();
    await engine.drain();
    const grant = await ending();
    engine.wake();
    engine.wake();
    await eventually(() => state(grant)).toBe('ended');
  });
  test('nothing any more once it has stopped', async () => {
    const engine = start();
    await engine.drain();
    const listeners = desk.world.listeners.size;
    await engine.stop();
    expect(desk.world.listeners.size).toBe(listeners - 1);
    const grant = await ending();
    engine.wake();
    desk.world.connect('zoe');
    desk.clock.advance(10_000);
    await desk.world.ask('zoe', 'orders-staging');
    await engine.drain();
    await engine.armed();
    await bounded();
    expect(await state(grant)).toBe('ending');
  });
  test('nothing either when it stops before its first look', async () => {
    const grant = await ending();
    await start().stop();
    await bounded();
    expect(await state(grant)).toBe('ending');
  });
});

describe('what it takes', () => {
  test('creations first, then removals, deadlines and left-overs, one at a time where it may do one thing', async () => {
    const left = await desk.grant({ state: 'ended', due_at: null, residue_due_at: now });
    const deadline = await live({ due_at: now });
    const removed = await ending();
    const made = await desk.grant({ state: 'provisioning', provisioning_since: now, due_at: now });
    await start({ capacity: { workers: 1, perTarget: 8 } }).drain();
    const works = ['create', 'end', 'setDeadline', 'cleanUp'];
    const order = desk.world.target.calls.filter(({ operation }) => works.includes(operation));
    const first = [made, removed, deadline, left].map(({ principal }) =>
      order.findIndex((c) => c.principal === principal),
    );
    expect(first[0]).toBe(0);
    expect(first).toEqual([...first].sort((a, b) => a - b));
  });
  test.each([
    ['calls to all targets', { workers: 2, perTarget: 8 }, 2],
    ['calls to one', { workers: 48, perTarget: 3 }, 3],
  ])('no more than its capacity: %s', async (_, capacity, most) => {
    const grants = [];
    for (let i = 0; i < 7; i++) grants.push(await ending());
    faulty((operation) => (operation === 'end' ? 'hang' : 'none'));
    const engine = start({ capacity });
    await engine.armed();
    await eventually(() => calls('end').length).toBe(most);
    engine.wake();
    await bounded();
    expect(calls('end')).toHaveLength(most);
    faulty(() => 'none');
    desk.world.target.thaw();
    await engine.drain();
    expect(new Set(await Promise.all(grants.map(state)))).toEqual(new Set(['ended']));
    expect(new Set(calls('end').map(({ principal }) => principal)).size).toBe(7);
    expect(calls('end')).toHaveLength(7);
  });
  test('eight at once on a target that says nothing, as many as it says on another', async () => {
    await desk.world.store.write(
      async (tx) =>
        void (await tx.db
          .updateTable('resources')
          .set({ concurrency: 2 })
          .where('id', '=', desk.world.id('orders-prod'))
          .execute()),
    );
    for (let i = 0; i < 10; i++) await ending();
    const few: string[] = [];
    for (let i = 0; i < 5; i++) few.push((await ending({}, 'orders-prod')).principal);
    faulty((operation) => (operation === 'end' ? 'hang' : 'none'));
    await start().armed();
    await eventually(() => calls('end').length).toBe(10);
    await bounded();
    expect(calls('end')).toHaveLength(10);
    expect(calls('end').filter(({ principal }) => few.includes(principal))).toHaveLength(2);
  });
  test('removals, but no creation, while access may only be taken away', async () => {
    const made = await desk.grant({ state: 'provisioning', provisioning_since: now, due_at: now });
    const removed = await ending();
    const mode: Store['mode'] = () => ({ mode: 'revoke_only', reason: 'damaged' });
    await start({ store: storeWith({ mode }) }).drain();
    expect(await state(removed)).toBe('ended');
    expect(calls('create')).toEqual([]);
    expect((await desk.row(made.id)).principal_recorded).toBe(0);
  });
  test('at its start what an earlier life held; afterwards only what has run out', async () => {
    const held = await ending({ claimed_by: 'me:0', claimed_until: now + 15_000 });
    const engine = start();
    await engine.drain();
    expect(await state(held)).toBe('ended');
    const other = await ending({ claimed_by: 'two:0', claimed_until: now + 15_000 });
    await engine.drain();
    expect(await state(other)).toBe('ending');
  });
});

describe('a store that is away', () => {
  test.each<[string, Error, string]>([
    ['with a word for it', new AppError('unavailable', 'The database did not answer.'), 'unavailable'],
    ['without', new Error('disk I/O error'), 'disk I/O error'],
  ])('%s: nothing is lost, the next second looks again', async (_, cause, err) => {
    const grant = await ending();
    let broken = true;
    const write: Store['write'] = (work, options) =>
      broken ? Promise.reject(cause) : desk.deps.store.write(work, options);
    const engine = start({ store: storeWith({ write }) });
    await engine.armed();
    expect(desk.warned[0]).toEqual({ message: 'the lease engine could not look for work', fields: { err } });
    expect(await state(grant)).toBe('ending');
    broken = false;
    await eventually(async () => {
      desk.clock.advance(1_000);
      return state(grant);
    }).toBe('ended');
  });
  /** Writes fail from the moment the target is asked, for so many times. */
  const failingResults = (operation: Operation, failures: number): Store => {
    let left = 0;
    desk.world.target.during = async (asked) => {
      if (asked !== operation) return;
      left = failures;
      desk.world.target.during = async () => {};
    };
    const write = (work: never, options?: WriteOptions) =>
      options?.purpose !== 'upkeep' && left-- > 0
        ? Promise.reject(new Error('disk full'))
        : desk.deps.store.write(work, options);
    return storeWith({ write: write as Store['write'] });
  };
  test('when a removal is to be written: it says so, and the removal is free at once', async () => {
    const grant = await ending();
    // The result, and the word about its failure that is tried in its place.
    await start({ store: failingResults('end', 2) }).drain();
    expect(desk.warned).toContainEqual({
      message: 'lease work could not be written',
      fields: { grantId: grant.id, err: 'disk full' },
    });
    expect(await state(grant)).toBe('ended');
    expect(calls('end').length).toBeGreaterThan(1);
  });
  test('also when it can’t be freed: then the claim runs out', async () => {
    const grant = await ending();
    const engine = start({ store: failingResults('end', 3) });
    await engine.drain();
    expect((await desk.row(grant.id)).claimed_by).not.toBeNull();
    desk.clock.advance(15_000);
    await engine.drain();
    expect(await state(grant)).toBe('ended');
  });
  test('when a creation is to be written: what it left is unknown, so it is ended when the claim has run out', async () => {
    const { id, principal } = await desk.grant({ state: 'provisioning', provisioning_since: now, due_at: now });
    const engine = start({ store: failingResults('create', 1) });
    await engine.drain();
    expect(await desk.row(id)).toMatchObject({ state: 'provisioning', sealed: null, claimed_until: now + 15_000 });
    desk.clock.advance(15_000);
    await engine.drain();
    expect(await desk.row(id)).toMatchObject({ state: 'ended', end_reason: 'failed' });
    expect(desk.world.target.works(principal)).toBe(false);
  });
});

describe('a target that is away', () => {
  test('is asked one thing at a time, and when it answers every removal on it is due', async () => {
    const grants = [await ending(), await ending(), await ending({ due_at: now + HOUR_MS })];
    faulty(() => 'unreachable');
    const engine = start();
    await engine.drain();
    const before = calls('end').length;
    expect(before).toBeLessThanOrEqual(3);
    desk.clock.advance(999);
    await engine.drain();
    expect(calls('end')).toHaveLength(before);
    desk.clock.advance(1);
    await engine.drain();
    expect(calls('end')).toHaveLength(before + 1);
    faulty(() => 'none');
    const listed = calls('list').length;
    desk.clock.advance(2_000);
    await engine.drain();
    expect(new Set(await Promise.all(grants.map(state)))).toEqual(new Set(['ended']));
    expect(calls('list').length).toBeGreaterThan(listed); // and it is looked for what a backup may have brought back
  });
  test('that answers with something else than a removal is back, too', async () => {
    const grant = await ending();
    faulty(() => 'unreachable');
    const engine = start();
    await engine.drain();
    faulty((operation) => (operation === 'end' ? 'unreachable' : 'none'));
    const other = await live({ due_at: now });
    const before = calls('end').length;
    await engine.drain();
    expect(calls('setDeadline').map(({ principal }) => principal)).toEqual([other.principal]);
    expect(calls('end').length).toBeGreaterThan(before);
    expect(await state(grant)).toBe('ending');
  });
  test('is not asked twice with the same removal at once', async () => {
    await ending();
    faulty((operation) => (operation === 'end' ? 'hang' : 'none'));
    const engine = start();
    await engine.armed();
    await eventually(() => calls('end').length).toBe(1);
    // Its claim has run out and its call still hangs.
    desk.clock.advance(9_000);
    engine.wake();
    await bounded();
    expect(calls('end')).toHaveLength(1);
  });
  test('that answers a call we gave up is looked at then', async () => {
    const { id } = await desk.grant({ state: 'provisioning', provisioning_since: now, due_at: now });
    faulty((operation) => (operation === 'create' ? 'hang' : 'none'));
    const engine = start();
    await engine.armed();
    await eventually(() => calls('create').length).toBe(1);
    await bounded();
    desk.clock.advance(10_000);
    await engine.drain();
    expect(await desk.row(id)).toMatchObject({ state: 'ended', end_reason: 'failed' });
    expect(desk.world.target.logins.size).toBe(0);
    faulty(() => 'none');
    const before = calls('list').length;
    desk.world.target.thaw();
    await eventually(() => calls('list').length).toBeGreaterThan(before);
    await engine.drain();
    expect(desk.world.target.logins.size).toBe(0);
  });
  test('that answers it during a look, whose list may be older, is looked at once more', async () => {
    stray();
    faulty((operation) => (operation === 'end' ? 'refused' : 'none'));
    const engine = start();
    await engine.drain(); // the stray login resists, and is listed
    const { id } = await desk.grant({ state: 'provisioning', provisioning_since: now, due_at: now });
    faulty((operation) => (operation === 'create' ? 'hang' : operation === 'end' ? 'refused' : 'none'));
    engine.wake();
    await eventually(() => calls('create').length).toBe(1);
    await bounded();
    faulty(() => 'none');
    const { target } = desk.world;
    const end = target.end.bind(target);
    let goOn = () => {};
    const held = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    let inLook = false;
    target.end = async (at, principal) => {
      if (principal.startsWith('hp_1111')) {
        inLook = true;
        await held;
      }
      return end(at, principal);
    };
    desk.clock.advance(10_000);
    engine.wake();
    await eventually(() => state({ id })).toBe('ended');
    await eventually(() => inLook).toBe(true);
    target.thaw(); // what was given up makes its login now
    await eventually(() => target.logins.size).toBe(2);
    await bounded();
    goOn();
    await engine.drain();
    expect(target.logins.size).toBe(0);
  });
});

describe('looking for what nobody owns', () => {
  test('at the start and every five minutes on each target, and when the clock went back', async () => {
    const engine = start();
    const looks = async (ms: number) => {
      desk.clock.advance(ms);
      await engine.drain();
      return calls('list').length;
    };
    expect(await looks(0)).toBe(3);
    expect(await looks(0)).toBe(3);
    expect(await looks(5 * MINUTE_MS - 1)).toBe(3);
    expect(await looks(1)).toBe(6);
    expect(await looks(-1)).toBe(9);
    expect(await looks(1)).toBe(9);
  });
  test('again after its pause where one resisted, and once at a time', async () => {
    const engine = start();
    await engine.drain();
    stray();
    faulty((operation) => (operation === 'end' ? 'refused' : 'none'));
    desk.clock.advance(5 * MINUTE_MS);
    await engine.drain();
    faulty((operation) => (operation === 'list' ? 'hang' : 'none'));
    const before = calls('list').length;
    desk.clock.advance(2_000);
    await engine.armed();
    await eventually(() => calls('list').length).toBe(before + 3); // three resources on this one server
    engine.wake();
    await bounded();
    expect(calls('list')).toHaveLength(before + 3);
    faulty(() => 'none');
    desk.world.target.thaw();
    await engine.drain();
    expect(desk.world.target.logins.size).toBe(0);
  });
  test('that fails is said, and tried again', async () => {
    const mine = desk.deps.store;
    let broken = true;
    const write: Store['write'] = (work, options) =>
      broken && options?.purpose === 'upkeep' ? Promise.reject(new Error('disk full')) : mine.write(work, options);
    const engine = start({ store: storeWith({ write }) });
    await engine.drain();
    expect(desk.warned).toContainEqual({ message: 'reconciling failed', fields: { err: 'disk full' } });
    broken = false;
    desk.clock.advance(5 * MINUTE_MS);
    await engine.drain();
    const health = mine.db.selectFrom('resources').select('health').execute();
    expect(await health).toEqual(Array(3).fill({ health: 'reachable' }));
  });
});

describe('a sweep', () => {
  test('ends what is over, tries every removal at once, and counts what it ended and what is left', async () => {
    const over = [
      await live({ expires_at: now, due_at: now }),
      await ending({ due_at: now + HOUR_MS }),
      await desk.grant({ ready_until: now, due_at: now }),
    ];
    const stays = await ending({ due_at: now + HOUR_MS });
    const goesOn = await live({}, 'orders-prod');
    await desk.grant({ state: 'ended' });
    faulty((operation, principal) => (operation === 'end' && principal === stays.principal ? 'refused' : 'none'));
    const engine = start();
    expect(await engine.sweep()).toEqual({ ended: 3, left: 1 });
    for (const grant of over) expect(await state(grant)).toBe('ended');
    expect(await state(stays)).toBe('ending');
    expect(await state(goesOn)).toBe('active');
    faulty(() => 'none');
    expect(await engine.sweep()).toEqual({ ended: 1, left: 0 });
    expect(await engine.sweep()).toEqual({ ended: 0, left: 0 });
  });
  test('asks a target that is away without waiting for its pause', async () => {
    const grant = await ending();
    faulty(() => 'unreachable');
    const engine = start();
    await engine.drain();
    faulty(() => 'none');
    expect(await engine.sweep()).toEqual({ ended: 1, left: 0 });
    expect(await state(grant)).toBe('ended');
  });
  test('does not count what was due and goes on', async () => {
    await live({ due_at: now });
    expect(await start().sweep()).toEqual({ ended: 0, left: 0 });
  });
});

test('when it stops, what runs is waited for, and nothing new begins', async () => {
  const [one, two] = [await ending(), await ending()];
  faulty((operation) => (operation === 'end' ? 'hang' : 'none'));
  const engine = start({ capacity: { workers: 1, perTarget: 8 } });
  await engine.armed();
  await eventually(() => calls('end').length).toBe(1);
  let stopped = false;
  const stopping = engine.stop().then(() => {
    stopped = true;
  });
  await bounded();
  expect(stopped).toBe(false);
  faulty(() => 'none');
  desk.world.target.thaw();
  await stopping;
  expect([await state(one), await state(two)].sort()).toEqual(['ended', 'ending']);
  expect(calls('end')).toHaveLength(1);
});
