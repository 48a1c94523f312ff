/** The service on PostgreSQL: the main job over two instances of one team, which share nothing but the store and the data key. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createDpopGuard } from '../../../electron/service/http/dpop-guard';
import { type Service, startService } from '../../../electron/service/service';
import { openStore } from '../../../electron/service/store/open';
import { createSecretBox } from '../../../electron/service/store/secret-box';
import type { GrantView } from '../../../shared/contract/grants';
import { dpopProof } from '../../../shared/crypto/dpop';
import { signDecision } from '../../../shared/crypto/statements';
import { verifyExport } from '../../../shared/crypto/verify-export';
import { MINUTE_MS } from '../../../shared/domain/instant';
import { type PostgresServer, startPostgres } from '../../bed/postgres';
import { logIn, whenCut } from '../../bed/postgres-target';
import { until } from '../../bed/until';
import { openWorkspace, rolesOn, type Workspace } from '../security/workspace';
import { newKey, random, type TcpClient, tcpClient } from './harness';

const dataKey = randomBytes(32);
let storeServer: PostgresServer;
let storeUrl: string;
let team: Workspace;
let second: Service;
let secondData: string;
/** The same devices, at the second instance. */
let bobThere: TcpClient;
let annThere: TcpClient;

beforeAll(async () => {
  storeServer = await startPostgres();
  await storeServer.query('postgres', 'create database hallpass');
  storeUrl = storeServer.url('hallpass');
  team = await openWorkspace({ storeUrl, dataKey });
  secondData = mkdtempSync(join(tmpdir(), 'hp-team-'));
  second = await startService({ ...team.it.config, dataDir: secondData, local: null });
  const there = second.tcp ?? { url: '', pin: '' };
  bobThere = tcpClient(there, team.bob.device, team.bob.deviceId, team.it.clock);
  annThere = tcpClient(there, team.ann.device, team.ann.deviceId, team.it.clock);
  await signIn();
});
afterAll(async () => {
  await second?.stop();
  await team?.close();
  await storeServer?.stop();
  rmSync(secondData, { recursive: true, force: true });
});

/** Anew: the clock was moved past what tokens and nonces live. */
async function signIn(): Promise<void> {
  for (const client of [team.bob, team.ann, bobThere, annThere]) expect((await client.signIn()).status).toBe(200);
}
const grantThere = async (id: string): Promise<GrantView> => (await bobThere.call('GET', `/v1/grants/${id}`)).json;
const checkpoint = async () => (await team.it.owner.call('GET', '/v1/audit/checkpoint')).json;
const approveAt = async (client: TcpClient, id: string, more: object = {}) =>
  client.call(
    'POST',
    `/v1/requests/${id}/decisions`,
    signDecision(team.ann.device.signing.secretKey, await team.statement(client, client.deviceId, id, more)),
  );

describe('two instances on one PostgreSQL', { timeout: 120_000 }, () => {
  test('are one service: one id, one certificate, no second owner invited', () => {
    expect(second.serviceId).toBe(team.it.service.serviceId);
    expect(second.tcp?.pin).toBe(team.it.tcp.pin);
    expect(second.ownerInvite).toBeNull();
    expect([second.mode().mode, team.it.service.mode().mode]).toEqual(['normal', 'normal']);
  });

  test('one with another data key could end nothing, so it does not start, and says what to do', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'hp-team-'));
    const started = startService({ ...team.it.config, dataDir, local: null, dataKey: null });
    await expect(started).rejects.toMatchObject({ code: 'data-key', next: expect.stringContaining('data.key') });
    rmSync(dataDir, { recursive: true });
  });

  test('ask here, approve there, receive there, use, expire: seen once and in order at both', async () => {
    const streams = [await team.bob.events(), await bobThere.events()];
    const asked = await team.ask({ ttlMs: 2 * MINUTE_MS });
    const approved = await approveAt(annThere, asked.id);
    expect(approved.json).toMatchObject({ state: 'approved' });
    const id = approved.json.grantId as string;
    // The device is connected (to either), so the credential is made without a word, once.
    await Promise.all(
      streams.map((stream) => stream.until((m) => m.event === 'grant.credential_ready' && m.data.subject === id)),
    );
    const roles = await rolesOn(team.server);
    expect(roles).toHaveLength(1);
    const credential = await team.credential(id);
    expect((await bobThere.call('POST', `/v1/grants/${id}/injection`, { state: 'injected' })).status).toBe(200);
    const session = await logIn({ ...credential, port: team.server.port });
    expect((await session.query('select item from app.orders order by id')).rows).toHaveLength(2);
    const cut = whenCut(session);
    team.it.clock.move(2 * MINUTE_MS + 1_000);
    await cut;
    await Promise.all(streams.map((stream) => stream.until((m) => m.event === 'grant.ended' && m.data.subject === id)));
    expect(await rolesOn(team.server)).toEqual([]);
    const about = streams.map((stream) =>
      stream
        .events()
        .filter((event) => event.subject === id)
        .map((event) => event.type),
    );
    const once = ['ready', 'provisioning', 'credential_ready', 'activated', 'ending', 'ended'];
    expect(about[0]).toEqual(once.map((word) => `grant.${word}`));
    expect(about[1]).toEqual(about[0]);
    const seqs = (streams[1]?.events() ?? []).map((event) => event.seq);
    expect(seqs).toEqual([...seqs].sort((a, b) => a - b));
    for (const stream of streams) stream.close();
  });

  test('a double click that reaches both is one decision and one grant', async () => {
    const asked = await team.ask({ startWhen: 'manual' });
    const signed = signDecision(
      team.ann.device.signing.secretKey,
      await team.statement(team.ann, team.ann.deviceId, asked.id),
    );
    const path = `/v1/requests/${asked.id}/decisions`;
    const replies = await Promise.all(
      [team.ann, annThere, team.ann, annThere].map((client) => client.call('POST', path, signed)),
    );
    expect(replies.map((reply) => reply.status)).toEqual([200, 200, 200, 200]);
    expect(new Set(replies.map((reply) => reply.json.grantId)).size).toBe(1);
    const id = replies[0]?.json.grantId as string;
    const starts = await Promise.all([team.bob, bobThere].map((bob) => bob.call('POST', `/v1/grants/${id}/start`)));
    expect(starts.map((reply) => reply.status)).toEqual([200, 200]);
    await until('the credential', async () => ((await grantThere(id)).credentialReady ? true : null));
    expect(await rolesOn(team.server)).toHaveLength(1);
    const returned = await bobThere.call('POST', `/v1/grants/${id}/return`);
    expect(returned.status).toBe(200);
    await until('the end', async () => ((await grantThere(id)).state === 'ended' ? true : null));
    expect(await rolesOn(team.server)).toEqual([]);
  });

  test('one Idempotency-Key at both does the work once', async () => {
    const key = newKey();
    const body = { resourceId: team.resourceId, level: 'read-write', ttlMs: MINUTE_MS, reason: 'twice' };
    const replies = await Promise.all(
      [team.bob, bobThere].map((client) => client.call('POST', '/v1/requests', body, key)),
    );
    expect(replies.filter((reply) => reply.status === 200).length).toBeGreaterThanOrEqual(1);
    const open = (await team.bob.call('GET', '/v1/requests?scope=mine')).json.items;
    expect(open.filter((request: { level: string }) => request.level === 'read-write')).toHaveLength(1);
  });

  test('a proof used at one is refused at the other; a person removed at one is out at the other', async () => {
    const clock = team.it.clock;
    const secretBox = createSecretBox(dataKey, random);
    const log = { warn: () => undefined, error: () => undefined, info: () => undefined };
    const stores = await Promise.all(
      [1, 2].map(() => openStore({ kind: 'postgres', url: storeUrl, clock, random, log, secretBox, vaultFile: null })),
    );
    const nonceKey = randomBytes(32);
    const [here, there] = stores.map((store) => createDpopGuard({ store, clock, nonceKey, memory: 'store' }));
    const url = 'https://hallpass.example/v1/me';
    const proof = dpopProof(
      team.bob.device.signing,
      { method: 'GET', url, accessToken: null, nonce: here?.nonce() ?? '' },
      { now: clock.now(), random },
    );
    const call = { method: 'GET', url, proof, accessToken: null };
    const outcomes = await Promise.allSettled([here?.check(call), there?.check(call)]);
    expect(outcomes.map((outcome) => outcome.status).sort()).toEqual(['fulfilled', 'rejected']);
    for (const store of stores) await store.close();

    const carl = await team.it.join('Carl');
    const carlThere = tcpClient(second.tcp ?? { url: '' }, carl.device, carl.deviceId, clock);
    await carlThere.signIn();
    const stream = await carlThere.events();
    expect((await team.it.owner.call('DELETE', `/v1/people/${carl.personId}`)).status).toBe(200);
    await stream.ended;
    expect((await carlThere.call('GET', '/v1/me')).status).toBe(401);
  });

  test('one that stops leaves its work to the other', async () => {
    await signIn();
    const asked = await team.ask({ startWhen: 'manual', ttlMs: MINUTE_MS });
    const id = (await approveAt(team.ann, asked.id)).json.grantId as string;
    await bobThere.call('POST', `/v1/grants/${id}/start`);
    await until('the credential', async () => ((await grantThere(id)).credentialReady ? true : null));
    await bobThere.call('POST', `/v1/grants/${id}/injection`, { state: 'injected' });
    await second.stop();
    team.it.clock.move(MINUTE_MS + 1_000);
    await until('the end', async () => ((await team.grant(id)).state === 'ended' ? true : null));
    expect(await rolesOn(team.server)).toEqual([]);
  });

  test('the log of both is one log: whole, and its export verifies', async () => {
    const { text, status } = await team.it.owner.call('GET', '/v1/audit/export');
    expect(status).toBe(200);
    expect(await verifyExport(text.split('\n'), { checkpoint: (await checkpoint()).note })).toMatchObject({
      ok: true,
      complete: true,
      findings: [],
    });
  });
});
