/**
 * Programs that a bed starts and ends. Everything is ended by the process we hold, never by name, and ending waits until
 * the program is really gone, so a test run leaves nothing behind.
 */
import { type ChildProcess, spawn } from 'node:child_process';

/** How long a program may take to end on SIGTERM before it is killed. */
const TERM_PATIENCE_MS = 3_000;
/** What is kept of a program's last words, for error texts. */
const MAX_OUTPUT_CHARACTERS = 8_000;

export interface StartOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** Written to the program's standard input, which is then closed. */
  readonly input?: string;
}

/** A running program of the bed. */
export interface Program {
  readonly name: string;
  readonly process: ChildProcess;
  /** Standard output and error so far, cut to the last part. */
  output(): string;
  /** The first text the program writes to its extra descriptor 3 (Xvfb's display) or to standard output (a bus address). */
  firstLine(from: 'stdout' | 'fd3'): Promise<string>;
  /** Ends it and waits. Fine to call twice. */
  stop(): Promise<void>;
}

/**
 * Starts a program with pipes for its output and one extra descriptor.
 * @throws {Error} from `firstLine` when the program ends before it says anything
 */
export function startProgram(command: string, args: readonly string[], options: StartOptions = {}): Program {
  const child = spawn(command, args, {
    env: options.env ?? process.env,
    cwd: options.cwd,
    stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
  });
  let output = '';
  const keep = (chunk: Buffer) => {
    output = (output + chunk.toString('utf8')).slice(-MAX_OUTPUT_CHARACTERS);
  };
  child.stdout?.on('data', keep);
  child.stderr?.on('data', keep);
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(options.input ?? '');
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, signal) => resolve(`ended with ${signal ?? code}`));
  });
  return {
    name: command,
    process: child,
    output: () => output,
    firstLine(from) {
      const stream = from === 'fd3' ? child.stdio[3] : child.stdout;
      return new Promise((resolve, reject) => {
        let text = '';
        stream?.on('data', (chunk: Buffer) => {
          text += chunk.toString('utf8');
          if (text.includes('\n')) resolve(text.split('\n', 1)[0]?.trim() ?? '');
        });
        void ended.then((how) => reject(new Error(`${command} ${how}: ${output.trim()}`)));
      });
    },
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), TERM_PATIENCE_MS);
      await ended;
      clearTimeout(timer);
    },
  };
}
