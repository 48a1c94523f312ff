/** A ticket is closed while requests for it still wait: where the policy binds access to its ticket they are refused, elsewhere they are not. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createHookCases } from '../../../electron/service/access';
import { signHook } from '../../../shared/crypto/hook-signature';
import { HOUR_MS, MINUTE_MS, POLICY, World } from '../world';

const BOUND = POLICY.replaceAll('effect: a', 'end_on: [ticket_closed], effect: a');
const none = { params: undefined, query: undefined, body: undefined } as const;
let world: World;
let secret: string;
beforeEach(async () => {
  world = await World.open();
  secret = (await hooks().admin['hooks.renew'](world.who('dan'), none)).secret;
});
afterEach(() => world.close());

const hooks = () =>
  createHookCases({
    ...{ store: world.store, clock: world.clock, random: world.random, presence: world.presence },
    secretBox: { seal: (text: string) => `sealed:${text}`, open: (text: string) => text.slice('sealed:'.length) },
  });
function close(ticket: string) {
  world.clock.advance(1_000); // each call has a time stamp, and with it a signature, of its own
  const [timestamp, rawBody] = [String(Math.floor(world.clock.now() / 1_000)), JSON.stringify({ ticket })];
  return hooks().ticketClosed({ timestamp, signature: signHook(secret, timestamp, rawBody), rawBody, ticket });
}
const request = (id: string) => world.access['requests.get'](world.who('dan'), world.byId(id));
/** Data of the newest event of that type, and for whom it is. */
async function newest(type: string): Promise<{ data: unknown; audience: unknown } | null> {
  const row = await world.store.db
    .selectFrom('outbox')
    .selectAll()
    .where('type', '=', type)
    .orderBy('seq', 'desc')
    .executeTakeFirst();
  return row === undefined ? null : { data: JSON.parse(row.data), audience: JSON.parse(row.audience) };
}

describe('where the policy binds access to its ticket', () => {
  beforeEach(() => world.policy(BOUND));

  test('a request that waits is refused, with the ticket as the reason, and nobody can approve it any more', async () => {
    const waiting = await world.ask('ann', 'orders-staging', { ticketRef: 'INC-12' });
    const other = await world.ask('zoe', 'orders-staging', { ticketRef: 'INC-13' });
    expect(await close('inc-12')).toEqual({ ended: 0, refused: 1 });
    expect(await request(waiting.id)).toMatchObject({
      state: 'denied_by_policy',
      deniedBecause: 'Ticket inc-12 was closed, and this access would have ended with it.',
    });
    expect(await world.audited(waiting.id)).toEqual(['request.submitted', 'request.denied_by_policy']);
    expect(await newest('request.denied_by_policy')).toMatchObject({
      data: { request: { id: waiting.id } },
      audience: { people: expect.arrayContaining([world.who('ann').personId]) },
    });
    await expect(world.decide('bea', waiting.id)).rejects.toMatchObject({ code: 'already-decided' });
    expect((await request(other.id)).state).toBe('pending');
    expect((await world.decide('bea', other.id)).state).toBe('approved');
  });

  test('the same holds for one that is approved in part, and for one that nobody can approve', async () => {
    const partly = await world.ask('ann', 'orders-prod', { ticketRef: 'INC-12' });
    expect((await world.decide('cid', partly.id)).state).toBe('pending');
    await world.group('dba', []);
    const blocked = await world.ask('zoe', 'orders-staging', { ticketRef: 'INC-12' });
    expect(blocked.state).toBe('blocked');
    expect(await close('INC-12')).toEqual({ ended: 0, refused: 2 });
    for (const { id } of [partly, blocked])
      expect(await request(id)).toMatchObject({ state: 'denied_by_policy', blockedBecause: null, grantId: null });
  });

  test('one that was approved a moment before ends as access does, and more time that was asked for goes with it', async () => {
    const approved = await world.ask('zoe', 'orders-staging', { ticketRef: 'INC-12', startWhen: 'manual' });
    const { grantId } = await world.decide('bea', approved.id);
    const held = await world.active('ann', { ttlMs: 30 * MINUTE_MS, ticketRef: 'INC-12' });
    // what is asked for from now on waits for somebody
    await world.policy(BOUND.replace('effect: auto', 'effect: approve, approvals: [{ from: dba }]'));
    const more = await world.access['grants.extend'](world.who('ann'), {
      params: { id: held },
      query: undefined,
      body: { ttlMs: 10 * MINUTE_MS, reason: '', ticketRef: '' },
    });
    expect(more.state).toBe('pending');
    expect(await close('INC-12')).toEqual({ ended: 2, refused: 1 });
    await world.leases.drain();
    expect((await request(more.id)).state).toBe('denied_by_policy');
    for (const id of [grantId ?? '', held])
      expect(await world.grant('dan', id)).toMatchObject({ state: 'ended', endReason: 'revoked' });
    const { body } = await world.store.db
      .selectFrom('audit_leaves')
      .select('body')
      .where('type', '=', 'ticket.closed')
      .executeTakeFirstOrThrow();
    expect(JSON.parse(body ?? '').data).toEqual({ ended: expect.arrayContaining([grantId, held]), refused: [more.id] });
  });

  test('a ticket that was opened again can be named again', async () => {
    await world.ask('ann', 'orders-staging', { ticketRef: 'INC-12' });
    await close('INC-12');
    const again = await world.ask('ann', 'orders-staging', { ticketRef: 'INC-12' });
    expect((await world.decide('bea', again.id)).state).toBe('approved');
  });
});

test('where it does not, the request goes on, and the person’s desktops are told', async () => {
  const waiting = await world.ask('ann', 'orders-staging', { ticketRef: 'INC-12', ttlMs: HOUR_MS });
  expect(await close('INC-12')).toEqual({ ended: 0, refused: 0 });
  expect(await newest('ticket.closed')).toEqual({
    data: { ticket: 'INC-12' },
    audience: { people: [world.who('ann').personId], roles: [] },
  });
  expect((await world.decide('bea', waiting.id)).state).toBe('approved');
});
