/**
 * The rooms of the lease engine without its loop: the real store, the real use cases and the model target of a world whose
 * engine stands still, so that each step can be taken by hand and looked at. One world serves a whole file of tests; `reset`
 * clears the desk before each, which is a hundred times quicker than another world.
 */
import { expect } from 'vitest';
import { claim, type WorkKind } from '../../../electron/service/leases/claims';
import type { LeaseDeps } from '../../../electron/service/leases/deps';
import { work } from '../../../electron/service/leases/work';
import type { GrantTable } from '../../../electron/service/store/schema';
import type { Store } from '../../../electron/service/store/store';
import { newId, principalName } from '../../../shared/domain/ids';
import { READY_TTL_MS } from '../../../shared/domain/limits';
import { type Fault, ModelTarget, type Operation } from '../../model/target';
import { type ManualClock, World } from '../../model/world';

type ResourceName = Parameters<World['id']>[0];

/** Long, for a machine that is busy; mutation testing, where much never comes, waits less. */
const PATIENCE_MS = Number(process.env.HALLPASS_PATIENCE_MS ?? 15_000);
/** What is so in the end. */
export const eventually = <T>(read: () => T) => expect.poll(read, { timeout: PATIENCE_MS });

/** The columns of a grant that nobody works on. */
export const FREED = { claimed_by: null, claimed_until: null } as const;

export interface Desk {
  /** Before each test: no request, no grant, everything else as at the start. */
  reset(): Promise<void>;
  readonly world: World;
  readonly deps: LeaseDeps;
  readonly clock: ManualClock;
  /** Warnings: message and fields. */
  readonly warned: { message: string; fields: Record<string, unknown> }[];
  /** A grant as the use cases make it (`ready`), with these columns changed afterwards. */
  grant(columns?: Partial<GrantTable>, on?: ResourceName): Promise<GrantTable>;
  set(id: string, columns: Partial<GrantTable>): Promise<void>;
  row(id: string): Promise<GrantTable>;
  /** Claims the grant and does its work. What the target taught is returned, in order. */
  work(kind: WorkKind, id: string, over?: Partial<LeaseDeps>): Promise<string[]>;
  /** One kind of call fails from now on. */
  faulty(operation: Operation, fault: Fault): void;
  /** Work on a call that hangs: `ms` later it is given up. */
  workThatHangs(kind: WorkKind, id: string, ms: number): Promise<string[]>;
  /** What the target was asked, in order. */
  asked(): Operation[];
  /** It is due again after this pause, a fifth less to a fifth more. */
  expectRetry(dueAt: number | null, pauseMs: number): void;
  /** Lets everything run that can, without time passing. */
  settle(): Promise<void>;
  /** The newest audit entry of this type about a subject. */
  entry(subjectId: string, type: string): Promise<{ data: Record<string, unknown>; [field: string]: unknown }>;
  /** Types of the events in the outbox about a subject, in order. */
  told(subject: string): Promise<string[]>;
  /** The same store, seen by a service that shares it with others. */
  shared(): Store;
  close(): Promise<void>;
}

export async function openDesk(): Promise<Desk> {
  const world = await World.open();
  await world.leases.stop();
  const warned: Desk['warned'] = [];
  const { store, clock, random, provisioners, presence, box } = world;
  const deps: LeaseDeps = {
    ...{ store, clock, random, provisioners, presence, secretBox: box },
    instanceId: 'me',
    log: { warn: (fields, message) => void warned.push({ message, fields }) },
  };
  const { db } = store;
  const row = (id: string) => db.selectFrom('grants').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
  const set = async (id: string, columns: Partial<GrantTable>) => {
    if (Object.keys(columns).length === 0) return;
    await store.write(
      async (tx) => void (await tx.db.updateTable('grants').set(columns).where('id', '=', id).execute()),
    );
  };
  const template = await approved(world);
  const clear = await clearing(world);
  let made = 0;
  const workOn: Desk['work'] = async (kind, id, over = {}) => {
    const { resource_id, epoch } = await row(id);
    const heard: string[] = [];
    const [held] = await claim(deps, kind, [{ id, resource_id, epoch }]);
    if (held === undefined) throw new Error('the grant could not be claimed');
    await work({ ...deps, ...over }, held, {
      lateOn: (resourceId) => void heard.push(`late ${resourceId === resource_id}`),
      heard: (resourceId, what) => void heard.push(`${what} ${resourceId === resource_id}`),
    });
    return heard;
  };
  const settle = async () => {
    for (let i = 0; i < 50; i++) await new Promise(setImmediate);
  };
  return {
    ...{ world, deps, clock, warned, row, set },
    async reset() {
      await clear();
      warned.length = 0;
      world.connected.clear();
      const target = new ModelTarget(() => clock.now());
      provisioners.set('postgres', target);
      Object.assign(world, { target });
    },
    async grant(columns = {}, on = 'orders-dev') {
      const now = clock.now();
      const of = { resource_id: world.id(on), person_id: world.who('ann').personId };
      const request = { ...template.request, id: newId('request', now, random), ticket_number: 5_000 + made++ };
      const id = newId('grant', now, random);
      const until = now + READY_TTL_MS;
      const mine = { id, request_id: request.id, principal: principalName(id), ready_until: until, due_at: until };
      await store.write(async (tx) => {
        await tx.db
          .insertInto('requests')
          .values({ ...request, resource_id: of.resource_id })
          .execute();
        await tx.db
          .insertInto('grants')
          .values({ ...template.grant, ...of, ...mine, ...columns })
          .execute();
      });
      return row(id);
    },
    ...{ work: workOn, settle },
    faulty(operation, fault) {
      world.target.faultOf = (one) => (one === operation ? fault : 'none');
    },
    async workThatHangs(kind, id, ms) {
      const heard = workOn(kind, id);
      await eventually(() => world.target.calls.length).toBeGreaterThan(0);
      await settle();
      clock.advance(ms);
      return heard;
    },
    asked: () => world.target.calls.map(({ operation }) => operation),
    expectRetry(dueAt, pauseMs) {
      expect((dueAt ?? 0) - clock.now()).toBeGreaterThanOrEqual(0.8 * pauseMs);
      expect((dueAt ?? 0) - clock.now()).toBeLessThanOrEqual(1.2 * pauseMs);
    },
    async entry(subjectId, type) {
      const found = await db
        .selectFrom('audit_leaves')
        .select('body')
        .where('subject_id', '=', subjectId)
        .where('type', '=', type)
        .orderBy('idx', 'desc')
        .executeTakeFirstOrThrow();
      return JSON.parse(found.body ?? '');
    },
    async told(subject) {
      const rows = await db.selectFrom('outbox').select('type').where('subject', '=', subject).orderBy('seq').execute();
      return rows.map(({ type }) => type);
    },
    shared: () => Object.create(store, { dialect: { value: 'postgres' } }),
    close: () => world.close(),
  };
}

/** Access as the use cases approve it, to be copied. */
async function approved(world: World) {
  const { db } = world.store;
  const asked = await world.ask('ann', 'orders-dev', { startWhen: 'manual' });
  const request = await db.selectFrom('requests').selectAll().where('id', '=', asked.id).executeTakeFirstOrThrow();
  const grant = await db.selectFrom('grants').selectAll().where('request_id', '=', asked.id).executeTakeFirstOrThrow();
  return { request, grant };
}

/** What tests change is put back as it is now. The log stays: its entries are for ever. */
async function clearing(world: World): Promise<() => Promise<void>> {
  const { db, write } = world.store;
  const resources = await db.selectFrom('resources').selectAll().execute();
  const devices = await db.selectFrom('devices').selectAll().execute();
  const groups = await db.selectFrom('groups').selectAll().execute();
  const members = await db.selectFrom('group_members').selectAll().execute();
  return () =>
    write(async (tx) => {
      await tx.db.updateTable('requests').set({ extends_grant_id: null }).execute();
      const given = ['decisions', 'request_seen', 'nonces', 'grants', 'requests', 'orphans', 'outbox'] as const;
      for (const table of [...given, 'group_members', 'groups'] as const) await tx.db.deleteFrom(table).execute();
      await tx.db
        .deleteFrom('meta')
        .where((eb) => eb.or([eb('key', 'like', 'reconcile:%'), eb('key', 'like', 'n%')]))
        .execute();
      await tx.db.deleteFrom('policies').where('version', '>', 1).execute();
      await tx.db.insertInto('groups').values(groups).execute();
      await tx.db.insertInto('group_members').values(members).execute();
      for (const one of resources) await tx.db.updateTable('resources').set(one).where('id', '=', one.id).execute();
      for (const one of devices) await tx.db.updateTable('devices').set(one).where('id', '=', one.id).execute();
    });
}
