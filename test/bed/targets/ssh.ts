/**
 * A real OpenSSH server on this machine: its own configuration, host key and port on loopback, the hook installed, no PAM, and
 * nothing of the system's sshd. Root only: sshd starts sessions for other users, and runs the hook, only as root.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Authority } from '../../../electron/service/provisioners/ssh/authority';
import { authorityOf } from '../../../electron/service/provisioners/ssh/authority';
import { hostHook } from '../../../electron/service/provisioners/ssh/host-hook';
import { SSH_CA_SEED_PREFIX, SSH_HOOK_PRINCIPAL, type SshCredential, SshSettings } from '../../../shared/contract/ssh';
import { toBase64url } from '../../../shared/crypto/bytes';
import { privateKeyFile, publicLine, publicOfSeed } from '../../../shared/crypto/ssh-wire';

const SSHD = '/usr/sbin/sshd';
/** Compiled into Debian's sshd; it does not start without. */
const PRIVSEP_FOLDER = '/run/sshd';

export interface SshHost {
  readonly port: number;
  readonly folder: string;
  /** The manager secret: the private half of the authority that this host trusts. */
  readonly secret: string;
  readonly authority: Authority;
  readonly hostKey: string;
  /** Settings with two levels: `reader` (a shell with the principal `orders-reader`) and `uptime` (that command only). */
  readonly settings: SshSettings;
  /** Runs the installed hook as an administrator on the host would. */
  hook(...args: string[]): string;
  /** What sshd wrote so far. */
  log(): string;
  stop(): Promise<void>;
}

/** What this machine lacks for a real host, in words; null when nothing. */
export function sshHostMissing(): string | null {
  if (process.getuid?.() !== 0) return 'sshd can be started by root only';
  const missing = [SSHD, '/usr/bin/ssh', '/usr/bin/flock'].filter((file) => !existsSync(file));
  return missing.length > 0 ? `${missing.join(', ')} not found: node electron/dev/set-up.mjs targets` : null;
}

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });

/** Processes below one, by /proc. */
function below(root: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc').filter((one) => /^\d+$/.test(one))) {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
    } catch {
      // gone meanwhile
    }
  }
  const found = new Set([root]);
  for (let more = true; more; ) {
    more = false;
    for (const [pid, parent] of parents)
      if (found.has(parent) && !found.has(pid)) {
        found.add(pid);
        more = true;
      }
  }
  found.delete(root);
  return [...found];
}

/** Resolves when something listens there. */
async function whenListening(port: number, child: ChildProcess, log: () => string): Promise<void> {
  for (;;) {
    if (child.exitCode !== null) throw new Error(`sshd ended: ${log()}`);
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1');
      socket.once('connect', () => {
        socket.destroy();
        resolve(true);
      });
      socket.once('error', () => resolve(false));
    });
    if (open) return;
    await new Promise((next) => setImmediate(next));
  }
}

export interface SshHostOptions {
  readonly hook?: 'installed' | 'none';
  /** `careless`: the hook is there, and sshd's configuration names neither it nor its list. */
  readonly sshd?: 'by the recipe' | 'careless';
}

export async function startSshHost(options: SshHostOptions = {}): Promise<SshHost> {
  const withHook = options.hook !== 'none';
  const isAsked = withHook && options.sshd !== 'careless';
  // Not under /tmp: sshd refuses a command whose folders others may write to.
  const folder = mkdtempSync('/var/lib/hallpass-bed-ssh-');
  const file = (name: string) => join(folder, name);
  const secret = `${SSH_CA_SEED_PREFIX}${toBase64url(randomBytes(32))}`;
  const authority = authorityOf(secret);
  const hostSeed = new Uint8Array(randomBytes(32));
  const hostKey = publicLine(publicOfSeed(hostSeed));
  const folders = { state: file('state'), principals: file('principals') };
  writeFileSync(file('host_key'), privateKeyFile(hostSeed, randomBytes(4), 'host'), { mode: 0o600 });
  writeFileSync(file('ca.pub'), `${authority.line}\n`);
  writeFileSync(file('hook'), hostHook(folders), { mode: 0o755 });
  mkdirSync(folders.principals);
  writeFileSync(join(folders.principals, 'root'), `${SSH_HOOK_PRINCIPAL}\norders-reader\norders-uptime\n`);
  const hook = (...args: string[]) => execFileSync(file('hook'), args, { encoding: 'utf8' });
  if (withHook) hook('setup');
  const port = await freePort();
  const config = [
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `HostKey ${file('host_key')}`,
    'PidFile none',
    'UsePAM no',
    'PermitRootLogin prohibit-password',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'AuthorizedKeysFile none',
    'LogLevel VERBOSE',
    `TrustedUserCAKeys ${file('ca.pub')}`,
    ...(isAsked
      ? [
          `RevokedKeys ${folders.state}/revoked.krl`,
          `AuthorizedPrincipalsCommand ${file('hook')} principals %s %i %u`,
          'AuthorizedPrincipalsCommandUser root',
        ]
      : [`AuthorizedPrincipalsFile ${folders.principals}/%u`]),
  ];
  writeFileSync(file('sshd_config'), `${config.join('\n')}\n`);
  mkdirSync(PRIVSEP_FOLDER, { recursive: true, mode: 0o755 });
  let log = '';
  const child = spawn(SSHD, ['-D', '-e', '-f', file('sshd_config')], { stdio: ['ignore', 'ignore', 'pipe'], cwd: '/' });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.stderr.setEncoding('utf8');
  child.stderr.on('data', (part: string) => {
    log += part;
  });
  await whenListening(port, child, () => log);
  const settings = SshSettings.parse({
    kind: 'ssh',
    host: '127.0.0.1',
    port,
    hostKeys: [hostKey],
    logins: [
      { level: 'reader', user: 'root', principals: ['orders-reader'] },
      { level: 'uptime', user: 'root', principals: ['orders-uptime'], command: 'echo up; cat', permits: [] },
    ],
    hook: withHook ? { user: 'root', command: file('hook') } : null,
  });
  return {
    port,
    folder,
    secret,
    authority,
    hostKey,
    settings,
    hook,
    log: () => log,
    async stop() {
      const pid = child.pid ?? 0;
      const sessions = pid > 0 ? below(pid) : [];
      child.kill('SIGTERM');
      for (const session of sessions) {
        try {
          process.kill(session, 'SIGKILL');
        } catch {
          // ended by itself
        }
      }
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A key as a device makes it for a grant. */
export function newDeviceKey(): { readonly seed: Uint8Array; readonly line: string } {
  const seed = new Uint8Array(randomBytes(32));
  return { seed, line: publicLine(publicOfSeed(seed)) };
}

export interface SshRun {
  readonly child: ChildProcess;
  /** Exit code (255: no session) and what both sides said. */
  readonly done: Promise<{ readonly code: number; readonly out: string; readonly err: string }>;
}
export interface SshRunOptions {
  readonly user?: string;
  readonly command?: readonly string[];
  /** More for the client, such as `-W host:port`. */
  readonly args?: readonly string[];
  readonly onOutput?: (text: string) => void;
}

/** Runs the real client with a credential, as somebody would who has the files. */
export function runSsh(credential: SshCredential, seed: Uint8Array, options: SshRunOptions = {}): SshRun {
  const folder = mkdtempSync(join(tmpdir(), 'hallpass-ssh-'));
  const file = (name: string, text: string) => {
    writeFileSync(join(folder, name), text, { mode: 0o600 });
    return join(folder, name);
  };
  const identity = file('id', privateKeyFile(seed, randomBytes(4), ''));
  const certificate = file('id-cert.pub', `${credential.certificate}\n`);
  const known = file(
    'known',
    credential.hostKeys.map((key) => `[${credential.host}]:${credential.port} ${key}\n`).join(''),
  );
  const given = {
    BatchMode: 'yes',
    StrictHostKeyChecking: 'yes',
    UserKnownHostsFile: known,
    IdentityFile: identity,
    CertificateFile: certificate,
    IdentitiesOnly: 'yes',
    IdentityAgent: 'none',
  };
  const child = spawn(
    'ssh',
    [
      ...['-F', 'none', '-T', '-p', String(credential.port), '-l', options.user ?? credential.user],
      ...Object.entries(given).flatMap(([name, value]) => ['-o', `${name}=${value}`]),
      ...(options.args ?? []),
      credential.host,
      ...(options.command ?? []),
    ],
    { stdio: ['pipe', 'pipe', 'pipe'] },
  );
  let out = '';
  let err = '';
  child.stdin.on('error', () => undefined);
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    out += part;
    options.onOutput?.(out);
  });
  child.stderr.setEncoding('utf8').on('data', (part: string) => {
    err += part;
  });
  const done = new Promise<{ code: number; out: string; err: string }>((resolve) => {
    child.once('close', (code) => {
      rmSync(folder, { recursive: true, force: true });
      resolve({ code: code ?? -1, out, err });
    });
  });
  return { child, done };
}
