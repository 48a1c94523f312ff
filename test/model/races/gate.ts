/**
 * Where races are put. Every write to the store and every call to the target stops here until fast-check's scheduler lets
 * it go on. Writes of all instances run one after another in the product, so the order in which they are let go, between
 * each other's reads, is the race.
 *
 * `ordered`: the next is let go only when everything else stands still, so one seed is one story, to the last entry.
 * `together`: let go at random but at the same time, so that the database's own locks decide.
 */
import type { Scheduler } from 'fast-check';
import { Kysely, type KyselyProps, type QueryExecutor } from 'kysely';
import type { Database } from '../../../electron/service/store/schema';
import type { Store } from '../../../electron/service/store/store';

export type Race = 'ordered' | 'together';
/** Turns of the event loop without any work: wake-ups are one turn late. */
const STILL_TURNS = 3;

export class Gate {
  private busy = 0;
  private waiting: (() => void)[] = [];
  private scheduler: Scheduler | null = null;
  constructor(readonly race: Race) {}

  shut(scheduler: Scheduler): void {
    this.scheduler = scheduler;
  }
  /** From now on everything passes; what waits is let go. */
  async open(): Promise<void> {
    const { scheduler } = this;
    this.scheduler = null;
    while (scheduler !== null && scheduler.count() > 0) {
      await scheduler.waitAll();
      await this.still();
    }
  }
  /** For the scheduler: around each thing that it lets go. */
  readonly act = async (letGo: () => Promise<void>): Promise<void> => {
    await letGo();
    if (this.race === 'ordered') await this.still();
  };
  async still(): Promise<void> {
    for (let turns = 0; turns < STILL_TURNS; turns++) {
      if (this.busy > 0) {
        turns = 0;
        await new Promise<void>((go) => this.waiting.push(go));
      }
      await new Promise((go) => setImmediate(go));
    }
  }
  /** Waits for its turn. */
  async turn(label: string): Promise<void> {
    await this.scheduler?.schedule(Promise.resolve(), label);
  }
  async work<T>(doing: () => Promise<T>): Promise<T> {
    this.busy++;
    try {
      return await doing();
    } finally {
      if (--this.busy === 0) for (const go of this.waiting.splice(0)) go();
    }
  }

  /** The store as its instance sees it. */
  guard(store: Store, name: string): Store {
    return {
      ...store,
      db: this.counted(store.db),
      write: async (work, options) => {
        await this.turn(`${name} writes`);
        return this.work(() => store.write(work, options));
      },
      // A word from the database comes whenever it comes: no story could be told twice with it.
      onCommit: (listener) => (this.race === 'ordered' ? () => undefined : store.onCommit(listener)),
    };
  }
  private counted(db: Kysely<Database>): Kysely<Database> {
    const executor = new Proxy(db.getExecutor(), {
      get: (target, key) => {
        const value: unknown = Reflect.get(target, key, target);
        if (typeof value !== 'function') return value;
        const call = value.bind(target) as (...args: unknown[]) => Promise<unknown>;
        return key === 'executeQuery' ? (...args: unknown[]) => this.work(() => call(...args)) : call;
      },
    }) as QueryExecutor;
    // Only its executor is used: these queries read, and open no transaction of their own.
    return new Kysely<Database>({ config: {}, driver: {}, dialect: {}, executor } as unknown as KyselyProps);
  }
}
