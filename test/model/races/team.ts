/**
 * Two instances of the service on one PostgreSQL database: real stores, real use cases, real lease engines, one told clock,
 * one model target. Each run gets a fresh copy of the same seeded database.
 */
import type { Scheduler } from 'fast-check';
import { expect } from 'vitest';
import { type AccessCases, createAccessCases, createLifecycle } from '../../../electron/service/access';
import { createResourceCases, type ResourceCases } from '../../../electron/service/access/resources';
import { type LeaseEngine, startLeases } from '../../../electron/service/leases/engine';
import type { PeopleDeps } from '../../../electron/service/people/deps';
import { createPeople } from '../../../electron/service/people/people';
import { openStore } from '../../../electron/service/store/open';
import type { Store } from '../../../electron/service/store/store';
import { HOUR_MS, MINUTE_MS, SECOND_MS } from '../../../shared/domain/instant';
import type { PostgresServer } from '../../bed/postgres';
import { ModelTarget } from '../target';
import { ManualClock, SeededRandom, World } from '../world';
import { Gate, type Race } from './gate';
import { type Rules, Story } from './story';

export type Name = 'A' | 'B';
/** dan administers too, and stays. */
export const APPROVERS = ['bea', 'cid', 'dan'] as const;
export const PEOPLE = ['ann', 'bea', 'cid', 'zoe'] as const;
export const RESOURCES = ['orders-dev', 'orders-staging', 'orders-prod'] as const;
export type Resource = (typeof RESOURCES)[number];
const DBA = ['bea', 'cid'];
const SECURITY = ['bea', 'dan'];

/** The seeded database, of which each run gets a copy. */
export interface Ground {
  readonly server: PostgresServer;
  readonly world: World;
}
const SEEDED = 'race_ground';
let copies = 0;

export async function prepareGround(server: PostgresServer): Promise<Ground> {
  await server.query('postgres', `create database ${SEEDED}`);
  const world = await World.open(1, new ManualClock(), server.url(SEEDED));
  await world.close();
  return { server, world };
}

/** One service without its doors. */
export interface Instance {
  readonly name: Name;
  readonly store: Store;
  readonly access: AccessCases;
  readonly people: ReturnType<typeof createPeople>;
  readonly resources: ResourceCases;
  readonly leases: LeaseEngine;
}
const silent = { info: () => {}, warn: () => {}, error: () => {}, debug: () => {} };

export class Team {
  readonly clock = new ManualClock();
  readonly target = new ModelTarget(() => this.clock.now());
  readonly instances = new Map<Name, Instance>();
  /** What clients were told: each decision that was taken, each grant whose end was promised. */
  readonly decided: string[] = [];
  readonly endings: string[] = [];
  readonly refusals = new Map<string, number>();
  private readonly calls: Promise<void>[] = [];
  private readonly failures: unknown[] = [];

  private constructor(
    readonly ground: Ground,
    readonly gate: Gate,
    private readonly database: string,
  ) {
    this.target.during = async (operation, principal) => {
      // Listing changes nothing, and both instances do it beside their other work.
      if (operation !== 'list') await gate.turn(`target ${operation} ${principal.slice(-4)}`);
    };
  }

  static async open(ground: Ground, race: Race): Promise<Team> {
    const database = `race_${++copies}`;
    await ground.server.query('postgres', `create database ${database} template ${SEEDED}`);
    const team = new Team(ground, new Gate(race), database);
    for (const name of ['A', 'B'] as const) team.instances.set(name, await team.start(name));
    await team.drain();
    return team;
  }
  private async start(name: Name): Promise<Instance> {
    const { clock, gate, ground } = this;
    const random = new SeededRandom(name === 'A' ? 11 : 22);
    const secretBox = ground.world.box;
    const location = { kind: 'postgres', url: ground.server.url(this.database) } as const;
    const real = await openStore({ ...location, clock, random, log: silent, secretBox, vaultFile: null });
    const store = gate.guard(real, name);
    const presence = { isOnline: () => true, isDeviceConnected: () => true, onDeviceConnected: () => () => undefined };
    const provisioners = new Map([['postgres', this.target]]);
    const deps = { store, clock, random, presence, provisioners };
    const lifecycle = createLifecycle(deps);
    const people: Pick<PeopleDeps, 'store' | 'clock' | 'presence' | 'lifecycle'> = { ...deps, lifecycle };
    const capacity = { workers: gate.race === 'ordered' ? 1 : 4, perTarget: 4 };
    return {
      name,
      store,
      access: createAccessCases(deps),
      people: createPeople(people as PeopleDeps),
      resources: createResourceCases({ ...deps, secretBox, lifecycle }),
      leases: startLeases({ ...deps, secretBox, instanceId: name, log: silent, capacity }),
    };
  }
  at(name: Name): Instance {
    return this.instances.get(name) as Instance;
  }
  private get all(): Instance[] {
    return [...this.instances.values()];
  }

  /** A call is on its way from now on: it arrives when the scheduler says so, and goes on from gate to gate. */
  send(label: string, call: () => Promise<unknown>): void {
    const sent = this.gate.turn(label).then(call);
    this.calls.push(
      sent.then(
        () => undefined,
        (cause: unknown) => {
          const { name, code } = cause as { name?: string; code?: string };
          // What is refused is refused; that the database or the log failed is nobody's refusal.
          if (name === 'AppError' && code !== undefined && code !== 'unavailable' && code !== 'revoke-only')
            this.refusals.set(code, (this.refusals.get(code) ?? 0) + 1);
          else this.failures.push(cause);
        },
      ),
    );
  }
  /** Until every call has its answer. */
  async settle(scheduler: Scheduler): Promise<void> {
    await scheduler.waitFor(Promise.all(this.calls));
    await this.gate.open();
    if (this.failures.length > 0) throw this.failures[0];
    await this.drain();
  }
  /** Both engines at once, until neither has anything to do now. */
  private async drain(): Promise<void> {
    await Promise.all(this.all.map(({ leases }) => leases.drain()));
    await this.gate.still();
  }

  /** Of those that are not over, the nth. */
  async openRequest(at: Instance, nth: number, asked: (row: { requester_id: string; resource_id: string }) => boolean) {
    const rows = await at.store.db.selectFrom('requests').selectAll().orderBy('id').execute();
    const open = rows.filter((row) => (row.state === 'pending' || row.state === 'blocked') && asked(row));
    // Another one is answered too, now and then.
    const from = open.length > 0 && nth % 5 > 0 ? open : rows;
    return from[nth % Math.max(1, from.length)];
  }
  async grant(at: Instance, nth: number, states: readonly string[]) {
    const rows = await at.store.db.selectFrom('grants').selectAll().orderBy('id').execute();
    const fit = rows.filter(({ state }) => states.includes(state));
    const from = fit.length > 0 && nth % 7 > 0 ? fit : rows;
    return from[nth % Math.max(1, from.length)];
  }
  nameOf(personId: string): string {
    for (const [name, { caller }] of this.ground.world.people) if (caller.personId === personId) return name;
    throw new Error(`nobody has ${personId}`);
  }

  /** Nothing works that should not, at a moment when nothing is due. */
  async checkTarget(): Promise<void> {
    const grants = await this.at('A').store.db.selectFrom('grants').selectAll().execute();
    const byPrincipal = new Map(grants.map((grant) => [grant.principal, grant]));
    expect(byPrincipal.size, 'each grant has a principal of its own').toBe(grants.length);
    for (const principal of this.target.logins.keys()) {
      const grant = byPrincipal.get(principal);
      expect(grant, `${principal} belongs to a grant`).toBeDefined();
      if (!this.target.works(principal)) continue;
      expect(['provisioning', 'active', 'ending'], `${principal} works while its grant is ${grant?.state}`).toContain(
        grant?.state,
      );
      const over = grant?.expires_at !== null && (grant?.expires_at ?? 0) <= this.clock.now();
      expect(over && grant?.state === 'active', `${principal} works after its end`).toBe(false);
    }
    for (const grant of grants.filter(({ state }) => state === 'active')) {
      expect(grant.expires_at).toBeGreaterThan(this.clock.now());
      expect(this.target.logins.get(grant.principal)?.canLogIn, `the login of ${grant.id} is open`).toBe(true);
    }
  }
  /** Time goes by and nobody does anything: everything ends, and nothing waits for ever (I14). */
  async calm(): Promise<void> {
    await this.checkTarget();
    for (const lengthMs of [30 * SECOND_MS, 3 * MINUTE_MS, 31 * MINUTE_MS, 3 * HOUR_MS, 8 * HOUR_MS, 25 * HOUR_MS]) {
      this.clock.advance(lengthMs);
      await this.drain();
      await this.checkTarget();
    }
    const { db } = this.at('B').store;
    const live = await db.selectFrom('grants').select(['id', 'state']).where('state', '<>', 'ended').execute();
    expect(live, 'grants that never end').toEqual([]);
    const open = await db.selectFrom('requests').select('id').where('state', 'in', ['pending', 'blocked']).execute();
    expect(open, 'requests that nobody can close').toEqual([]);
    expect([...this.target.logins.keys()], 'logins that are left').toEqual([]);
  }

  /** The log is a story the model allows, the tables are where it ends, and what clients were told is in it. */
  async checkLog(): Promise<Map<string, number>> {
    const { store } = this.at('A');
    expect(await store.checkWholeLog()).toBeNull();
    const leaves = await store.db.selectFrom('audit_leaves').selectAll().orderBy('idx').execute();
    expect(leaves.map(({ idx }) => idx)).toEqual(leaves.map((_, idx) => idx));
    const story = new Story(this.rules());
    const decisions: string[] = [];
    const counts = new Map<string, number>();
    for (const row of leaves) {
      const body = JSON.parse(row.body ?? '');
      const { idx, type, subject_id: subject, person_id: personId, resource_id: resourceId } = row;
      story.tell({ idx, type, subject, personId, resourceId, body });
      counts.set(type, (counts.get(type) ?? 0) + 1);
      if (type === 'decision.recorded') decisions.push(`${subject} ${this.nameOf(body.actor.id)}`);
    }
    story.close();
    const requests = await store.db.selectFrom('requests').select(['id', 'state']).execute();
    expect(new Map(requests.map(({ id, state }) => [id, state]))).toEqual(
      new Map([...story.requests].map(([id, { state }]) => [id, state])),
    );
    const grants = await store.db.selectFrom('grants').select(['id', 'state']).execute();
    expect(new Map(grants.map(({ id, state }) => [id, state]))).toEqual(
      new Map([...story.grants].map(([id, { state }]) => [id, state])),
    );
    expect([...new Set(this.decided)].sort(), 'decisions taken, and decisions on the log').toEqual(decisions.sort());
    const rows = await store.db.selectFrom('decisions').select('id').execute();
    expect(rows.length, 'each decision is kept once').toBe(decisions.length);
    for (const id of this.endings) expect(story.grants.get(id)?.state).toBe('ended');
    await this.checkEvents(leaves);
    await this.checkCreations(story);
    return counts;
  }
  /** One event for each entry about a request, decision or grant, in the same order, numbered without a gap. */
  private async checkEvents(leaves: readonly { type: string; subject_id: string }[]): Promise<void> {
    const events = await this.at('B').store.db.selectFrom('outbox').selectAll().orderBy('seq').execute();
    const first = events[0]?.seq ?? 0;
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, i) => first + i));
    const about = /^(request|decision|grant)\./;
    expect(events.filter(({ type }) => about.test(type)).map(({ type, subject }) => `${type} ${subject}`)).toEqual(
      leaves.filter(({ type }) => about.test(type)).map(({ type, subject_id }) => `${type} ${subject_id}`),
    );
  }
  /** Two engines, one login: no principal was made twice, and none without its grant. */
  private checkCreations(story: Story): void {
    const made = this.target.calls.filter(({ operation }) => operation === 'create').map(({ principal }) => principal);
    expect(new Set(made).size, 'a login was made twice').toBe(made.length);
    const known = new Set([...story.grants.keys()].map((id) => this.ground.world.principalOf(id)));
    for (const principal of made) expect(known.has(principal)).toBe(true);
  }
  private rules(): Rules {
    const { world } = this.ground;
    const ids = (names: readonly string[]) => new Set(names.map((name) => world.who(name).personId));
    return new Map([
      [world.id('orders-dev'), []],
      [world.id('orders-staging'), [ids(DBA)]],
      [world.id('orders-prod'), [ids(DBA), ids(SECURITY)]],
    ]);
  }
  async close(): Promise<void> {
    await this.gate.open();
    await Promise.all(this.all.map(({ leases }) => leases.stop()));
    await Promise.all(this.all.map(({ store }) => store.close()));
    await this.ground.server.query('postgres', `drop database ${this.database} with (force)`);
  }
}
