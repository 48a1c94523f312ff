/** The database is lost under live access: the service starts all the same, gives nothing, and ends what there is on the real target. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { type Service, startService } from '../../../electron/service/service';
import { openRaw } from '../../../electron/service/store/sqlite-binding';
import { MINUTE_MS } from '../../../shared/domain/instant';
import { logIn, whenCut } from '../../bed/postgres-target';
import { until } from '../../bed/until';
import { openWorkspace, rolesOn, type Workspace } from '../security/workspace';
import { send, startTestService, tcpClient } from './harness';

const cleanUps: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});
const loseDatabase = (dataDir: string) =>
  writeFileSync(join(dataDir, 'hallpass.db'), 'not a database at all, '.repeat(1_000));
async function startAgain(config: Parameters<typeof startService>[0]): Promise<Service> {
  const service = await startService(config);
  cleanUps.push(() => service.stop());
  return service;
}

async function activeGrant(work: Workspace, level: string, ttlMs: number) {
  const { id: asked } = await work.ask({ level, ttlMs });
  const id = (await work.approve(asked)).grantId as string;
  await work.bob.call('POST', `/v1/grants/${id}/start`);
  await work.it.service.drain();
  const credential = await work.credential(id);
  await work.bob.call('POST', `/v1/grants/${id}/injection`, { state: 'injected' });
  await work.it.service.drain();
  const session = await logIn({ ...credential, host: work.server.host, port: work.server.port });
  return { id, session, cut: whenCut(session) };
}

describe('with a database that is lost', { timeout: 120_000 }, () => {
  test('live access is known, ended on word and by the clock; nothing is given', async () => {
    const work = await openWorkspace();
    cleanUps.push(() => work.close());
    const [revoked, returned, expiring] = [
      await activeGrant(work, 'read-only', 30 * MINUTE_MS),
      await activeGrant(work, 'read-only', 30 * MINUTE_MS),
      await activeGrant(work, 'read-write', 10 * MINUTE_MS),
    ];
    // The manager's password is another one since; the old one would end nothing.
    const secret = `${work.target.secret}-new`;
    await work.server.query('postgres', `ALTER ROLE ${work.target.settings.managerUser} PASSWORD '${secret}'`);
    expect((await work.it.owner.call('PATCH', `/v1/resources/${work.resourceId}`, { secret })).status).toBe(200);
    const roles = ['admin', 'member'];
    expect((await work.it.owner.call('PATCH', `/v1/people/${work.ann.personId}`, { roles })).status).toBe(200);
    await work.it.service.stop();
    loseDatabase(work.it.dataDir);

    const service = await startAgain(work.it.config);
    expect(service.mode()).toMatchObject({ mode: 'revoke_only', reason: expect.stringContaining('3 live grants') });
    const { owner } = work.it;
    const live = (await owner.call('GET', '/v1/grants?scope=live')).json.items;
    expect(live.map((grant: { state: string }) => grant.state)).toEqual(['active', 'active', 'active']);
    const bob = tcpClient(service.tcp ?? { url: '' }, work.bob.device, work.bob.deviceId, work.it.clock);
    expect((await bob.signIn()).status).toBe(200);
    for (const [client, method, path, body] of [
      [bob, 'POST', '/v1/requests', { resourceId: work.resourceId, level: 'read-only', ttlMs: MINUTE_MS, reason: 'x' }],
      [bob, 'POST', `/v1/grants/${revoked.id}/extend`, { ttlMs: MINUTE_MS }],
      [owner, 'PUT', '/v1/groups/approvers', { members: [] }],
      [owner, 'POST', '/v1/invites', { displayName: 'Eve', roles: ['member'], groups: [] }],
    ] as const)
      expect([path, (await client.call(method, path, body)).json.type]).toEqual([
        path,
        expect.stringContaining('revoke-only'),
      ]);
    expect((await owner.call('POST', `/v1/grants/${revoked.id}/revoke`, { reason: 'enough' })).status).toBe(200);
    expect((await bob.call('POST', `/v1/grants/${returned.id}/return`)).status).toBe(200);
    await Promise.all([revoked.cut, returned.cut]);
    const endedIs = (id: string) =>
      until('the end', async () => {
        const grant = (await owner.call('GET', `/v1/grants/${id}`)).json;
        return grant.state === 'ended' ? grant : null;
      });
    expect(await endedIs(revoked.id)).toMatchObject({ endReason: 'revoked', endProof: 'read_back' });
    expect(await endedIs(returned.id)).toMatchObject({ endReason: 'returned', endProof: 'read_back' });
    // A device that goes takes nobody else's access with it, though the policy is lost.
    expect((await owner.call('POST', `/v1/devices/${work.ann.deviceId}/revoke`)).status).toBe(200);
    expect((await owner.call('GET', `/v1/grants/${expiring.id}`)).json.state).toBe('active');
    expect((await expiring.session.query('select 1 as n')).rows).toEqual([{ n: 1 }]);
    work.it.clock.move(10 * MINUTE_MS + 1_000);
    await expiring.cut;
    expect(await endedIs(expiring.id)).toMatchObject({ endReason: 'expired', endProof: 'read_back' });
    expect(await rolesOn(work.server)).toEqual([]);
  });

  test('and nobody had access: it starts, the owner gets in, and is told why', async () => {
    const first = await startTestService();
    cleanUps.push(() => first.close());
    await first.service.stop();
    loseDatabase(first.dataDir);
    const service = await startAgain(first.config);
    expect(service.mode().mode).toBe('revoke_only');
    expect((await first.owner.call('GET', '/v1/me')).json).toMatchObject({ person: { owner: true } });
    expect((await first.owner.call('PUT', '/v1/groups/x', { members: [] })).json.type).toContain('revoke-only');
  });

  test('and the list of live access can not be opened: it starts, alone and hosted', async () => {
    const first = await startTestService();
    cleanUps.push(() => first.close());
    await first.service.stop();
    loseDatabase(first.dataDir);
    writeFileSync(join(first.dataDir, 'live-leases.sealed'), 'v1.broken');
    const alone = await startService({ ...first.config, local: null });
    expect(alone.mode()).toMatchObject({ mode: 'revoke_only', reason: expect.stringContaining('could not be read') });
    expect(alone.ownerInvite).toBeNull();
    await alone.stop();
    const hosted = await startAgain(first.config);
    expect(hosted.mode().mode).toBe('revoke_only');
    expect((await first.owner.call('GET', '/v1/me')).status).toBe(200);
  });
});

test('an entry of the log that was changed long ago is found by the service itself, and gives an end to giving', async () => {
  const first = await startTestService();
  cleanUps.push(() => first.close());
  // More entries than a start looks at again.
  for (let n = 0; n < 270; n++)
    expect((await first.owner.call('PUT', `/v1/groups/g${n % 5}`, { members: [] })).status).toBe(200);
  await first.service.stop();
  const raw = openRaw(join(first.dataDir, 'hallpass.db'), 5_000);
  raw.exec("update audit_leaves set body = replace(body, 'Ann', 'Eve') where idx = 2");
  raw.close();
  const service = await startAgain(first.config);
  expect(service.mode().mode).toBe('normal');
  await service.upkeep(); // a minute after the start, and once a day
  expect(service.mode()).toMatchObject({ mode: 'revoke_only', reason: expect.stringContaining('Entry 2 ') });
  expect((await first.owner.call('PUT', '/v1/groups/x', { members: [] })).json.type).toContain('revoke-only');
  expect((await send({ socketPath: first.socketPath }, { method: 'GET', path: '/healthz' })).json.mode).toBe(
    'revoke_only',
  );
});
