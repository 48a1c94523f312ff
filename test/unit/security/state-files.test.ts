/**
 * State files on a disk that is full, read-only, or holds something else where a file should be. On a real, tiny file
 * system where one may be mounted (root); else the cases that need one say that they were left out.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { readJsonFile, writeJsonFile } from '../../../electron/main/lifecycle/json-file';
import { createLog } from '../../../electron/main/lifecycle/log';
import { openSettings } from '../../../electron/main/lifecycle/settings';
import { createReturnQueue } from '../../../electron/main/session/return-queue';
import { openSyncMemory } from '../../../electron/main/sync/memory';

// electron-store adds the default folder to `conf` and nothing else; the folder is given here, so the real `conf` is under test.
vi.mock('electron-store', async () => {
  const { default: Conf } = await import('conf');
  return {
    default: class extends Conf {
      constructor({ name, ...rest }: { name: string; cwd: string; clearInvalidConfig: boolean }) {
        super({ ...rest, configName: name });
      }
    },
  };
});

const KIB = 1024;
let folder: string;
let disk: string;
let mounted = false;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'hp-state-'));
  disk = join(folder, 'disk');
  mkdirSync(disk);
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return;
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'none', disk], { stdio: 'ignore' });
    mounted = true;
  } catch {
    mounted = false; // a container that may not mount
  }
});
afterAll(() => {
  if (mounted) execFileSync('umount', [disk]);
  rmSync(folder, { recursive: true, force: true });
});
const Any = z.object({ text: z.string() });
const id = 'grt_01jd0000000000000000000000';

describe('a full disk', () => {
  test('keeps the old file whole, and says that the new one was not written', (context) => {
    if (!mounted) return context.skip('needs a file system of its own');
    const file = join(disk, 'state.json');
    writeJsonFile(file, { text: 'old' });
    // Room for a part of the next one only: exactly where a short write would go unnoticed.
    writeFileSync(join(disk, 'filler'), Buffer.alloc(48 * KIB));
    expect(() => writeJsonFile(file, { text: 'x'.repeat(30 * KIB) })).toThrow(/ENOSPC/);
    expect(readJsonFile(file, Any, 0)).toEqual({ kind: 'read', value: { text: 'old' } });
    expect(readdirSync(disk).sort()).toEqual(['filler', 'state.json']); // no half of a file is left to fill it further
    rmSync(join(disk, 'filler'));
  });
  test('loses no return that waits, and the app goes on', async (context) => {
    if (!mounted) return context.skip('needs a file system of its own');
    writeFileSync(join(disk, 'filler'), Buffer.alloc(60 * KIB));
    const said: string[] = [];
    const sent: string[] = [];
    let here = false;
    const queue = createReturnQueue({
      file: join(disk, 'returns.json'),
      callApi: (async (name: string) => {
        if (!here) throw new Error('away');
        sent.push(name);
      }) as never,
      nowMs: () => 0,
      newKey: () => 'x'.repeat(20 * KIB),
      log: (_level, what) => void said.push(what),
    });
    await queue.push({ kind: 'return', grantId: id });
    expect(said).toContain('queued returns could not be saved');
    expect(queue.size()).toBe(1);
    here = true;
    await queue.flush();
    expect([sent, queue.size()]).toEqual([['grants.return'], 0]);
    rmSync(join(disk, 'filler'));
  });
  test('makes the log silent, never the app', (context) => {
    if (!mounted) return context.skip('needs a file system of its own');
    const log = createLog(join(disk, 'log', 'x.log'), () => 0);
    for (let i = 0; i < 100; i++) log('info', 'y'.repeat(1_900));
    expect(readFileSync(join(disk, 'log', 'x.log')).byteLength).toBeLessThanOrEqual(64 * KIB);
  });
});

describe('something else where a file should be', () => {
  test.each([
    ['not JSON', '{"v":1,'],
    ['another shape', '[1,2]'],
    ['a prototype', '{"__proto__":{"theme":"dark"},"constructor":1}'],
    ['binary', Buffer.from([0, 255, 254, 1])],
    ['nothing', ''],
  ])('settings that are %s: the app starts with its defaults', (name, text) => {
    const home = mkdtempSync(join(folder, 'home-'));
    writeFileSync(join(home, 'settings.json'), text);
    const { store, notices } = openSettings(home, 7);
    expect(store.get()).toMatchObject({ theme: 'system', notifications: true });
    expect(({} as { theme?: string }).theme).toBeUndefined();
    if (name === 'another shape' || name === 'not JSON' || name === 'binary' || name === 'nothing') {
      expect(notices[0]).toMatchObject({ code: 'file-kept-aside', safe: expect.stringContaining('not affected') });
      expect(readdirSync(home)).toContain('settings.json.corrupt-7');
    }
    expect(store.set({ theme: 'dark' }).theme).toBe('dark');
  });
  test('a folder in place of the settings is told, and the app starts', () => {
    const home = mkdtempSync(join(folder, 'home-'));
    mkdirSync(join(home, 'settings.json'));
    const { store, notices } = openSettings(home, 7);
    expect(store.get().theme).toBe('system');
    expect(notices).toHaveLength(1);
    expect(store.set({ theme: 'dark' }).theme).toBe('dark');
  });
  test('what is chosen while the app still starts is kept as soon as the store is there, and what comes after at once', async () => {
    const home = mkdtempSync(join(folder, 'home-'));
    const kept = () => JSON.parse(readFileSync(join(home, 'settings.json'), 'utf8'));
    const { store } = openSettings(home, 7);
    store.set({ theme: 'dark' });
    expect(await store.keep()).toBeNull();
    expect(kept()).toMatchObject({ theme: 'dark' });
    store.set({ notifications: false });
    expect(kept()).toMatchObject({ theme: 'dark', notifications: false });
    expect(openSettings(home, 8).store.get()).toMatchObject({ theme: 'dark', notifications: false });
  });
  test('a home that can not be written starts with the defaults, tells so, and a choice holds until the end', async () => {
    writeFileSync(join(folder, 'a-file'), '');
    const { store } = openSettings(join(folder, 'a-file', 'Hallpass'), 7); // not even root can make that folder
    expect(await store.keep()).toMatchObject({
      code: 'settings-not-kept',
      safe: expect.stringContaining('not affected'),
    });
    expect(store.get().theme).toBe('system');
    expect(store.set({ theme: 'dark' }).theme).toBe('dark');
    expect(store.get().theme).toBe('dark');
  });
  test('returns and sync memory that can not be read are kept aside, and told', () => {
    const told: string[] = [];
    const log = (_level: unknown, what: string) => void told.push(what);
    for (const name of ['returns.json', 'sync.json']) writeFileSync(join(folder, name), '{"v":');
    const queue = createReturnQueue({
      file: join(folder, 'returns.json'),
      callApi: (async () => ({})) as never,
      nowMs: () => 8,
      newKey: () => 'k',
      log,
    });
    const memory = openSyncMemory({ file: join(folder, 'sync.json'), nowMs: () => 8, after: () => () => {}, log });
    for (const { notices } of [queue, memory]) {
      expect(notices).toHaveLength(1);
      expect(notices[0]).toMatchObject({ code: 'file-kept-aside', next: expect.stringContaining('.corrupt-8') });
    }
    expect(told).toHaveLength(2);
    expect(readdirSync(folder)).toEqual(expect.arrayContaining(['returns.json.corrupt-8', 'sync.json.corrupt-8']));
  });
  test.each(['returns.json', 'sync.json'])('a folder in place of %s does not keep the app from starting', (name) => {
    const file = join(mkdtempSync(join(folder, 'home-')), name);
    mkdirSync(file);
    expect(readJsonFile(file, Any, 9)).toMatchObject({ kind: 'corrupt', keptAs: `${file}.corrupt-9` });
  });
});
