/**
 * The lease engine: finds what is due, claims it, does it on the targets, and never gives up on a removal.
 * Expiry is a persisted fact (`due_at`), not a timer: the engine looks every second and right after every commit, so a
 * restart, a sleep or a second instance changes nothing. What it does is in due.ts (the clock), work.ts (the targets)
 * and reconcile.ts (orphans).
 */
import { type Instant, plusMs } from '../../../shared/domain/instant';
import { AppError } from '../errors';
import { type Claim, candidates, claim, expireOwnClaims, release, type WorkKind } from './claims';
import type { LeaseDeps } from './deps';
import { passDue } from './due';
import { RECONCILE_MS, TARGET_CONCURRENCY, TICK_MS, WORKER_COUNT } from './limits';
import { reconcile, reconcileAll } from './reconcile';
import { work } from './work';

export type { LeaseDeps, LeaseLog } from './deps';
export interface LeaseEngine {
  /** Looks for work now. */
  wake(): void;
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
  private readonly byTarget = new Map<string, number>();
  private readonly background = new Set<Promise<void>>();
  private pumping: Promise<number> | null = null;
  private again = false;
  private stopped = false;
  private timer: { cancel(): void } | null = null;
  private reconciledAt: Instant | null = null;
  private readonly unsubscribe: (() => void)[] = [];
  private ownClaimsExpired = false;

  constructor(private readonly deps: LeaseDeps) {}

  start(): void {
    this.unsubscribe.push(
      this.deps.store.onCommit(() => this.wake()),
      this.deps.presence.onDeviceConnected(() => this.wake()),
    );
    this.wake();
  }

  wake(): void {
    void this.pump();
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
    for (const kind of ORDER) done += await this.take(kind);
    const now = this.deps.clock.now();
    if (this.reconciledAt === null || now - this.reconciledAt >= RECONCILE_MS || now < this.reconciledAt) {
      this.reconciledAt = now;
      this.inBackground(reconcileAll(this.deps));
    }
    return done;
  }

  private async take(kind: WorkKind): Promise<number> {
    const free = WORKER_COUNT - this.running.size;
    if (free <= 0 || (kind === 'provision' && this.deps.store.mode().mode !== 'normal')) return 0;
    const busy = [...this.byTarget]
      .filter(([, count]) => count >= TARGET_CONCURRENCY)
      .map(([resourceId]) => resourceId);
    const due = await candidates(this.deps, kind, WORKER_COUNT * 2, busy);
    const wanted: typeof due = [];
    const planned = new Map(this.byTarget);
    for (const candidate of due) {
      if (wanted.length >= free) break;
      const atWork = planned.get(candidate.resource_id) ?? 0;
      if (atWork >= TARGET_CONCURRENCY || this.running.has(candidate.id)) continue;
      planned.set(candidate.resource_id, atWork + 1);
      wanted.push(candidate);
    }
    const claims = await claim(this.deps, kind, wanted);
    for (const one of claims) this.run(one);
    return claims.length;
  }

  private run(one: Claim): void {
    this.byTarget.set(one.resourceId, (this.byTarget.get(one.resourceId) ?? 0) + 1);
    const lateOn = (resourceId: string) => this.inBackground(this.reconcileOne(resourceId));
    const job = work(this.deps, one, { lateOn })
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
        const left = (this.byTarget.get(one.resourceId) ?? 1) - 1;
        if (left > 0) this.byTarget.set(one.resourceId, left);
        else this.byTarget.delete(one.resourceId);
        this.wake();
      });
    this.running.set(one.grantId, job);
  }

  private async reconcileOne(resourceId: string): Promise<void> {
    const resource = await this.deps.store.db
      .selectFrom('resources')
      .selectAll()
      .where('id', '=', resourceId)
      .executeTakeFirst();
    if (resource !== undefined) await reconcile(this.deps, resource, 'now');
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
    await this.deps.store.write(
      async (tx) => {
        await tx.db
          .updateTable('grants')
          .set({ due_at: now })
          .where('state', '=', 'ending')
          .where('due_at', '>', now)
          .execute();
      },
      { purpose: 'removal' },
    );
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
    this.timer?.cancel();
    for (const leave of this.unsubscribe.splice(0)) leave();
    await this.pumping?.catch(() => undefined);
    await Promise.all([...this.running.values(), ...this.background]);
  }
}
