/** A desk without the app around it: the real injector on real files, the real socket, the real helper. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHelpers } from '../../../electron/main/helpers';
import { helperPlace } from '../../../electron/main/helpers/server';
import { createInjector, desktopInjectorDeps, type Injector } from '../../../electron/main/injection';
import { helperFile } from '../../../electron/main/injection/helper-file';
import type { Credential, PostgresCredential } from '../../../shared/contract/credential';
import { HOUR_MS } from '../../../shared/domain/instant';
import { chance26 } from '../../bed/postgres-target';

export const PASSWORD = 'planted-secret-4711';
export const postgresCredential: PostgresCredential = {
  kind: 'postgres',
  host: 'db.internal',
  port: 5432,
  database: "it's orders",
  user: 'hp_x',
  password: PASSWORD,
  tls: 'prefer',
};

export interface Ran {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
}
export interface Running {
  readonly child: ChildProcess;
  /** Resolves with the first lines that match. */
  said(pattern: RegExp): Promise<RegExpExecArray>;
  readonly ended: Promise<Ran>;
}

const textOf = (name: string): string =>
  readFileSync(new URL(`../../../electron/main/helpers/${name}`, import.meta.url), 'utf8');

/** Everything below one folder, whose name is short: a socket's path may have 107 bytes. */
export async function openDesk(
  options: { readonly monotonicMs?: () => number; readonly awsCredentials?: 'process' | 'file' } = {},
) {
  const root = mkdtempSync(join(tmpdir(), 'hh-'));
  const home = join(root, 'home');
  const runtime = join(root, 'run');
  const userDataDir = join(home, 'data');
  const socketFolder = join(runtime, 'hallpass-1');
  for (const folder of [home, userDataDir, runtime, socketFolder]) mkdirSync(folder, { recursive: true, mode: 0o700 });
  const env: NodeJS.ProcessEnv = {
    PATH: process.env.PATH,
    HOME: home,
    SHELL: '/bin/sh',
  };
  const logged: string[] = [];
  const exits: string[] = [];
  const log = (level: string, message: string, facts?: unknown) =>
    void logged.push(`${level} ${message} ${JSON.stringify(facts ?? {})}`);
  const injector: Injector = createInjector(
    desktopInjectorDeps({
      userDataDir,
      clockOffsetMs: () => 0,
      pgServiceFile: () => null,
      awsCredentials: () => options.awsCredentials ?? 'process',
      sweepCommand: null,
      env,
      homeDir: home,
      log,
    }),
  );
  const helpers = createHelpers({
    injector,
    userData: userDataDir,
    texts: { shell: textOf('hallpass.sh'), powershell: textOf('hallpass.ps1') },
    socketPath: () => join(socketFolder, 'h'),
    platform: process.platform,
    uid: process.getuid?.() ?? 0,
    now: () => Date.now(),
    monotonicMs: options.monotonicMs ?? (() => performance.now()),
    random: { bytes: (count) => new Uint8Array(randomBytes(count)) },
    onExit: (grantId) => void exits.push(grantId),
    log,
  });
  await helpers.start();
  const helper = helperFile(userDataDir, process.platform);
  const start = (command: string, args: readonly string[], more: NodeJS.ProcessEnv = {}, input = ''): Running => {
    const child = spawn(command, args, { env: { ...env, ...more }, stdio: ['pipe', 'pipe', 'pipe'] });
    let out = '';
    let err = '';
    const looks: (() => void)[] = [];
    child.stdout.on('data', (chunk) => {
      out += chunk;
      for (const look of looks) look();
    });
    child.stderr.on('data', (chunk) => {
      err += chunk;
    });
    child.stdin.on('error', () => undefined);
    if (input !== 'open') child.stdin.end(input);
    return {
      child,
      said: (pattern) =>
        new Promise((resolve) => {
          const look = () => {
            const found = pattern.exec(out);
            if (found) resolve(found);
          };
          looks.push(look);
          look();
        }),
      ended: new Promise((resolve, reject) => {
        child.once('error', reject);
        child.once('close', (code, signal) => resolve({ code, signal, out: out.trim(), err: err.trim() }));
      }),
    };
  };
  return {
    root,
    home,
    userDataDir,
    place: helperPlace(join(socketFolder, 'h'), userDataDir, process.platform),
    socketFolder,
    env,
    helper,
    injector,
    helpers,
    logged,
    /** Grants whose last command has ended. */
    exits,
    start,
    hallpass: (args: readonly string[], more?: NodeJS.ProcessEnv, input?: string): Promise<Ran> =>
      start(helper, args, more, input).ended,
    /** Injects and returns the grant's id. */
    async inject(resource: string, credential: Credential, lengthMs = HOUR_MS, level = 'read-only'): Promise<string> {
      const grantId = `grt_${chance26()}`;
      await injector.inject({ grantId, resource, level, credential, expiresAt: Date.now() + lengthMs });
      return grantId;
    },
    async close(): Promise<void> {
      for (const { grantId, state } of injector.list())
        if (state === 'injected') await injector.remove(grantId, 'returned');
      await helpers.stop();
      await injector.stop();
      rmSync(root, { recursive: true, force: true });
    },
  };
}
export type Desk = Awaited<ReturnType<typeof openDesk>>;
