/**
 * One call of the system's own `ssh`, with a key of its own for each: made here, certified for minutes and for one command,
 * and gone with its folder. Why the system's client: it is the protocol's most attacked implementation and there already.
 * Nothing secret is in the arguments; the host's key is pinned, and nothing of the machine's ssh configuration is read.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hostKeyOf, type SshSettings } from '../../../../shared/contract/ssh';
import { privateKeyFile, publicOfSeed } from '../../../../shared/crypto/ssh-wire';
import type { Random } from '../../../../shared/domain/instant';
import { TargetError } from '../provisioner';
import type { Authority } from './authority';
import { type CertificateOrder, signCertificate } from './certificate';

export interface SshCall {
  readonly settings: SshSettings;
  readonly authority: Authority;
  readonly user: string;
  /** What the key of this call is certified for. */
  readonly certificate: Pick<CertificateOrder, 'serial' | 'keyId' | 'principals' | 'forceCommand'>;
  /** Words for the host, if any. Never secret: they are in the arguments. */
  readonly words?: readonly string[];
  /** Called for each line; what it returns is sent back as a line. */
  readonly answer?: (line: string) => string | null;
}
export interface SshAnswer {
  readonly lines: readonly string[];
  /** Exit code of what ran on the host. */
  readonly code: number;
}

/** One name for the pinned key, whatever address it is reached at. */
const HOST_ALIAS = 'hallpass-target';
/**
 * Clocks of host and service may be apart by this much and access can still be ended. The key is gone with the call, long
 * before its certificate is over, and is good for one command only.
 */
const CLOCK_DOUBT_S = 26n * 3_600n;
const CONNECT_LIMIT_S = 5;
/** Below the engine's own limit, so that its "unknown" is the exception. */
const CALL_LIMIT_MS = 9_000;
const MAX_OUTPUT_CHARS = 8 * 1024 * 1024;
const MAX_ERROR_CHARS = 400;
/** sshd drops connections at random when ten wait to log in (MaxStartups). */
const CALLS_PER_HOST = 5;

export interface SshClient {
  /** @throws TargetError `unreachable`, or `refused` when host key or certificate are not accepted */
  call(call: SshCall): Promise<SshAnswer>;
}

export function createSshClient(deps: { readonly random: Random; readonly now: () => number }): SshClient {
  const waiting = new Map<string, { running: number; readonly next: (() => void)[] }>();
  const inTurn = async <T>(place: string, work: () => Promise<T>): Promise<T> => {
    const line = waiting.get(place) ?? { running: 0, next: [] };
    waiting.set(place, line);
    if (line.running >= CALLS_PER_HOST) await new Promise<void>((go) => line.next.push(go));
    line.running++;
    try {
      return await work();
    } finally {
      line.running--;
      line.next.shift()?.();
      if (line.running === 0 && line.next.length === 0) waiting.delete(place);
    }
  };
  const callNow = async (call: SshCall): Promise<SshAnswer> => {
    const folder = await mkdtemp(join(tmpdir(), 'hallpass-ssh-'));
    try {
      const seed = deps.random.bytes(32);
      const nowS = BigInt(Math.floor(deps.now() / 1000));
      const certificate = signCertificate(
        call.authority,
        {
          ...call.certificate,
          publicKey: publicOfSeed(seed),
          validAfter: nowS - CLOCK_DOUBT_S,
          validBefore: nowS + CLOCK_DOUBT_S,
        },
        deps.random,
      );
      const known = call.settings.hostKeys.map((line) => `${HOST_ALIAS} ${hostKeyOf(line)}\n`).join('');
      const file = (name: string, text: string) => writeFile(join(folder, name), text, { mode: 0o600, flag: 'wx' });
      await file('id', privateKeyFile(seed, deps.random.bytes(4), 'hallpass'));
      await file('id-cert.pub', `${certificate}\n`);
      await file('known_hosts', known);
      return await run(argumentsOf(call, folder), call);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  };
  return { call: (call) => inTurn(`${call.settings.host}:${call.settings.port}`, () => callNow(call)) };
}

function argumentsOf({ settings, user, words = [] }: SshCall, folder: string): string[] {
  const options: Record<string, string> = {
    BatchMode: 'yes',
    StrictHostKeyChecking: 'yes',
    HostKeyAlias: HOST_ALIAS,
    UserKnownHostsFile: join(folder, 'known_hosts'),
    GlobalKnownHostsFile: 'none',
    UpdateHostKeys: 'no',
    IdentityFile: join(folder, 'id'),
    CertificateFile: join(folder, 'id-cert.pub'),
    IdentitiesOnly: 'yes',
    IdentityAgent: 'none',
    PreferredAuthentications: 'publickey',
    ClearAllForwardings: 'yes',
    ForwardAgent: 'no',
    ControlPath: 'none',
    ConnectTimeout: String(CONNECT_LIMIT_S),
    ServerAliveInterval: '3',
    ServerAliveCountMax: '2',
    LogLevel: 'ERROR',
  };
  const given = Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value.replaceAll('%', '%%')}`]);
  return ['-F', 'none', '-T', ...given, '-p', String(settings.port), '-l', user, '--', settings.host, ...words];
}

function run(args: readonly string[], call: SshCall): Promise<SshAnswer> {
  return new Promise((resolve, reject) => {
    const child = spawn('ssh', args, { stdio: ['pipe', 'pipe', 'pipe'], windowsHide: true });
    const lines: string[] = [];
    let rest = '';
    let size = 0;
    let errors = '';
    let late = false;
    let broken: { readonly error: unknown } | null = null;
    const timer = setTimeout(() => {
      late = true;
      child.kill('SIGKILL');
    }, CALL_LIMIT_MS);
    child.stdin.on('error', () => undefined); // it ended first; its exit says why
    if (call.answer === undefined) child.stdin.end();
    child.stdout.setEncoding('utf8');
    child.stdout.on('data', (part: string) => {
      size += part.length;
      if (size > MAX_OUTPUT_CHARS) child.kill('SIGKILL');
      const pieces = (rest + part).split('\n');
      rest = pieces.pop() ?? '';
      for (const line of pieces) {
        lines.push(line);
        if (broken !== null) continue;
        try {
          const back = call.answer?.(line) ?? null;
          if (back !== null) child.stdin.write(`${back}\n`);
        } catch (error) {
          // What the host said can't be answered: the call ends, and this is why.
          broken = { error };
          child.kill('SIGKILL');
        }
      }
    });
    child.stderr.setEncoding('utf8');
    child.stderr.on('data', (part: string) => {
      errors = (errors + part).slice(-MAX_ERROR_CHARS * 4);
    });
    child.once('error', (cause) => {
      clearTimeout(timer);
      reject(cannotStart(cause));
    });
    child.once('close', (code) => {
      clearTimeout(timer);
      if (broken !== null) reject(broken.error);
      else if (code !== null && code !== 255) resolve({ lines, code });
      else reject(late ? slow(call) : refusalOf(call, errors));
    });
  });
}

const placeOf = ({ settings }: SshCall): string => `${settings.host}:${settings.port}`;
const slow = (call: SshCall): TargetError =>
  new TargetError('unreachable', `${placeOf(call)} did not finish within ${CALL_LIMIT_MS / 1000} s.`);
const cannotStart = (cause: Error): TargetError =>
  (cause as NodeJS.ErrnoException).code === 'ENOENT'
    ? new TargetError('refused', 'There is no ssh where the service runs: install the OpenSSH client.', { cause })
    : new TargetError('unreachable', 'ssh could not be started where the service runs.', { cause });

/** ssh ends with 255 when it got no session; its words say why. */
function refusalOf(call: SshCall, errors: string): TargetError {
  const place = placeOf(call);
  if (/Host key verification failed|IDENTIFICATION HAS CHANGED|host key is known|no matching host key/i.test(errors))
    return new TargetError('refused', `${place} shows another host key than the pinned one.`);
  if (/Permission denied/.test(errors))
    return new TargetError('refused', `${place} refuses a certificate of this authority for ${call.user}.`);
  const words = errors
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .slice(-1)
    .join('')
    .slice(0, MAX_ERROR_CHARS);
  return new TargetError('unreachable', `${place} could not be used: ${words || 'the connection ended'}.`);
}
