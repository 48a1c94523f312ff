/** The promises of one write, on SQLite and on a real PostgreSQL alike. */
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest';
import { AppError } from '../../../electron/service/errors';
import type { Store } from '../../../electron/service/store/store';
import { fromHex, toHex } from '../../../shared/crypto/bytes';
import { leafHashOf } from '../../../shared/crypto/leaf';
import { rootFromLeaves } from '../../../shared/crypto/merkle';
import { openCheckpoint, parseVerifierKey } from '../../../shared/crypto/note';
import { asInstant, DAY_MS } from '../../../shared/domain/instant';
import { draft, event, type Home, happen, newHome, seedGrant, stopPostgres } from './helpers';

const homes: Home[] = [];
async function home(dialect: 'sqlite' | 'postgres'): Promise<Home> {
  const made = await newHome(dialect);
  homes.push(made);
  return made;
}
afterEach(async () => {
  for (const made of homes.splice(0)) await made.remove();
});
afterAll(stopPostgres);

/** Every number there, once; every checkpoint signed and the root of what was there then. */
async function expectSound(store: Store, entryCount: number, eventCount: number): Promise<void> {
  const leaves = await store.db.selectFrom('audit_leaves').selectAll().orderBy('idx').execute();
  expect(leaves.map((leaf) => leaf.idx)).toEqual(Array.from({ length: entryCount }, (_, i) => i));
  const events = await store.db.selectFrom('outbox').select('seq').orderBy('seq').execute();
  expect(events.map((row) => row.seq)).toEqual(Array.from({ length: eventCount }, (_, i) => i + 1));
  const key = parseVerifierKey(store.logKey);
  for (const checkpoint of await store.db.selectFrom('checkpoints').selectAll().execute()) {
    const signed = openCheckpoint(checkpoint.note, key as NonNullable<typeof key>);
    const root = rootFromLeaves(leaves.slice(0, checkpoint.size).map((leaf) => fromHex(leaf.leaf_hash)));
    expect([signed?.size, toHex(signed?.rootHash ?? new Uint8Array())]).toEqual([checkpoint.size, toHex(root)]);
  }
  for (const leaf of leaves)
    expect(leafHashOf({ index: leaf.idx, at: leaf.at, type: leaf.type, bodyHash: leaf.body_hash })).toBe(
      leaf.leaf_hash,
    );
  expect(await store.checkWholeLog()).toBeNull();
}

describe.each(['sqlite', 'postgres'] as const)('a write on %s', (dialect) => {
  test('commits state, entry and event together', async () => {
    const store = await (await home(dialect)).open();
    await store.write(async (tx) => {
      await tx.db.insertInto('meta').values({ key: 'k', value: 'v' }).execute();
      tx.audit(draft(1));
      tx.event(event(1));
    });
    expect(await store.db.selectFrom('meta').select('value').where('key', '=', 'k').executeTakeFirst()).toEqual({
      value: 'v',
    });
    await expectSound(store, 1, 1);
  });

  test('that throws leaves nothing: no state, entry, event, ticket number or callback', async () => {
    const store = await (await home(dialect)).open();
    await happen(store, 1);
    const before = await store.db.selectFrom('log_head').selectAll().executeTakeFirst();
    const called: string[] = [];
    const failing = store.write(async (tx) => {
      await tx.db.insertInto('meta').values({ key: 'k', value: 'v' }).execute();
      tx.audit(draft(2));
      tx.event(event(2));
      await tx.nextTicketNumber();
      tx.afterCommit(() => called.push('never'));
      throw new AppError('conflict', 'no');
    });
    await expect(failing).rejects.toThrow(AppError);
    expect(await store.db.selectFrom('log_head').selectAll().executeTakeFirst()).toEqual(before);
    expect(await store.db.selectFrom('meta').selectAll().where('key', '=', 'k').execute()).toEqual([]);
    expect(called).toEqual([]);
    await happen(store, 3);
    await expectSound(store, 2, 2);
  });

  test('of several instances gets gapless numbers in commit order, seen by all', async () => {
    const at = await home(dialect);
    const stores = dialect === 'postgres' ? [await at.open(), await at.open()] : [await at.open()];
    const commits: number[] = [];
    const heard = stores.map(() => [] as number[]);
    for (const [i, store] of stores.entries()) store.onCommit((seq) => heard[i]?.push(seq));
    const tickets: number[] = [];
    await Promise.all(
      Array.from({ length: 60 }, (_, n) =>
        (stores[n % stores.length] as Store).write(async (tx) => {
          const ticket = await tx.nextTicketNumber();
          tx.audit(draft(n, { data: { ticket } }));
          tx.event(event(n));
          if (n % 3 === 0) tx.audit(draft(n, { data: { second: true } }));
          tx.afterCommit(() => {
            commits.push(n);
            tickets.push(ticket);
          });
        }),
      ),
    );
    expect(commits).toHaveLength(60);
    expect(new Set(tickets).size).toBe(60);
    await expectSound(stores[0] as Store, 80, 60);
    // Tickets were given in the order of the commits, which is the order of the entries.
    const bodies = await (stores[0] as Store).db.selectFrom('audit_leaves').select('body').orderBy('idx').execute();
    const given = bodies.map((row) => JSON.parse(row.body ?? '').data.ticket).filter((n) => n !== undefined);
    expect(given).toEqual(given.toSorted((a: number, b: number) => a - b));
    // The last word may come from another instance, a moment later.
    await vi.waitFor(() => expect(heard[0]?.at(-1)).toBe(60), 10_000);
    for (const seqs of heard) expect(seqs).toEqual(seqs.toSorted((a, b) => a - b));
  });

  test('checks and changes as one: of many that check first, one wins', async () => {
    const at = await home(dialect);
    const stores = dialect === 'postgres' ? [await at.open(), await at.open()] : [await at.open()];
    const claim = (n: number) =>
      (stores[n % stores.length] as Store).write(async (tx) => {
        const taken = await tx.db.selectFrom('meta').selectAll().where('key', 'like', 'claim%').execute();
        if (taken.length > 0) throw new AppError('already-decided', 'taken');
        await tx.db
          .insertInto('meta')
          .values({ key: `claim${n}`, value: '' })
          .execute();
      });
    const results = await Promise.allSettled(Array.from({ length: 20 }, (_, n) => claim(n)));
    expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(1);
  });

  test('can not be made past the store, nor inside another', async () => {
    const store = await (await home(dialect)).open();
    await expect(store.db.deleteFrom('meta').execute()).rejects.toThrow(/read-?only/i);
    await expect(store.write(() => store.write(async () => 1))).rejects.toThrow('write inside write');
    expect(await store.write(async () => 2)).toBe(2);
  });

  test('whose entry can not be made is refused; a removal goes ahead and its entry follows', async () => {
    const at = await home(dialect);
    const store = await at.open();
    const { grantId } = await seedGrant(store, at.clock.now());
    await at.tamper('alter table checkpoints rename to checkpoints_gone');
    await expect(happen(store, 1)).rejects.toMatchObject({ code: 'unavailable' });
    await store.write(
      async (tx) => {
        await tx.db.updateTable('grants').set({ state: 'ending' }).where('id', '=', grantId).execute();
        tx.audit(draft(2, { type: 'grant.ending', grantId }));
        tx.event(event(2));
      },
      { purpose: 'removal' },
    );
    const grant = await store.db.selectFrom('grants').select('state').where('id', '=', grantId).executeTakeFirst();
    expect(grant?.state).toBe('ending');
    expect(store.mode().mode).toBe('normal');
    await at.tamper('alter table checkpoints_gone rename to checkpoints');
    await happen(store, 3);
    const types = await store.db.selectFrom('audit_leaves').select('type').orderBy('idx').execute();
    expect(types.map((row) => row.type)).toEqual(['grant.activated', 'grant.ending', 'test.happened']);
    expect(await store.db.selectFrom('audit_deferred').selectAll().execute()).toEqual([]);
    await expectSound(store, 3, 2);
  });

  test('survives closing and opening: same log, same key, numbers go on', async () => {
    const at = await home(dialect);
    const first = await at.open();
    await happen(first, 1);
    const key = first.logKey;
    await first.close();
    const second = await at.open();
    expect(second.logKey).toBe(key);
    await happen(second, 2);
    expect(second.mode()).toEqual({ mode: 'normal', reason: null });
    await expectSound(second, 2, 2);
  });

  test.each([
    ['a changed body', `update audit_leaves set body = replace(body, '"n":2', '"n":9') where idx = 1`],
    ['a removed entry', 'delete from audit_leaves where idx = 1'],
    ['a removed last entry', 'delete from audit_leaves where idx = 2'],
    ['a changed tree', `update audit_nodes set hash = '${'0'.repeat(64)}' where level = 1 and idx = 0`],
    ['a missing node', 'delete from audit_nodes where level = 1 and idx = 0'],
    ['a removed checkpoint', 'delete from checkpoints where size = 3'],
    ['a head set back', 'update log_head set leaf_count = 2'],
    ['events ahead of the head', 'update log_head set next_seq = 1'],
  ])('after %s there is removal only, and the service still starts', async (_name, statement) => {
    const at = await home(dialect);
    const first = await at.open();
    for (const n of [1, 2, 3]) await happen(first, n);
    await first.close();
    await at.tamper(statement);
    const store = await at.open();
    expect(store.mode().mode).toBe('revoke_only');
    await expect(happen(store, 4)).rejects.toMatchObject({ code: 'revoke-only' });
    await store.write(async (tx) => tx.audit(draft(5)), { purpose: 'removal' });
    await store.write(
      async (tx) => void (await tx.db.insertInto('dpop_jtis').values({ jti: 'a', expires_at: 1 }).execute()),
      {
        purpose: 'upkeep',
      },
    );
    expect(await store.db.selectFrom('audit_deferred').selectAll().execute()).toHaveLength(1);
  });

  test('an old changed entry is found by reading the whole log', async () => {
    const at = await home(dialect);
    const store = await at.open();
    for (let n = 0; n < 20; n++)
      await store.write(async (tx) => {
        for (let i = 0; i < 30; i++) tx.audit(draft(n * 100 + i));
      });
    await at.tamper(`update audit_leaves set body = replace(body, '"n":3', '"n":4') where idx = 3`);
    const reopened = await at.open();
    expect(reopened.mode().mode).toBe('normal');
    expect(await reopened.checkWholeLog()).toBe('Entry 3 of the audit log was changed.');
    expect(reopened.mode().mode).toBe('revoke_only');
  });

  test('prune removes what is kept for a time only, and numbers go on', async () => {
    const at = await home(dialect);
    const store = await at.open();
    await happen(store, 1);
    const now = at.clock.now();
    await store.write(async (tx) => {
      const nonce = { purpose: 'p', subject: 's', device_id: 'd', used_at: null };
      await tx.db
        .insertInto('nonces')
        .values([
          { ...nonce, nonce: 'old', expires_at: now },
          { ...nonce, nonce: 'new', expires_at: now + 9 * DAY_MS },
        ])
        .execute();
      await tx.db
        .insertInto('dpop_jtis')
        .values([
          { jti: 'old', expires_at: now },
          { jti: 'new', expires_at: now + 9 * DAY_MS },
        ])
        .execute();
      await tx.db
        .insertInto('idempotency')
        .values({ person_id: 'p', key: 'k', fingerprint: 'f', status: 200, reply: '{}', at: now })
        .execute();
    });
    const later = asInstant(now + 8 * DAY_MS);
    at.clock.set(later);
    await store.prune(later);
    expect(await store.db.selectFrom('outbox').selectAll().execute()).toEqual([]);
    expect((await store.db.selectFrom('nonces').select('nonce').execute()).map((row) => row.nonce)).toEqual(['new']);
    expect((await store.db.selectFrom('dpop_jtis').select('jti').execute()).map((row) => row.jti)).toEqual(['new']);
    expect(await store.db.selectFrom('idempotency').selectAll().execute()).toEqual([]);
    await happen(store, 2);
    expect((await store.db.selectFrom('outbox').select('seq').execute()).map((row) => row.seq)).toEqual([2]);
    expect(await store.db.selectFrom('audit_leaves').select('idx').execute()).toHaveLength(2);
  });
});
