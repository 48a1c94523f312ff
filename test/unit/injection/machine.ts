/** A machine for tests: real files in a folder of their own, clocks that tests set, and a file port that can fail at any call. */
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInjector, type InjectorDeps, type InjectRequest } from '../../../electron/main/injection';
import { type FilePort, type NewFile, nodeFiles } from '../../../electron/main/injection/files';
import type { Keeper } from '../../../electron/main/injection/keeper';
import type { PostgresCredential } from '../../../shared/contract/credential';

export const GRANT = 'grt_01jd0000000000000000000aaa';
export const SECOND = 'grt_01jd0000000000000000000bbb';
export const PASSWORD = 'pw:with\\odd-signs';
export const credential: PostgresCredential = {
  kind: 'postgres',
  host: 'db.example',
  port: 5432,
  database: 'orders',
  user: 'hp_01jd0000000000000000000aaa',
  password: PASSWORD,
  tls: 'prefer',
};

export class Crash extends Error {}
/** What happens at one call: it fails, it fails after it worked, it is the last thing the process did, or the disk is full from then on. */
export type Fault =
  | 'EIO'
  | 'EACCES'
  | 'failed-but-saved'
  | 'crash-before'
  | 'crash-after'
  | 'disk-full'
  | 'short-write';
const WRITING = new Set(['create', 'write', 'makeFolder', 'rename', 'sync', 'syncFolder']);

export function faultyFiles(fault: Fault | null, atCall: number) {
  const real = nodeFiles();
  const calls: string[] = [];
  let dead = false;
  const error = (code: string, name: string) => Object.assign(new Error(`${code}: injected, ${name}`), { code });
  async function call<T>(name: string, work: () => Promise<T>): Promise<T> {
    if (dead) throw new Crash();
    const index = calls.push(name) - 1;
    if (fault === 'disk-full' && index >= atCall && WRITING.has(name)) throw error('ENOSPC', name);
    if (index !== atCall || fault === null || fault === 'disk-full' || fault === 'short-write') return work();
    if (fault === 'EIO' || fault === 'EACCES') throw error(fault, name);
    if (fault === 'crash-before') {
      dead = true;
      throw new Crash();
    }
    const value = await work();
    if (isNewFile(value)) await value.close();
    if (fault === 'failed-but-saved') throw error('EIO', `${name} (saved)`);
    dead = true;
    throw new Crash();
  }
  const isNewFile = (value: unknown): value is NewFile =>
    typeof value === 'object' && value !== null && 'sync' in value;
  const wrap = (file: NewFile): NewFile => ({
    write: (bytes) => {
      const isShort = fault === 'short-write' || (fault === 'crash-after' && calls.length === atCall);
      return call('write', () => file.write(isShort ? bytes.subarray(0, Math.max(1, bytes.length >> 1)) : bytes));
    },
    chmod: (mode) => call('chmod', () => file.chmod(mode)),
    chown: (uid, gid) => call('chown', () => file.chown(uid, gid)),
    sync: () => call('sync', () => file.sync()),
    close: async () => {
      await file.close(); // a dead process closes its files too
      await call('close', async () => undefined);
    },
  });
  const files: FilePort = {
    facts: (path) => call('facts', () => real.facts(path)),
    resolve: (path) => call('resolve', () => real.resolve(path)),
    read: (path) => call('read', () => real.read(path)),
    readFolder: (path) => call('readFolder', () => real.readFolder(path)),
    create: async (path, mode) => wrap(await call('create', () => real.create(path, mode))),
    rename: (from, to) => call('rename', () => real.rename(from, to)),
    unlink: (path) => call('unlink', () => real.unlink(path)),
    makeFolder: (path, mode) => call('makeFolder', () => real.makeFolder(path, mode)),
    removeFolder: (path) => call('removeFolder', () => real.removeFolder(path)),
    syncFolder: (path) => call('syncFolder', () => real.syncFolder(path)),
    inMemory: (path) => call('inMemory', () => real.inMemory(path)),
    userId: () => real.userId(),
  };
  return { files, calls };
}

/** Keepers only written down: the real one is tested with real processes in test/integration/injection. */
const notedKeepers = (): Keeper & { started: string[] } => {
  const started: string[] = [];
  return { started, start: async ({ folder }) => void started.push(folder) };
};

export function newMachine(options: { shell?: Record<string, string>; memory?: boolean } = {}) {
  const root = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'hallpass-injection-'));
  const home = join(root, 'home');
  const userData = join(home, 'data');
  mkdirSync(userData, { recursive: true });
  chmodSync(home, 0o700);
  const clocks = { wallAt: 1_800_000_000_000, uptimeMs: 50_000, bootId: 'boot-1' as string | null, offsetMs: 0 };
  const keeper = notedKeepers();
  const timers: { lengthMs: number; callback: () => void; cancelled: boolean }[] = [];
  const logged: string[] = [];
  const deps = (files: FilePort = nodeFiles(), over: Partial<InjectorDeps> = {}): InjectorDeps => ({
    userDataDir: userData,
    homeDir: home,
    platform: 'linux',
    env: {},
    files,
    now: () => clocks.wallAt,
    bootClock: { read: () => ({ bootId: clocks.bootId, uptimeMs: clocks.uptimeMs }) },
    clockOffsetMs: () => clocks.offsetMs,
    random: { bytes: (count) => new Uint8Array(randomBytes(count)) },
    loginShell: {
      environment: async () => ({ asked: true, values: options.shell ?? {}, problem: null }),
      forget: () => undefined,
    },
    keeper,
    pgServiceFile: () => null,
    after: (lengthMs, callback) => {
      const timer = { lengthMs, callback, cancelled: false };
      timers.push(timer);
      return () => {
        timer.cancelled = true;
      };
    },
    pause: async (lengthMs) => {
      clocks.wallAt += lengthMs;
    },
    processId: process.pid,
    isAlive: () => true,
    log: (level, message, facts) => void logged.push(`${level} ${message} ${JSON.stringify(facts ?? {})}`),
    ...over,
  });
  const request = (over: Partial<InjectRequest> = {}): InjectRequest => ({
    grantId: GRANT,
    resource: 'orders-db',
    level: 'read-only',
    credential,
    expiresAt: clocks.wallAt + clocks.offsetMs + 3_600_000,
    ...over,
  });
  return {
    home,
    userData,
    serviceFile: join(home, '.pg_service.conf'),
    journalFolder: join(userData, 'injections'),
    leaseFolder: (grantId = GRANT) => join(userData, 'credentials', grantId),
    clocks,
    keeper,
    timers,
    logged,
    deps,
    request,
    injector: (files?: FilePort, over?: Partial<InjectorDeps>) => createInjector(deps(files, over)),
    pass: (lengthMs: number) => {
      clocks.wallAt += lengthMs;
      clocks.uptimeMs += lengthMs;
    },
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
}
export type Machine = ReturnType<typeof newMachine>;

/** Every entry below a folder, with its mode. */
export function entriesBelow(folder: string): { path: string; mode: number; isFile: boolean }[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .sort()
    .map((path) => {
      const facts = lstatSync(join(folder, path));
      return { path, mode: facts.mode & 0o777, isFile: facts.isFile() };
    });
}
