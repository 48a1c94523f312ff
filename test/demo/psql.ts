/** The real `psql`, run as the requester would: with their home, finding the credential by `service=`. */
import { spawn } from 'node:child_process';

export interface PsqlAnswer {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs one statement. Never throws for a refused log-in: that is an answer. */
export function psql(env: Readonly<Record<string, string>>, service: string, sql: string): Promise<PsqlAnswer> {
  return new Promise((resolve, reject) => {
    const child = spawn('psql', ['-X', '-w', '-t', '-A', '-v', 'ON_ERROR_STOP=1', `service=${service}`, '-c', sql], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let out = '';
    let err = '';
    child.stdout.on('data', (chunk) => {
      out += chunk;
    });
    child.stderr.on('data', (chunk) => {
      err += chunk;
    });
    child.once('error', reject);
    child.once('close', (code) => resolve({ code: code ?? 1, out: out.trim(), err: err.trim() }));
  });
}

export interface OpenSession {
  /** Resolves with what psql said when its session was cut, and when (epoch milliseconds). */
  readonly cut: Promise<{ readonly at: number; readonly said: string }>;
  /** The backend's process id on the server. */
  readonly backend: number;
  close(): void;
}

/** Opens a session and leaves it working on the server until somebody cuts it. */
export async function openSession(env: Readonly<Record<string, string>>, service: string): Promise<OpenSession> {
  const child = spawn('psql', ['-X', '-w', '-t', '-A', `service=${service}`], { env, stdio: ['pipe', 'pipe', 'pipe'] });
  child.stdin.on('error', () => undefined); // it may be cut while we write
  let said = '';
  child.stderr.on('data', (chunk) => {
    said += chunk;
  });
  const cut = new Promise<{ at: number; said: string }>((resolve) => {
    child.once('close', () => resolve({ at: Date.now(), said: said.trim() }));
  });
  const backend = await new Promise<number>((resolve, reject) => {
    let out = '';
    child.stdout.on('data', (chunk) => {
      out += chunk;
      const found = /^(\d+)$/m.exec(out);
      if (found) resolve(Number(found[1]));
    });
    child.once('close', () => reject(new Error(`psql did not open a session: ${said.trim()}`)));
    child.stdin.write('SELECT pg_backend_pid();\n');
  });
  child.stdin.write('SELECT pg_sleep(3600);\n');
  return { cut, backend, close: () => child.kill() };
}
