/** Locking through the real doors, on a real server: what is open is cut, what is asked is refused; and a ticket system that speaks over TLS. */
import { afterEach, describe, expect, test } from 'vitest';
import { HOOK_SIGNATURE_HEADER, HOOK_TIMESTAMP_HEADER, signHook } from '../../../shared/crypto/hook-signature';
import { MINUTE_MS } from '../../../shared/domain/instant';
import { logIn, whenCut } from '../../bed/postgres-target';
import { openWorkspace, rolesOn, type Workspace } from '../security/workspace';
import { jsonCall, send } from './harness';

let work: Workspace;
afterEach(() => work.close());

async function activeGrant(more: object = {}) {
  const { id: asked } = await work.ask({ ttlMs: 30 * MINUTE_MS, ...more });
  const id = (await work.approve(asked)).grantId as string;
  await work.bob.call('POST', `/v1/grants/${id}/start`);
  await work.it.service.drain();
  const credential = await work.credential(id);
  await work.bob.call('POST', `/v1/grants/${id}/injection`, { state: 'injected' });
  await work.it.service.drain();
  const session = await logIn({ ...credential, host: work.server.host, port: work.server.port });
  return { id, user: credential.user, cut: whenCut(session) };
}

describe('a lock', { timeout: 120_000 }, () => {
  test('of a person cuts what they hold on the server and bars them; only an administrator locks, and nobody themselves', async () => {
    work = await openWorkspace();
    const held = await activeGrant();
    const { owner } = work.it;
    const path = `/v1/people/${work.bob.personId}`;
    expect((await work.ann.call('POST', `${path}/suspend`, { reason: 'x' })).status).toBe(403);
    expect((await owner.call('POST', `${path}/suspend`, { reason: '' })).status).toBe(422);
    const locked = await owner.call('POST', `${path}/suspend`, { reason: 'lost laptop' });
    expect(locked.json.suspended).toMatchObject({ because: 'lost laptop' });
    await work.it.service.drain();
    await held.cut;
    expect(await rolesOn(work.server)).toEqual([]);
    expect(await work.grant(held.id)).toMatchObject({ state: 'ended', endReason: 'revoked', endProof: 'read_back' });
    const { resourceId } = work;
    const refused = await work.bob.call('POST', '/v1/requests', {
      resourceId,
      level: 'read-only',
      ttlMs: 10 * MINUTE_MS,
      reason: 'x',
    });
    expect(refused.json).toMatchObject({ state: 'denied_by_policy' });
    expect((await owner.call('POST', `${path}/resume`)).json.suspended).toBeNull();
    expect((await work.grant(held.id)).state).toBe('ended');
    const me = (await owner.call('GET', '/v1/me')).json.person.id;
    expect((await owner.call('POST', `/v1/people/${me}/suspend`, { reason: 'x' })).status).toBe(409);
  });

  test('of a resource ends all access to it', async () => {
    work = await openWorkspace();
    const held = await activeGrant();
    const locked = await work.it.owner.call('POST', `/v1/resources/${work.resourceId}/suspend`, {
      reason: 'incident 12',
    });
    expect(locked.json.suspended).toMatchObject({ because: 'incident 12' });
    await work.it.service.drain();
    await held.cut;
    expect(await work.grant(held.id)).toMatchObject({ state: 'ended', endProof: 'read_back' });
  });
});

test('a ticket system ends, over TLS and without a device, what the policy binds to the ticket', {
  timeout: 120_000,
}, async () => {
  work = await openWorkspace();
  const { owner } = work.it;
  const { version, yaml } = (await owner.call('GET', '/v1/policy')).json;
  const bound = `${yaml}    end_on: [ticket_closed]\n`;
  expect((await owner.call('PUT', '/v1/policy', { yaml: bound, baseVersion: version })).status).toBe(200);
  const { secret } = (await owner.call('POST', '/v1/hooks/ticket-closed/secret')).json;
  expect((await owner.call('GET', '/v1/hooks/ticket-closed/secret')).json).toMatchObject({
    enabled: true,
    heardAt: null,
  });
  const held = await activeGrant({ ticketRef: 'INC-12' });
  const waiting = await work.ask({ ttlMs: 30 * MINUTE_MS, ticketRef: 'inc-12', level: 'read-write' });
  const where = work.it.service.tcp as { url: string; pin: string };
  const body = { ticket: 'INC-12' };
  const stamp = String(Math.floor(work.it.clock.now() / 1_000));
  const signed = (by: string) => ({
    [HOOK_TIMESTAMP_HEADER]: stamp,
    [HOOK_SIGNATURE_HEADER]: signHook(by, stamp, JSON.stringify(body)),
  });
  const say = (by: string) => send(where, jsonCall('POST', '/v1/hooks/ticket-closed', body, signed(by)));
  expect((await say('another')).status).toBe(401);
  const heard = await say(secret);
  expect([heard.status, heard.json]).toEqual([200, { ended: 1, refused: 1 }]);
  await work.it.service.drain();
  await held.cut;
  expect(await work.grant(held.id)).toMatchObject({ state: 'ended', endedBecause: 'Ticket INC-12 was closed.' });
  expect((await work.bob.call('GET', `/v1/requests/${waiting.id}`)).json).toMatchObject({
    state: 'denied_by_policy',
    deniedBecause: 'Ticket INC-12 was closed, and this access would have ended with it.',
  });
  expect((await say(secret)).json).toEqual({ ended: 0, refused: 0 });
});
