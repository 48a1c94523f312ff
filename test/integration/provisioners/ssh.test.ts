/** What is particular to SSH, on real OpenSSH servers: time, source and principals; what is cut and what is kept; what the test finds. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createSshProvisioner } from '../../../electron/service/provisioners/ssh';
import { signCertificate } from '../../../electron/service/provisioners/ssh/certificate';
import { readList } from '../../../electron/service/provisioners/ssh/krl';
import { serialOf } from '../../../electron/service/provisioners/ssh/serial';
import { KIND_WORDS } from '../../../renderer/ui/kinds';
import type { Level } from '../../../shared/contract/resources';
import type { SshCredential, SshSettings } from '../../../shared/contract/ssh';
import { toBase64url } from '../../../shared/crypto/bytes';
import { publicBlob, publicLine, publicOfSeed } from '../../../shared/crypto/ssh-wire';
import { MINUTE_MS } from '../../../shared/domain/instant';
import { chance26, newPrincipal, systemRandom } from '../../bed/postgres-target';
import { newDeviceKey, runSsh, type SshHost, sshHostMissing, startSshHost } from '../../bed/targets/ssh';
import { until } from '../../bed/until';

const missing = sshHostMissing();
const READER: Level = { name: 'reader', description: '', targetRole: 'root', createsAccess: true };
const DENIED = 'Permission denied (publickey)';

describe.skipIf(missing !== null)(`SSH${missing === null ? '' : ` (${missing})`}`, { timeout: 60_000 }, () => {
  let host: SshHost;
  let target: { resourceId: string; resourceName: string; settings: SshSettings; secret: string };
  const provisioner = createSshProvisioner({ random: systemRandom });
  const key = newDeviceKey();
  beforeAll(async () => {
    host = await startSshHost();
    target = {
      resourceId: `res_${chance26()}`,
      resourceName: 'orders-host',
      settings: host.settings,
      secret: host.secret,
    };
    const plan = await provisioner.plan(target);
    expect(plan.steps.map((step) => step.done)).toEqual([false]);
    expect(await provisioner.apply(target, plan.digest)).toMatchObject({ ok: true, ran: 1 });
  });
  afterAll(() => host?.stop());
  const create = (principal: string, validForMs = 15 * MINUTE_MS) =>
    provisioner.create(target, { principal, level: READER, validForMs, devicePublicKey: key.line });
  const run = (credential: SshCredential, command: string, more: Parameters<typeof runSsh>[2] = {}) =>
    runSsh(credential, key.seed, { command: [command], ...more }).done;
  const openWith = async (credential: SshCredential, command: string) => {
    let text = '';
    const session = runSsh(credential, key.seed, {
      command: [command],
      onOutput: (all) => {
        text = all;
      },
    });
    await until('the session', () => text.includes('here'));
    return { ...session, said: () => text };
  };
  /** As the service would sign it, but for what a test makes different. */
  const signed = (over: Partial<Parameters<typeof signCertificate>[1]>): SshCredential => {
    const nowS = BigInt(Math.floor(Date.now() / 1000));
    const order = {
      publicKey: publicOfSeed(key.seed),
      serial: 77n,
      keyId: 'not-ours',
      principals: ['orders-reader'],
      validAfter: nowS - 600n,
      validBefore: nowS + 600n,
      ...over,
    };
    const { settings } = target;
    return {
      kind: 'ssh',
      host: settings.host,
      port: settings.port,
      user: 'root',
      certificate: signCertificate(host.authority, order, systemRandom),
      hostKeys: settings.hostKeys,
    };
  };

  describe('what a certificate opens', () => {
    test('its time, its source and its principals hold; its serial and name are in sshd’s log', async () => {
      const principal = newPrincipal();
      const credential = await create(principal);
      expect(await run(credential, 'id -un')).toMatchObject({ code: 0, out: 'root\n' });
      expect(host.log()).toContain(`ID ${principal} (serial ${serialOf(principal)})`);
      const nowS = BigInt(Math.floor(Date.now() / 1000));
      expect(await run(signed({}), 'true')).toMatchObject({ code: 0 });
      for (const wrong of [
        { validAfter: nowS - 600n, validBefore: nowS - 1n },
        { validAfter: nowS + 300n },
        { principals: ['somebody-else'] },
        { sourceAddresses: ['10.99.0.0/16'] },
        { keyId: newPrincipal(), serial: 78n }, // never announced to this host
        { keyId: principal, serial: 79n },
      ])
        expect(
          (await run(signed(wrong), 'true')).err,
          JSON.stringify(wrong, (_, v) => String(v)),
        ).toContain(DENIED);
      await provisioner.end(target, principal);
      await provisioner.cleanUp(target, principal);
    });

    test('the host itself lets nobody in after the time that was announced', async () => {
      const principal = newPrincipal();
      const credential = await create(principal, 1_000);
      await until('the second to pass', async () => !(await provisioner.readBack(target, principal)).canLogIn);
      expect((await run(credential, 'true')).err).toContain(DENIED);
      await provisioner.end(target, principal);
      await provisioner.cleanUp(target, principal);
    });

    test('a level that the settings do not name, a missing key and hostile principals make nothing', async () => {
      const order = { principal: newPrincipal(), level: READER, validForMs: MINUTE_MS, devicePublicKey: key.line };
      const other = { ...READER, name: 'other' };
      await expect(provisioner.create(target, { ...order, level: other })).rejects.toMatchObject({ kind: 'refused' });
      const { devicePublicKey: _, ...keyless } = order;
      await expect(provisioner.create(target, keyless)).rejects.toMatchObject({ kind: 'refused' });
      await expect(provisioner.create(target, { ...order, devicePublicKey: 'ssh-rsa AAAA' })).rejects.toThrow();
      expect(await provisioner.list(target)).toEqual([]);
      const ghost = {
        ...target,
        settings: { ...target.settings, logins: [{ ...target.settings.logins[0], user: 'nobody-here' }] as never },
      };
      await expect(provisioner.create(ghost, order)).rejects.toThrow('no account nobody-here');
    });
  });

  describe('an end', () => {
    test('cuts the session with everything that runs in it, also what ignores signals and has left the group', async () => {
      const principal = newPrincipal();
      const credential = await create(principal);
      const mark = join(host.folder, 'still-running');
      const stubborn = `trap '' HUP TERM INT; (trap '' HUP TERM; set -m; while :; do sleep 0.05; echo x >> ${mark}; done) & echo here; wait`;
      const session = await openWith(credential, stubborn);
      await until('it to run', () => existsSync(mark));
      expect(await provisioner.end(target, principal)).toMatchObject({ sessionsCut: 1, readBack: { sessionCount: 0 } });
      expect((await session.done).code).toBe(255);
      const size = readFileSync(mark).length;
      expect(
        execFileSync('sh', ['-c', `pgrep -f ${mark} || true`], { encoding: 'utf8' })
          .trim()
          .split('\n').length,
      ).toBeLessThan(2);
      expect(readFileSync(mark).length).toBe(size);
      await provisioner.cleanUp(target, principal);
    });

    test('that comes before a slow creation wins: nothing is made afterwards', async () => {
      const principal = newPrincipal();
      await provisioner.end(target, principal);
      await expect(create(principal)).rejects.toMatchObject({ kind: 'conflict' });
      await provisioner.cleanUp(target, principal);
    });

    test('keeps what others put on the list, and two services that end at once lose nothing', async () => {
      const list = join(host.folder, 'state', 'revoked.krl');
      const lost = newDeviceKey();
      const file = join(host.folder, 'lost.pub');
      writeFileSync(file, `${lost.line}\n`);
      execFileSync('ssh-keygen', ['-q', '-k', '-u', '-f', list, file]);
      const principals = Array.from({ length: 6 }, newPrincipal);
      for (const principal of principals) await create(principal);
      const another = createSshProvisioner({ random: systemRandom });
      await Promise.all(principals.map((one, at) => (at % 2 ? another : provisioner).end(target, one)));
      const { serials, others } = readList(readFileSync(list), publicBlob(host.authority.publicKey));
      for (const principal of principals) expect(serials.has(serialOf(principal))).toBe(true);
      expect(others).toHaveLength(1);
      expect(() => execFileSync('ssh-keygen', ['-Q', '-f', list, file])).toThrow();
      for (const principal of principals) await provisioner.cleanUp(target, principal);
    });

    test('does not happen silently when the list is a text file: it is refused, and the text stays', async () => {
      const list = join(host.folder, 'state', 'revoked.krl');
      const before = readFileSync(list);
      const principal = newPrincipal();
      const credential = await create(principal);
      writeFileSync(list, `${newDeviceKey().line}\n`);
      await expect(provisioner.end(target, principal)).rejects.toThrow('text file');
      expect(readFileSync(list, 'utf8')).toMatch(/^ssh-ed25519 /);
      expect((await run(credential, 'true')).err).toContain(DENIED); // the mark on the host holds already
      writeFileSync(list, before);
      expect((await provisioner.end(target, principal)).readBack.canLogIn).toBe(false);
      await provisioner.cleanUp(target, principal);
    });

    test('is done by hand on the host’s console, by the name of the login, when no service gets there', async () => {
      const principal = newPrincipal();
      const other = newPrincipal();
      const credential = await create(principal);
      const session = await openWith(credential, 'echo here; sleep 600');
      const live = await openWith(await create(other), 'echo here; cat');
      const typed = (one: string) =>
        KIND_WORDS.ssh
          .endByHand?.(one)
          .replace(/^hallpass-ssh-hook /, '')
          .split(' ') ?? [];
      const script = readFileSync(join(host.folder, 'hook'));
      const asNobody = spawnSync('/bin/sh', ['-s', ...typed(principal)], {
        input: script,
        uid: 65_534,
        encoding: 'utf8',
      });
      expect(asNobody).toMatchObject({ status: 1, stdout: expect.stringContaining('run this as root') });
      expect(host.hook(...typed(principal))).toBe(`${principal} is ended; open sessions cut: 1\n`);
      expect((await session.done).code).toBe(255);
      expect((await run(credential, 'true')).err).toContain(DENIED);
      expect(live.child.exitCode).toBeNull();
      for (const wrong of [newPrincipal(), '../x', '*', '']) expect(() => host.hook('end', wrong)).toThrow();
      for (const one of [principal, other]) {
        expect((await provisioner.end(target, one)).readBack).toMatchObject({ canLogIn: false, sessionCount: 0 });
        await provisioner.cleanUp(target, one);
      }
    });

    test('is done by the host’s own timer when no service runs: what is over is cut', async () => {
      const principal = newPrincipal();
      const other = newPrincipal();
      const session = await openWith(await create(principal, 2_000), 'echo here; sleep 600');
      const live = await openWith(await create(other), 'echo here; cat');
      await until('the time to be over', async () => !(await provisioner.readBack(target, principal)).canLogIn);
      host.hook('sweep');
      expect((await session.done).code).toBe(255);
      expect(live.child.exitCode).toBeNull();
      expect(await provisioner.readBack(target, other)).toMatchObject({ canLogIn: true, sessionCount: 1 });
      for (const one of [principal, other]) {
        await provisioner.end(target, one);
        await provisioner.cleanUp(target, one);
      }
    });
  });

  describe('the hook’s own door', () => {
    const order = { principals: ['hallpass-hook'], keyId: 'hallpass-hook', serial: 2n, forceCommand: '' };
    const ask = (words: string) =>
      run(signed({ ...order, forceCommand: target.settings.hook?.command ?? '' }), words).then(({ out }) => out);

    test('knows its words only, and takes no path, pattern or command for a value', async () => {
      const marker = join(host.folder, 'owned');
      for (const words of [
        'sh',
        `one 1;touch ${marker}`,
        'one ../../etc/passwd',
        'one *',
        `issue 5 hp_x $(touch ${marker}) root 60`,
        'issue 5 ../x res root 60',
        'issue 99999999999999999999999 hp_x res root 60',
        'end -1',
        'forget',
        'list ..',
        'principals 1 hp_x root',
        'setup',
        '',
      ])
        expect(await ask(words), words).toMatch(/^(hook 1 \d+\nerror |error )/);
      expect(existsSync(marker)).toBe(false);
    });

    test('a certificate for it runs nothing else, and a device’s certificate does not open it', async () => {
      const hooked = signed({ ...order, forceCommand: target.settings.hook?.command ?? '' });
      expect((await run(hooked, 'id')).out).toContain('unknown word');
      const principal = newPrincipal();
      const credential = await create(principal);
      const words = await run(credential, `${target.settings.hook?.command} ''`);
      expect(words.out).not.toContain('done'); // root on this bed: what it may do as root is not the hook's to refuse
      await provisioner.end(target, principal);
      await provisioner.cleanUp(target, principal);
    });
  });

  describe('the connection test', () => {
    const failed = async (over: Partial<typeof target>) => {
      const report = await provisioner.test({ ...target, ...over });
      expect(report.ok).toBe(false);
      return report.checks.filter((check) => !check.ok);
    };

    test('tries everything for real, and changes nothing', async () => {
      const before = readFileSync(join(host.folder, 'state', 'revoked.krl'));
      const report = await provisioner.test(target);
      expect(report.checks.map(({ name, ok }) => [name, ok])).toEqual([
        ['Certificate authority', true],
        ['Log-in as root', true],
        ['Log-in as root', true],
        ['Hook', true],
        ['Sessions', true],
        ['Revocation list', true],
      ]);
      expect(readFileSync(join(host.folder, 'state', 'revoked.krl'))).toEqual(before);
      expect(report.recipe).toContain(host.authority.line);
      expect(report.recipe).toContain('AuthorizedPrincipalsCommand');
    });

    test('a host with another key is not talked to; what it shows is said, to be compared', async () => {
      const hostKeys = [publicLine(publicOfSeed(systemRandom.bytes(32)))];
      const [check] = await failed({ settings: { ...target.settings, hostKeys } });
      expect(check).toMatchObject({ name: 'Host key' });
      expect(check?.command).toContain(host.hostKey);
      const order = { principal: newPrincipal(), level: READER, validForMs: MINUTE_MS, devicePublicKey: key.line };
      const wrong = { ...target, settings: { ...target.settings, hostKeys } };
      await expect(provisioner.create(wrong, order)).rejects.toMatchObject({ kind: 'refused' });
      await expect(provisioner.end(wrong, order.principal)).rejects.toThrow('another host key');
    });

    test('another authority, no authority and a missing hook are each said with what mends them', async () => {
      const [stranger] = await failed({ secret: `hallpass-ca:${toBase64url(systemRandom.bytes(32))}` });
      expect(stranger).toMatchObject({ name: 'Log-in as root' });
      expect(stranger?.remedy).toContain('recipe');
      const [broken] = await failed({ secret: 'a password' });
      expect(broken).toMatchObject({ name: 'Certificate authority' });
      const hook = { user: 'root', command: '/usr/local/sbin/not-there' };
      const [absent] = await failed({ settings: { ...target.settings, hook } });
      expect(absent).toMatchObject({ name: 'Hook' });
    });

    test('an sshd that asks no hook and reads no list is found out', async () => {
      const careless = await startSshHost({ sshd: 'careless' });
      try {
        const open = { ...target, settings: careless.settings, secret: careless.secret };
        const plan = await provisioner.plan(open);
        await provisioner.apply(open, plan.digest);
        const report = await provisioner.test(open);
        expect(report.checks.filter((check) => !check.ok).map(({ name }) => name)).toEqual([
          'Sessions',
          'Revocation list',
        ]);
      } finally {
        await careless.stop();
      }
    });
  });
});
