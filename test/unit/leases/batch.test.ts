/** Results that are written together: one commit for many, and each its own fate. On a real store, with its writes counted. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { inBatch, turnOfTheLoop } from '../../../electron/service/leases/batch';
import type { Store, WriteOptions, WriteTx } from '../../../electron/service/store/store';
import { type Desk, openDesk } from './desk';

let desk: Desk;
let store: Store;
let writes: (WriteOptions | undefined)[];
const counted = (real: Store): Store =>
  Object.create(real, {
    write: {
      value: (work: (tx: WriteTx) => Promise<unknown>, options?: WriteOptions) => {
        writes.push(options);
        return real.write(work, options);
      },
    },
  });
beforeAll(async () => {
  desk = await openDesk();
});
beforeEach(async () => {
  await desk.reset();
  writes = [];
  store = counted(desk.deps.store);
});
afterAll(() => desk.close());

const note = (key: string) => async (tx: WriteTx) => {
  await tx.db.insertInto('meta').values({ key, value: 'x' }).execute();
  return key;
};
const noted = async () => {
  const rows = await desk.deps.store.db
    .selectFrom('meta')
    .select('key')
    .where('key', 'like', 'n%')
    .orderBy('key')
    .execute();
  return rows.map(({ key }) => key);
};
const numbers = (count: number) => Array.from({ length: count }, (_, i) => `n${String(i).padStart(3, '0')}`);

test('whoever comes in the same turn goes together, each with an answer of their own', async () => {
  const keys = numbers(20);
  expect(await Promise.all(keys.map((key) => inBatch(store, 'removal', note(key))))).toEqual(keys);
  expect(writes).toEqual([{ purpose: 'removal' }]);
  expect(await noted()).toEqual(keys);
  // and the next turn is another write
  expect(await inBatch(store, 'removal', note('n-later'))).toBe('n-later');
  expect(writes).toHaveLength(2);
});

test('sixty-four at most in one write', async () => {
  const keys = numbers(130);
  expect(await Promise.all(keys.map((key) => inBatch(store, 'change', note(key))))).toEqual(keys);
  expect(writes).toEqual(Array(3).fill({ purpose: 'change' }));
  expect(await noted()).toEqual(keys);
});

test('who comes while one is written goes with the next', async () => {
  const during: Promise<string>[] = [];
  const first = inBatch(store, 'removal', async (tx) => {
    during.push(inBatch(store, 'removal', note('n1')), inBatch(store, 'removal', note('n2')));
    return note('n0')(tx);
  });
  await first;
  expect(await Promise.all(during)).toEqual(['n1', 'n2']);
  expect(writes).toHaveLength(2);
});

test('who comes over several turns while one is written goes together with the next, and the queue is free afterwards', async () => {
  let letGo = () => {};
  const held = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  let begun = () => {};
  const beginning = new Promise<void>((resolve) => {
    begun = resolve;
  });
  const first = inBatch(store, 'removal', async (tx) => {
    begun();
    await held;
    return note('n0')(tx);
  });
  await beginning;
  const later: Promise<string>[] = [];
  for (const key of ['n1', 'n2', 'n3']) {
    later.push(inBatch(store, 'removal', note(key)));
    await turnOfTheLoop();
    await turnOfTheLoop();
  }
  letGo();
  expect(await Promise.all([first, ...later])).toEqual(['n0', 'n1', 'n2', 'n3']);
  expect(writes).toHaveLength(2);
  for (let turns = 0; turns < 5; turns++) await turnOfTheLoop();
  expect(await inBatch(store, 'removal', note('n4'))).toBe('n4');
});

test('one turn of the loop is long enough for all who come in it, however many promises they wait for', async () => {
  const early = inBatch(store, 'change', note('n0'));
  for (let hops = 0; hops < 50; hops++) await null;
  await Promise.all([early, inBatch(store, 'change', note('n1'))]);
  expect(writes).toHaveLength(1);
});

test('removals do not wait for changes, nor one store for another', async () => {
  const other = counted(desk.deps.store);
  await Promise.all([
    inBatch(store, 'removal', note('n0')),
    inBatch(store, 'change', note('n1')),
    inBatch(other, 'removal', note('n2')),
  ]);
  expect(writes).toHaveLength(3);
  expect(writes).toContainEqual({ purpose: 'change' });
});

test('one that fails spoils no other: each is written alone, in its turn', async () => {
  const results = await Promise.allSettled([
    inBatch(store, 'removal', note('n0')),
    inBatch(store, 'removal', async (tx) => {
      await note('n-lost')(tx);
      throw new Error('no');
    }),
    inBatch(store, 'removal', note('n1')),
  ]);
  expect(results).toMatchObject([
    { status: 'fulfilled', value: 'n0' },
    { status: 'rejected', reason: { message: 'no' } },
    { status: 'fulfilled', value: 'n1' },
  ]);
  expect(await noted()).toEqual(['n0', 'n1']);
  expect(writes).toEqual(Array(4).fill({ purpose: 'removal' }));
});

test('one alone that fails is not tried again, and the queue goes on', async () => {
  let tries = 0;
  const failing = inBatch(store, 'change', async () => {
    tries++;
    throw new Error('no');
  });
  await expect(failing).rejects.toThrow('no');
  expect(tries).toBe(1);
  expect(writes).toEqual([{ purpose: 'change' }]);
  expect(await inBatch(store, 'change', note('n0'))).toBe('n0');
});
