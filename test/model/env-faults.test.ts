/** Every file-system call of writing named values into a file of the user, and of taking them out, fails once in every way, and is once the last. */
import { existsSync, lstatSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { setEnvBlocks } from '../../electron/main/injection/env-blocks';
import type { FilePort } from '../../electron/main/injection/files';
import { profileOf } from '../../electron/main/injection/lease-folders';
import { entriesBelow, type Fault, faultyFiles, GRANT, type Machine, newMachine } from '../unit/injection/machine';

const SECRET = 's3cret-value-of-a-key';
const ORIGINAL = 'A=1\r\nAPI_KEY=mine\r\n# no final line end';
const FAULTS: Fault[] = ['EIO', 'EACCES', 'failed-but-saved', 'crash-before', 'crash-after', 'disk-full'];
const HOUR = 3_600_000;

const machines: Machine[] = [];
afterEach(() => {
  for (const machine of machines.splice(0)) machine.remove();
});
const envFileOf = (machine: Machine) => join(machine.home, '.env');
function prepared(original: string | null): Machine {
  const machine = newMachine();
  machines.push(machine);
  if (original !== null) writeFileSync(envFileOf(machine), original, { mode: 0o600 });
  return machine;
}
const injectorOn = (machine: Machine, files?: FilePort) =>
  machine.injector(files, { envFileOf: () => envFileOf(machine) });
const request = (machine: Machine) =>
  machine.request({ resource: 'build', level: 'use', credential: { kind: 'secret', values: { API_KEY: SECRET } } });

/** Whole at any moment: the user's bytes, or those and our block; and nothing that anybody else could read. */
function expectWhole(machine: Machine, original: string | null): void {
  const path = envFileOf(machine);
  const now = existsSync(path) ? readFileSync(path, 'latin1') : null;
  if (now === null) expect(original).toBeNull();
  else {
    const owner = { profile: profileOf(machine.userData), kind: 'secret' };
    expect(setEnvBlocks(now, owner, []).text).toBe(original ?? '');
    expect(lstatSync(path).mode & 0o777).toBe(0o600);
  }
  for (const entry of entriesBelow(machine.home)) if (entry.isFile) expect(entry.mode & 0o077, entry.path).toBe(0);
}
function expectClean(machine: Machine, original: string | null): void {
  expectWhole(machine, original);
  const known = ['data', 'data/injections', 'data/credentials', 'data/injections/places.json'];
  const left = entriesBelow(machine.home).map(({ path }) => path);
  expect(left.filter((path) => !known.includes(path))).toEqual(original === null ? [] : ['.env']);
  for (const { path, isFile } of entriesBelow(machine.home))
    if (isFile) expect(readFileSync(join(machine.home, path), 'latin1'), path).not.toContain(SECRET);
  expect(machine.logged.join('\n')).not.toContain(SECRET);
}
const settle = (work: Promise<unknown>) =>
  work.then(
    () => 'done',
    (error) => JSON.stringify([error, String(error)]),
  );

for (const original of [ORIGINAL, null]) {
  const kind = original === null ? 'a file that is not there yet' : 'a file of the user';
  test.each(FAULTS)(`into ${kind}: %s at each call, and away again`, { timeout: 120_000 }, async (fault) => {
    const dry = prepared(original);
    const probe = faultyFiles(null, -1);
    const probing = injectorOn(dry, probe.files);
    await probing.inject(request(dry));
    const injectCalls = probe.calls.length;
    await probing.remove(GRANT, 'returned');
    expectClean(dry, original);
    expect(injectCalls).toBeGreaterThan(30);
    for (let atCall = 0; atCall < probe.calls.length; atCall++) {
      const machine = prepared(original);
      const { files } = faultyFiles(fault, atCall);
      const injector = injectorOn(machine, files);
      const injected = await settle(injector.inject(request(machine)));
      expect(injected).not.toContain(SECRET);
      expectWhole(machine, original);
      if (injected === 'done') {
        const after = await injector.remove(GRANT, 'returned');
        expectWhole(machine, original);
        if (after.state === 'removed' && fault !== 'failed-but-saved') {
          // "removed" is only said when the secret is in neither place
          expect(existsSync(machine.leaseFolder()), `call ${atCall}`).toBe(false);
          const text = existsSync(envFileOf(machine)) ? readFileSync(envFileOf(machine), 'latin1') : '';
          expect(text, `call ${atCall}`).not.toContain(SECRET);
        }
      }
      // the next life, on a healthy disk, after the deadline
      machine.pass(HOUR);
      expect((await injectorOn(machine).sweep()).failed).toEqual([]);
      expectClean(machine, original);
      machine.remove();
    }
  });
}
