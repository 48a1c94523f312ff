/**
 * A token in the lease folder and a context in the person's kubeconfig: every file-system call of injecting, replacing (an
 * extension brings a new token) and removing fails once in every way, and is once the last thing the process did.
 */
import { existsSync, lstatSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { setContexts } from '../../electron/main/injection/kubeconfig-contexts';
import { profileOf } from '../../electron/main/injection/lease-folders';
import type { KubernetesCredential } from '../../shared/contract/kubernetes';
import { entriesBelow, type Fault, faultyFiles, GRANT, type Machine, newMachine } from '../unit/injection/machine';

const ORIGINAL =
  '# by hand\r\napiVersion: v1\r\nclusters:\r\n- name: dev\r\n  cluster: {server: "https://dev"}\r\ncontexts:\r\nusers:\r\nkind: Config';
const OLD = 'old-token-of-the-grant';
const NEW = 'new-token-of-the-grant';
const credential = (token: string): KubernetesCredential => ({
  kind: 'kubernetes',
  server: 'https://shop.internal:6443',
  caCertificate: '-----BEGIN CERTIFICATE-----\n',
  namespace: 'shop',
  user: 'hp-01jd0000000000000000000aaa',
  token,
  tokenEndsAt: 1_800_003_600_000,
});
const FAULTS: Fault[] = [
  'EIO',
  'EACCES',
  'failed-but-saved',
  'crash-before',
  'crash-after',
  'disk-full',
  'short-write',
];
const machines: Machine[] = [];
afterEach(() => {
  for (const machine of machines.splice(0)) machine.remove();
});
const fileOf = (machine: Machine): string => join(machine.home, '.kube', 'config');
function prepared(original: string | null): Machine {
  const machine = newMachine();
  machines.push(machine);
  mkdirSync(join(machine.home, '.kube'), { mode: 0o700 });
  if (original !== null) writeFileSync(fileOf(machine), original, { mode: 0o640 });
  return machine;
}
const injectorOf = (machine: Machine, files?: Parameters<Machine['injector']>[0]) =>
  machine.injector(files, { kubeconfigPlace: () => 'merged' });
const requestOf = (machine: Machine, token = OLD) => machine.request({ credential: credential(token) });

/** At no moment is the person's file partial, empty or wider than it was, nor one of ours open to others. */
function expectWhole(machine: Machine, original: string | null): void {
  const path = fileOf(machine);
  if (existsSync(path)) {
    const without = setContexts(readFileSync(path, 'latin1'), profileOf(machine.userData), []);
    expect(original === null ? without.fileIsOurs : without.text).toBe(original ?? true);
    expect(lstatSync(path).mode & 0o777).toBe(original === null ? 0o600 : 0o640);
  } else expect(original).toBeNull();
  for (const { path: entry, mode, isFile } of entriesBelow(machine.home)) {
    if (isFile && !entry.startsWith('.kube/')) expect(mode & 0o077, entry).toBe(0);
    if (isFile && entry.startsWith('.kube/'))
      expect(readFileSync(join(machine.home, entry), 'latin1')).not.toMatch(/(old|new)-token/);
  }
}
function expectClean(machine: Machine, original: string | null): void {
  expectWhole(machine, original);
  const left = entriesBelow(machine.home)
    .map(({ path }) => path)
    .filter(
      (path) => !['.kube', 'data', 'data/injections', 'data/credentials', 'data/injections/places.json'].includes(path),
    );
  expect(left).toEqual(original === null ? [] : ['.kube/config']);
  if (original !== null) expect(readFileSync(fileOf(machine), 'latin1')).toBe(original);
  expect(machine.logged.join('\n')).not.toMatch(/(old|new)-token/);
}
async function expectEnds(machine: Machine, original: string | null): Promise<void> {
  machine.pass(3_600_000);
  expect((await injectorOf(machine).sweep()).failed).toEqual([]);
  expectClean(machine, original);
  machine.remove();
}

for (const original of [ORIGINAL, null])
  test.each(FAULTS)(
    `inject ${original === null ? 'where there is no kubeconfig' : 'into the person’s kubeconfig'}: %s at each call`,
    { timeout: 120_000 },
    async (fault) => {
      const probe = faultyFiles(null, -1);
      const dry = prepared(original);
      await injectorOf(dry, probe.files).inject(requestOf(dry));
      expect(probe.calls.length).toBeGreaterThan(40);
      for (let atCall = 0; atCall < probe.calls.length; atCall++) {
        const machine = prepared(original);
        const said = await injectorOf(machine, faultyFiles(fault, atCall).files)
          .inject(requestOf(machine))
          .catch((error: unknown) => error);
        expectWhole(machine, original);
        if (said instanceof Error) expect(`${said} ${JSON.stringify(said)}`).not.toContain(OLD);
        else {
          const next = injectorOf(machine);
          expect((await next.sweep()).resumed, `call ${atCall}`).toHaveLength(1); // it is really there
          expect(await next.secretOf(GRANT)).toEqual(credential(OLD));
        }
        await expectEnds(machine, original);
      }
    },
  );

test.each(FAULTS)('a newer token in place of the old: %s at each call', { timeout: 120_000 }, async (fault) => {
  const renewal = (machine: Machine) => ({ ...requestOf(machine, NEW), issue: 2 });
  const dry = prepared(ORIGINAL);
  await injectorOf(dry).inject(requestOf(dry));
  const probe = faultyFiles(null, -1);
  const probing = injectorOf(dry, probe.files);
  await probing.sweep();
  const from = probe.calls.length;
  await probing.inject(renewal(dry));
  expect(await probing.secretOf(GRANT)).toMatchObject({ token: NEW });
  for (let atCall = from; atCall < probe.calls.length; atCall++) {
    const machine = prepared(ORIGINAL);
    await injectorOf(machine).inject(requestOf(machine));
    const injector = injectorOf(machine, faultyFiles(fault, atCall).files);
    await injector.sweep();
    await injector.inject(renewal(machine)).catch((error: unknown) => {
      expect(`${error} ${JSON.stringify(error)}`).not.toMatch(/(old|new)-token/);
    });
    expectWhole(machine, ORIGINAL);
    const token = join(machine.leaseFolder(), 'token');
    if (existsSync(token)) expect([OLD, NEW], `call ${atCall}`).toContain(readFileSync(token, 'utf8'));
    await expectEnds(machine, ORIGINAL);
  }
});

test.each(FAULTS)('remove: %s at each call', { timeout: 120_000 }, async (fault) => {
  const dry = prepared(ORIGINAL);
  await injectorOf(dry).inject(requestOf(dry));
  const probe = faultyFiles(null, -1);
  const probing = injectorOf(dry, probe.files);
  await probing.sweep();
  const from = probe.calls.length;
  await probing.remove(GRANT, 'returned');
  expectClean(dry, ORIGINAL);
  for (let atCall = from; atCall < probe.calls.length; atCall++) {
    const machine = prepared(ORIGINAL);
    await injectorOf(machine).inject(requestOf(machine));
    const injector = injectorOf(machine, faultyFiles(fault, atCall).files);
    await injector.sweep();
    const after = await injector.remove(GRANT, 'returned');
    expectWhole(machine, ORIGINAL);
    if (after.state === 'removed' && fault !== 'failed-but-saved') {
      expect(existsSync(machine.leaseFolder())).toBe(false);
      expect(readFileSync(fileOf(machine), 'latin1')).toBe(ORIGINAL);
    }
    await expectEnds(machine, ORIGINAL);
  }
});
