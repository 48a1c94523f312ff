import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { PostgresCredential } from '../../../shared/contract/credential';
import { openCredential } from '../../../shared/crypto/seal';
import { HOUR_MS, MINUTE_MS, World } from '../world';

let world: World;
beforeEach(async () => {
  world = await World.open();
});
afterEach(() => world.close());

describe('the main job', () => {
  test('ask, approve, receive, use, expire: each transition is on the log once', async () => {
    const asked = await world.ask('ann', 'orders-staging');
    expect(asked.state).toBe('pending');
    expect(asked.waitingFor.map((p) => p.displayName).sort()).toEqual(['bea', 'cid']);
    const approved = await world.decide('bea', asked.id, { ttlMs: 20 * MINUTE_MS, via: 'notification' });
    expect(approved.state).toBe('approved');
    const id = approved.grantId ?? '';
    await world.leases.drain();
    expect((await world.grant('ann', id)).state).toBe('ready');
    expect(world.target.logins.size).toBe(0);

    world.connect('ann');
    await world.leases.drain();
    expect(await world.grant('ann', id)).toMatchObject({ state: 'provisioning', credentialReady: true });
    const sealed = await world.access['grants.credential'](world.who('ann'), world.byId(id));
    const opened = openCredential(sealed, {
      sealingSecretKey: world.member('ann').sealingSecretKey,
      grantId: id,
      deviceId: world.who('ann').deviceId,
    });
    const credential = PostgresCredential.parse(opened);
    expect(credential.user).toBe(world.principalOf(id));
    const active = await world.report('ann', id, 'injected');
    expect(active).toMatchObject({ state: 'active', expiresAt: world.clock.now() + 20 * MINUTE_MS });
    await world.leases.drain();
    expect(world.target.logins.get(credential.user)?.validUntil).toBe(active.expiresAt);
    expect(world.target.logIn(credential.user)).toBe(true);

    await world.pass(20 * MINUTE_MS - 1000);
    expect((await world.grant('ann', id)).state).toBe('active');
    await world.pass(1000, 1000);
    expect(await world.grant('ann', id)).toMatchObject({ state: 'ended', endReason: 'expired', endProof: 'read_back' });
    expect((await world.grant('ann', id)).removal).toMatchObject({ target: 'gone', sessionsCut: 1 });
    expect(world.target.logins.size).toBe(0);
    expect(await world.audited(id)).toEqual([
      'grant.ready',
      'grant.provisioning',
      'grant.credential_ready',
      'grant.activated',
      'grant.ending',
      'grant.ended',
    ]);
    expect(await world.audited(asked.id)).toEqual(['request.submitted', 'decision.recorded', 'request.approved']);
  });

  test('no secret is in any event, audit entry or row in the clear', async () => {
    const id = await world.active();
    await world.access['grants.return'](world.who('ann'), world.byId(id));
    await world.leases.drain();
    const outbox = await world.store.db.selectFrom('outbox').selectAll().execute();
    const leaves = await world.store.db.selectFrom('audit_leaves').selectAll().execute();
    const grants = await world.store.db.selectFrom('grants').selectAll().execute();
    const all = JSON.stringify([outbox, leaves, grants]);
    expect(all).toContain(id);
    expect(all).not.toContain('planted-secret');
    expect(all).not.toContain('manager-secret');
  });

  test('an extension reaches the target first, then the same grant; the earlier deadline stays on the log', async () => {
    const id = await world.active('ann', { ttlMs: 30 * MINUTE_MS });
    const before = (await world.grant('ann', id)).expiresAt ?? 0;
    const asked = await world.access['grants.extend'](world.who('ann'), {
      params: { id },
      query: undefined,
      body: { ttlMs: 30 * MINUTE_MS, reason: '', ticketRef: '' },
    });
    expect(asked).toMatchObject({ state: 'auto_approved', extendsGrantId: id });
    await world.leases.drain();
    const after = await world.grant('ann', id);
    expect(after).toMatchObject({ state: 'active', expiresAt: before + 30 * MINUTE_MS, pendingExtension: null });
    expect(world.target.logins.get(world.principalOf(id))?.validUntil).toBe(after.expiresAt);
    expect(await world.audited(id)).toContain('grant.extended');
    await world.pass(31 * MINUTE_MS);
    expect((await world.grant('ann', id)).state).toBe('active');
    await world.pass(30 * MINUTE_MS);
    expect((await world.grant('ann', id)).state).toBe('ended');
  });

  test('an extension may not put more ahead than the policy allows, and says how much it may', async () => {
    const id = await world.active('ann', { ttlMs: 90 * MINUTE_MS });
    await expect(
      world.access['grants.extend'](world.who('ann'), {
        params: { id },
        query: undefined,
        body: { ttlMs: HOUR_MS, reason: '', ticketRef: '' },
      }),
    ).rejects.toThrow('At most 30 m can be added now');
  });

  test('ending one grant leaves the overlapping one of the same person working', async () => {
    const one = await world.active('ann', { level: 'read-only' });
    const two = await world.active('ann', { level: 'read-write' });
    await world.access['grants.return'](world.who('ann'), world.byId(one));
    await world.leases.drain();
    expect(world.target.logIn(world.principalOf(two))).toBe(true);
    expect((await world.grant('ann', one)).state).toBe('ended');
    expect((await world.grant('ann', two)).state).toBe('active');
  });

  test('pending expires after a day, an unclaimed approval after eight hours with nothing made', async () => {
    const asked = await world.ask('ann', 'orders-staging');
    await world.pass(24 * HOUR_MS, HOUR_MS);
    expect((await world.access['requests.get'](world.who('ann'), world.byId(asked.id))).state).toBe('expired');
    const { grantId } = await world.ask('ann', 'orders-dev');
    await world.pass(8 * HOUR_MS, HOUR_MS);
    expect(await world.grant('ann', grantId ?? '')).toMatchObject({ state: 'ended', endProof: 'never_created' });
    expect(world.target.logins.size).toBe(0);
  });
});
