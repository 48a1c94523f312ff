/** A Redis credential lies in files of ours alone: every file-system call of its injection and removal fails once in every way. */
import { existsSync, rmSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import type { RedisCredential } from '../../shared/contract/redis';
import { entriesBelow, type Fault, faultyFiles, GRANT, type Machine, newMachine } from '../unit/injection/machine';

const PASSWORD = "odd'word$(x)";
const credential: RedisCredential = {
  kind: 'redis',
  nodes: ['cache-1.example:6379', 'cache-2.example:6379'],
  topology: 'standalone',
  database: 0,
  user: 'hp_01jd0000000000000000000aaa',
  password: PASSWORD,
  tls: 'verify-full',
  caCertificate: '-----BEGIN CERTIFICATE-----\n',
};
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
const prepared = (): Machine => {
  const machine = newMachine();
  machines.push(machine);
  return machine;
};
const isCrash = (fault: Fault) => fault.startsWith('crash');

function expectPrivate(machine: Machine): void {
  for (const { path, mode } of entriesBelow(machine.home)) if (path !== 'data') expect(mode & 0o077, path).toBe(0);
}
function expectClean(machine: Machine): void {
  const left = entriesBelow(machine.home).map(({ path }) => path);
  expect(left.filter((path) => !['data', 'data/injections', 'data/credentials'].includes(path))).toEqual([]);
  expect(machine.logged.join('\n')).not.toContain(PASSWORD);
}

test.each(FAULTS)('inject: %s at each call', { timeout: 120_000 }, async (fault) => {
  const probe = faultyFiles(null, -1);
  await prepared().injector(probe.files).inject(prepared().request({ credential }));
  expect(probe.calls.length).toBeGreaterThan(20);
  for (let atCall = 0; atCall < probe.calls.length; atCall++) {
    const machine = prepared();
    const injector = machine.injector(faultyFiles(fault, atCall).files);
    const said = await injector.inject(machine.request({ credential })).catch((error: unknown) => error);
    expectPrivate(machine);
    if (said instanceof Error) expect(`${said} ${JSON.stringify(said)}`).not.toContain(PASSWORD);
    else {
      expect(said, `call ${atCall}`).toMatchObject({ state: 'injected' });
      const next = machine.injector();
      expect((await next.sweep()).resumed, `call ${atCall}`).toHaveLength(1); // it is really there, and whole
      expect(await next.secretOf(GRANT)).toEqual(credential);
    }
    machine.pass(3_600_000);
    expect((await machine.injector().sweep()).failed).toEqual([]);
    expectClean(machine);
    machine.remove();
  }
});

test.each(FAULTS)('remove: %s at each call', { timeout: 120_000 }, async (fault) => {
  const dry = prepared();
  await dry.injector().inject(dry.request({ credential }));
  const probe = faultyFiles(null, -1);
  const probing = dry.injector(probe.files);
  await probing.sweep();
  const from = probe.calls.length;
  await probing.remove(GRANT, 'returned');
  expectClean(dry);
  for (let atCall = from; atCall < probe.calls.length; atCall++) {
    const machine = prepared();
    await machine.injector().inject(machine.request({ credential }));
    const injector = machine.injector(faultyFiles(fault, atCall).files);
    await injector.sweep();
    const after = await injector.remove(GRANT, 'returned');
    expectPrivate(machine);
    if (after.state !== 'removed') expect(after).toMatchObject({ state: 'removal_failed', error: expect.any(String) });
    else if (fault !== 'failed-but-saved') expect(existsSync(machine.leaseFolder())).toBe(false);
    if (after.state !== 'removed' && !isCrash(fault) && fault !== 'disk-full') {
      await injector.remove(GRANT, 'returned');
      expect(injector.list()[0]?.state, `call ${atCall}`).toBe('removed');
    }
    machine.pass(3_600_000);
    expect((await machine.injector().sweep()).failed).toEqual([]);
    expectClean(machine);
    machine.remove();
  }
});

test('a secret that went away by itself is reported as lost, and nothing is resumed', async () => {
  const machine = prepared();
  await machine.injector().inject(machine.request({ credential }));
  rmSync(machine.leaseFolder(), { recursive: true });
  const report = await machine.injector().sweep();
  expect(report).toMatchObject({ lost: [GRANT], resumed: [] });
});
