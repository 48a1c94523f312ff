/**
 * Debian's pgbouncer before a test server, as an administrator would set it up by the recipe: log-ins are looked up on the
 * server (auth_query), connections to the server are each person's own. Loopback, a port of its own, no system service.
 */
import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import type { PostgresServer } from '../postgres';
import { until } from '../until';
import { startKept } from './kept-program';

export const PGBOUNCER = ['/usr/sbin/pgbouncer', '/usr/local/sbin/pgbouncer'].find((path) => existsSync(path)) ?? null;

export interface PgbouncerOptions {
  readonly server: PostgresServer;
  readonly mode: 'transaction' | 'session';
  /** The role and the query that look log-ins up; the recipe's when left out. */
  readonly authQuery?: string;
  /** More of the database's line, such as `user=app` (everybody then is that user). */
  readonly databaseOptions?: string;
  /** Log-ins that the pooler knows by itself: name and verifier or password. */
  readonly users?: Readonly<Record<string, string>>;
}
export interface Pgbouncer {
  readonly host: string;
  readonly port: number;
  /** Rows of a SHOW command on its console. */
  show(what: string): Promise<Record<string, unknown>[]>;
  stop(): Promise<void>;
}

const POOLER = 'hallpass_pooler';
const CONSOLE = 'console';

/** Starts it and waits until it answers. `POOLER` must be a role of the server (the recipe makes it); it gets a password here. */
export async function startPgbouncer(options: PgbouncerOptions): Promise<Pgbouncer> {
  if (!PGBOUNCER) throw new Error('pgbouncer is not installed: apt-get install pgbouncer');
  const { server } = options;
  const folder = mkdtempSync(join(tmpdir(), 'hallpass-pgbouncer-'));
  const [secret, consoleSecret] = [randomBytes(18), randomBytes(18)].map((bytes) => bytes.toString('base64url'));
  await server.query('postgres', `ALTER ROLE ${POOLER} PASSWORD '${secret}'`);
  const port = await freePort();
  const users = { [POOLER]: secret, [CONSOLE]: consoleSecret, ...options.users };
  const files = {
    'users.txt': Object.entries(users)
      .map(([name, password]) => `"${name}" "${password}"\n`)
      .join(''),
    'pgbouncer.ini': configuration(options, folder, port),
  };
  const runAs = unprivileged();
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(folder, name), text, { mode: 0o600 });
    if (runAs) chownSync(join(folder, name), runAs.uid, runAs.gid);
  }
  chmodSync(folder, 0o711);
  const asUser = runAs ? ['--user', runAs.name] : [];
  const program = startKept(folder, PGBOUNCER, [...asUser, join(folder, 'pgbouncer.ini')]);
  const ask = async (sql: string) => {
    const client = new pg.Client({
      host: '127.0.0.1',
      port,
      user: CONSOLE,
      password: consoleSecret,
      database: 'pgbouncer',
    });
    client.on('error', () => undefined);
    await client.connect();
    try {
      return (await client.query(sql)).rows;
    } finally {
      await client.end();
    }
  };
  const stop = async () => {
    await program.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await until('pgbouncer to answer', async () => {
      if (program.process.exitCode !== null) throw new Error(`pgbouncer ended: ${program.output()}`);
      return await ask('SHOW VERSION').catch(() => undefined);
    });
  } catch (error) {
    await stop();
    throw new Error(`pgbouncer did not start: ${program.output()}`, { cause: error });
  }
  return { host: '127.0.0.1', port, show: (what) => ask(`SHOW ${what}`), stop };
}

/** Idle connections stay, so that a test which finds none knows who cut them; a query that gets no connection is told so soon. */
function configuration(options: PgbouncerOptions, folder: string, port: number): string {
  const { server, mode } = options;
  return `[databases]
* = host=${server.host} port=${server.port} ${options.databaseOptions ?? ''}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
pool_mode = ${mode}
auth_type = scram-sha-256
auth_file = ${join(folder, 'users.txt')}
auth_user = ${POOLER}
auth_query = ${options.authQuery ?? `SELECT name, verifier FROM ${POOLER}.lookup($1)`}
admin_users = ${CONSOLE}
server_idle_timeout = 3600
server_lifetime = 3600
query_wait_timeout = 1
`;
}

function unprivileged(): { name: string; uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const people = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  for (const wanted of ['postgres', 'nobody']) {
    const found = people.find(([name]) => name === wanted);
    if (found) return { name: wanted, uid: Number(found[2]), gid: Number(found[3]) };
  }
  throw new Error('pgbouncer can not run as root, and there is neither a user "postgres" nor "nobody".');
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => resolve(port));
    });
  });
}
