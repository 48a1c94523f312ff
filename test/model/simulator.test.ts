import { describe, expect, test } from 'vitest';
import type { Fault } from './target';
import { HOUR_MS, MINUTE_MS, SeededRandom, World } from './world';

const STEPS = Number(process.env.HALLPASS_MODEL_STEPS ?? 120);
const PEOPLE = ['ann', 'bea', 'cid', 'zoe'];
const input = { params: undefined, query: { scope: 'all', limit: 200 }, body: undefined } as const;

async function act(world: World, chance: SeededRandom): Promise<void> {
  const name = chance.pick(PEOPLE);
  const requests = (await world.access['requests.list'](world.who('aud'), input)).items;
  const grants = (await world.access['grants.list'](world.who('aud'), input)).items;
  const open = requests.filter((request) => request.state === 'pending');
  const live = grants.filter((grant) => grant.state !== 'ended');
  const grant = live.length > 0 ? chance.pick(live) : undefined;
  const holder = grant?.holder.displayName ?? name;
  const byGrant = { params: { id: grant?.id ?? '' }, query: undefined } as const;
  const moves: (() => Promise<unknown>)[] = [
    () =>
      world.ask(name, chance.pick(['orders-dev', 'orders-staging', 'orders-prod']), {
        level: chance.pick(['read-only', 'read-write']),
        ttlMs: chance.pick([5, 30, 60]) * MINUTE_MS,
      }),
    () => world.ask(name, 'orders-dev', { ttlMs: chance.pick([1, 2, 15]) * MINUTE_MS }),
    async () =>
      open.length > 0 &&
      world.decide(chance.pick([...PEOPLE, 'dan']), chance.pick(open).id, {
        decision: chance.pick(['approve', 'approve', 'deny']),
      }),
    async () => open.length > 0 && world.access['requests.withdraw'](world.who(name), world.byId(chance.pick(open).id)),
    async () => world.connect(name),
    async () => world.disconnect(name),
    async () =>
      grant && world.report(holder, grant.id, chance.pick(['injected', 'injected', 'injected', 'failed', 'removed'])),
    async () => grant && world.access['grants.return'](world.who(holder), { ...byGrant, body: undefined }),
    async () => grant && world.access['grants.revoke'](world.who('dan'), { ...byGrant, body: { reason: '' } }),
    async () =>
      grant &&
      world.access['grants.extend'](world.who(holder), {
        ...byGrant,
        body: { ttlMs: 10 * MINUTE_MS, reason: '', ticketRef: '' },
      }),
    async () => grant && world.target.logIn(world.principalOf(grant.id)),
    () => world.restart(),
  ];
  // What is refused is refused; a bug shows in the invariants.
  await chance
    .pick(moves)()
    .catch((cause: unknown) => {
      if ((cause as Error).name !== 'AppError') throw cause;
    });
}

async function check(world: World): Promise<void> {
  const rows = await world.store.db.selectFrom('grants').selectAll().execute();
  const now = world.clock.now();
  const byRequest = new Set(rows.map((row) => row.request_id));
  expect(byRequest.size).toBe(rows.length);
  const live = new Set(rows.filter((row) => row.state !== 'ended').map((row) => row.principal));
  for (const [principal] of world.target.logins)
    if (!live.has(principal))
      expect(world.target.works(principal), `${principal} works without a live grant`).toBe(false);
  for (const row of rows) {
    if (row.state === 'active') expect(row.expires_at ?? 0).toBeGreaterThan(now);
    const login = world.target.logins.get(row.principal);
    if (row.state === 'active' && row.due_at === row.expires_at && login) expect(login.validUntil).toBe(row.expires_at);
    const types = await world.audited(row.id);
    for (const once of ['grant.ready', 'grant.provisioning', 'grant.activated', 'grant.ending', 'grant.ended'])
      expect(types.filter((type) => type === once).length).toBeLessThanOrEqual(1);
    if (types.includes('grant.ended')) expect(row.state).toBe('ended');
  }
  const approvals = await world.store.db
    .selectFrom('decisions')
    .innerJoin('requests', 'requests.id', 'decisions.request_id')
    .select(['decisions.approver_id', 'requests.requester_id'])
    .execute();
  for (const { approver_id, requester_id } of approvals) expect(approver_id).not.toBe(requester_id);
}

describe('the service under people, faults, restarts and time', () => {
  test.each([1, 2, 3, 4])('seed %i', async (seed) => {
    const world = await World.open(seed);
    const chance = new SeededRandom(seed * 7919);
    const faults: Fault[] = ['none', 'none', 'none', 'none', 'unreachable', 'lost', 'refused'];
    let calm = false;
    world.target.faultOf = () => (calm ? 'none' : chance.pick(faults));
    for (let step = 0; step < STEPS; step++) {
      await act(world, chance);
      if (chance.next() < 0.3) world.clock.advance(chance.pick([1_000, 10_000, MINUTE_MS, 5 * MINUTE_MS]));
      await world.leases.drain();
      await check(world);
    }
    calm = true;
    await world.pass(2 * HOUR_MS, 30_000);
    await world.pass(24 * HOUR_MS, HOUR_MS);
    await check(world);
    const left = await world.store.db.selectFrom('grants').select('id').where('state', '<>', 'ended').execute();
    expect(left).toEqual([]);
    expect(world.target.logins.size).toBe(0);
    await world.close();
  });
});

test('a thousand grants that end in the same second: all ended, the target never asked more than eight things at once', async () => {
  const world = await World.open(9);
  const first = await world.active('ann', { ttlMs: HOUR_MS });
  const row = await world.store.db.selectFrom('grants').selectAll().where('id', '=', first).executeTakeFirstOrThrow();
  const request = await world.store.db
    .selectFrom('requests')
    .selectAll()
    .where('id', '=', row.request_id)
    .executeTakeFirstOrThrow();
  await world.store.write(async (tx) => {
    for (let i = 1; i < 1_000; i++) {
      const suffix = i.toString().padStart(26, '0');
      await tx.db
        .insertInto('requests')
        .values({ ...request, id: `req_${suffix}`, ticket_number: 100_000 + i })
        .execute();
      await tx.db
        .insertInto('grants')
        .values({ ...row, id: `grt_${suffix}`, request_id: `req_${suffix}`, principal: `hp_${suffix}` })
        .execute();
      world.target.put(`hp_${suffix}`, { validUntil: row.expires_at ?? 0, sessions: 1 });
    }
  });
  world.clock.advance(HOUR_MS);
  const startedAt = performance.now();
  await world.leases.drain();
  console.info(`1,000 grants drained in ${Math.round(performance.now() - startedAt)} ms on the model target`);
  const states = await world.store.db
    .selectFrom('grants')
    .select(({ fn }) => ['state', fn.countAll<number>().as('count')])
    .groupBy('state')
    .execute();
  expect(states).toEqual([{ state: 'ended', count: 1_000 }]);
  expect(world.target.logins.size).toBe(0);
  expect(world.target.mostAtOnce).toBeLessThanOrEqual(8);
  await world.close();
});
