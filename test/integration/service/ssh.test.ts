/**
 * SSH grants on the real service and a real OpenSSH server: the grant waits for the key of its own device and for no other, the
 * certificate is bound to it, an extension is a new certificate, and an end is told as it is known.
 */
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openRaw } from '../../../electron/service/store/sqlite-binding';
import { SshCredential } from '../../../shared/contract/ssh';
import { openCredential } from '../../../shared/crypto/seal';
import { MINUTE_MS, SECOND_MS } from '../../../shared/domain/instant';
import { newDeviceKey, runSsh, type SshHost, sshHostMissing, startSshHost } from '../../bed/targets/ssh';
import { until } from '../../bed/until';
import { type Client, startTestService, type TcpClient, type TestService } from './harness';

const missing = sshHostMissing();
const POLICY = `version: 1
rules:
  - name: everything-at-once
    effect: auto
    max_duration: 8h
`;

interface Desk {
  readonly host: SshHost;
  readonly it: TestService;
  readonly resourceId: string;
  readonly bob: TcpClient & { personId: string };
}
const ok = async (reply: ReturnType<Client['call']>) => {
  const { status, json, text } = await reply;
  if (status >= 300) throw new Error(`${status} ${text}`);
  return json;
};

/** What was started is stopped again when the rest can't be. */
async function openDesk(options: Parameters<typeof startSshHost>[0] = {}): Promise<Desk> {
  const host = await startSshHost(options);
  const it = await startTestService().catch(async (error: unknown) => {
    await host.stop();
    throw error;
  });
  try {
    return { host, it, resourceId: await addHost(host, it), bob: await it.join('Bob') };
  } catch (error) {
    await it.close();
    await host.stop();
    throw error;
  }
}
async function addHost({ settings, secret }: SshHost, it: TestService): Promise<string> {
  const policy = await ok(it.owner.call('GET', '/v1/policy'));
  await ok(it.owner.call('PUT', '/v1/policy', { yaml: POLICY, baseVersion: policy.version }));
  const address = { settings, secret, name: 'orders-host' };
  const plan = await ok(it.owner.call('POST', '/v1/targets/plan', address));
  await ok(it.owner.call('POST', '/v1/targets/apply', { target: address, digest: plan.digest }));
  const resource = await ok(
    it.owner.call('POST', '/v1/resources', { ...address, environment: 'staging', risk: 'low' }),
  );
  expect(resource.levels.map((level: { name: string }) => level.name)).toEqual(['reader', 'uptime']);
  return resource.id;
}

describe.skipIf(missing !== null)(`SSH grants${missing === null ? '' : ` (${missing})`}`, { timeout: 120_000 }, () => {
  let desk: Desk;
  afterEach(async () => {
    await desk?.it.close();
    await desk?.host.stop();
  });
  /** Asked for and started: it waits for the key. */
  const started = async (level = 'reader', ttlMs = 30 * MINUTE_MS): Promise<string> => {
    const body = { resourceId: desk.resourceId, level, ttlMs, reason: 'To look', ticketRef: '', startWhen: 'manual' };
    const request = await ok(desk.bob.call('POST', '/v1/requests', body));
    await ok(desk.bob.call('POST', `/v1/grants/${request.grantId}/start`));
    await desk.it.service.drain();
    return request.grantId;
  };
  const grantIs = (id: string) => ok(desk.it.owner.call('GET', `/v1/grants/${id}`));
  const offer = (id: string, publicKey: string, by: Client = desk.bob) =>
    by.call('POST', `/v1/grants/${id}/device-key`, { publicKey });
  const credentialOf = async (id: string): Promise<SshCredential> => {
    const sealed = await ok(desk.bob.call('GET', `/v1/grants/${id}/credential`));
    const { device, deviceId } = desk.bob;
    return SshCredential.parse(
      openCredential(sealed, { grantId: id, deviceId, sealingSecretKey: device.sealing.secretKey }),
    );
  };
  const activated = async (level?: string, ttlMs?: number) => {
    const id = await started(level, ttlMs);
    const key = newDeviceKey();
    await ok(offer(id, key.line));
    await desk.it.service.drain();
    const credential = await credentialOf(id);
    await ok(desk.bob.call('POST', `/v1/grants/${id}/injection`, { state: 'injected' }));
    await desk.it.service.drain();
    return { id, key, credential };
  };
  const open = async (credential: SshCredential, seed: Uint8Array) => {
    let text = '';
    const run = runSsh(credential, seed, {
      command: ['echo here; cat'],
      onOutput: (all) => {
        text = all;
      },
    });
    await until('the session', () => text.includes('here'));
    return run;
  };

  describe('with the hook', () => {
    beforeEach(async () => {
      desk = await openDesk();
    });

    test('a grant waits for the key of its own device, is bound to it, and is ended with its sessions', async () => {
      const id = await started();
      expect(await grantIs(id)).toMatchObject({
        state: 'provisioning',
        credentialReady: false,
        deviceKeyWanted: 'ssh-ed25519',
      });
      const [key, stranger] = [newDeviceKey(), newDeviceKey()];
      const eve = await desk.it.join('Eve');
      expect((await offer(id, stranger.line, eve)).status).toBe(404);
      expect((await offer(id, stranger.line, desk.it.owner)).status).toBe(404);
      expect((await offer(id, `${key.line} a comment`)).status).toBe(422);
      await ok(offer(id, key.line));
      await desk.it.service.drain();
      expect(await grantIs(id)).toMatchObject({ state: 'provisioning', credentialReady: true, deviceKeyWanted: null });
      expect((await ok(offer(id, key.line))).id).toBe(id); // a retry
      expect((await offer(id, stranger.line)).json.code).toBe('conflict');
      const credential = await credentialOf(id);
      await ok(desk.bob.call('POST', `/v1/grants/${id}/injection`, { state: 'injected' }));
      await desk.it.service.drain();
      expect((await runSsh(credential, stranger.seed, { command: ['true'] }).done).err).toContain('Permission denied');
      const session = await open(credential, key.seed);
      await ok(desk.bob.call('POST', `/v1/grants/${id}/return`));
      const ended = await until('the end', async () => {
        await desk.it.service.drain();
        const now = await grantIs(id);
        return now.state === 'ended' ? now : null;
      });
      expect(ended).toMatchObject({ endReason: 'returned', endProof: 'read_back', removal: { sessionsCut: 1 } });
      expect((await session.done).code).toBe(255);
      expect((await runSsh(credential, key.seed, { command: ['true'] }).done).err).toContain('Permission denied');
      expect(desk.it.log()).not.toContain(desk.host.secret);
      const log = JSON.stringify(await ok(desk.it.owner.call('GET', '/v1/audit/entries')));
      expect(log).toContain('grant.device_key');
      expect(log).not.toContain(desk.host.secret);
    });

    test('a device that lost its key may send another while nothing was made, and not afterwards', async () => {
      const id = await started();
      const lost = newDeviceKey();
      // As between the key's coming and its use: noted, and not worked on yet.
      const raw = openRaw(join(desk.it.dataDir, 'hallpass.db'), 5_000);
      raw.exec(`update grants set device_key = '${lost.line}', due_at = ${Number.MAX_SAFE_INTEGER} where id = '${id}'`);
      raw.close();
      const key = newDeviceKey();
      await ok(offer(id, key.line));
      await desk.it.service.drain();
      const credential = await credentialOf(id);
      expect((await runSsh(credential, key.seed, { command: ['true'] }).done).code).toBe(0);
      expect((await offer(id, lost.line)).json.code).toBe('conflict');
    });

    test('a key that never comes ends the grant as failed, with nothing made on the host', async () => {
      const id = await started();
      desk.it.clock.move(2 * MINUTE_MS + SECOND_MS);
      await desk.it.service.drain();
      expect(await grantIs(id)).toMatchObject({ state: 'ended', endReason: 'failed', endProof: 'never_created' });
      expect((await offer(id, newDeviceKey().line)).json.code).toBe('wrong-state');
    });

    test('an extension is a new certificate for the same key; the open session stays, and the old one ends with the grant too', async () => {
      const { id, key, credential } = await activated('reader', 5 * MINUTE_MS);
      const session = await open(credential, key.seed);
      await ok(desk.bob.call('POST', `/v1/grants/${id}/extend`, { ttlMs: 30 * MINUTE_MS, reason: 'More to look at' }));
      await desk.it.service.drain();
      const longer = await credentialOf(id);
      expect(longer.certificate).not.toBe(credential.certificate);
      expect(longer).toMatchObject({ user: credential.user, hostKeys: credential.hostKeys });
      expect((await runSsh(longer, key.seed, { command: ['true'] }).done).code).toBe(0);
      expect(session.child.exitCode).toBeNull();
      desk.it.clock.move(36 * MINUTE_MS);
      const ended = await until('the end', async () => {
        await desk.it.service.drain();
        const now = await grantIs(id);
        return now.state === 'ended' ? now : null;
      });
      expect(ended).toMatchObject({ endReason: 'expired', endProof: 'read_back', removal: { sessionsCut: 1 } });
      expect((await session.done).code).toBe(255);
      for (const one of [credential, longer])
        expect((await runSsh(one, key.seed, { command: ['true'] }).done).err).toContain('Permission denied');
    });

    test('a level with a command runs that and nothing else', async () => {
      const { key, credential } = await activated('uptime');
      const run = runSsh(credential, key.seed, { command: ['id; touch /tmp/never'] });
      run.child.stdin?.end('given\n');
      expect(await run.done).toMatchObject({ code: 0, out: 'up\ngiven\n' });
    });
  });

  describe('without a hook', () => {
    beforeEach(async () => {
      desk = await openDesk({ hook: 'none' });
    });

    test('an early end waits until the certificate has run out, and says that nobody saw the sessions', async () => {
      const { id, key, credential } = await activated('reader', 10 * MINUTE_MS);
      expect((await runSsh(credential, key.seed, { command: ['true'] }).done).code).toBe(0);
      await ok(desk.bob.call('POST', `/v1/grants/${id}/return`));
      await desk.it.service.drain();
      const waiting = await grantIs(id);
      expect(waiting).toMatchObject({ state: 'ending', endProof: null, removal: { target: 'present' } });
      expect(waiting.removal.lastError).toContain('until it runs out');
      desk.it.clock.move(5 * MINUTE_MS);
      await desk.it.service.drain();
      expect((await grantIs(id)).state).toBe('ending');
      desk.it.clock.move(6 * MINUTE_MS);
      await desk.it.service.drain();
      const ended = await grantIs(id);
      expect(ended).toMatchObject({ state: 'ended', endReason: 'returned', endProof: 'ran_out' });
    });

    test('who asks is told before that nothing can be cut', async () => {
      const body = {
        resourceId: desk.resourceId,
        level: 'reader',
        ttlMs: MINUTE_MS,
        reason: '',
        ticketRef: '',
        startWhen: 'manual',
      };
      const said = JSON.stringify(await ok(desk.bob.call('POST', '/v1/requests/preview', body)));
      expect(said).toContain('goes on working until it runs out');
      expect(said).toContain('are not cut on this host');
    });
  });
});
