/** Who may work on a grant: what is due, in which order, for whom; and what a worker that was overtaken can't do any more. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  type Claim,
  candidates,
  claim,
  concurrencyOf,
  expireOwnClaims,
  finish,
  hasten,
  PURPOSE,
  probeCandidates,
  release,
  type WorkKind,
} from '../../../electron/service/leases/claims';
import { CLAIM_MS } from '../../../electron/service/leases/limits';
import { newestTurn } from '../../../electron/service/leases/turns';
import type { GrantTable } from '../../../electron/service/store/schema';
import type { Store } from '../../../electron/service/store/store';
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

/** What makes a grant due for each kind of work, at `at`. */
const DUE: Record<WorkKind, (at: number) => Partial<GrantTable>> = {
  provision: (at) => ({ state: 'provisioning', provisioning_since: at, due_at: at }),
  deadline: (at) => ({ state: 'active', expires_at: now + 60_000, due_at: at }),
  remove: (at) => ({ state: 'ending', due_at: at }),
  residue: (at) => ({ state: 'ended', due_at: null, residue_due_at: at }),
};
const KINDS = Object.keys(DUE) as WorkKind[];
const found = async (kind: WorkKind, limit = 10, busy: readonly string[] = []) =>
  (await candidates(desk.deps, kind, limit, busy)).map(({ id }) => id);

describe.each(KINDS)('due for %s', (kind) => {
  test('are those whose time has come, the longest first, no more than asked for', async () => {
    const second = await desk.grant(DUE[kind](now - 5));
    const third = await desk.grant(DUE[kind](now));
    const first = await desk.grant(DUE[kind](now - 9));
    await desk.grant(DUE[kind](now + 1));
    for (const other of KINDS) if (other !== kind) await desk.grant(DUE[other](now - 7));
    expect(await found(kind)).toEqual([first.id, second.id, third.id]);
    expect(await found(kind, 2)).toEqual([first.id, second.id]);
    expect((await candidates(desk.deps, kind, 1))[0]).toEqual({
      id: first.id,
      resource_id: first.resource_id,
      epoch: first.epoch,
    });
  });
  test('are none of a target that is busy, and all of the others', async () => {
    await desk.grant(DUE[kind](now - 5));
    const other = await desk.grant(DUE[kind](now), 'orders-staging');
    expect(await found(kind, 10, [desk.world.id('orders-dev')])).toEqual([other.id]);
  });
  test('are none that somebody works on; one whose worker is gone is free again, a creation never', async () => {
    const held = await desk.grant({ ...DUE[kind](now), claimed_by: 'two:1', claimed_until: now + 1 });
    expect(await found(kind)).toEqual([]);
    await desk.set(held.id, { claimed_until: now });
    expect(await found(kind)).toEqual(kind === 'provision' ? [] : [held.id]);
  });
});

describe('a creation', () => {
  test('is not repeated where a credential is stored', async () => {
    await desk.grant({ ...DUE.provision(now), sealed: 'x' });
    expect(await found('provision')).toEqual([]);
  });
  test('waits for the device’s key where the credential is bound to one', async () => {
    const made = await desk.grant(DUE.provision(now));
    await desk.world.store.write(
      async (tx) =>
        void (await tx.db.updateTable('resources').set({ kind: 'ssh' }).where('id', '=', made.resource_id).execute()),
    );
    expect(await found('provision')).toEqual([]);
    await desk.set(made.id, { device_key: 'ssh-ed25519 AAAA' });
    expect(await found('provision')).toEqual([made.id]);
  });
});
test('a deadline is not moved for access that is over', async () => {
  const over = await desk.grant({ ...DUE.deadline(now), expires_at: now });
  expect(await found('deadline')).toEqual([]);
  await desk.set(over.id, { expires_at: now + 1 });
  expect(await found('deadline')).toEqual([over.id]);
});

describe('a probe', () => {
  test('is the removal that waited longest on each target that is asked for, due or not, and free', async () => {
    const late = await desk.grant(DUE.remove(now + 9_000));
    const early = await desk.grant(DUE.remove(now + 5_000));
    const held = await desk.grant({ ...DUE.remove(now), claimed_by: 'two:1', claimed_until: now + 1 });
    await desk.grant(DUE.deadline(now - 1));
    const other = await desk.grant(DUE.remove(now + 1), 'orders-prod');
    const [dev, staging, prod] = ['orders-dev', 'orders-staging', 'orders-prod'].map((name) =>
      desk.world.id(name as 'orders-dev'),
    ) as [string, string, string];
    const probes = async (...ids: string[]) => (await probeCandidates(desk.deps, ids)).map(({ id }) => id);
    expect(await probes(dev, staging, prod)).toEqual([early.id, other.id]);
    expect(await probes()).toEqual([]);
    await desk.set(held.id, { claimed_until: now });
    expect(await probes(dev)).toEqual([held.id]);
    expect((await probeCandidates(desk.deps, [prod]))[0]).toEqual({
      id: other.id,
      resource_id: prod,
      epoch: other.epoch,
    });
    expect(late.due_at).toBe(now + 9_000);
  });
});

describe('claiming', () => {
  test('is for one, for fifteen seconds, and before a creation it is recorded that a principal may exist', async () => {
    const due = await desk.grant({ ...DUE.provision(now), target: 'gone' });
    const [held] = await claim(desk.deps, 'provision', [due]);
    expect(held).toEqual({
      kind: 'provision',
      grantId: due.id,
      resourceId: due.resource_id,
      epoch: due.epoch + 1,
      token: `me:${due.epoch + 1}`,
    });
    expect(await desk.row(due.id)).toMatchObject({
      epoch: due.epoch + 1,
      claimed_by: `me:${due.epoch + 1}`,
      claimed_until: now + CLAIM_MS,
      principal_recorded: 1,
      target: 'unknown',
    });
    expect(await claim({ ...desk.deps, instanceId: 'two' }, 'provision', [due])).toEqual([]);
    expect(await claim(desk.deps, 'provision', [await desk.row(due.id)])).toEqual([]);
  });
  test('for other work changes nothing of what is known of the target', async () => {
    for (const kind of ['deadline', 'remove', 'residue'] as const) {
      const due = await desk.grant({ ...DUE[kind](now), target: 'present' });
      expect(await claim(desk.deps, kind, [due])).toHaveLength(1);
      expect(await desk.row(due.id)).toMatchObject({ principal_recorded: 0, target: 'present' });
    }
  });
  test('takes over what a dead worker held, from the moment its claim has run out', async () => {
    const due = await desk.grant({ ...DUE.remove(now), claimed_by: 'two:1', claimed_until: now + 1 });
    expect(await claim(desk.deps, 'remove', [due])).toEqual([]);
    desk.clock.advance(1);
    expect(await claim(desk.deps, 'remove', [due])).toHaveLength(1);
  });
  test('is nothing where the grant has moved on, and the rest is claimed all the same', async () => {
    const [moved, free] = [await desk.grant(DUE.remove(now)), await desk.grant(DUE.remove(now))];
    await desk.set(moved.id, { epoch: moved.epoch + 1 });
    expect((await claim(desk.deps, 'remove', [moved, free])).map(({ grantId }) => grantId)).toEqual([free.id]);
    expect(await desk.row(moved.id)).toMatchObject({ claimed_by: null, epoch: moved.epoch + 1 });
    expect(await claim(desk.deps, 'remove', [])).toEqual([]);
  });
  test('nothing writes nothing', async () => {
    const deaf = { ...desk.deps, store: { ...desk.deps.store, write: () => Promise.reject(new Error('written')) } };
    expect(await claim(deaf, 'remove', [])).toEqual([]);
  });
});

test('creations stop while access may only be taken away; everything else goes on', () => {
  expect(PURPOSE).toEqual({ provision: 'change', deadline: 'removal', remove: 'removal', residue: 'removal' });
});

describe('the result of a claim', () => {
  const held = async (kind: WorkKind = 'remove') => {
    const due = await desk.grant(DUE[kind](now));
    const [one] = await claim(desk.deps, kind, [due]);
    return one as Claim;
  };
  const result = (one: Claim) =>
    finish(desk.deps, one, async (tx, { row }) => {
      await tx.db.updateTable('grants').set({ last_error: 'written' }).where('id', '=', row.id).execute();
    });
  test('is written while it holds', async () => {
    const one = await held();
    expect(await result(one)).toBe('written');
    expect(await desk.row(one.grantId)).toMatchObject({ last_error: 'written', claimed_by: one.token });
  });
  test('is refused when the grant moved on: the claim is freed and nothing else changes', async () => {
    const one = await held();
    await desk.set(one.grantId, { epoch: one.epoch + 1 });
    expect(await result(one)).toBe('overtaken');
    expect(await desk.row(one.grantId)).toMatchObject({ last_error: null, claimed_by: null, claimed_until: null });
  });
  test('frees nobody else’s claim', async () => {
    const [one, bystander] = [await held(), await held()];
    await desk.set(one.grantId, { epoch: one.epoch + 1, claimed_by: 'two:9' });
    expect(await result(one)).toBe('overtaken');
    expect(await desk.row(one.grantId)).toMatchObject({ claimed_by: 'two:9', claimed_until: now + CLAIM_MS });
    await release(desk.deps, one);
    expect(await desk.row(one.grantId)).toMatchObject({ claimed_by: 'two:9', claimed_until: now + CLAIM_MS });
    expect(await desk.row(bystander.grantId)).toMatchObject({ claimed_by: bystander.token });
  });
  test('of a grant that is not there is nothing', async () => {
    const one = { ...(await held()), grantId: 'grt_00000000000000000000000000' };
    expect(await result(one)).toBe('overtaken');
  });
  test('that can’t be written leaves the claim to be freed', async () => {
    const one = await held();
    const other = await held();
    await release(desk.deps, one);
    expect(await desk.row(one.grantId)).toMatchObject({ claimed_by: null, claimed_until: null, epoch: one.epoch });
    expect(await desk.row(other.grantId)).toMatchObject({ claimed_by: other.token });
  });
});

describe('at a start, claims of an earlier life', () => {
  const claimed = async (by: string) =>
    (await desk.grant({ ...DUE.remove(now), claimed_by: by, claimed_until: now + 9_000 })).id;
  const until = async (id: string) => (await desk.row(id)).claimed_until;
  test('run out at once: all of them where one service has the store for itself', async () => {
    const [mine, other] = [await claimed('me:1'), await claimed('two:1')];
    const free = await desk.grant(DUE.remove(now));
    await expireOwnClaims(desk.deps);
    expect([await until(mine), await until(other), await until(free.id)]).toEqual([now - 1_000, now - 1_000, null]);
  });
  test('run out where they carry our name, where several share it', async () => {
    const ids = [await claimed('me:1'), await claimed('me2:1'), await claimed('two:me:1')];
    await expireOwnClaims({ ...desk.deps, store: desk.shared() });
    expect(await Promise.all(ids.map(until))).toEqual([now - 1_000, now + 9_000, now + 9_000]);
  });
  test('that are none need no write', async () => {
    const store = Object.create(desk.deps.store, { write: { value: () => Promise.reject(new Error('written')) } });
    await expireOwnClaims({ ...desk.deps, store });
  });
});

test('a removal that waits is due now: on one target or everywhere, and nothing else is', async () => {
  const dev = await desk.grant(DUE.remove(now + 9_000));
  const prod = await desk.grant(DUE.remove(now + 9_000), 'orders-prod');
  const past = await desk.grant(DUE.remove(now - 5));
  const live = await desk.grant(DUE.deadline(now + 9_000));
  const due = async () => Promise.all([dev, prod, past, live].map(async ({ id }) => (await desk.row(id)).due_at));
  await hasten(desk.deps, { resourceId: dev.resource_id });
  expect(await due()).toEqual([now, now + 9_000, now - 5, now + 9_000]);
  await hasten(desk.deps, 'everywhere');
  expect(await due()).toEqual([now, now, now - 5, now + 9_000]);
});

test('what resources say of how much they take', async () => {
  await desk.world.store.write(
    async (tx) =>
      void (await tx.db
        .updateTable('resources')
        .set({ concurrency: 3 })
        .where('id', '=', desk.world.id('orders-dev'))
        .execute()),
  );
  expect(await concurrencyOf(desk.deps)).toEqual(new Map([[desk.world.id('orders-dev'), 3]]));
});

test('taking away goes on while nothing else may be written', async () => {
  const write: Store['write'] = (work, options) =>
    options?.purpose === 'removal' ? desk.deps.store.write(work, options) : Promise.reject(new Error('revoke only'));
  const taking = { ...desk.deps, store: Object.create(desk.deps.store, { write: { value: write } }) };
  const left = await desk.grant({ ...DUE.remove(now), claimed_by: 'me:0', claimed_until: now + 9_000 });
  await expireOwnClaims(taking);
  await hasten(taking, 'everywhere');
  const [held] = await claim(taking, 'remove', [left]);
  if (held === undefined) throw new Error('not claimed');
  await release(taking, held);
  expect((await desk.row(left.id)).claimed_by).toBeNull();
  const shared = Object.create(desk.shared(), { write: { value: write } });
  expect(await newestTurn({ ...taking, store: shared }, 'res_1')).toBe(true);
  const made = await desk.grant(DUE.provision(now));
  await expect(claim(taking, 'provision', [made])).rejects.toThrow('revoke only');
});
