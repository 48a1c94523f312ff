/** The whole way of a grant, with a target that goes down in it, and secrets looked for in everything it left. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MINUTE_MS } from '../../../shared/domain/instant';
import { logIn, whenCut } from '../../bed/postgres-target';
import { until } from '../../bed/until';
import { expectNoSecret, openWorkspace, rolesOn, type Workspace } from './workspace';

let work: Workspace;
const passwords: string[] = [];
const tokens: string[] = [];
beforeAll(async () => {
  work = await openWorkspace();
});
afterAll(() => work.close());

/** Anew: the clock was moved past what tokens and nonces live. */
async function signIn(): Promise<void> {
  for (const client of [work.bob, work.ann]) {
    expect((await client.signIn()).status).toBe(200);
    tokens.push(client.token());
  }
}

async function activeGrant(): Promise<{ id: string; session: Awaited<ReturnType<typeof logIn>> }> {
  await signIn();
  const asked = await work.ask();
  const id = (await work.approve(asked.id)).grantId as string;
  await work.bob.call('POST', `/v1/grants/${id}/start`);
  await work.it.service.drain();
  const credential = await work.credential(id);
  passwords.push(credential.password);
  await work.bob.call('POST', `/v1/grants/${id}/injection`, { state: 'injected' });
  expect((await work.grant(id)).state).toBe('active');
  const session = await logIn({ ...credential, port: work.server.port, host: work.server.host });
  return { id, session };
}

describe('the target is down', () => {
  test('when access is to be made: nothing is called active, and it comes once the target answers', async () => {
    const asked = await work.ask();
    const id = (await work.approve(asked.id)).grantId as string;
    await work.gate.shut();
    await work.bob.call('POST', `/v1/grants/${id}/start`);
    await work.it.service.drain();
    const waiting = await work.grant(id);
    expect(waiting.state).not.toBe('active');
    expect(waiting.credentialReady).toBe(false);
    expect(waiting.expiresAt).toBeNull(); // the clock does not run while nobody can use it
    expect(waiting.removal.lastError ?? '').not.toContain(work.target.secret);
    await work.gate.open();
    const last = await until('an answer', async () => {
      work.it.clock.move(5_000);
      await work.it.service.drain();
      const now = await work.grant(id);
      return now.credentialReady || now.state === 'ended' ? now : null;
    });
    if (last.state !== 'ended') {
      await work.bob.call('POST', `/v1/grants/${id}/return`);
      await work.it.service.drain();
    }
    expect(await work.grant(id)).toMatchObject({ state: 'ended', endProof: 'read_back' });
    expect(await rolesOn(work.server)).toEqual([]);
  });

  test('at expiry: still being revoked, tried again, ended only when it was read back', {
    timeout: 60_000,
  }, async () => {
    const { id, session } = await activeGrant();
    const cut = whenCut(session);
    await work.gate.shut();
    work.it.clock.move(5 * MINUTE_MS + 1_000);
    await work.it.service.drain();
    const late = await work.grant(id);
    expect(late).toMatchObject({ state: 'ending', endReason: 'expired', endProof: null, endedAt: null });
    expect(late.removal.attempts).toBeGreaterThan(0);
    expect(late.removal.lastError).toBeTruthy();
    expect(late.removal.target).not.toBe('gone');
    work.it.clock.move(3 * MINUTE_MS);
    await work.it.service.drain();
    const later = await work.grant(id);
    expect(later.removal.attempts).toBeGreaterThan(late.removal.attempts);
    expect(later.removal.alarmed).toBe(true);
    expect((await session.query('SELECT 1 AS n')).rows).toEqual([{ n: 1 }]); // and it says so, instead of claiming it gone
    await work.gate.open();
    await until('the end', async () => {
      work.it.clock.move(30_000);
      await work.it.service.drain();
      return (await work.grant(id)).state === 'ended';
    });
    await cut;
    expect(await work.grant(id)).toMatchObject({ endProof: 'read_back', removal: { target: 'gone', sessionsCut: 1 } });
    expect(await rolesOn(work.server)).toEqual([]);
  });
});

test('no secret is in anything that a flow with errors left', async () => {
  const { it, target, bob } = work;
  // Errors that quote what they were given, if they can.
  const wrong = { ...target.settings, managerUser: 'nobody' };
  const replies = [
    await it.owner.call('POST', '/v1/targets/test', { settings: wrong, secret: target.secret }),
    await it.owner.call('POST', '/v1/targets/plan', { settings: { ...wrong, port: 1 }, secret: target.secret }),
    await it.owner.call('POST', '/v1/resources', {
      name: 'x',
      secret: target.secret,
      settings: { secret: target.secret },
    }),
    await bob.call('GET', '/v1/me', undefined, { authorization: `DPoP ${bob.token()}x` }),
    await bob.call('POST', '/v1/join', { code: work.inviteCode, inviteId: 'inv_x' }),
  ];
  expect(replies.every((reply) => reply.status >= 400 || reply.json.ok === false)).toBe(true);
  const { id, session } = await activeGrant();
  session.on('error', () => undefined);
  await work.server.query('postgres', 'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1', [
    target.settings.managerUser,
  ]);
  await bob.call('POST', `/v1/grants/${id}/injection`, { state: 'removal_failed', error: 'it is still there' });
  await bob.call('POST', `/v1/grants/${id}/return`);
  await until('the end', async () => {
    await it.service.drain();
    return (await work.grant(id)).state === 'ended';
  });
  await work.stream.until((message) => message.event === 'grant.ended' && message.data.subject === id);
  const places: Record<string, string> = {
    log: it.log(),
    events: JSON.stringify(work.stream.messages),
    'audit export': (await it.owner.call('GET', '/v1/audit/export')).text,
    evidence: (await it.owner.call('GET', `/v1/audit/evidence/${id}`)).text,
    replies: replies.map((reply) => reply.text).join('\n'),
  };
  for (const path of ['me', 'people', 'devices', 'invites', 'resources', 'catalog', 'requests', 'grants', 'policy'])
    places[path] = (await it.owner.call('GET', `/v1/${path}`)).text;
  expect(places.events).toContain('grant.credential_ready');
  expect(places.log).toContain('serving');
  await it.service.stop();
  for (const file of readdirSync(it.dataDir, { recursive: true, withFileTypes: true }))
    if (file.isFile()) places[`file ${file.name}`] = readFileSync(join(file.parentPath, file.name), 'latin1');
  expectNoSecret(places, {
    'manager password': target.secret,
    'launch token': String(it.config.local?.launchToken),
    'data key': Buffer.from(it.config.dataKey as Uint8Array).toString('base64url'),
    'invite code': work.inviteCode,
    'invite code without dashes': work.inviteCode.replaceAll('-', ''),
    ...Object.fromEntries(tokens.map((token, n) => [`access token ${n}`, token])),
    'signing key of Bob': bob.device.signing.secretKey,
    'sealing key of Bob': bob.device.sealing.secretKey,
    'signing key of the owner': it.ownerDevice.signing.secretKey,
    ...Object.fromEntries(passwords.map((password, n) => [`password of grant ${n}`, password])),
  });
});
