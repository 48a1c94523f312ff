/**
 * Starting an app as a desktop does, without Playwright in between, and reading afterwards when what was there.
 * Why DevTools' port is open but nobody is connected: the page keeps its own marks with the browser's clock, and we ask for
 * them only after the last one is set, so that looking costs the start nothing. The floor gets the same switches.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { cp } from 'node:fs/promises';
import path from 'node:path';
import { chromium } from 'playwright';
import { electronRuntime } from '../../../electron/dev/electron-runtime.mjs';
import { until } from '../../bed';

const QUIT_PATIENCE_MS = 10_000;
const START_PATIENCE_MS = 60_000;

export interface Started {
  readonly processId: number;
  /** `Date.now()` just before the process was made. */
  readonly startedAt: number;
  /** All it wrote to standard output and error so far. */
  output(): string;
  /** Epoch milliseconds of a mark that the page set; waits for it. Connects to the page: call it last. */
  pageMarkAt(name: string): Promise<number>;
  quit(): Promise<void>;
}

/**
 * A copy of the Electron that we run with. PSS shares a page's cost among all who map it: with another Electron open on the
 * same files, everything here would seem smaller, and the floor, which is little else than those files, most of all.
 */
export async function ownRuntime(folder: string): Promise<string> {
  const runtime = await electronRuntime();
  const copy = path.join(folder, 'electron');
  await cp(path.dirname(runtime.path), copy, { recursive: true });
  return path.join(copy, path.basename(runtime.path));
}

/**
 * @param executable from `ownRuntime`
 * @param args the app's folder, then what the app is told
 */
export function start(executable: string, args: readonly string[], env: Readonly<Record<string, string>>): Started {
  const switches = [
    ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
    ...['--disable-gpu', '--log-level=3', '--password-store=gnome-libsecret', '--remote-debugging-port=0'],
  ];
  const startedAt = Date.now();
  const child = spawn(executable, [...switches, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const take = (chunk: Buffer) => {
    output += chunk.toString('utf8');
  };
  child.stdout.on('data', take);
  child.stderr.on('data', take);
  return {
    processId: child.pid ?? 0,
    startedAt,
    output: () => output,
    async pageMarkAt(name) {
      const address = await until(
        'the DevTools address',
        () => /DevTools listening on (ws:\S+)/.exec(output)?.[1],
        START_PATIENCE_MS,
      );
      const browser = await chromium.connectOverCDP(address);
      try {
        const pages = browser.contexts().flatMap((context) => context.pages());
        const page = pages.find((each) => each.url().startsWith('app:'));
        if (!page) throw new Error(`no page of the app among ${pages.map((each) => each.url()).join(', ')}`);
        return await until(
          `the mark ${name}`,
          () =>
            page.evaluate((wanted) => {
              const mark = performance.getEntriesByName(wanted, 'mark')[0];
              return mark === undefined ? undefined : performance.timeOrigin + mark.startTime;
            }, name),
          START_PATIENCE_MS,
        );
      } finally {
        await browser.close();
      }
    },
    quit: () => quit(child),
  };
}

async function quit(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const timer = setTimeout(() => child.kill('SIGKILL'), QUIT_PATIENCE_MS);
  child.kill('SIGTERM');
  await gone;
  clearTimeout(timer);
}
