/** Several instances on one PostgreSQL, and a connection that goes away. */

import { sql } from 'kysely';
import { afterAll, afterEach, expect, test, vi } from 'vitest';
import { SECOND_MS } from '../../../shared/domain/instant';
import { type Home, happen, newHome, stopPostgres } from './helpers';

const homes: Home[] = [];
async function home(): Promise<Home> {
  const made = await newHome('postgres');
  homes.push(made);
  return made;
}
afterEach(async () => {
  for (const made of homes.splice(0)) await made.remove();
});
afterAll(stopPostgres);

test('an instance that writes nothing hears of the other’s commits', async () => {
  const at = await home();
  const [writing, listening] = [await at.open(), await at.open()];
  const heard: number[] = [];
  listening.onCommit((seq) => heard.push(seq));
  await happen(writing, 1);
  await vi.waitFor(() => expect(heard).toEqual([1]), 10_000);
});

test('a word that was lost is made up for by looking every second', async () => {
  const at = await home();
  const [writing, listening] = [await at.open(), await at.open()];
  // Its listening connection is cut, so only the look remains.
  await at.tamper(
    "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'hallpass listen' and datname = current_database()",
  );
  const heard: number[] = [];
  listening.onCommit((seq) => heard.push(seq));
  await happen(writing, 1);
  at.clock.set(at.clock.now() + SECOND_MS);
  await vi.waitFor(() => expect(heard).toEqual([1]), 10_000);
});

test('a connection lost in a write leaves nothing, is said, and the next write works', async () => {
  const at = await home();
  const store = await at.open();
  const broken = store.write(async (tx) => {
    await tx.db.insertInto('meta').values({ key: 'k', value: 'v' }).execute();
    await sql`select pg_terminate_backend(pg_backend_pid())`.execute(tx.db);
  });
  await expect(broken).rejects.toMatchObject({ code: 'unavailable' });
  expect(await store.db.selectFrom('meta').selectAll().where('key', '=', 'k').execute()).toEqual([]);
  await happen(store, 1);
  expect(await store.checkWholeLog()).toBeNull();
});

test('one that starts while another writes takes what it reads for what it is: a sound log', async () => {
  const at = await home();
  const busy = await at.open();
  let opened = 0;
  const writing = (async () => {
    for (let n = 0; opened < 15; n++) await happen(busy, n);
  })();
  const reasons: (string | null)[] = [];
  for (; opened < 15; opened++) {
    const other = await at.open();
    reasons.push(other.mode().reason);
    await other.close();
  }
  await writing;
  expect(reasons).toEqual(reasons.map(() => null));
});

test('both instances use one log key, though both started at once', async () => {
  const at = await home();
  const stores = await Promise.all([at.open(), at.open(), at.open()]);
  expect(new Set(stores.map((store) => store.logKey)).size).toBe(1);
  await Promise.all(stores.map((store, n) => happen(store, n)));
  expect(await stores[0]?.checkWholeLog()).toBeNull();
});
