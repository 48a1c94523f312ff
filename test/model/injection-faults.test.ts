/** Every file-system call of inject and remove fails once in every way, and is once the last thing the process did. */
import { existsSync, lstatSync, readFileSync, writeFileSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { profileOf } from '../../electron/main/injection/lease-folders';
import { setBlocks } from '../../electron/main/injection/marked-blocks';
import {
  Crash,
  entriesBelow,
  type Fault,
  faultyFiles,
  GRANT,
  type Machine,
  newMachine,
  PASSWORD,
  SECOND,
} from '../unit/injection/machine';

const ORIGINAL = '[mine]\nhost=x\n# no final line end';
const machines: Machine[] = [];
afterEach(() => {
  for (const machine of machines.splice(0)) machine.remove();
});
function prepared(original: string | null): Machine {
  const machine = newMachine();
  machines.push(machine);
  if (original !== null) writeFileSync(machine.serviceFile, original, { mode: 0o640 });
  return machine;
}

/** At no moment is the user's file partial, empty or wider than it was, nor one of ours open to others. */
function expectWhole(machine: Machine, original: string | null): void {
  const now = existsSync(machine.serviceFile) ? readFileSync(machine.serviceFile, 'latin1') : null;
  const owner = { profile: profileOf(machine.userData), grantOfLine: () => null };
  if (now !== null) {
    expect(setBlocks(now, owner, []).text).toBe(original ?? '');
    expect(lstatSync(machine.serviceFile).mode & 0o777).toBe(original === null ? 0o600 : 0o640);
  } else expect(original).toBeNull();
  for (const { path, mode, isFile } of entriesBelow(machine.home))
    if (isFile && !path.startsWith('.pg_service.conf') && !path.startsWith('..pg_service.conf'))
      expect(mode & 0o077, path).toBe(0);
}
/** Nothing of ours is left, and what is not ours is byte for byte as before. */
function expectClean(machine: Machine, original: string | null): void {
  expectWhole(machine, original);
  const left = entriesBelow(machine.home).map(({ path }) => path);
  const ours = left.filter(
    (path) => !['data', 'data/injections', 'data/credentials', 'data/injections/places.json'].includes(path),
  );
  expect(ours).toEqual(original === null ? [] : ['.pg_service.conf']);
  if (original !== null) expect(readFileSync(machine.serviceFile, 'latin1')).toBe(original);
  expect(machine.logged.join('\n')).not.toContain(PASSWORD);
}
const settle = async (work: Promise<unknown>) => {
  try {
    return { value: await work, error: undefined };
  } catch (error) {
    return { value: undefined, error };
  }
};

async function injectWith(machine: Machine, fault: Fault | null, atCall: number, original: string | null) {
  const { files, calls } = faultyFiles(fault, atCall);
  const injector = machine.injector(files);
  const { value, error } = await settle(injector.inject(machine.request()));
  expectWhole(machine, original);
  if (error !== undefined) expect(JSON.stringify(error)).not.toContain(PASSWORD);
  return { injector, calls, value, error };
}

const FAULTS: Fault[] = ['EIO', 'EACCES', 'failed-but-saved', 'crash-before', 'crash-after', 'disk-full'];
for (const original of [ORIGINAL, null]) {
  const kind = original === null ? 'a service file that is not there yet' : 'a service file of the user';
  for (const fault of FAULTS) {
    test(`inject into ${kind}: ${fault} at each call`, { timeout: 120_000 }, async () => {
      const count = (await injectWith(prepared(original), null, -1, original)).calls.length;
      expect(count).toBeGreaterThan(30);
      for (let atCall = 0; atCall < count; atCall++) {
        const machine = prepared(original);
        const { injector, value, error } = await injectWith(machine, fault, atCall, original);
        if (value !== undefined) {
          expect(value, `call ${atCall}`).toMatchObject({ state: 'injected' });
          expect((await machine.injector().sweep()).resumed.length).toBe(1); // it is really there
        } else if (!(error instanceof Error && error.cause instanceof Crash) && !fault.startsWith('crash')) {
          const state = injector.list()[0]?.state ?? 'none';
          expect(['none', 'removed', 'removal_failed'], `call ${atCall}`).toContain(state);
        }
        // the next life, on a healthy disk, after the deadline
        machine.pass(3_600_000);
        const report = await machine.injector().sweep();
        expect(report.failed).toEqual([]);
        expectClean(machine, original);
        machine.remove();
      }
    });
  }
}

for (const fault of FAULTS) {
  test(`remove: ${fault} at each call`, { timeout: 120_000 }, async () => {
    const dry = prepared(ORIGINAL);
    await dry.injector().inject(dry.request());
    const probe = faultyFiles(null, -1);
    const probing = dry.injector(probe.files);
    await probing.sweep();
    const from = probe.calls.length;
    await probing.remove(GRANT, 'returned');
    expectClean(dry, ORIGINAL);
    for (let atCall = from; atCall < probe.calls.length; atCall++) {
      const machine = prepared(ORIGINAL);
      await machine.injector().inject(machine.request());
      const { files } = faultyFiles(fault, atCall);
      const injector = machine.injector(files);
      await injector.sweep();
      const after = await injector.remove(GRANT, 'returned');
      expectWhole(machine, ORIGINAL);
      if (after.state === 'removed' && fault !== 'failed-but-saved') {
        // "removed" is only said when nothing is left that gives access or points to it
        expect(existsSync(machine.leaseFolder())).toBe(false);
        expect(readFileSync(machine.serviceFile, 'latin1')).toBe(ORIGINAL);
      } else if (after.state !== 'removed') {
        expect(after).toMatchObject({ state: 'removal_failed', error: expect.any(String) });
        if (fault === 'EIO' || fault === 'EACCES' || fault === 'failed-but-saved') {
          machine.timers.at(-1)?.callback(); // the retry
          await injector.remove(GRANT, 'returned');
          expect(injector.list()[0]?.state).toBe('removed');
        }
      }
      machine.pass(3_600_000);
      expect((await machine.injector().sweep()).failed).toEqual([]);
      expectClean(machine, ORIGINAL);
      machine.remove();
    }
  });
}

test('short writes are completed', async () => {
  const machine = prepared(ORIGINAL);
  const injector = machine.injector(faultyFiles('short-write', 0).files);
  expect(await injector.inject(machine.request())).toMatchObject({ state: 'injected' });
  expect(await injector.secretOf(GRANT)).toMatchObject({ password: PASSWORD });
  expect(await injector.remove(GRANT, 'returned')).toMatchObject({ state: 'removed' });
  expectClean(machine, ORIGINAL);
});

test('one removal that fails stops no other', async () => {
  const machine = prepared(ORIGINAL);
  const healthy = machine.injector();
  await healthy.inject(machine.request());
  await healthy.inject(machine.request({ grantId: SECOND, resource: 'billing' }));
  const { files } = faultyFiles(null, -1);
  const injector = machine.injector({
    ...files,
    unlink: async (path) => {
      if (path.includes(`${GRANT}/`)) throw Object.assign(new Error('EACCES: injected, unlink'), { code: 'EACCES' });
      return files.unlink(path);
    },
  });
  machine.pass(3_600_000);
  const report = await injector.sweep();
  expect(report.failed).toEqual([GRANT]);
  expect(report.removed).toEqual([{ grantId: SECOND, why: 'expired' }]);
  expect(readFileSync(machine.serviceFile, 'latin1')).toBe(ORIGINAL); // the pointer is gone although the secret is not
  expect(injector.list().find(({ grantId }) => grantId === GRANT)).toMatchObject({ state: 'removal_failed' });
});
