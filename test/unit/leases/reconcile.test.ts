/** What is looked for on targets besides the work that is known: logins nobody owns, logins somebody dropped, targets that are away. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  dueOrphans,
  forgetOrphansBut,
  noteListedEnded,
  noteOrphanEnded,
  noteOrphanLeft,
  postponeOrphans,
} from '../../../electron/service/leases/orphans';
import { reconcile, reconcileAll } from '../../../electron/service/leases/reconcile';
import { type ReadBack, TargetError } from '../../../electron/service/provisioners/provisioner';
import type { GrantTable, OrphanTable } from '../../../electron/service/store/schema';
import type { Store } from '../../../electron/service/store/store';
import { HOUR_MS, MINUTE_MS } from '../../../shared/domain/instant';
import type { Fault, Operation } from '../../model/target';
import { type Desk, eventually, openDesk } from './desk';

let desk: Desk;
let now: number;
let resourceId: string;
beforeAll(async () => {
  desk = await openDesk();
});
beforeEach(async () => {
  await desk.reset();
  now = desk.clock.now();
  resourceId = desk.world.id('orders-dev');
});
afterAll(() => desk.close());

let strays = 0;
/** A login on the target that no grant has; another one for each test, since the log keeps them all. */
const stray = (more: Partial<ReturnType<typeof login>> = {}) => {
  const principal = `hp_${String(++strays).padStart(26, '0')}`;
  desk.world.target.logins.set(principal, { ...login(), ...more });
  return principal;
};
const login = () => ({ password: 'x', canLogIn: true, validUntil: now + HOUR_MS, sessions: 0 });
const resource = async () =>
  desk.world.store.db.selectFrom('resources').selectAll().where('id', '=', resourceId).executeTakeFirstOrThrow();
const look = async (when: 'now' | 'in turn' = 'now', over: object = {}) =>
  reconcile({ ...desk.deps, ...over }, await resource(), when);
const orphans = () => desk.world.store.db.selectFrom('orphans').selectAll().orderBy('principal').execute();
const faulty = (fault: (operation: Operation, principal: string) => Fault) => {
  desk.world.target.faultOf = fault;
};
const asked = (principal?: string) =>
  desk.world.target.calls
    .filter((call) => principal === undefined || call.principal === principal)
    .map(({ operation }) => operation);
const changes = async () => (await desk.told(resourceId)).filter((type) => type === 'resource.changed').length;
/** What the look says of a call that hangs, once it was given up. */
const lookThatHangs = async (operation: Operation) => {
  faulty((one) => (one === operation ? 'hang' : 'none'));
  const looking = look();
  await eventually(() => asked()).toContain(operation);
  await desk.settle();
  desk.clock.advance(10_000);
  await looking;
  return desk.warned.at(-1)?.fields.err;
};

describe('a login of ours without a live grant', () => {
  test('is ended, put on the log, cleared away', async () => {
    const principal = stray({ sessions: 2 });
    await look();
    expect(asked(principal)).toEqual(['readBack', 'end', 'cleanUp']);
    expect(desk.world.target.logins.size).toBe(0);
    expect(await desk.world.audited(principal)).toEqual(['principal.orphan_ended']);
    const entry = await desk.entry(principal, 'principal.orphan_ended');
    expect(entry).toMatchObject({
      actor: { kind: 'service', id: null, name: 'Hallpass' },
      subject: { kind: 'principal', id: principal, name: `${principal} on orders-dev` },
    });
    expect(entry.data).toEqual({ principal, resource: 'orders-dev', result: 'ended' });
    const { db } = desk.world.store;
    const leaf = await db.selectFrom('audit_leaves').selectAll().where('subject_id', '=', principal).executeTakeFirst();
    expect(leaf).toMatchObject({ resource_id: resourceId, grant_id: null, person_id: null });
    expect(await orphans()).toEqual([]);
    expect(desk.warned).toEqual([]);
  });
  test('whose grant has ended is told with it', async () => {
    const owner = await desk.grant({ state: 'ended' });
    desk.world.target.logins.set(owner.principal, login());
    await look();
    const { db } = desk.world.store;
    const leaf = db.selectFrom('audit_leaves').selectAll().where('subject_id', '=', owner.principal);
    expect(await leaf.execute()).toMatchObject([{ grant_id: owner.id, person_id: owner.person_id }]);
    expect(desk.world.target.logins.size).toBe(0);
  });
  test.each(['ready', 'provisioning', 'active', 'ending'])(
    'is none while its grant is %s, whichever resource it is on',
    async (state) => {
      for (const on of ['orders-dev', 'orders-prod'] as const) {
        const owner = await desk.grant({ state, expires_at: now + HOUR_MS }, on);
        desk.world.target.logins.set(owner.principal, login());
        await look();
        expect(asked(owner.principal)).toEqual([]);
        expect(desk.world.target.works(owner.principal)).toBe(true);
      }
    },
  );
  test('that can’t be used any more is cleared away, and not called ended', async () => {
    const principal = stray({ canLogIn: false });
    await look();
    expect(asked(principal)).toEqual(['readBack', 'cleanUp']);
    expect(await desk.world.audited(principal)).toEqual([]);
  });
  test('that can’t be used any more, but is in, is ended', async () => {
    const principal = stray({ canLogIn: false, sessions: 1 });
    await look();
    expect(asked(principal)).toEqual(['readBack', 'end', 'cleanUp']);
  });
  test('of a grant whose left-overs are worked off is left to that', async () => {
    const owner = await desk.grant({ state: 'ended', residue_due_at: now + 1 });
    desk.world.target.logins.set(owner.principal, { ...login(), canLogIn: false });
    await look();
    expect(asked(owner.principal)).toEqual(['readBack']);
    await desk.set(owner.id, { residue_due_at: null });
    await look();
    expect(asked(owner.principal)).toEqual(['readBack', 'readBack', 'cleanUp']);
  });
  test.each<[string, Partial<ReadBack>, string]>([
    ['works on', { canLogIn: true }, 'the login still works'],
    ['is still in', { sessionCount: 2 }, '2 sessions are still open'],
    ['does both', { canLogIn: true, sessionCount: 2 }, 'the login still works'],
  ])('that %s is listed', async (_, readBack, why) => {
    const principal = stray();
    const answer = { readBack: { exists: true, canLogIn: false, sessionCount: 0, ...readBack }, sessionsCut: 0 };
    desk.world.target.end = async () => answer;
    await look();
    expect(await orphans()).toEqual([
      { resource_id: resourceId, principal, found_at: now, tried_at: now, attempts: 1, last_error: why },
    ]);
    expect(await desk.world.audited(principal)).toEqual(['principal.orphan_found']);
    expect((await desk.entry(principal, 'principal.orphan_found')).data).toMatchObject({ error: why });
    expect(asked(principal)).not.toContain('cleanUp');
  });
  test('that resists keeps nobody else’s from being ended', async () => {
    const [one, two, three] = [stray(), stray(), stray()];
    faulty((operation, principal) => (operation === 'end' && principal === two ? 'refused' : 'none'));
    await look();
    expect([...desk.world.target.logins.keys()]).toEqual([two]);
    expect(await orphans()).toMatchObject([{ principal: two, last_error: 'must be superuser' }]);
    expect((await resource()).health).toBe('reachable');
    for (const principal of [one, three])
      expect(await desk.world.audited(principal)).toEqual(['principal.orphan_ended']);
  });
  test('on a target that goes away meanwhile is listed, and the others wait', async () => {
    const [one, two] = [stray(), stray()];
    faulty((operation) => (operation === 'end' ? 'unreachable' : 'none'));
    await look();
    expect(await orphans()).toMatchObject([{ principal: one, attempts: 1, last_error: 'connection refused' }]);
    await look(); // silence makes no pause longer: behind it the login may still work
    expect(await orphans()).toMatchObject([{ principal: one, attempts: 1 }]);
    expect(asked(two)).toEqual([]);
    expect((await resource()).health).toBe('unreachable');
  });
  test('whose left-overs resist is no stray login any more', async () => {
    const principal = stray();
    faulty((operation) => (operation === 'cleanUp' ? 'refused' : 'none'));
    await look();
    expect(await orphans()).toEqual([]);
    expect(desk.warned).toEqual([
      {
        message: 'what an orphaned login left could not be cleared away yet',
        fields: { principal, err: 'must be superuser' },
      },
    ]);
    faulty((operation) => (operation === 'cleanUp' ? 'unreachable' : 'none'));
    await look();
    expect((await resource()).health).toBe('unreachable');
  });
  test('that was listed comes off the list when it was ended, by us or by somebody else', async () => {
    const principal = stray();
    faulty((operation) => (operation === 'end' ? 'refused' : 'none'));
    await look();
    faulty(() => 'none');
    const before = await changes();
    await look();
    expect(await orphans()).toEqual([]);
    expect(await changes()).toBe(before + 1);
    const other = stray();
    faulty((operation) => (operation === 'end' ? 'refused' : 'none'));
    await look();
    desk.world.target.logins.set(other, { ...login(), canLogIn: false });
    await look();
    expect(await orphans()).toEqual([]);
    for (const one of [principal, other])
      expect(await desk.world.audited(one)).toEqual(['principal.orphan_found', 'principal.orphan_ended']);
  });
  test('that is no longer on the target comes off the list', async () => {
    const principal = stray();
    faulty((operation) => (operation === 'end' ? 'refused' : 'none'));
    await look();
    desk.world.target.logins.delete(principal);
    await look();
    expect(await orphans()).toEqual([]);
  });
});

describe('access whose login is gone', () => {
  const active = async (more: Partial<GrantTable> = {}) =>
    desk.grant({ state: 'active', principal_recorded: 1, expires_at: now + HOUR_MS, due_at: now + HOUR_MS, ...more });
  test('is ended as failed, and says why', async () => {
    const why = 'the login is no longer on the target: somebody removed it there';
    const kept = await active();
    desk.world.target.logins.set(kept.principal, login());
    const dropped = await active();
    await look();
    expect(await desk.row(dropped.id)).toMatchObject({ state: 'ending', end_reason: 'failed', last_error: why });
    expect((await desk.entry(dropped.id, 'grant.ending')).data).toMatchObject({ error: why });
    expect((await desk.row(kept.id)).state).toBe('active');
    expect(desk.warned).toEqual([{ message: why, fields: { grantId: dropped.id } }]);
    expect(asked()).toEqual(['list', 'readBack']);
  });
  test('is not gone when it only lost its mark', async () => {
    const { id, principal } = await active();
    desk.world.target.logins.set(principal, login());
    desk.world.target.list = async () => [];
    await look();
    expect((await desk.row(id)).state).toBe('active');
  });
  test('on another resource, or not active, is none of this', async () => {
    const others = [
      await desk.grant({ state: 'active', expires_at: now + HOUR_MS }, 'orders-prod'),
      await desk.grant({ state: 'provisioning' }),
      await desk.grant({ state: 'ending' }),
    ];
    await look();
    expect(asked()).toEqual(['list']);
    for (const { id, state } of others) expect((await desk.row(id)).state).toBe(state);
  });
  test('that became active after the list was made is not judged by it', async () => {
    const { id } = await desk.grant({ state: 'provisioning', principal_recorded: 1 });
    desk.world.target.during = async () => desk.set(id, { state: 'active', expires_at: now + HOUR_MS });
    await look();
    expect((await desk.row(id)).state).toBe('active');
    expect(asked()).toEqual(['list']);
  });
});

describe('whether a target can be reached', () => {
  test('is kept, and told when it changes', async () => {
    await look();
    expect(await resource()).toMatchObject({ health: 'reachable', health_at: now });
    expect(await changes()).toBe(1);
    desk.clock.advance(5);
    await look();
    expect(await resource()).toMatchObject({ health: 'reachable', health_at: now + 5 });
    expect(await changes()).toBe(1);
    faulty(() => 'unreachable');
    await look();
    expect((await resource()).health).toBe('unreachable');
    expect(await changes()).toBe(2);
    const others = desk.world.store.db.selectFrom('resources').select('health').where('id', '<>', resourceId);
    expect(await others.execute()).toEqual([{ health: 'unknown' }, { health: 'unknown' }]);
    const event = await desk.world.store.db
      .selectFrom('outbox')
      .selectAll()
      .orderBy('seq', 'desc')
      .executeTakeFirstOrThrow();
    expect(event).toMatchObject({ type: 'resource.changed', subject: resourceId });
    expect(JSON.parse(event.data)).toEqual({ resourceId, name: 'orders-dev' });
    expect(JSON.parse(event.audience)).toMatchObject({ everybody: true, people: [], roles: [] });
    expect(desk.warned).toEqual([
      {
        message: 'a target could not be reconciled; next try in turn',
        fields: { resourceId, err: 'connection refused' },
      },
    ]);
  });
  test('is not judged by a refusal, nor by a fault of our own', async () => {
    faulty(() => 'refused');
    await look();
    await look('now', { provisioners: new Map() });
    expect((await resource()).health).toBe('unknown');
    expect(desk.warned.map(({ fields }) => fields.err)).toEqual(['must be superuser', 'the service could not do it']);
  });
  test.each<[Operation, string]>([
    ['list', 'Listing our logins got no answer within 10 s'],
    ['readBack', 'Reading back a login got no answer within 10 s'],
    ['end', 'Ending an orphaned login got no answer within 10 s'],
    ['cleanUp', 'Clearing away an orphaned login got no answer within 10 s'],
  ])('is known after ten seconds when a call hangs: %s', async (operation, why) => {
    stray();
    expect(await lookThatHangs(operation)).toBe(why);
    expect((await resource()).health).toBe('unreachable');
  });
  test('is known after ten seconds when a login that should be there can’t be read back', async () => {
    await desk.grant({ state: 'active', expires_at: now + HOUR_MS });
    expect(await lookThatHangs('readBack')).toBe('Reading back a login got no answer within 10 s');
  });
});

describe('every target is looked at', () => {
  test('once in turn, archived ones too', async () => {
    await desk.world.store.write(
      async (tx) => void (await tx.db.updateTable('resources').set({ state: 'archived' }).execute()),
    );
    await reconcileAll(desk.deps);
    expect(asked()).toEqual(['list', 'list', 'list']);
    const health = desk.world.store.db.selectFrom('resources').select('health').execute();
    expect(await health).toEqual(Array(3).fill({ health: 'reachable' }));
  });
  test('not again when another service just did; at once when there is something to find', async () => {
    const two = { store: desk.shared(), instanceId: 'two' };
    await look('in turn', { store: desk.shared() });
    await look('in turn', two);
    expect(asked()).toEqual(['list']);
    await look('now', two);
    expect(asked()).toEqual(['list', 'list']);
  });
  test('also where one of them can’t be', async () => {
    const prod = desk.world.id('orders-prod');
    const { target } = desk.world;
    const seen: string[] = [];
    target.list = async (on?: { resourceId: string }) => {
      seen.push(on?.resourceId ?? '');
      if (on?.resourceId === resourceId) throw new TargetError('unreachable', 'connection refused');
      return [];
    };
    await reconcileAll(desk.deps);
    expect(seen.sort()).toEqual([...desk.world.resources.values()].sort());
    const row = desk.world.store.db.selectFrom('resources').select('health').where('id', '=', prod);
    expect(await row.execute()).toEqual([{ health: 'reachable' }]);
  });
});

describe('the list of what could not be ended', () => {
  const found = (principal: string, on = resourceId) => ({
    resource: { id: on, name: 'orders-dev' },
    principal,
    owner: undefined,
  });
  const listed = async (principal: string, more: Partial<OrphanTable> = {}, on = resourceId) => {
    const row = { resource_id: on, principal, found_at: now, tried_at: now, attempts: 1, last_error: null, ...more };
    await desk.world.store.write(async (tx) => void (await tx.db.insertInto('orphans').values(row).execute()));
  };
  test('counts tries of each, and says a find once', async () => {
    const [one, two] = [stray(), stray()];
    await noteOrphanLeft(desk.deps, found(one), 'why');
    await noteOrphanLeft(desk.deps, found(two), 'why');
    await noteOrphanLeft(desk.deps, found(one, desk.world.id('orders-prod')), 'why');
    desk.clock.advance(5);
    await noteOrphanLeft(desk.deps, found(one), new TargetError('refused', 'no rights'));
    const rows = (await orphans()).map((row) => [
      row.principal,
      row.resource_id === resourceId,
      row.attempts,
      row.tried_at - now,
    ]);
    expect(rows.filter(([, here]) => here)).toEqual([
      [one, true, 2, 5],
      [two, true, 1, 0],
    ]);
    expect(rows.filter(([, here]) => !here)).toEqual([[one, false, 1, 0]]);
    expect((await orphans())[0]).toMatchObject({ found_at: now });
    const here = (await orphans()).find((row) => row.principal === one && row.resource_id === resourceId);
    expect(here).toMatchObject({ found_at: now, last_error: 'no rights' });
    expect(await changes()).toBe(2);
    expect(await desk.world.audited(one)).toEqual(['principal.orphan_found', 'principal.orphan_found']);
  });
  test('loses exactly what was ended, and tells the pages only when something went', async () => {
    const [one, two] = [stray(), stray()];
    for (const principal of [one, two]) await listed(principal);
    await listed(one, {}, desk.world.id('orders-prod'));
    await noteOrphanEnded(desk.deps, found(one));
    expect((await orphans()).map((row) => row.principal).sort()).toEqual([one, two].sort());
    expect(await changes()).toBe(1);
    await noteOrphanEnded(desk.deps, found(one));
    expect(await changes()).toBe(1);
    expect(await desk.world.audited(one)).toEqual(Array(2).fill('principal.orphan_ended'));
  });
  test('what was ended by somebody else is noted where it was listed', async () => {
    const [one, two] = [stray(), stray()];
    await listed(one);
    await listed(two, {}, desk.world.id('orders-prod'));
    for (const principal of [one, two]) await noteListedEnded(desk.deps, found(principal));
    expect(await orphans()).toMatchObject([{ principal: two }]);
    expect(await desk.world.audited(two)).toEqual([]);
  });
  test('forgets what is gone there, and nothing of other targets', async () => {
    const [one, two, three] = [stray(), stray(), stray()];
    for (const principal of [one, two]) await listed(principal);
    await listed(three, {}, desk.world.id('orders-prod'));
    await forgetOrphansBut(desk.deps, { id: resourceId, name: 'orders-dev' }, new Set([two]));
    expect((await orphans()).map((row) => row.principal)).toEqual([two, three]);
    expect(await changes()).toBe(1);
    await forgetOrphansBut(desk.deps, { id: resourceId, name: 'orders-dev' }, new Set([two]));
    expect(await changes()).toBe(1);
  });
  test('is postponed as a whole on a target that can’t be asked, by no more than before', async () => {
    const [one, two] = [stray(), stray()];
    await listed(one, { attempts: 3 });
    await listed(two, {}, desk.world.id('orders-prod'));
    desk.clock.advance(9);
    await postponeOrphans(desk.deps, resourceId);
    expect(await orphans()).toMatchObject([
      { principal: one, attempts: 3, tried_at: now + 9 },
      { principal: two, attempts: 1, tried_at: now },
    ]);
  });
  test.each([
    [1, 2],
    [2, 4],
    [3, 8],
    [4, 16],
    [5, 30],
    [400, 30],
  ])('is due again after %i tries in %i s', async (attempts, seconds) => {
    await listed(stray(), { attempts });
    await listed(stray(), { attempts });
    desk.clock.advance(seconds * 1_000 - 1);
    expect(await dueOrphans(desk.deps)).toEqual([]);
    desk.clock.advance(1);
    expect(await dueOrphans(desk.deps)).toEqual([resourceId]);
    desk.clock.advance(MINUTE_MS);
    expect(await dueOrphans(desk.deps)).toEqual([resourceId]);
  });
});

test('stray logins are listed and ended while nothing else may be written', async () => {
  const write: Store['write'] = (work, options) =>
    options?.purpose === 'removal' || options?.purpose === 'upkeep'
      ? desk.deps.store.write(work, options)
      : Promise.reject(new Error('revoke only'));
  const taking = { store: Object.create(desk.deps.store, { write: { value: write } }) };
  const [stubborn, easy] = [stray(), stray()];
  faulty((operation, principal) => (operation === 'end' && principal === stubborn ? 'refused' : 'none'));
  await look('now', taking);
  expect((await orphans()).map(({ principal }) => principal)).toEqual([stubborn]);
  expect(desk.world.target.works(easy)).toBe(false);
  faulty(() => 'none');
  await postponeOrphans({ ...desk.deps, ...taking }, resourceId);
  await look('now', taking);
  expect(await orphans()).toEqual([]);
  expect(desk.world.target.works(stubborn)).toBe(false);
  const gone = stray();
  faulty((operation, principal) => (operation === 'end' && principal === gone ? 'refused' : 'none'));
  await look('now', taking);
  desk.world.target.logins.delete(gone);
  await forgetOrphansBut({ ...desk.deps, ...taking }, await resource(), new Set());
  expect(await orphans()).toEqual([]);
});
