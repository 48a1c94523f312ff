/**
 * A real MariaDB server on this machine, from Debian's package: its own data folder, socket and port, nothing of the system's.
 * It hangs on a pipe from us: when this process ends, however it ends, the server stops and its folder goes.
 * Also a database to give access to, with a manager made by the recipe: the least rights, never root.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { promisify } from 'node:util';
import type { Connection, RowDataPacket } from 'mysql2/promise';
import type { Target } from '../../../electron/service/provisioners/provisioner';
import type { MysqlCredential, MysqlSettings } from '../../../shared/contract/mysql';
import { chance26 } from '../postgres-target';

const run = promisify(execFile);
const MARIADBD = '/usr/sbin/mariadbd';
const INSTALL = '/usr/bin/mariadb-install-db';
/** The client that tests and the demo use as a person would. */
export const MARIADB = '/usr/bin/mariadb';
const START_LIMIT_MS = 90_000;

export interface MariaDbServer {
  readonly host: string;
  readonly port: number;
  readonly socket: string;
  readonly folder: string;
  /** Runs statements as root, over the socket. The last one's rows. */
  query<R extends object = Record<string, unknown>>(sql: string, params?: readonly unknown[]): Promise<readonly R[]>;
  /** A second connection as root, for what has to stay open. */
  connect(): Promise<Connection>;
  /** Ends the server at once, as a crash would, and starts it again on the same data and port. */
  killAndRestart(): Promise<void>;
  stop(): Promise<void>;
}
export interface MariaDbOptions {
  readonly settings?: Readonly<Record<string, string>>;
  /** Written beside the data, for settings that name files: `{folder}` in a setting is the folder they are in. */
  readonly files?: Readonly<Record<string, string>>;
}

/** What this machine lacks for a real server, in words; null when nothing. */
export function mariaDbMissing(): string | null {
  const missing = [MARIADBD, INSTALL, MARIADB].filter((file) => !existsSync(file));
  return missing.length > 0 ? `${missing.join(', ')} not found: node electron/dev/set-up.mjs targets` : null;
}

/** Waits for the pipe to close, then kills the server and removes its folder (unless it is to start again): also when we are killed. */
const KEEPER =
  'base=$1; shift; "$@" 3<&- & server=$!; (cat >/dev/null; kill -KILL $server 2>/dev/null) <&3 & exec 3<&-; ' +
  'wait $server; code=$?; cd /; [ -e "$base/keep" ] || rm -rf "$base"; exit $code';

/** Starts a throw-away server with root on its socket alone. */
export async function startMariaDb(options: MariaDbOptions = {}): Promise<MariaDbServer> {
  const folder = mkdtempSync(join(tmpdir(), 'hallpass-mariadb-'));
  const data = join(folder, 'data');
  const socket = join(folder, 's');
  const user = process.getuid?.() === 0 ? ['--user=root'] : [];
  mkdirSync(join(folder, 'files'));
  for (const [name, text] of Object.entries(options.files ?? {}))
    writeFileSync(join(folder, 'files', name), text, { mode: 0o600 });
  const basics = ['--no-defaults', `--datadir=${data}`, ...user];
  const port = await freePort();
  const settings: Record<string, string> = {
    socket,
    port: String(port),
    'bind-address': '127.0.0.1',
    'pid-file': join(folder, 'pid'),
    'innodb-flush-log-at-trx-commit': '0',
    'innodb-buffer-pool-size': '16M',
    'innodb-flush-method': 'nosync',
    'skip-log-bin': '1',
    'max-connections': '200',
    ...options.settings,
  };
  const args = Object.entries(settings).map(
    ([name, value]) => `--${name}=${value.replaceAll('{folder}', join(folder, 'files'))}`,
  );
  let server: ChildProcess | undefined;
  const launch = async () => {
    server = await launchServer([...basics, ...args], folder, socket);
  };
  const end = async () => {
    if (!server) return;
    const gone = new Promise<void>((resolve) => server?.once('exit', () => resolve()));
    const isGone = server.exitCode !== null || server.signalCode !== null;
    server.ref();
    (server.stdio[3] as Writable).destroy();
    if (!isGone) await gone;
    server = undefined;
  };
  try {
    const install = ['--auth-root-authentication-method=normal', '--skip-test-db', '--skip-name-resolve'];
    await run(INSTALL, [...basics, ...install], { cwd: folder });
    await launch();
  } catch (error) {
    await end();
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
  const connect = () => connectAs({ socketPath: socket, user: 'root', password: '' });
  let root: Connection | undefined;
  return {
    host: '127.0.0.1',
    port,
    socket,
    folder,
    async query(sql, params = []) {
      root ??= await connect();
      return (await rowsOf(root, sql, params)) as never;
    },
    connect,
    async killAndRestart() {
      root?.destroy();
      root = undefined;
      writeFileSync(join(folder, 'keep'), '');
      await end();
      await launch();
      rmSync(join(folder, 'keep'));
    },
    async stop() {
      root?.destroy();
      await end();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const listener = createServer();
    listener.once('error', reject);
    listener.listen(0, '127.0.0.1', () => {
      const { port } = listener.address() as { port: number };
      listener.close(() => resolve(port));
    });
  });

function launchServer(args: readonly string[], folder: string, socket: string): Promise<ChildProcess> {
  rmSync(socket, { force: true });
  const child = spawn('/bin/sh', ['-c', KEEPER, 'hallpass-mariadb', folder, MARIADBD, ...args], {
    cwd: folder,
    detached: true, // a Ctrl-C at the terminal reaches us alone; the closing pipe then stops the server
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' },
  });
  return new Promise((resolve, reject) => {
    let words = '';
    const fail = (why: string) => {
      clearTimeout(limit);
      (child.stdio[3] as Writable).destroy();
      reject(new Error(`MariaDB did not start (${why}): ${words.slice(-2_000)}`));
    };
    const limit = setTimeout(() => fail('no answer in time'), START_LIMIT_MS);
    child.once('error', (error) => fail(error.message));
    child.once('close', (code) => fail(`exit code ${code}`));
    child.stdio[3]?.on('error', () => undefined);
    child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
      words = (words + chunk).slice(-8_000);
      if (!words.includes('ready for connections')) return;
      clearTimeout(limit);
      child.removeAllListeners('close');
      child.stderr?.removeAllListeners('data').resume();
      child.unref(); // an idle server must not keep our process alive
      (child.stderr as unknown as { unref?(): void })?.unref?.();
      (child.stdio[3] as unknown as { unref?(): void })?.unref?.();
      resolve(child);
    });
  });
}

async function connectAs(options: object): Promise<Connection> {
  const { createConnection } = await import('mysql2/promise');
  const connection = await createConnection({ ...options, multipleStatements: true, charset: 'UTF8MB4_GENERAL_CI' });
  connection.on('error', () => undefined); // being cut is what some tests wait for
  return connection;
}
async function rowsOf(
  connection: Connection,
  sql: string,
  params: readonly unknown[] = [],
): Promise<readonly object[]> {
  const [rows] = await connection.query<RowDataPacket[]>(sql, [...params]);
  const last = Array.isArray(rows) && rows.some(Array.isArray) ? rows.at(-1) : rows;
  return Array.isArray(last) ? last : [];
}

export const backticks = (name: string): string => `\`${name.replaceAll('`', '``')}\``;
export const text = (value: string): string => `'${value.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
/** How a schema is named in a GRANT. */
export const pattern = (name: string): string => backticks(name.replace(/[_%]/g, '\\$&'));

export interface MysqlNames {
  readonly schema: string;
  readonly manager: string;
  readonly resource: string;
}
export const PLAIN_MYSQL_NAMES: MysqlNames = { schema: 'orders', manager: 'hallpass_manager', resource: 'orders-db' };
export type MysqlTestTarget = Target<MysqlSettings>;

/** Makes the schema, the table `orders` with two rows, and the manager of the recipe. The plan is not applied yet. */
export async function makeMysqlTarget(
  server: MariaDbServer,
  names: MysqlNames = PLAIN_MYSQL_NAMES,
): Promise<MysqlTestTarget> {
  const secret = randomBytes(18).toString('base64url');
  const manager = `${text(names.manager)}@'%'`;
  const schema = backticks(names.schema);
  await server.query(
    `CREATE DATABASE ${schema} CHARACTER SET utf8mb4;
     CREATE TABLE ${schema}.orders (id BIGINT AUTO_INCREMENT PRIMARY KEY, item TEXT NOT NULL);
     INSERT INTO ${schema}.orders (item) VALUES ('chair'), ('table');
     CREATE USER ${manager} IDENTIFIED BY '${secret}';
     GRANT CREATE USER, PROCESS, CONNECTION ADMIN ON *.* TO ${manager};
     GRANT SELECT ON mysql.global_priv TO ${manager};
     GRANT SELECT ON mysql.roles_mapping TO ${manager};
     GRANT SELECT ON mysql.db TO ${manager};
     GRANT SELECT ON mysql.tables_priv TO ${manager};
     GRANT SELECT, INSERT, UPDATE, DELETE ON ${pattern(names.schema)}.* TO ${manager} WITH GRANT OPTION`,
  );
  return {
    resourceId: `res_${chance26()}`,
    resourceName: names.resource,
    secret,
    settings: {
      kind: 'mysql',
      host: server.host,
      port: server.port,
      managerUser: names.manager,
      tls: 'prefer',
      schemas: [names.schema],
      userHost: '%',
      connectionLimit: 5,
    },
  };
}

/** A log-in with a credential, as a client would over TCP. The caller ends it. */
export interface MysqlSession {
  readonly id: number;
  query(sql: string): Promise<readonly object[]>;
  /** Resolves once the server has cut it. */
  readonly cut: Promise<void>;
  end(): Promise<void>;
}
export async function logInMysql(credential: MysqlCredential, database = credential.database): Promise<MysqlSession> {
  const { host, port, user, password } = credential;
  const place = host.startsWith('/') ? { socketPath: host } : { host, port };
  const connection = await connectAs({ ...place, user, password, database });
  const cut = new Promise<void>((resolve) => {
    connection.on('error', () => resolve());
    connection.on('end', () => resolve());
  });
  return {
    id: connection.threadId,
    query: (sql) => rowsOf(connection, sql),
    cut,
    end: () => connection.end(),
  };
}
/** The server's number of the error that `work` throws; undefined when it does not. */
export async function mysqlErrorOf(work: Promise<unknown>): Promise<number | string | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    return (error as { errno?: number }).errno ?? String(error);
  }
}
