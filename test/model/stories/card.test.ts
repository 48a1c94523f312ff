/** What the card promises of the end is what the kind of target keeps. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { World } from '../world';

let world: World;
beforeAll(async () => {
  world = await World.open();
});
afterAll(() => world.close());

async function promisedFor(requestId: string, kind: string): Promise<string> {
  await world.store.write((tx) =>
    tx.db.updateTable('resources').set({ kind }).where('name', '=', 'orders-staging').execute(),
  );
  const card = await world.access['requests.card'](world.who('bea'), world.byId(requestId));
  return card.does.map(({ text }) => text).join(' ');
}

test('cut sessions are promised for targets that cut them for certain, and a login of its own where one is made', async () => {
  const { id } = await world.ask('ann', 'orders-staging');
  for (const kind of ['postgres', 'mysql', 'redis'])
    expect(await promisedFor(id, kind)).toMatch(/made for this request alone; .* sessions are cut/);
  for (const kind of ['aws', 'kubernetes', 'ssh', 'webhook', 'a-kind-of-tomorrow']) {
    expect(await promisedFor(id, kind)).toContain('made for this request alone');
    expect(await promisedFor(id, kind)).not.toContain('cut');
  }
  expect(await promisedFor(id, 'secret')).not.toMatch(/cut|alone/);
});
