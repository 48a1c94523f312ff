/**
 * Asks the person's login shell for a few environment variables, once.
 * Why: an app started from the desktop does not see what a shell profile sets (PGSERVICEFILE, PGPASSWORD), but the `psql`
 * the person types does. A profile may print, wait or hang: so markers, a time limit, a size limit and no terminal.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { isAbsolute } from 'node:path';

export interface ShellAnswer {
  /** False: the shell could not be asked; `values` then come from the app's own environment. */
  readonly asked: boolean;
  readonly values: Readonly<Record<string, string>>;
  /** Why it could not be asked, for a warning. */
  readonly problem: string | null;
}
export interface LoginShell {
  /** The answer is remembered; `forget` asks anew next time. */
  environment(): Promise<ShellAnswer>;
  forget(): void;
}

/** What we want to know; PGPASSWORD's value is never read, only whether it is set. */
const NAMES = [
  'PGSERVICEFILE',
  'PGPASSFILE',
  'PGSYSCONFDIR',
  'AWS_CONFIG_FILE',
  'AWS_SHARED_CREDENTIALS_FILE',
  'KUBECONFIG',
] as const;
const PASSWORD = 'PGPASSWORD';
/** Stands for "it is set" in place of a password's value. */
export const SET = '(set)';
const TIME_LIMIT_MS = 5_000;
const MAX_OUTPUT_BYTES = 256 * 1024;

/** One line of POSIX shell that also fish, zsh, ksh and bash understand: `env` prints, nothing is interpolated. */
const scriptFor = (marker: string) =>
  `printf '%s\\n' ${marker}; ${NAMES.map((name) => `printenv ${name}; printf '%s\\n' ${marker}`).join('; ')}; ` +
  `printenv ${PASSWORD} >/dev/null && printf '%s\\n' set; printf '%s\\n' ${marker}`;

/** Takes the pieces between the markers; undefined when the shell did not get to the end. */
export function parseAnswer(output: string, marker: string): Record<string, string> | undefined {
  const pieces = output.split(`${marker}\n`);
  if (pieces.length !== NAMES.length + 3) return undefined;
  const values: Record<string, string> = {};
  for (const [index, name] of NAMES.entries()) {
    const value = (pieces[index + 1] ?? '').replace(/\r?\n$/, '');
    if (value !== '') values[name] = value;
  }
  if ((pieces[NAMES.length + 1] ?? '').includes('set')) values[PASSWORD] = SET;
  return values;
}

function fromOwn(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const values: Record<string, string> = {};
  for (const name of NAMES) if (env[name]) values[name] = env[name];
  if (env[PASSWORD]) values[PASSWORD] = SET;
  return values;
}

/** Ends the shell and what its profile started: it leads its own process group. */
function endGroup(child: ChildProcess): void {
  try {
    if (child.pid) process.kill(-child.pid, 'SIGKILL');
  } catch {
    child.kill('SIGKILL');
  }
}

function ask(shell: string, env: NodeJS.ProcessEnv, timeLimitMs: number): Promise<Record<string, string> | string> {
  const marker = `hallpass-${randomBytes(12).toString('hex')}`;
  return new Promise((resolve) => {
    const child = spawn(shell, ['-lic', scriptFor(marker)], {
      env: { ...env, TERM: 'dumb', HALLPASS_ASKS: '1' },
      stdio: ['ignore', 'pipe', 'ignore'],
      detached: true,
    });
    const chunks: Buffer[] = [];
    let size = 0;
    const finish = (answer: Record<string, string> | string) => {
      clearTimeout(timer);
      child.stdout.destroy();
      endGroup(child);
      resolve(answer);
    };
    const timer = setTimeout(() => finish(`no answer within ${timeLimitMs / 1_000} s`), timeLimitMs);
    child.stdout.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > MAX_OUTPUT_BYTES) return finish('it prints too much');
      chunks.push(chunk);
      const values = parseAnswer(Buffer.concat(chunks).toString('utf8'), marker);
      if (values) finish(values); // don't wait for what the profile left in the background
    });
    child.on('error', (error) => finish(error.message));
    child.on('close', () => finish('it ended without an answer'));
  });
}

/** The person's login shell (`$SHELL -lic`). On Windows variables come with the session: the own environment is the answer. */
export function systemLoginShell(options: {
  env: NodeJS.ProcessEnv;
  platform?: NodeJS.Platform;
  timeLimitMs?: number;
}): LoginShell {
  const { env, platform = process.platform, timeLimitMs = TIME_LIMIT_MS } = options;
  let answer: Promise<ShellAnswer> | null = null;
  const askOnce = async (): Promise<ShellAnswer> => {
    const shell = env.SHELL;
    if (platform === 'win32') return { asked: true, values: fromOwn(env), problem: null };
    if (!shell || !isAbsolute(shell)) return { asked: false, values: fromOwn(env), problem: 'SHELL is not set' };
    const said = await ask(shell, env, timeLimitMs);
    if (typeof said === 'string') return { asked: false, values: fromOwn(env), problem: said };
    return { asked: true, values: said, problem: null };
  };
  return {
    environment: () => {
      answer ??= askOnce();
      return answer;
    },
    forget: () => {
      answer = null;
    },
  };
}
