/**
 * A stored secret through a whole service that runs alone: sealed in the store, changed durably step by step, no value of it in what
 * people see, and a record that says what was proven and what was not.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startService } from '../../../electron/service/service';
import type { GrantView } from '../../../shared/contract/grants';
import { openCredential } from '../../../shared/crypto/seal';
import { HOUR_MS, MINUTE_MS } from '../../../shared/domain/instant';
import { type KeyedService, ROTATOR, startKeyedService } from '../../bed/targets/secret';
import { startTestService, type TcpClient, type TestService } from './harness';

const POLICY = `version: 1
rules:
  - name: everything-at-once
    effect: auto
    max_duration: 8h
`;
let it: TestService;
let keyed: KeyedService;
let bob: TcpClient;
beforeEach(async () => {
  [it, keyed] = [await startTestService(), await startKeyedService()];
  await keyed.installRotator(join(it.dataDir, 'rotators'));
  const { version } = await ok(it.owner.call('GET', '/v1/policy'));
  await ok(it.owner.call('PUT', '/v1/policy', { yaml: POLICY, baseVersion: version }));
  bob = await it.join('Bob');
});
afterEach(async () => {
  await it.close();
  await keyed.stop();
});

async function ok(reply: ReturnType<TcpClient['call']>) {
  const { status, json, text } = await reply;
  if (status >= 300) throw new Error(`${status} ${text}`);
  return json;
}
const add = (rotation: object, more: object = {}) =>
  ok(
    it.owner.call('POST', '/v1/resources', {
      name: 'build-key',
      environment: 'staging',
      risk: 'low',
      settings: { kind: 'secret', opens: 'Build service', rotation },
      secret: keyed.secret,
      ...more,
    }),
  );
const grantOf = (id: string): Promise<GrantView> => ok(bob.call('GET', `/v1/grants/${id}`));
const secretOf = async (id: string): Promise<string> => {
  const sealed = await ok(bob.call('GET', `/v1/grants/${id}/credential`));
  const at = { grantId: id, deviceId: bob.deviceId, sealingSecretKey: bob.device.sealing.secretKey };
  const { values } = openCredential(sealed, at) as { values: Record<string, string> };
  return values.API_KEY ?? '';
};
async function hold(resourceId: string) {
  const body = { resourceId, level: 'use', ttlMs: HOUR_MS, reason: 'a release', startWhen: 'connected' };
  const { grantId } = await ok(bob.call('POST', '/v1/requests', body));
  await ok(bob.call('POST', `/v1/grants/${grantId}/start`));
  await it.service.drain();
  const { state, endReason } = await grantOf(grantId);
  if (state !== 'provisioning') return { id: grantId as string, key: null, state, endReason };
  const key = await secretOf(grantId);
  await ok(bob.call('POST', `/v1/grants/${grantId}/injection`, { state: 'injected' }));
  await it.service.drain();
  return { id: grantId as string, key, state: (await grantOf(grantId)).state };
}
async function giveBack(id: string) {
  await ok(bob.call('POST', `/v1/grants/${id}/return`));
  await it.service.drain();
  return grantOf(id);
}
/** Everything that is on disk, or was said. */
const everything = async () => ({
  store: readFileSync(join(it.dataDir, 'hallpass.db'), 'latin1'),
  journal: readFileSync(join(it.dataDir, 'hallpass.db-wal'), 'latin1'),
  log: it.log(),
  audit: (await it.owner.call('GET', '/v1/audit/entries?limit=200')).text,
  resources: (await it.owner.call('GET', '/v1/resources')).text,
  grants: (await it.owner.call('GET', '/v1/grants?scope=all')).text,
});

describe('a secret that a rotator changes', { timeout: 120_000 }, () => {
  test('is lent to one at a time, changed at the end, read back, on the record; no value of it anywhere but sealed', async () => {
    const resource = await add({ by: 'command', file: ROTATOR });
    expect(resource).toMatchObject({ targetLabel: 'Secret', health: 'reachable', levels: [{ name: 'use' }] });
    const held = await hold(resource.id);
    expect(held).toMatchObject({ state: 'active', key: keyed.firstKey });
    expect(await hold(resource.id)).toMatchObject({ key: null, state: 'ended', endReason: 'failed' });
    expect(await keyed.lets(keyed.firstKey)).toBe(true); // who holds it goes on
    expect(await giveBack(held.id)).toMatchObject({
      state: 'ended',
      endProof: 'read_back',
      removal: { target: 'gone' },
    });
    expect(await keyed.lets(keyed.firstKey)).toBe(false);
    const next = await hold(resource.id);
    expect(await keyed.lets(next.key ?? '')).toBe(true);
    const places = await everything();
    for (const [place, text] of Object.entries(places))
      for (const value of [keyed.firstKey, next.key ?? 'none']) expect(text.includes(value), place).toBe(false);
    expect(places.audit).toContain('resource.secret_rotated');
  });

  test('its deadline passes while the service is down: it is changed when the service is back, also from half-way', async () => {
    const resource = await add({ by: 'command', file: 'slow' });
    // The rotator stops after the new one was stored and before it is valid: the service dies there.
    const stop = `#!/bin/sh
if [ "$1" = commit ] && [ ! -e go ]; then exit 75; fi
exec ./${ROTATOR} "$1"
`;
    writeFileSync(join(it.dataDir, 'rotators', 'slow'), stop, { mode: 0o700 });
    const held = await hold(resource.id);
    expect(held.key).toBe(keyed.firstKey);
    it.clock.move(2 * HOUR_MS);
    await it.service.drain();
    await it.service.stop();
    expect(await keyed.lets(keyed.firstKey)).toBe(true); // as was told before: while the service is off
    writeFileSync(join(it.dataDir, 'rotators', 'go'), '');
    const again = await startService(it.config);
    it.clock.move(MINUTE_MS);
    await again.drain();
    expect(await keyed.lets(keyed.firstKey)).toBe(false);
    expect(await keyed.keys()).toHaveLength(1);
    await again.stop();
  });

  test('while it can’t be changed the access is still being revoked, and says why', async () => {
    const resource = await add({ by: 'command', file: 'never' });
    writeFileSync(
      join(it.dataDir, 'rotators', 'never'),
      `#!/bin/sh\n[ "$1" = check ] && exec ./${ROTATOR} check\nexit 75\n`,
      { mode: 0o700 },
    );
    const held = await hold(resource.id);
    expect(await giveBack(held.id)).toMatchObject({
      state: 'ending',
      endProof: null,
      removal: { lastError: expect.stringContaining('never could not propose') },
    });
  });
});

test('a secret that nobody changes ends as what it is: given back, its holder may still know it', {
  timeout: 120_000,
}, async () => {
  const resource = await add({ by: 'nobody' });
  const body = { resourceId: resource.id, level: 'use', ttlMs: HOUR_MS };
  expect((await ok(bob.call('POST', '/v1/requests/preview', body))).limits.join(' ')).toContain('may still know it');
  const held = await hold(resource.id);
  expect(await giveBack(held.id)).toMatchObject({
    state: 'ended',
    endProof: 'holder_may_know',
    removal: { target: 'unknown' },
    residue: [],
  });
  expect(await keyed.lets(keyed.firstKey)).toBe(true);
  expect((await it.owner.call('GET', '/v1/audit/entries?limit=50')).text).toContain('holder_may_know');
});

test('an administrator types it anew while it is held: it is not sealed as it was typed, and the book-keeping stays', {
  timeout: 120_000,
}, async () => {
  const resource = await add({ by: 'command', file: ROTATOR });
  const held = await hold(resource.id);
  await keyed.addKey('by-hand', 'a-key-made-by-hand');
  const path = `/v1/resources/${resource.id}`;
  expect((await it.owner.call('PATCH', path, { secret: 'no name at all' })).status).toBe(422);
  await ok(it.owner.call('PATCH', path, { secret: 'API_KEY=a-key-made-by-hand' }));
  it.clock.move(6 * MINUTE_MS); // reconciled meanwhile
  await it.service.drain();
  await bob.signIn();
  expect((await grantOf(held.id)).state).toBe('active');
  expect(await giveBack(held.id)).toMatchObject({ state: 'ended', endProof: 'read_back' });
  expect(new Set(await keyed.keys())).toEqual(new Set(['a-key-made-by-hand']));
});
