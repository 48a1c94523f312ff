/**
 * The lease engine: finds what is due, claims it, does it on the targets, and never gives up on a removal.
 * Expiry is a persisted fact (`due_at`), not a timer: the engine looks every second and right after every commit, so a
 * restart, a sleep or a second instance changes nothing. What it does is in due.ts (the clock), work.ts (the targets)
 * and reconcile.ts (orphans).
 */
import { type Instant, plusMs } from '../../../shared/domain/instant';
import { AppError } from '../errors';
import { turnOfTheLoop } from './batch';
import {
  type Claim,
  candidates,
  claim,
  concurrencyOf,
  expireOwnClaims,
  hasten,
  probeCandidates,
  release,
  type WorkKind,
} from './claims';
import type { LeaseCapacity, LeaseDeps } from './deps';
import { passDue } from './due';
import { createTargetGate, type TargetGate } from './gate';
import { CAPACITY, RECONCILE_MS, TICK_MS } from './limits';
import { dueOrphans } from './orphans';
import { reconcile, reconcileAll } from './reconcile';
import { work } from './work';

export type { LeaseCapacity, LeaseDeps, LeaseLog } from './deps';
export interface LeaseEngine {
  /** Looks for work now. */
  wake(): void;
  /** Resolves after the first look: what was due at the start is begun, and nothing that falls due is missed from here on. */
  armed(): Promise<void>;
  /** Resolves when all work that is due now is done (or failed and waits for its retry). */
  drain(): Promise<void>;
  /** Ends everything overdue and tries every removal once more, without waiting for its back-off. */
  sweep(): Promise<{ readonly ended: number; readonly left: number }>;
  /** Starts nothing new, waits for what runs. */
  stop(): Promise<void>;
}

/** Starts looking at once; reconciles each target at the start and every five minutes. */
export function startLeases(deps: LeaseDeps): LeaseEngine {
  const engine = new Engine(deps);
  engine.start();
  return engine;
}

/** Creations are few and somebody waits for them; removals come next; left-overs take what is free. */
const ORDER: readonly WorkKind[] = ['provision', 'remove', 'deadline', 'residue'];

class Engine implements LeaseEngine {
  private readonly running = new Map<string, Promise<void>>();
  private readonly gate: TargetGate;
  private readonly capacity: LeaseCapacity;
  private readonly background = new Set<Promise<void>>();
  /** Looks under way at single targets, and whether one more is wanted behind them. */
  private readonly reconciling = new Map<string, { again: boolean }>();
  private pumping: Promise<number> | null = null;
  private again = false;
  private stopped = false;
  private timer: { cancel(): void } | null = null;
  private waking: NodeJS.Immediate | null = null;
  private reconciledAt: Instant | null = null;
  private readonly unsubscribe: (() => void)[] = [];
  private ownClaimsExpired = false;

  constructor(private readonly deps: LeaseDeps) {
    this.capacity = deps.capacity ?? CAPACITY;
    this.gate = createTargetGate(this.capacity.perTarget);
  }

  start(): void {
    this.unsubscribe.push(
      this.deps.store.onCommit(() => this.wake()),
      this.deps.presence.onDeviceConnected(() => this.wake()),
    );
    this.wake();
  }

  async armed(): Promise<void> {
    await this.pump();
  }

  /** Many causes in one turn of the event loop are one look. */
  wake(): void {
    if (this.waking !== null || this.stopped) return;
    this.waking = setImmediate(() => {
      this.waking = null;
      void this.pump();
    });
  }

  /** One look at a time; a wake-up during a look makes it look once more. */
  private pump(): Promise<number> {
    if (this.stopped) return Promise.resolve(0);
    if (this.pumping !== null) {
      this.again = true;
      return this.pumping;
    }
    this.pumping = this.look().finally(() => {
      this.pumping = null;
      this.tickLater();
    });
    return this.pumping;
  }

  private async look(): Promise<number> {
    let done = 0;
    do {
      this.again = false;
      try {
        done += await this.step();
      } catch (cause) {
        // The store is away or full; nothing is lost, the next tick looks again.
        this.deps.log.warn(
          { err: cause instanceof AppError ? cause.code : String((cause as Error)?.message) },
          'the lease engine could not look for work',
        );
        break;
      }
      // Calls that settled, and whoever asks the service meanwhile, come in between.
      if (this.again) await turnOfTheLoop();
    } while (this.again && !this.stopped);
    return done;
  }

  private tickLater(): void {
    this.timer?.cancel();
    if (this.stopped) return;
    this.timer = this.deps.clock.wakeAt(plusMs(this.deps.clock.now(), TICK_MS), () => this.wake());
  }

  private async step(): Promise<number> {
    if (!this.ownClaimsExpired) {
      await expireOwnClaims(this.deps);
      this.ownClaimsExpired = true;
    }
    let done = await passDue(this.deps);
    if (done > 0) this.again = true; // a full batch may have more behind it
    this.gate.setLimits(await concurrencyOf(this.deps));
    done += await this.probe();
    for (const kind of ORDER) done += await this.take(kind);
    const now = this.deps.clock.now();
    for (const resourceId of await dueOrphans(this.deps))
      if (!this.reconciling.has(resourceId)) this.inBackground(this.reconcileOne(resourceId));
    if (this.reconciledAt === null || now - this.reconciledAt >= RECONCILE_MS || now < this.reconciledAt) {
      this.reconciledAt = now;
      this.inBackground(reconcileAll(this.deps));
    }
    return done;
  }

  private async take(kind: WorkKind): Promise<number> {
    const free = this.capacity.workers - this.running.size;
    if (free <= 0 || (kind === 'provision' && this.deps.store.mode().mode !== 'normal')) return 0;
    const due = await candidates(this.deps, kind, this.capacity.workers * 2, this.gate.closed(kind));
    const wanted: typeof due = [];
    const room = new Map<string, number>();
    for (const candidate of due) {
      if (wanted.length >= free) break;
      const left = room.get(candidate.resource_id) ?? this.gate.roomOf(candidate.resource_id, kind);
      if (left <= 0 || this.running.has(candidate.id)) continue;
      room.set(candidate.resource_id, left - 1);
      wanted.push(candidate);
    }
    return this.begin(kind, wanted);
  }
  /** A target that is away is asked with one removal, as soon as its pause is over. */
  private async probe(): Promise<number> {
    const away = this.gate.takeProbes(this.deps.clock.now());
    if (away.length === 0) return 0;
    const found = await probeCandidates(this.deps, away);
    return this.begin(
      'remove',
      found.filter(({ id }) => !this.running.has(id)),
    );
  }
  private async begin(kind: WorkKind, wanted: Parameters<typeof claim>[2]): Promise<number> {
    const claims = await claim(this.deps, kind, wanted);
    for (const one of claims) this.run(one);
    return claims.length;
  }

  private run(one: Claim): void {
    this.gate.begin(one.resourceId);
    const lateOn = (resourceId: string) => this.inBackground(this.reconcileOne(resourceId));
    const heard = (resourceId: string, what: 'answer' | 'silence') => {
      if (this.gate.heard(resourceId, what, this.deps.clock.now()) === 'returned')
        this.inBackground(this.welcome(resourceId));
    };
    const job = work(this.deps, one, { lateOn, heard })
      .catch(async (cause: unknown) => {
        this.deps.log.warn(
          { grantId: one.grantId, err: String((cause as Error)?.message) },
          'lease work could not be written',
        );
        // A creation keeps its claim: what it left is unknown, so it runs out and is ended.
        if (one.kind !== 'provision') await release(this.deps, one).catch(() => undefined);
      })
      .finally(() => {
        this.running.delete(one.grantId);
        this.gate.end(one.resourceId);
        this.wake();
      });
    this.running.set(one.grantId, job);
  }

  /** It answers again: every removal on it is due now, and it is looked for what a restored backup may have brought back. */
  private async welcome(resourceId: string): Promise<void> {
    await hasten(this.deps, { resourceId });
    this.wake();
    await this.reconcileOne(resourceId);
  }
  private async reconcileOne(resourceId: string): Promise<void> {
    const resource = await this.deps.store.db
      .selectFrom('resources')
      .selectAll()
      .where('id', '=', resourceId)
      .executeTakeFirst();
    if (resource === undefined) return;
    const under = this.reconciling.get(resourceId);
    if (under !== undefined) {
      under.again = true; // its list may be from before what is to be found now
      return;
    }
    const look = { again: false };
    this.reconciling.set(resourceId, look);
    await reconcile(this.deps, resource, 'now').finally(() => this.reconciling.delete(resourceId));
    if (look.again && !this.stopped) await this.reconcileOne(resourceId);
  }
  private inBackground(job: Promise<void>): void {
    const guarded = job
      .catch((cause: unknown) => this.deps.log.warn({ err: String((cause as Error)?.message) }, 'reconciling failed'))
      .finally(() => this.background.delete(guarded));
    this.background.add(guarded);
  }

  async drain(): Promise<void> {
    for (;;) {
      const done = await this.pump();
      const jobs = [...this.running.values(), ...this.background];
      if (jobs.length === 0 && done === 0) return;
      await Promise.all(jobs);
    }
  }

  async sweep(): Promise<{ readonly ended: number; readonly left: number }> {
    const now = this.deps.clock.now();
    const { db } = this.deps.store;
    const over = await db
      .selectFrom('grants')
      .select('id')
      .where((eb) =>
        eb.or([
          eb('state', '=', 'ending'),
          eb.and([eb('state', 'in', ['ready', 'provisioning', 'active']), eb('due_at', '<=', now)]),
        ]),
      )
      .execute();
    this.gate.forget();
    await hasten(this.deps, 'everywhere');
    await this.drain();
    const ending = await db.selectFrom('grants').select('id').where('state', '=', 'ending').execute();
    const still = new Set(ending.map((row) => row.id));
    let ended = 0;
    for (const { id } of over) {
      if (still.has(id)) continue;
      const row = await db.selectFrom('grants').select('state').where('id', '=', id).executeTakeFirst();
      if (row?.state === 'ended') ended++;
    }
    return { ended, left: still.size };
  }

  async stop(): Promise<void> {
    this.stopped = true;
    if (this.waking !== null) clearImmediate(this.waking);
    this.timer?.cancel();
    for (const leave of this.unsubscribe.splice(0)) leave();
    await this.pumping?.catch(() => undefined);
    await Promise.all([...this.running.values(), ...this.background]);
  }
}
