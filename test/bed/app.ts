/**
 * Starts an app on the bed as a user would have it: own home, own runtime folder, the bed's display and buses.
 * Several can run at once, for example the one who asks and the one who approves.
 */
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { _electron, type ElectronApplication, type Page } from 'playwright';
import { electronRuntime } from '../../electron/dev/electron-runtime.mjs';
import { PROJECT_FOLDER } from '../../electron/dev/run.mjs';
import { type InMain, inMainOf } from './in-main';
import { startProgram } from './processes';
import type { TrayItem, TrayWatcher } from './tray';

/** Time for one launch. Generous: all of a run's processes may compete for two cores. */
const LAUNCH_TIMEOUT_MS = 30_000;
/** Time an app gets to quit by itself before it is killed. */
const QUIT_PATIENCE_MS = 10_000;

export interface LaunchOptions {
  /** A name for the person; their home is a folder of that name in the bed. Launch again with the same name to restart. */
  readonly person?: string;
  /** The app's folder; the checkout when left out (build it first). */
  readonly app?: string;
  /** Arguments of the app. */
  readonly args?: readonly string[];
  /** Added to the environment; `undefined` takes a variable away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** Folders of one person on the bed. */
export interface PersonFolders {
  readonly home: string;
  readonly runtime: string;
}

export interface BedApp {
  readonly electron: ElectronApplication;
  /** Runs a function in the main process; take this one, not `electron.evaluate` (in-main.ts says why). */
  readonly inMain: InMain;
  readonly processId: number;
  readonly home: string;
  /** XDG_RUNTIME_DIR of this app. */
  readonly runtime: string;
  readonly env: Readonly<Record<string, string>>;
  /** The first window; waits for it. */
  window(): Promise<Page>;
  /** This app's tray icon; waits for it. */
  tray(timeoutMs?: number): Promise<TrayItem>;
  /** What the app wrote to its standard output and error. */
  output(): string;
  /** Quits as the user would; kills when that takes too long. Resolves when the process is gone. */
  close(): Promise<void>;
  /** SIGKILL, as a crash. Resolves when the process is gone. */
  kill(): Promise<void>;
}

/** What the launcher needs of the bed. */
export interface LaunchPlace {
  readonly environmentFor: (folders: PersonFolders) => Record<string, string>;
  readonly folder: string;
  readonly watcher: TrayWatcher;
  readonly hasKeyring: () => boolean;
}

/** Makes (or finds again) the folders of a person. Short names: a Unix socket path may have 107 bytes. */
export async function foldersOf(bedFolder: string, person: string): Promise<PersonFolders> {
  const folders = { home: path.join(bedFolder, person), runtime: path.join(bedFolder, `${person}.run`) };
  await mkdir(folders.home, { recursive: true });
  await mkdir(folders.runtime, { recursive: true, mode: 0o700 });
  return folders;
}

/** @throws {Error} when the app does not start twice in a row */
export async function launchApp(place: LaunchPlace, options: LaunchOptions): Promise<BedApp> {
  const folders = await foldersOf(place.folder, options.person ?? 'user');
  const runtime = await electronRuntime();
  const env = withChanges(place.environmentFor(folders), options.env ?? {});
  const switches = [
    ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
    '--disable-gpu',
    '--log-level=3',
    ...(place.hasKeyring() ? ['--password-store=gnome-libsecret'] : []),
  ];
  const launch = () =>
    _electron.launch({
      executablePath: runtime.path,
      args: [...switches, options.app ?? PROJECT_FOLDER, ...(options.args ?? [])],
      env,
      timeout: LAUNCH_TIMEOUT_MS,
    });
  // About one launch in fifty fails between Playwright and Chromium before the app runs at all; once more is enough.
  const electron = await launch().catch(() => launch());
  return bedApp(electron, folders, env, place.watcher);
}

function bedApp(
  electron: ElectronApplication,
  folders: PersonFolders,
  env: Record<string, string>,
  watcher: TrayWatcher,
): BedApp {
  const child = electron.process();
  const processId = child.pid ?? 0;
  let output = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    output += chunk.toString('utf8');
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    output += chunk.toString('utf8');
  });
  const gone = new Promise<void>((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve();
    else child.once('exit', () => resolve());
  });
  return {
    electron,
    inMain: inMainOf(electron),
    processId,
    ...folders,
    env,
    window: () => electron.firstWindow(),
    tray: (timeoutMs) => watcher.itemOf(processId, timeoutMs),
    output: () => output,
    async close() {
      const timer = setTimeout(() => child.kill('SIGKILL'), QUIT_PATIENCE_MS);
      // Not only Playwright's close(): after a suspend and resume it waits for ever, and quitting from inside does not.
      await electron.evaluate(({ app }) => setTimeout(() => app.quit(), 0)).catch(() => undefined);
      await gone;
      clearTimeout(timer);
      await electron.close().catch(() => undefined);
    },
    async kill() {
      child.kill('SIGKILL');
      await gone;
      await electron.close().catch(() => undefined);
    },
  };
}

function withChanges(
  env: Record<string, string>,
  changes: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const merged = { ...env, ...changes };
  return Object.fromEntries(
    Object.entries(merged).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}

/**
 * Opens a link as a click in a browser or chat would, through the desktop's own `xdg-open`. Needs a desktop entry in the
 * person's home that claims the scheme.
 */
export async function openLink(app: Pick<BedApp, 'env'>, url: string): Promise<void> {
  const program = startProgram('xdg-open', [url], { env: { ...app.env } });
  await new Promise<void>((resolve) => program.process.once('close', () => resolve()));
}
