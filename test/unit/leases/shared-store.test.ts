/** What several services on one store agree on: who looks at a target, and what its stored secret is. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { RECONCILE_MS } from '../../../electron/service/leases/limits';
import { storedSecret } from '../../../electron/service/leases/stored-secret';
import { newestTurn } from '../../../electron/service/leases/turns';
import type { WriteOptions } from '../../../electron/service/store/store';
import { type Desk, openDesk } from './desk';

let desk: Desk;
beforeAll(async () => {
  desk = await openDesk();
});
beforeEach(async () => {
  await desk.reset();
});
afterAll(() => desk.close());
const SECOND = 1_000;

describe('the turn to look at a target', () => {
  const turn = (instanceId: string, resourceId = 'res_1') =>
    newestTurn({ ...desk.deps, store: desk.shared(), instanceId }, resourceId);
  test('is one service’s, until half a minute before the next look; its own again at any time', async () => {
    expect(await turn('one')).toBe(true);
    expect(await turn('two')).toBe(false);
    expect(await turn('one')).toBe(true);
    expect(await turn('two', 'res_2')).toBe(true);
    desk.clock.advance(RECONCILE_MS - 30 * SECOND - 1);
    expect(await turn('two')).toBe(false);
    desk.clock.advance(1);
    expect(await turn('two')).toBe(true);
    expect(await turn('one')).toBe(false);
  });
  test('is free when the clock went back behind the last look', async () => {
    expect(await turn('one')).toBe(true);
    desk.clock.advance(-1);
    expect(await turn('two')).toBe(true);
  });
  test('is said in a note that names time and service', async () => {
    await turn('one');
    const notes = desk.world.store.db.selectFrom('meta').selectAll().where('key', 'like', 'reconcile:%').execute();
    expect(await notes).toEqual([{ key: 'reconcile:res_1', value: `${desk.clock.now()} one` }]);
    desk.clock.advance(RECONCILE_MS);
    await turn('two', 'res_2');
    await turn('two');
    const after = await desk.world.store.db
      .selectFrom('meta')
      .select('value')
      .where('key', 'like', 'reconcile:%')
      .execute();
    expect(after).toEqual(Array(2).fill({ value: `${desk.clock.now()} two` }));
  });
  test('needs no note where there is one service only', async () => {
    expect(await newestTurn(desk.deps, 'res_1')).toBe(true);
    expect(await newestTurn({ ...desk.deps, instanceId: 'two' }, 'res_1')).toBe(true);
    const notes = desk.world.store.db.selectFrom('meta').selectAll().where('key', 'like', 'reconcile:%').execute();
    expect(await notes).toEqual([]);
  });
});

describe('the secret that is stored for a target', () => {
  const resource = () => ({ id: desk.world.id('orders-dev'), name: 'orders-dev' });
  const audited = async () => desk.world.audited(resource().id);
  test('is read as the newest commit has it, and changed by who knows what it was', async () => {
    const secret = storedSecret(desk.deps, resource());
    expect(await secret.read()).toBe('manager-secret');
    expect(await secret.replace({ was: 'manager-secret', now: 'next', for: 'giving' })).toBe('kept');
    expect(await secret.read()).toBe('next');
    expect(await secret.replace({ was: 'manager-secret', now: 'lost', for: 'giving' })).toBe('overtaken');
    expect(await secret.read()).toBe('next');
    expect(await storedSecret(desk.deps, { id: desk.world.id('orders-prod'), name: '' }).read()).toBe('manager-secret');
    expect(await audited()).toEqual([]);
    const { secret_enc } = await desk.world.store.db
      .selectFrom('resources')
      .select('secret_enc')
      .where('id', '=', resource().id)
      .executeTakeFirstOrThrow();
    expect(secret_enc).not.toContain('next');
  });
  test('is on the log when it was rotated, without the secret', async () => {
    const secret = storedSecret(desk.deps, resource());
    const rotated = { principal: 'hp_1' };
    await secret.replace({ was: 'wrong', now: 'planted', for: 'taking', rotated });
    expect(await audited()).toEqual([]);
    await secret.replace({ was: 'manager-secret', now: 'planted', for: 'taking', rotated });
    expect(await audited()).toEqual(['resource.secret_rotated']);
    const entry = await desk.entry(resource().id, 'resource.secret_rotated');
    expect(entry).toMatchObject({
      actor: { kind: 'service', id: null, name: 'Hallpass' },
      subject: { kind: 'resource', id: resource().id, name: 'orders-dev' },
      data: { principal: 'hp_1' },
    });
    expect(JSON.stringify(entry)).not.toContain('planted');
    const leaf = desk.world.store.db
      .selectFrom('audit_leaves')
      .select('resource_id')
      .where('type', '=', 'resource.secret_rotated');
    expect(await leaf.execute()).toEqual([{ resource_id: resource().id }]);
  });
  test('is not changed to give access while access may only be taken away', async () => {
    const asked: (WriteOptions | undefined)[] = [];
    const store = Object.create(desk.deps.store, {
      write: {
        value: (work: never, options?: WriteOptions) => {
          asked.push(options);
          return desk.deps.store.write(work, options);
        },
      },
    });
    const secret = storedSecret({ ...desk.deps, store }, resource());
    await secret.replace({ was: 'x', now: 'y', for: 'giving' });
    await secret.replace({ was: 'x', now: 'y', for: 'taking' });
    expect(asked).toEqual([{ purpose: 'change' }, { purpose: 'removal' }]);
  });
  test('of a resource that is gone is an error, not an empty secret', async () => {
    const gone = storedSecret(desk.deps, { id: 'res_gone', name: '' });
    await expect(gone.read()).rejects.toThrow();
    await expect(gone.replace({ was: 'x', now: 'y', for: 'taking' })).rejects.toThrow();
  });
});
