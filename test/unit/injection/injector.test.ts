/** The life of an injection on real files: overlap, restart, changed clocks, damaged journals, things in the way. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { nodeFiles } from '../../../electron/main/injection/files';
import type { InjectRequest } from '../../../electron/main/injection/types';
import type { LocalInjection } from '../../../shared/contract/ipc';
import { credential, entriesBelow, GRANT, type Machine, newMachine, PASSWORD, SECOND } from './machine';

let m: Machine;
beforeEach(() => {
  m = newMachine();
});
afterEach(() => m.remove());
const service = () => (existsSync(m.serviceFile) ? readFileSync(m.serviceFile, 'utf8') : null);
const journalFiles = () => readdirSync(m.journalFolder).filter((name) => name.startsWith('grt_'));
const passfile = (grantId = GRANT) => join(m.leaseFolder(grantId), 'passfile');
const of = (all: LocalInjection[], grantId: string) => all.find((local) => local.grantId === grantId);

describe('inject', () => {
  test('leaves a private passfile, a section that points to it, and a journal without the secret', async () => {
    const injector = m.injector();
    const local = await injector.inject(m.request());
    expect(local).toMatchObject({ state: 'injected', command: 'psql service=orders-db', warnings: [], error: null });
    expect(local.files).toEqual([passfile(), m.serviceFile]);
    expect(statSync(passfile()).mode & 0o777).toBe(0o600);
    expect(statSync(m.leaseFolder()).mode & 0o777).toBe(0o700);
    expect(service()).toContain(`passfile=${passfile()}`);
    const journal = journalFiles()
      .map((name) => readFileSync(join(m.journalFolder, name), 'utf8'))
      .join();
    for (const text of [journal, service() ?? '', m.logged.join(), JSON.stringify(injector.list())])
      expect(text).not.toContain(PASSWORD);
    expect(await injector.secretOf(GRANT)).toEqual(credential);
  });
  test('is remembered in the journal before any other file is touched', async () => {
    const real = nodeFiles();
    let journaledFirst: boolean | null = null;
    const injector = m.injector({
      ...real,
      create: async (path, mode) => {
        if (path.startsWith(m.leaseFolder())) journaledFirst ??= journalFiles().includes(`${GRANT}.json`);
        return real.create(path, mode);
      },
    });
    await injector.inject(m.request());
    expect(journaledFirst).toBe(true);
  });
  test('has a keeper before the secret is written, and none means no secret', async () => {
    const injector = m.injector(nodeFiles(), {
      keeper: {
        start: async () => {
          expect(existsSync(passfile())).toBe(false);
          throw new Error('spawn EAGAIN');
        },
      },
    });
    await expect(injector.inject(m.request())).rejects.toMatchObject({ userError: { code: 'injection-failed' } });
    expect(of(injector.list(), GRANT)).toMatchObject({ state: 'removed' });
    expect(existsSync(m.leaseFolder())).toBe(false);
    expect(service()).toBeNull();
  });
  test('twice is once, with the later deadline', async () => {
    const injector = m.injector();
    await injector.inject(m.request());
    const before = service();
    const expiresAt = m.clocks.wallAt + 7_200_000;
    expect(await injector.inject(m.request({ expiresAt }))).toMatchObject({ state: 'injected', expiresAt });
    expect(service()).toBe(before);
  });
  for (const [name, over] of Object.entries<Partial<InjectRequest>>({
    'a resource with a line end': { resource: 'a\n[x]' },
    'a resource with a bracket': { resource: 'a]' },
    'a path as resource': { resource: '../x' },
    'a level with a space': { level: 'read only' },
    'a grant id that is a path': { grantId: '../../etc' },
    'a deadline that is no number': { expiresAt: Number.NaN },
    'a host with a line end': { credential: { ...credential, host: 'db\npassword=x' } },
    'a password with a line end': { credential: { ...credential, password: `${PASSWORD}\nx` } },
    'a database with NUL': { credential: { ...credential, database: 'a\0b' } },
    'a deadline in the past': { expiresAt: 5 },
  }))
    test(`${name} is refused, and nothing is written`, async () => {
      const injector = m.injector();
      const error = await injector.inject(m.request(over)).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({
        name: 'InjectionError',
        userError: { what: expect.any(String), safe: expect.any(String) },
      });
      expect(JSON.stringify(error)).not.toContain(PASSWORD);
      expect(entriesBelow(m.home).map(({ path }) => path)).toEqual(['data']);
    });
  test('a CA certificate lies beside the passfile and goes with it', async () => {
    const injector = m.injector();
    const withCa = { ...credential, tls: 'verify-full' as const, caCertificate: '-----BEGIN CERTIFICATE-----\n' };
    await injector.inject(m.request({ credential: withCa }));
    expect(service()).toContain(`sslmode=verify-full\nsslrootcert=${join(m.leaseFolder(), 'ca.pem')}`);
    expect(await injector.secretOf(GRANT)).toEqual(withCa);
    await injector.remove(GRANT, 'returned');
    expect(existsSync(m.leaseFolder())).toBe(false);
  });
});

describe('what is in the way is told, and nothing is lost', () => {
  const obstacles: Record<string, [make: () => void, what: RegExp]> = {
    'a FIFO': [() => execFileSync('mkfifo', [m.serviceFile]), /not a regular file/],
    'a folder': [() => mkdirSync(m.serviceFile), /is a folder/],
    'a read-only file': [() => writeFileSync(m.serviceFile, '[a]\n', { mode: 0o400 }), /read-only/],
    'a link to nothing': [() => symlinkSync(join(m.home, 'gone'), m.serviceFile), /link to a file that does not exist/],
    'a link to itself': [() => symlinkSync(m.serviceFile, m.serviceFile), /leads back to itself/],
    'a huge file': [
      () => writeFileSync(m.serviceFile, '# 32 characters, with line end\n\n'.repeat(2 ** 15 + 1)),
      /larger than 1 MB/,
    ],
    'a binary file': [() => writeFileSync(m.serviceFile, 'a\0b'), /NUL bytes/],
    'a file with two names': [
      () => {
        writeFileSync(join(m.home, 'other'), '[a]\n');
        linkSync(join(m.home, 'other'), m.serviceFile);
      },
      /hard link/,
    ],
    'a credentials folder open to others': [
      () => {
        mkdirSync(join(m.userData, 'credentials'));
        chmodSync(join(m.userData, 'credentials'), 0o755);
      },
      /not a private folder/,
    ],
    'a file where the credentials folder should be': [
      () => writeFileSync(join(m.userData, 'credentials'), ''),
      /not a private folder|could not be/,
    ],
  };
  for (const [name, [make, what]] of Object.entries(obstacles))
    test(name, async () => {
      make();
      const before = lstatSync(m.serviceFile, { throwIfNoEntry: false })?.ino;
      const injector = m.injector();
      await expect(injector.inject(m.request())).rejects.toMatchObject({
        userError: { what: expect.stringMatching(what), next: expect.any(String) },
      });
      expect(lstatSync(m.serviceFile, { throwIfNoEntry: false })?.ino).toBe(before);
      expect(existsSync(passfile())).toBe(false);
      const report = await m.injector().sweep();
      expect(report.failed).toEqual([]);
    });
});

describe('the user’s file', () => {
  test('a symbolic link stays one, its target is edited, mode kept', async () => {
    mkdirSync(join(m.home, 'dotfiles'));
    const target = join(m.home, 'dotfiles', 'services');
    writeFileSync(target, '[a]\n');
    chmodSync(target, 0o664);
    symlinkSync('dotfiles/services', m.serviceFile);
    const injector = m.injector();
    await injector.inject(m.request());
    expect(lstatSync(m.serviceFile).isSymbolicLink()).toBe(true);
    expect(readFileSync(target, 'utf8')).toContain('[orders-db]');
    expect(statSync(target).mode & 0o777).toBe(0o664);
    await injector.remove(GRANT, 'returned');
    expect(readFileSync(target, 'utf8')).toBe('[a]\n');
    expect(lstatSync(m.serviceFile).isSymbolicLink()).toBe(true);
  });
  test('another program that writes just before our rename loses nothing', async () => {
    writeFileSync(m.serviceFile, '[a]\n');
    const real = nodeFiles();
    let intruded = 0;
    const injector = m.injector({
      ...real,
      create: async (path, mode) => {
        if (path.includes('.hallpass-') && intruded++ < 3) writeFileSync(m.serviceFile, `${service()}[b${intruded}]\n`);
        return real.create(path, mode);
      },
    });
    await injector.inject(m.request());
    for (const theirs of ['[a]', '[b1]', '[b2]', '[b3]', '[orders-db]']) expect(service()).toContain(theirs);
    await injector.remove(GRANT, 'returned');
    expect(service()).toBe('[a]\n[b1]\n[b2]\n[b3]\n');
  });
  test('a lock of a dead program is taken over, one of a live program that never ends is told', async () => {
    const lock = join(m.home, '..pg_service.conf.hallpass.lock');
    writeFileSync(lock, '999999');
    const dead = m.injector(nodeFiles(), { isAlive: () => false });
    expect(await dead.inject(m.request())).toMatchObject({ state: 'injected' });
    expect(existsSync(lock)).toBe(false);
    const stuck = m.injector(nodeFiles(), { isAlive: () => true, pause: async () => undefined });
    await stuck.sweep();
    writeFileSync(lock, '999999');
    m.clocks.wallAt = statSync(lock).mtimeMs;
    expect(await stuck.remove(GRANT, 'returned')).toMatchObject({
      state: 'removal_failed',
      error: expect.stringContaining('another program'),
    });
    expect(existsSync(passfile())).toBe(false); // the secret did not wait for the lock
    rmSync(lock);
    m.timers.at(-1)?.callback();
    await expect.poll(() => of(stuck.list(), GRANT)?.state).toBe('removed');
    expect(service()).toBeNull();
  });
  test('two injectors at once lose neither’s lines', async () => {
    writeFileSync(m.serviceFile, '[a]\n');
    const other = join(m.home, 'other-data');
    mkdirSync(other);
    const live = {
      pause: () => new Promise<void>((done) => setImmediate(done)),
      processId: 1,
      isAlive: () => true,
      now: () => Date.now(),
    };
    const expiresAt = Date.now() + 3_600_000;
    const one = m.injector(nodeFiles(), live);
    const two = m.injector(nodeFiles(), { ...live, userDataDir: other, processId: 2 });
    await Promise.all([
      one.inject(m.request({ expiresAt })),
      two.inject(m.request({ grantId: SECOND, resource: 'billing', expiresAt })),
    ]);
    expect(service()).toContain('[orders-db]');
    expect(service()).toContain('[billing]');
    await two.sweep(); // does not take the other profile's for orphans
    expect(service()).toContain('[orders-db]');
    await Promise.all([one.remove(GRANT, 'returned'), two.remove(SECOND, 'returned')]);
    expect(service()).toBe('[a]\n');
  });
});

describe('overlapping grants', () => {
  test('the newest has the plain name; when it ends the next newest gets it back', async () => {
    const injector = m.injector();
    await injector.inject(m.request());
    await injector.inject(m.request({ grantId: SECOND }));
    expect(of(injector.list(), SECOND)?.command).toBe('psql service=orders-db');
    expect(of(injector.list(), GRANT)?.command).toBe(`psql service=orders-db.read-only.${GRANT.slice(-6)}`);
    await injector.remove(SECOND, 'expired');
    expect(of(injector.list(), GRANT)?.command).toBe('psql service=orders-db');
    expect(existsSync(passfile())).toBe(true);
    expect(existsSync(passfile(SECOND))).toBe(false);
  });
  test('an older one that ends takes nothing from the newer', async () => {
    const injector = m.injector();
    await injector.inject(m.request());
    await injector.inject(m.request({ grantId: SECOND, level: 'read-write' }));
    const before = service();
    await injector.remove(GRANT, 'expired');
    expect(service()).not.toContain(GRANT);
    expect(before).toContain(GRANT);
    expect(of(injector.list(), SECOND)?.command).toBe('psql service=orders-db');
  });
  test('all at once', async () => {
    const injector = m.injector();
    const ids = Array.from({ length: 10 }, (_, i) => `grt_01jd00000000000000000000${String(i).padStart(2, '0')}`);
    await Promise.all(ids.map((grantId) => injector.inject(m.request({ grantId }))));
    await Promise.all(ids.map((grantId) => injector.remove(grantId, 'revoked')));
    expect(injector.list().map(({ state }) => state)).toEqual(ids.map(() => 'removed'));
    expect(service()).toBeNull();
    expect(journalFiles()).toEqual([]);
  });
});

describe('a restart', () => {
  test('takes up what is live, with a new keeper', async () => {
    await m.injector().inject(m.request());
    m.pass(60_000);
    const injector = m.injector();
    const report = await injector.sweep();
    expect(report).toMatchObject({
      removed: [],
      failed: [],
      lost: [],
      notices: [],
      resumed: [{ grantId: GRANT, command: 'psql service=orders-db' }],
    });
    expect(m.keeper.started).toEqual([m.leaseFolder(), m.leaseFolder()]);
    expect(injector.remainingMs(GRANT)).toBe(3_600_000 - 60_000);
    expect(await injector.secretOf(GRANT)).toEqual(credential);
  });
  const clocks: Record<string, [change: (m: Machine) => void, live: boolean]> = {
    'before the deadline': [(x) => x.pass(3_599_000), true],
    'after the deadline': [(x) => x.pass(3_600_000), false],
    'after the deadline with the wall clock set back': [
      (x) => {
        x.pass(3_600_000);
        x.clocks.wallAt -= 86_400_000;
      },
      false,
    ],
    'before the deadline with the wall clock set forward over it': [
      (x) => {
        x.clocks.wallAt += 3_700_000;
      },
      false,
    ],
    'before the deadline with the wall clock set back': [
      (x) => {
        x.pass(60_000);
        x.clocks.wallAt -= 86_400_000;
      },
      true,
    ],
    'after a reboot, before the deadline': [
      (x) => {
        x.pass(60_000);
        x.clocks.bootId = 'boot-2';
        x.clocks.uptimeMs = 10_000;
      },
      true,
    ],
    'after a reboot, after the deadline': [
      (x) => {
        x.pass(3_600_001);
        x.clocks.bootId = 'boot-2';
        x.clocks.uptimeMs = 10_000;
      },
      false,
    ],
    'after a reboot with the wall clock set back': [
      (x) => {
        x.clocks.wallAt -= 86_400_000;
        x.clocks.bootId = 'boot-2';
        x.clocks.uptimeMs = 10_000;
      },
      false,
    ],
    'after a reboot that only shows in the uptime': [
      (x) => {
        x.clocks.bootId = 'boot-1';
        x.clocks.uptimeMs = 10;
        x.clocks.wallAt -= 86_400_000;
      },
      false,
    ],
  };
  for (const [name, [change, live]] of Object.entries(clocks))
    test(`${name}: ${live ? 'resumed' : 'removed'}`, async () => {
      writeFileSync(m.serviceFile, '[a]\n');
      await m.injector().inject(m.request());
      change(m);
      const report = await m.injector().sweep();
      expect(report.resumed.length).toBe(live ? 1 : 0);
      expect(report.removed.map(({ grantId }) => grantId)).toEqual(live ? [] : [GRANT]);
      expect(existsSync(passfile())).toBe(live);
      if (!live) expect(service()).toBe('[a]\n');
    });
  test('a wall clock set back prolongs nothing: the journal knows how much is left', async () => {
    await m.injector().inject(m.request());
    m.pass(60_000);
    m.clocks.wallAt -= 86_400_000;
    const injector = m.injector();
    await injector.sweep();
    expect(injector.remainingMs(GRANT)).toBe(3_540_000);
  });
  test('a secret that is gone (tmpfs after a reboot) is told as lost, its pointer removed', async () => {
    await m.injector().inject(m.request());
    rmSync(m.leaseFolder(), { recursive: true });
    const injector = m.injector();
    expect(await injector.sweep()).toMatchObject({ lost: [GRANT], resumed: [], failed: [] });
    expect(service()).toBeNull();
    expect(await injector.inject(m.request())).toMatchObject({ state: 'injected' }); // and may be fetched again
  });
  for (const [name, damage] of Object.entries({
    'cut off': (text: string) => text.slice(0, 40),
    empty: () => '',
    'not JSON': () => '\0\0\0',
    'of another version': (text: string) => text.replace('"v": 1', '"v": 99'),
    'of another grant': (text: string) => text.replaceAll(GRANT, SECOND),
    huge: (text: string) => text + ' '.repeat(100_000),
  }))
    test(`a journal file that is ${name} is kept aside, and its traces are found all the same`, async () => {
      writeFileSync(m.serviceFile, '[a]\n');
      await m.injector().inject(m.request());
      const file = join(m.journalFolder, `${GRANT}.json`);
      writeFileSync(file, damage(readFileSync(file, 'utf8')));
      const report = await m.injector().sweep();
      expect(report.notices).toMatchObject([{ code: 'journal-kept-aside' }]);
      expect(report.removed).toContainEqual({ grantId: GRANT, why: 'orphan' });
      expect(existsSync(m.leaseFolder())).toBe(false);
      expect(service()).toBe('[a]\n');
      expect(readdirSync(m.journalFolder).some((entry) => entry.includes('.kept-aside-'))).toBe(true);
      expect((await m.injector().sweep()).notices).toEqual([]);
    });
  test('a service file that is no longer the one in use is cleaned too, without any journal', async () => {
    const elsewhere = join(m.home, 'services');
    await m.injector(nodeFiles(), { pgServiceFile: () => elsewhere }).inject(m.request());
    expect(existsSync(elsewhere)).toBe(true);
    rmSync(join(m.journalFolder, `${GRANT}.json`));
    await m.injector().sweep();
    expect(existsSync(elsewhere)).toBe(false);
  });
});

describe('extend', () => {
  test('moves deadline, lease file and journal together', async () => {
    const injector = m.injector();
    await injector.inject(m.request());
    const before = readFileSync(join(m.leaseFolder(), 'lease'), 'utf8');
    await injector.extend(GRANT, m.clocks.wallAt + 7_200_000);
    expect(readFileSync(join(m.leaseFolder(), 'lease'), 'utf8')).not.toBe(before);
    m.pass(3_700_000);
    expect((await m.injector().sweep()).resumed.length).toBe(1);
    expect(injector.remainingMs(GRANT)).toBe(3_500_000);
  });
  test('that can’t be stored leaves the old deadline in force', async () => {
    await m.injector().inject(m.request());
    const real = nodeFiles();
    let broken = false;
    const injector = m.injector({
      ...real,
      rename: async (from, to) => {
        if (broken && to.startsWith(m.journalFolder))
          throw Object.assign(new Error('ENOSPC: injected'), { code: 'ENOSPC' });
        return real.rename(from, to);
      },
    });
    await injector.sweep();
    broken = true;
    const before = readFileSync(join(m.leaseFolder(), 'lease'), 'utf8');
    await expect(injector.extend(GRANT, m.clocks.wallAt + 7_200_000)).rejects.toMatchObject({ name: 'InjectionError' });
    expect(readFileSync(join(m.leaseFolder(), 'lease'), 'utf8')).toBe(before);
    expect(injector.remainingMs(GRANT)).toBe(3_600_000);
  });
  test('of something that is not injected is refused', async () => {
    await expect(m.injector().extend(GRANT, 1)).rejects.toMatchObject({ userError: { code: 'wrong-state' } });
  });
  test('counts in the service’s time, whatever this machine’s clock shows', async () => {
    m.clocks.offsetMs = -1_200_000; // this machine is 20 minutes fast
    const injector = m.injector();
    await injector.inject(m.request());
    expect(injector.remainingMs(GRANT)).toBe(3_600_000);
  });
});

test('every state is told, in order, and an unsubscribed listener hears nothing', async () => {
  const injector = m.injector();
  const seen: string[] = [];
  const off = injector.onChange((all) => {
    const state = of(all, GRANT)?.state;
    if (state && seen.at(-1) !== state) seen.push(state);
  });
  await injector.inject(m.request());
  await injector.remove(GRANT, 'returned');
  expect(seen).toEqual(['writing', 'injected', 'removing', 'removed']);
  off();
  await injector.inject(m.request({ grantId: SECOND }));
  expect(seen.length).toBe(4);
  expect(await injector.secretOf(GRANT)).toBeNull();
});
test('"removed" is only said after a read-back: another program that puts our lines back is noticed', async () => {
  const real = nodeFiles();
  let old = '';
  const injector = m.injector({
    ...real,
    syncFolder: async (path) => {
      await real.syncFolder(path);
      if (old !== '' && path === m.home) writeFileSync(m.serviceFile, old); // an editor saves its old buffer
    },
  });
  await injector.inject(m.request());
  old = service() ?? '';
  expect(await injector.remove(GRANT, 'returned')).toMatchObject({
    state: 'removal_failed',
    error: expect.stringContaining('still in the shared file'),
  });
  expect(existsSync(passfile())).toBe(false);
  old = '';
  expect(await injector.remove(GRANT, 'returned')).toMatchObject({ state: 'removed' });
  expect(service()).toBeNull();
});
test('removing what was never injected says so and harms nothing', async () => {
  expect(await m.injector().remove(GRANT, 'expired')).toMatchObject({ state: 'none' });
});
test('a removal that fails is tried again with growing, capped pauses', async () => {
  const real = nodeFiles();
  let broken = false;
  const injector = m.injector({
    ...real,
    unlink: async (path) => {
      if (broken && path === passfile()) throw Object.assign(new Error('EACCES: injected'), { code: 'EACCES' });
      return real.unlink(path);
    },
  });
  await injector.inject(m.request());
  broken = true;
  for (let i = 0; i < 9; i++) await injector.remove(GRANT, 'expired');
  expect(m.timers.map(({ lengthMs }) => lengthMs)).toEqual(
    [1, 2, 4, 8, 16, 32, 60, 60, 60].map((seconds) => seconds * 1_000),
  );
  expect(of(injector.list(), GRANT)).toMatchObject({
    state: 'removal_failed',
    error: expect.stringContaining('could not be removed'),
  });
  broken = false;
  expect(await injector.remove(GRANT, 'expired')).toMatchObject({ state: 'removed', error: null });
});
test('warns when the plain name is the user’s, the shell could not be asked, or a password is set', async () => {
  writeFileSync(m.serviceFile, '[orders-db]\nhost=mine\n[orders-db.read-only]\nhost=mine\n');
  const injector = m.injector(nodeFiles(), {
    loginShell: {
      environment: async () => ({ asked: false, values: { PGPASSWORD: '(set)' }, problem: 'no answer' }),
      forget: () => undefined,
    },
  });
  const local = await injector.inject(m.request());
  expect(local.command).toBe(`psql service=orders-db.read-only.${GRANT.slice(-6)}`);
  expect(local.warnings.join('|')).toMatch(/PGPASSWORD.*could not be asked.*of yours/);
});
