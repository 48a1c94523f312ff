/** Receivers of signed calls, each a process of its own: the reference server of the docs, and one written in Python. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export interface WebhookReceiver {
  readonly port: number;
  /** The address to give to Hallpass. */
  readonly url: string;
  /** What its tokens are for. */
  readonly notesUrl: string;
  readonly key: string;
  stop(): Promise<void>;
}

const root = fileURLToPath(new URL('../../..', import.meta.url));
const COMMANDS = {
  node: [process.execPath, path.join(root, 'docs/webhook-server.mjs')],
  python: ['python3', path.join(root, 'test/bed/targets/webhook-receiver.py')],
} as const;

/** Starts a receiver at a free port of this machine. `key`: a new one when left out. */
export async function startWebhookReceiver(
  language: keyof typeof COMMANDS = 'node',
  key = randomBytes(32).toString('base64'),
): Promise<WebhookReceiver> {
  const [command, file] = COMMANDS[language];
  const env = { PATH: process.env.PATH ?? '', HALLPASS_KEY: key, PORT: '0' };
  const child = spawn(command, [file], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const port = await listening(child);
  return {
    port,
    url: `http://127.0.0.1:${port}/hallpass`,
    notesUrl: `http://127.0.0.1:${port}/notes`,
    key,
    stop: () => stopped(child),
  };
}

/** The port that a program of ours prints. */
export function listening(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    let said = '';
    child.stdout?.on('data', (chunk) => {
      said += chunk;
      const port = /listening on (\d+)/.exec(said)?.[1];
      if (port !== undefined) resolve(Number(port));
    });
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`the receiver ended with ${code}: ${said}`)));
  });
}

/** Ends a process of ours and waits until it is gone. */
export function stopped(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.kill('SIGTERM');
  });
}
