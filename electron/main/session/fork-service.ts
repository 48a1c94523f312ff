/** The bundled service as Electron's utility process. Only after `ready`: before it, Electron 33 crashes. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { utilityProcess } from 'electron';
import type { ServiceChild } from './supervisor';

/** The service needs no more of our environment than this; nothing secret is ever passed by it. */
const PASSED = [
  'HOME',
  'PATH',
  'LANG',
  'LC_ALL',
  'TZ',
  'TMPDIR',
  'TEMP',
  'TMP',
  'SYSTEMROOT',
  'USERPROFILE',
  'APPDATA',
  'XDG_RUNTIME_DIR',
];

/** V8 would let the young generation of the heap grow to 16 MB at the start and keep it. */
export const SMALL_HEAP = '--js-flags=--max-semi-space-size=2';

export function forkService(entry: string): ServiceChild {
  const env: Record<string, string> = {};
  for (const name of PASSED) {
    const value = process.env[name];
    if (value !== undefined) env[name] = value;
  }
  const child = utilityProcess.fork(entry, [], {
    serviceName: 'Hallpass Service',
    stdio: 'pipe',
    env,
    execArgv: [SMALL_HEAP],
  });
  return {
    post: (message) => child.postMessage(message),
    onMessage: (listener) => void child.on('message', listener),
    onExit: (listener) => void child.on('exit', listener),
    onOutput(listener) {
      child.stdout?.on('data', (chunk: Buffer) => listener(chunk.toString()));
      child.stderr?.on('data', (chunk: Buffer) => listener(chunk.toString()));
    },
    kill: () => void child.kill(),
  };
}

/** The crash file the service leaves in its folder; null when there is none. */
export function readLastWords(serviceDir: string): string | null {
  try {
    return readFileSync(join(serviceDir, 'crash.log'), 'utf8')
      .split('\n')
      .map((line) => line.slice(0, 500))
      .slice(-20)
      .join('\n');
  } catch {
    return null;
  }
}
