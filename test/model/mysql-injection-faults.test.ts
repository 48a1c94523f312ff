/**
 * MySQL: option files of ours and an include in the person's own. Every file-system call of an injection and a removal fails
 * once in every way, and is once the last thing the process did.
 */
import { existsSync, lstatSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { profileOf } from '../../electron/main/injection/lease-folders';
import { setBlocks } from '../../electron/main/injection/marked-blocks';
import type { MysqlCredential } from '../../shared/contract/mysql';
import { entriesBelow, type Fault, faultyFiles, GRANT, type Machine, newMachine } from '../unit/injection/machine';

const PASSWORD = 'odd"word#\\x';
const credential: MysqlCredential = {
  kind: 'mysql',
  host: 'db.example',
  port: 3306,
  database: 'orders',
  user: 'hp_01jd0000000000000000000aaa',
  password: PASSWORD,
  tls: 'verify-full',
  caCertificate: '-----BEGIN CERTIFICATE-----\n',
};
const ORIGINAL = '# mine\r\n[client]\r\nuser=me';
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
const fileOf = (machine: Machine) => join(machine.home, '.my.cnf');
function prepared(original: string | null): Machine {
  const machine = newMachine();
  machines.push(machine);
  if (original !== null) writeFileSync(fileOf(machine), original, { mode: 0o640 });
  return machine;
}

/** At no moment is the user's file partial, empty or wider than it was, nor does it hold a secret, nor is one of ours open to others. */
function expectWhole(machine: Machine, original: string | null): void {
  const now = existsSync(fileOf(machine)) ? readFileSync(fileOf(machine), 'latin1') : null;
  const owner = { profile: profileOf(machine.userData), grantOfLine: () => null };
  if (now !== null) {
    expect(setBlocks(now, owner, []).text).toBe(original ?? '');
    expect(now).not.toContain('odd');
    expect(lstatSync(fileOf(machine)).mode & 0o777).toBe(original === null ? 0o600 : 0o640);
  } else expect(original).toBeNull();
  for (const { path, mode, isFile } of entriesBelow(machine.home))
    if (isFile && !path.startsWith('.my.cnf') && !path.startsWith('..my.cnf')) expect(mode & 0o077, path).toBe(0);
}
function expectClean(machine: Machine, original: string | null): void {
  expectWhole(machine, original);
  const usual = ['data', 'data/injections', 'data/credentials', 'data/injections/places.json'];
  const left = entriesBelow(machine.home).map(({ path }) => path);
  expect(left.filter((path) => !usual.includes(path))).toEqual(original === null ? [] : ['.my.cnf']);
  expect(machine.logged.join('\n')).not.toContain(PASSWORD);
}

const FILES = [
  { title: 'a file of the user', original: ORIGINAL, faults: FAULTS },
  { title: 'a file that is not there yet', original: null, faults: ['failed-but-saved', 'crash-after'] as Fault[] },
];
for (const { title, original, faults } of FILES)
  test.each(faults)(`inject into ${title}: %s at each call`, { timeout: 120_000 }, async (fault) => {
    const probe = faultyFiles(null, -1);
    const dry = prepared(original);
    await dry.injector(probe.files).inject(dry.request({ credential }));
    expect(probe.calls.length).toBeGreaterThan(40);
    for (let atCall = 0; atCall < probe.calls.length; atCall++) {
      const machine = prepared(original);
      const injector = machine.injector(faultyFiles(fault, atCall).files);
      const said = await injector.inject(machine.request({ credential })).catch((error: unknown) => error);
      expectWhole(machine, original);
      if (said instanceof Error) expect(`${said} ${JSON.stringify(said)}`).not.toContain(PASSWORD);
      else {
        expect(said, `call ${atCall}`).toMatchObject({ state: 'injected' });
        const next = machine.injector();
        expect((await next.sweep()).resumed, `call ${atCall}`).toHaveLength(1); // it is really there, and whole
        expect(await next.secretOf(GRANT)).toEqual(credential);
        expect(next.list()[0]?.command).toMatch(/ --defaults-group-suffix=_orders-db$/);
      }
      machine.pass(3_600_000);
      expect((await machine.injector().sweep()).failed).toEqual([]);
      expectClean(machine, original);
      machine.remove();
    }
  });

test.each(FAULTS)('remove: %s at each call', { timeout: 120_000 }, async (fault) => {
  const dry = prepared(ORIGINAL);
  await dry.injector().inject(dry.request({ credential }));
  const probe = faultyFiles(null, -1);
  const probing = dry.injector(probe.files);
  await probing.sweep();
  const from = probe.calls.length;
  await probing.remove(GRANT, 'returned');
  expectClean(dry, ORIGINAL);
  for (let atCall = from; atCall < probe.calls.length; atCall++) {
    const machine = prepared(ORIGINAL);
    await machine.injector().inject(machine.request({ credential }));
    const injector = machine.injector(faultyFiles(fault, atCall).files);
    await injector.sweep();
    const after = await injector.remove(GRANT, 'returned');
    expectWhole(machine, ORIGINAL);
    if (after.state !== 'removed') expect(after).toMatchObject({ state: 'removal_failed', error: expect.any(String) });
    else if (fault !== 'failed-but-saved') expect(existsSync(machine.leaseFolder())).toBe(false);
    machine.pass(3_600_000);
    expect((await machine.injector().sweep()).failed).toEqual([]);
    expectClean(machine, ORIGINAL);
    machine.remove();
  }
});
