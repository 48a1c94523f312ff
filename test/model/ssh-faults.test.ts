/**
 * Every file-system call between making a device's key, injecting the certificate that is bound to it and taking both away fails once
 * in every way, and is once the last thing the process did. After the next start on a healthy disk nothing of ours is left.
 */
import { existsSync, lstatSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import type { Injector } from '../../electron/main/injection';
import { authorityOf } from '../../electron/service/provisioners/ssh/authority';
import { signCertificate } from '../../electron/service/provisioners/ssh/certificate';
import { SSH_CA_SEED_PREFIX, type SshCredential } from '../../shared/contract/ssh';
import { toBase64url } from '../../shared/crypto/bytes';
import { publicKeyOf } from '../../shared/crypto/ssh-wire';
import { systemRandom } from '../bed/postgres-target';
import { entriesBelow, type Fault, faultyFiles, GRANT, type Machine, newMachine } from '../unit/injection/machine';

const ORIGINAL = 'Host other\r\n  HostName x.example\r\n\r\n# no final line end';
const machines: Machine[] = [];
afterEach(() => {
  for (const machine of machines.splice(0)) machine.remove();
});
const configOf = (machine: Machine) => join(machine.home, '.ssh', 'config');
function prepared(): Machine {
  const machine = newMachine();
  machines.push(machine);
  mkdirSync(join(machine.home, '.ssh'), { mode: 0o700 });
  writeFileSync(configOf(machine), ORIGINAL, { mode: 0o640 });
  return machine;
}
const authority = authorityOf(`${SSH_CA_SEED_PREFIX}${toBase64url(systemRandom.bytes(32))}`);
const certified = (line: string): SshCredential => ({
  kind: 'ssh',
  host: 'web-1.example',
  port: 22,
  user: 'deploy',
  hostKeys: [authority.line.split(' ').slice(0, 2).join(' ')],
  certificate: signCertificate(
    authority,
    {
      publicKey: publicKeyOf(line) ?? new Uint8Array(32),
      serial: 7n,
      keyId: 'hp_test',
      principals: ['deploy'],
      validAfter: 1n,
      validBefore: 2_000_000_000n,
    },
    systemRandom,
  ),
});

/** The user's own bytes are there at every moment, and nothing of ours is open to others. */
function expectWhole(machine: Machine): void {
  const now = readFileSync(configOf(machine), 'latin1');
  expect(now.endsWith(ORIGINAL)).toBe(true);
  const added = now.slice(0, now.length - ORIGINAL.length);
  expect(added === '' || /^# >>> hallpass .*\r\nInclude "[^"]+"\r\n# <<< hallpass .*\r\n$/.test(added), added).toBe(
    true,
  );
  expect(lstatSync(configOf(machine)).mode & 0o777).toBe(0o640);
  for (const { path, mode, isFile } of entriesBelow(machine.home))
    if (isFile && !path.startsWith('.ssh/')) expect(mode & 0o077, path).toBe(0);
}
function expectClean(machine: Machine): void {
  expect(readFileSync(configOf(machine), 'latin1')).toBe(ORIGINAL);
  const left = entriesBelow(machine.home).map(({ path }) => path);
  const usual = ['data', 'data/injections', 'data/credentials', 'data/injections/places.json', '.ssh', '.ssh/config'];
  expect(left.filter((path) => !usual.includes(path))).toEqual([]);
  expect(machine.logged.join('\n')).not.toContain('PRIVATE KEY');
}
async function live(machine: Machine, injector: Injector): Promise<void> {
  const { expiresAt } = machine.request();
  const about = { grantId: GRANT, resource: 'web-1', level: 'shell', expiresAt };
  const line = await injector.deviceKey({ ...about, kind: 'ssh' });
  expectWhole(machine);
  await injector.inject({ ...about, credential: certified(line) });
  expectWhole(machine);
  await injector.remove(GRANT, 'returned');
}

const FAULTS: Fault[] = ['EIO', 'EACCES', 'failed-but-saved', 'crash-before', 'crash-after', 'disk-full'];
for (const fault of FAULTS)
  test(`key, certificate and removal: ${fault} at each call`, { timeout: 240_000 }, async () => {
    const dry = prepared();
    const probe = faultyFiles(null, -1);
    await live(dry, dry.injector(probe.files));
    expectClean(dry);
    expect(probe.calls.length).toBeGreaterThan(80);
    for (let atCall = 0; atCall < probe.calls.length; atCall++) {
      const machine = prepared();
      const { files } = faultyFiles(fault, atCall);
      await live(machine, machine.injector(files)).catch(() => undefined);
      expectWhole(machine);
      machine.pass(3_600_000);
      expect((await machine.injector().sweep()).failed, `call ${atCall}: ${probe.calls[atCall]}`).toEqual([]);
      expectClean(machine);
      machine.remove();
    }
  });

test('after a crash the key is kept while it may still be wanted, and no longer', async () => {
  const machine = prepared();
  const about = {
    grantId: GRANT,
    resource: 'web-1',
    level: 'shell',
    kind: 'ssh',
    expiresAt: machine.request().expiresAt,
  };
  const line = await machine.injector().deviceKey(about);
  const next = machine.injector();
  expect((await next.sweep()).removed).toEqual([]);
  expect(await next.deviceKey(about)).toBe(line);
  expect(existsSync(join(machine.leaseFolder(), 'id'))).toBe(true);
  machine.pass(3_600_000);
  expect((await machine.injector().sweep()).removed).toMatchObject([{ grantId: GRANT }]);
  expectClean(machine);
});
