/**
 * Results that wait while another write runs are written in one transaction: a durable commit costs the same for one and
 * for twenty, and a thousand grants may end in the same second. Each keeps its own fate: when the batch fails, every one
 * is written alone.
 */
import type { Store, WriteTx } from '../store/store';

type Purpose = 'change' | 'removal';
interface Waiting {
  readonly run: (tx: WriteTx) => Promise<unknown>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (cause: unknown) => void;
}
interface Queue {
  readonly waiting: Waiting[];
  flushing: boolean;
}
const MAX_BATCH = 64;
const queues = new WeakMap<Store, Record<Purpose, Queue>>();

/** Resolves with what `work` returned once it is committed. `work` may run again (a retried transaction), so it keeps nothing outside. */
export function inBatch<T>(store: Store, purpose: Purpose, work: (tx: WriteTx) => Promise<T>): Promise<T> {
  let queue = queues.get(store)?.[purpose];
  if (queue === undefined) {
    const both = { change: { waiting: [], flushing: false }, removal: { waiting: [], flushing: false } };
    queues.set(store, both);
    queue = both[purpose] as Queue;
  }
  const mine = queue;
  return new Promise<T>((resolve, reject) => {
    mine.waiting.push({ run: work, resolve: resolve as (value: unknown) => void, reject });
    if (!mine.flushing) void flush(store, purpose, mine);
  });
}

/** Whoever finishes in the same turn of the event loop goes together. A promise alone would not do: on SQLite a whole write is one run of microtasks. */
export const turnOfTheLoop = () => new Promise<void>((resolve) => void setImmediate(resolve));

async function flush(store: Store, purpose: Purpose, queue: Queue): Promise<void> {
  queue.flushing = true;
  await turnOfTheLoop();
  while (queue.waiting.length > 0) {
    const batch = queue.waiting.splice(0, MAX_BATCH);
    try {
      const results = await store.write(
        async (tx) => {
          const done: unknown[] = [];
          for (const one of batch) done.push(await one.run(tx));
          return done;
        },
        { purpose },
      );
      batch.forEach((one, index) => {
        one.resolve(results[index]);
      });
    } catch (cause) {
      if (batch.length === 1) batch[0]?.reject(cause);
      else for (const one of batch) await store.write(one.run, { purpose }).then(one.resolve, one.reject);
    }
    if (queue.waiting.length < MAX_BATCH) await turnOfTheLoop();
  }
  queue.flushing = false;
}
