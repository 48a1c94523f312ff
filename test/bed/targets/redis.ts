/**
 * Real Redis nodes for tests and the demo, from the system's redis-server: each with a configuration, a folder and a port of
 * its own on loopback, the second one with an ACL file. A node hangs on a pipe from us: when we end, however we end, it
 * stops and its folder goes.
 * The manager is made by the very recipe that the connection test shows: the least rights, never the default user.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import type { Target } from '../../../electron/service/provisioners/provisioner';
import { recipeFor } from '../../../electron/service/provisioners/redis/manager';
import { type RedisCredential, type RedisSettings, redisNodeOf } from '../../../shared/contract/redis';
import { chance26 } from '../postgres-target';
import { until } from '../until';

export const REDIS_SERVER = '/usr/bin/redis-server';
export const REDIS_CLI = '/usr/bin/redis-cli';
/** Why no node can be started here, in words that say what to do; null when it can. */
export function redisMissing(): string | null {
  const missing = [REDIS_SERVER, REDIS_CLI].filter((file) => !existsSync(file));
  return missing.length > 0 ? `${missing.join(', ')} not found: node electron/dev/set-up.mjs targets` : null;
}
export const MANAGER = 'hallpass_manager';
const START_LIMIT_MS = 20_000;
const PORT_ATTEMPTS = 5;

export interface RedisNodeOptions {
  /** `file`: users are kept in an ACL file. `none`: they are gone when the node stops. */
  readonly acl: 'file' | 'none';
  /** Clients have to use TLS with this certificate. */
  readonly tls?: { readonly certificatePem: string; readonly keyPem: string };
  /** More lines of redis.conf. */
  readonly settings?: Readonly<Record<string, string>>;
}
export interface RedisNode {
  readonly host: string;
  readonly port: number;
  /** As settings name it: `127.0.0.1:6379`. */
  readonly name: string;
  readonly folder: string;
  /** Password of the default user, who may do everything. */
  readonly password: string;
  /** One command as the default user. */
  command(...words: readonly [string, ...string[]]): Promise<unknown>;
  /** What the ACL file says; '' where there is none. */
  aclFile(): string;
  /** Stops the server and keeps its folder and port. */
  halt(how: 'in order' | 'killed'): Promise<void>;
  /** Starts it again, with what its folder holds. */
  start(): Promise<void>;
  /** Keeps it from answering, as a machine that hangs; the returned function lets it go on. */
  freeze(): () => void;
  /** Stops it for good and removes its folder. */
  stop(): Promise<void>;
}
export interface RedisNodes {
  readonly nodes: readonly [RedisNode, ...RedisNode[]];
  stop(): Promise<void>;
}

/** Two nodes, the second with an ACL file, when nothing else is said. */
export async function startRedisNodes(
  options: readonly RedisNodeOptions[] = [{ acl: 'none' }, { acl: 'file' }],
): Promise<RedisNodes> {
  const started = await Promise.allSettled(options.map(startRedisNode));
  const nodes = started.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  const stop = async () => void (await Promise.all(nodes.map((node) => node.stop())));
  const failed = started.find((one) => one.status === 'rejected');
  const [first, ...others] = nodes;
  if (failed || !first) {
    await stop();
    throw failed?.reason ?? new Error('at least one node is needed');
  }
  return { nodes: [first, ...others], stop };
}

/** Waits for the pipe to close, then stops the server; the folder goes unless `keep` lies in it: holds also when we are killed. */
const KEEPER =
  '"$1" "$2/redis.conf" 3<&- & server=$!; echo $server >"$2/pid"; ' +
  '(cat >/dev/null; kill -TERM $server 2>/dev/null) <&3 & exec 3<&-; wait $server; cd /; [ -e "$2/keep" ] || rm -rf "$2"';

async function startRedisNode(options: RedisNodeOptions): Promise<RedisNode> {
  const folder = mkdtempSync(join(tmpdir(), 'hallpass-redis-'));
  const password = randomBytes(18).toString('base64url');
  const digest = createHash('sha256').update(password).digest('hex');
  const everything = `user default on #${digest} sanitize-payload ~* &* +@all\n`;
  if (options.acl === 'file') writeFileSync(join(folder, 'users.acl'), everything);
  const host = '127.0.0.1';
  let keeper: ChildProcess | null = null;
  let gone: Promise<void> = Promise.resolve();
  let port = 0;

  const connect = async (): Promise<Redis> => {
    const tls = options.tls ? { tls: { ca: options.tls.certificatePem } } : {};
    const client = new Redis({
      host,
      port,
      password,
      ...tls,
      lazyConnect: true,
      retryStrategy: null,
      disableClientInfo: true,
    });
    client.on('error', () => undefined);
    await client.connect();
    return client;
  };
  const command: RedisNode['command'] = async (first, ...rest) => {
    const client = await connect();
    try {
      return await client.call(first, ...rest);
    } finally {
      client.disconnect();
    }
  };
  const launch = async () => {
    writeFileSync(join(folder, 'redis.conf'), configuration(folder, port, options, everything));
    writeFileSync(join(folder, 'keep'), '');
    const child = spawn('/bin/sh', ['-c', KEEPER, 'hallpass-redis', REDIS_SERVER, folder], {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
      detached: true, // a Ctrl-C at the terminal reaches us alone; the closing pipe then stops the server in order
      env: { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' },
    });
    child.unref();
    keeper = child;
    let hasEnded = false;
    gone = new Promise<void>((resolve) =>
      child.once('exit', () => {
        hasEnded = true;
        resolve();
      }),
    );
    await until(
      'redis-server answering',
      async () => {
        if (hasEnded) return 'ended';
        return (await command('PING')) === 'PONG' ? 'answers' : null;
      },
      START_LIMIT_MS,
    );
    if (hasEnded) throw new Error(`redis-server ended: ${logOf(folder)}`);
    rmSync(join(folder, 'keep'), { force: true });
  };
  const halt: RedisNode['halt'] = async (how) => {
    writeFileSync(join(folder, 'keep'), '');
    if (how === 'killed') process.kill(pidIn(folder), 'SIGKILL');
    keeper?.ref();
    (keeper?.stdio[3] as import('node:stream').Writable | undefined)?.destroy();
    await gone;
  };
  for (let attempt = 1; ; attempt++) {
    port = await freePort();
    try {
      await launch();
      break;
    } catch (error) {
      await halt('in order');
      if (attempt < PORT_ATTEMPTS && logOf(folder).includes('bind')) continue;
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
  }
  return {
    host,
    port,
    name: `${host}:${port}`,
    folder,
    password,
    command,
    aclFile: () => (options.acl === 'file' ? readFileSync(join(folder, 'users.acl'), 'utf8') : ''),
    halt,
    start: launch,
    freeze() {
      const pid = pidIn(folder);
      process.kill(pid, 'SIGSTOP');
      return () => void process.kill(pid, 'SIGCONT');
    },
    async stop() {
      if (existsSync(folder)) await halt('in order');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
const pidIn = (folder: string): number => Number(readFileSync(join(folder, 'pid'), 'utf8'));
const logOf = (folder: string): string => {
  const file = join(folder, 'log');
  return existsSync(file) ? readFileSync(file, 'utf8').slice(-2_000) : '';
};

function configuration(folder: string, port: number, options: RedisNodeOptions, everything: string): string {
  const { tls } = options;
  if (tls) {
    writeFileSync(join(folder, 'node.crt'), tls.certificatePem);
    writeFileSync(join(folder, 'node.key'), tls.keyPem, { mode: 0o600 });
  }
  const own: Record<string, string> = {
    bind: '127.0.0.1',
    ...(tls
      ? {
          port: '0',
          'tls-port': String(port),
          'tls-cert-file': 'node.crt',
          'tls-key-file': 'node.key',
          'tls-auth-clients': 'no',
        }
      : { port: String(port) }),
    dir: folder,
    logfile: join(folder, 'log'),
    save: '""',
    appendonly: 'no',
    daemonize: 'no',
    ...(options.acl === 'file' ? { aclfile: join(folder, 'users.acl') } : {}),
    ...options.settings,
  };
  const lines = Object.entries(own).map(([name, value]) => `${name} ${value}\n`);
  return lines.join('') + (options.acl === 'file' ? '' : everything);
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

export type RedisTestTarget = Target<RedisSettings>;
/** Makes the manager on each node by the recipe, and some keys to give access to. */
export async function makeRedisTarget(
  { nodes }: RedisNodes,
  settings: Partial<RedisSettings> = {},
): Promise<RedisTestTarget> {
  const secret = randomBytes(18).toString('base64url');
  for (const node of nodes) {
    for (const line of recipeFor({ managerUser: MANAGER }).split('\n')) {
      const words = line.replace('<a long random password>', secret).split(' ');
      const isWanted = line.startsWith('ACL SETUSER') || (line === 'ACL SAVE' && node.aclFile() !== '');
      if (isWanted) await node.command(words[0] ?? '', ...words.slice(1));
    }
    await node.command('MSET', 'orders:1', 'chair', 'orders:2', 'table', 'people:1', 'somebody');
  }
  return {
    resourceId: `res_${chance26()}`,
    resourceName: 'orders-cache',
    secret,
    settings: {
      kind: 'redis',
      nodes: nodes.map(({ name }) => name),
      managerUser: MANAGER,
      tls: 'disable',
      database: 0,
      keyPatterns: ['orders:*'],
      channelPatterns: ['orders:*'],
      ...settings,
    },
  };
}

/** Signs in with a credential on one of its nodes, as a client would. The caller ends it. */
export async function redisLogIn(credential: RedisCredential, node = credential.nodes[0] ?? ''): Promise<Redis> {
  const client = new Redis({
    ...redisNodeOf(node),
    username: credential.user,
    password: credential.password,
    db: credential.database,
    protocol: 2,
    lazyConnect: true,
    retryStrategy: null,
    enableReadyCheck: false,
    disableClientInfo: true,
    maxRetriesPerRequest: 0,
    ...(credential.tls === 'disable' ? {} : { tls: { ca: credential.caCertificate, rejectUnauthorized: false } }),
  });
  let refused: Error | undefined;
  client.on('error', (error) => {
    refused ??= error;
  });
  try {
    await client.connect();
  } catch (error) {
    throw refused ?? error;
  }
  return client;
}
/** Resolves once the server has cut the connection. */
export const whenRedisCut = (client: Redis): Promise<void> =>
  new Promise((resolve) => client.once('end', () => resolve()));
