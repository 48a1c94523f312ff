/** A process of our own that holds an injector, to be killed for real. */
import { type ChildProcess, spawn } from 'node:child_process';
import { watch } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const FIXTURE = join(dirname(fileURLToPath(import.meta.url)), 'fixtures', 'inject-and-wait.ts');
const PROJECT = join(dirname(FIXTURE), '../../../..');

export function startApp(options: { userDataDir: string; home: string; runtimeDir?: string; sweepCommand?: unknown }) {
  const facts = { userDataDir: options.userDataDir, sweepCommand: options.sweepCommand ?? null };
  const child: ChildProcess = spawn(process.execPath, ['--import', 'tsx', FIXTURE, JSON.stringify(facts)], {
    cwd: PROJECT,
    stdio: ['pipe', 'pipe', 'inherit'],
    env: {
      PATH: process.env.PATH,
      HOME: options.home,
      SHELL: '/bin/sh',
      ...(options.runtimeDir ? { XDG_RUNTIME_DIR: options.runtimeDir } : {}),
    },
  });
  const { stdin, stdout } = child;
  if (!stdin || !stdout) throw new Error('no pipes');
  stdin.on('error', () => undefined); // killed before it has read
  const lines = createInterface({ input: stdout })[Symbol.asyncIterator]();
  const exited = new Promise<void>((done) => child.once('exit', () => done()));
  return {
    async call(call: 'ready' | 'inject' | 'extend' | 'sweep', ...args: unknown[]): Promise<Record<string, unknown>> {
      stdin.write(`${JSON.stringify({ call, args })}\n`);
      const { value, done } = await lines.next();
      if (done) throw new Error('the app ended');
      return JSON.parse(value);
    },
    /** SIGKILL: no handler of ours runs. */
    async kill(): Promise<void> {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

/** Resolves when `isTrue` holds, looking again whenever something changes in the folder. */
export function whenFolder(folder: string, isTrue: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const watcher = watch(folder, { recursive: false }, look);
    function look() {
      if (!isTrue()) return;
      watcher.close();
      resolve();
    }
    look();
  });
}
