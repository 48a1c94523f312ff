/**
 * Connections of the manager to MySQL and MariaDB: small pools, one per target, with a limit on everything, and errors without
 * secrets. A time-out is "unknown": it becomes TargetError `unreachable`, and the caller reads back.
 * The driver is loaded with the first connection: a service without such a target never pays for it.
 */
import { connect as connectSocket, isIP } from 'node:net';
import type { ConnectionOptions, Pool, PoolConnection, RowDataPacket, SslOptions } from 'mysql2/promise';
import type { MysqlSettings } from '../../../../shared/contract/mysql';
import { createTurns, poolKey } from '../pools';
import { type Target, TargetError } from '../provisioner';
import { readStanding, type Standing } from './standing';

export type MysqlTarget = Target<MysqlSettings>;
/** Rows of one statement; an empty list for a statement without rows. */
export type Query = <R extends object>(sql: string, params?: readonly unknown[]) => Promise<readonly R[]>;
export interface Connection {
  readonly query: Query;
  readonly standing: Standing;
}

const CONNECT_LIMIT_MS = 5_000;
const STATEMENT_LIMIT_S = 10;
const QUERY_LIMIT_MS = 12_000;
/** How long a statement waits behind somebody's lock before it gives up and is tried again later. */
const LOCK_LIMIT_S = 2;
const IDLE_LIMIT_MS = 30_000;
/** At once to one target: a thousand ends in the same second queue here, and the target's own limit is left alone. */
const POOL_SIZE = 6;
const MAX_POOLS = 100;

export interface Connections {
  /** Runs `work` on a pooled connection of the manager. Throws TargetError (or what `work` throws as RangeError) only. */
  onTarget<T>(target: MysqlTarget, work: (db: Connection) => Promise<T>): Promise<T>;
  /** Runs `work` on a connection of its own, logged in as another user. The driver's errors come out as they are. */
  loggedInAs<T>(target: MysqlTarget, user: string, password: string, work: (query: Query) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

export function createConnections(): Connections {
  const pools = new Map<string, Promise<Pool>>();
  /** Servers that said they have no TLS, where the setting is `prefer`. Forgotten with the pool. */
  const withoutTls = new Set<string>();
  const turns = createTurns(POOL_SIZE);

  const endPool = (key: string) => {
    const pool = pools.get(key);
    pools.delete(key);
    void pool?.then((open) => open.end()).catch(() => undefined);
  };
  const poolFor = (target: MysqlTarget): Promise<Pool> => {
    const key = keyOf(target);
    const known = pools.get(key);
    if (known) {
      pools.delete(key); // most recently used last
      pools.set(key, known);
      return known;
    }
    for (const oldest of pools.keys()) {
      if (pools.size < MAX_POOLS) break;
      endPool(oldest);
      withoutTls.delete(oldest);
    }
    const made = loadDriver().then((driver) =>
      driver.createPool({
        ...optionsFor(target, withoutTls.has(key) ? 'off' : 'as-set'),
        connectionLimit: POOL_SIZE,
        maxIdle: POOL_SIZE,
        idleTimeout: IDLE_LIMIT_MS,
      }),
    );
    pools.set(key, made);
    return made;
  };
  const connectPooled = async (target: MysqlTarget): Promise<PoolConnection> => {
    const key = keyOf(target);
    const wasKnown = withoutTls.has(key);
    try {
      return await (await poolFor(target)).getConnection();
    } catch (error) {
      if (target.settings.tls === 'prefer' && saysNoTls(error) && !withoutTls.has(key)) {
        withoutTls.add(key);
        endPool(key);
      }
      // Others may have been under way in the pool that the first of them to learn it has ended.
      if (wasKnown || !withoutTls.has(key)) throw error;
      return await (await poolFor(target)).getConnection();
    }
  };
  return {
    async onTarget(target, work) {
      let db: PoolConnection | undefined;
      const leave = await turns.enter(keyOf(target));
      try {
        db = await connectPooled(target);
        const query = queryOn(db);
        const result = await work({ query, standing: await prepare(db, query) });
        db.release();
        return result;
      } catch (error) {
        db?.destroy(); // in an unknown state: never back into the pool
        if (error instanceof RangeError) throw error;
        throw asTargetError(error, target);
      } finally {
        leave();
      }
    },
    async loggedInAs(target, user, password, work) {
      const driver = await loadDriver();
      const tls = withoutTls.has(keyOf(target)) ? 'off' : 'as-set';
      const own = await driver.createConnection({ ...optionsFor(target, tls), user, password });
      own.on('error', () => undefined);
      try {
        return await work(queryOn(own));
      } finally {
        await own.end().catch(() => own.destroy());
      }
    },
    async close() {
      const open = [...pools.values()];
      pools.clear();
      withoutTls.clear();
      await Promise.all(open.map(async (pool) => (await pool).end().catch(() => undefined)));
    },
  };
}

const loadDriver = () => import('mysql2/promise');

const queryOn = (db: Pick<PoolConnection, 'query'>): Query => {
  return async (sql, params = []) => {
    const [rows] = await db.query<RowDataPacket[]>({ sql, values: [...params], timeout: QUERY_LIMIT_MS });
    return (Array.isArray(rows) ? rows : []) as never;
  };
};

const standings = new WeakMap<object, Standing>();
/** Once per connection: how SQL is read, and that nothing waits without end. */
async function prepare(db: PoolConnection, query: Query): Promise<Standing> {
  const known = standings.get(db.connection);
  if (known) return known;
  db.on('error', () => undefined); // an idle connection was cut: the next use makes a new one
  const standing = await readStanding(query);
  // NO_AUTO_CREATE_USER: without it MariaDB makes a user without a password out of a GRANT to nobody.
  const mode = standing.flavor === 'mariadb' ? 'STRICT_ALL_TABLES,NO_AUTO_CREATE_USER' : 'STRICT_ALL_TABLES';
  const limit =
    standing.flavor === 'mariadb'
      ? `max_statement_time = ${STATEMENT_LIMIT_S}`
      : `max_execution_time = ${STATEMENT_LIMIT_S * 1_000}`;
  await query(
    `SET SESSION sql_mode = '${mode}', SESSION ${limit}, SESSION lock_wait_timeout = ${LOCK_LIMIT_S}, SESSION time_zone = '+00:00'`,
  );
  standings.set(db.connection, standing);
  return standing;
}

const keyOf = ({ settings, secret }: MysqlTarget): string => poolKey(settings, secret);

function optionsFor({ settings, secret }: MysqlTarget, tls: 'as-set' | 'off'): ConnectionOptions {
  const ssl = tls === 'off' ? undefined : tlsOptions(settings);
  return {
    ...placeOf(settings),
    user: settings.managerUser,
    password: secret,
    connectTimeout: CONNECT_LIMIT_MS,
    charset: 'UTF8MB4_GENERAL_CI',
    enableKeepAlive: true,
    multipleStatements: false,
    ...(ssl ? { ssl } : {}),
  };
}

/**
 * For an address the driver names no host to Node, which would then check the certificate for "localhost". With a final dot the
 * address passes for a name there, and Node's own check takes the dot off again and compares addresses.
 */
function placeOf({ host, port, tls }: MysqlSettings): Partial<ConnectionOptions> {
  if (host.startsWith('/')) return { socketPath: host };
  if (tls !== 'verify-full' || isIP(host) === 0) return { host, port };
  return { host: `${host}.`, port, stream: () => connectSocket({ host, port, noDelay: true, keepAlive: true }) };
}

/** libpq's meanings: `require` checks the chain when an authority is given; only `verify-full` checks the name too. */
function tlsOptions({ tls, caCertificate: ca }: MysqlSettings): SslOptions | undefined {
  switch (tls) {
    case 'disable':
      return undefined;
    case 'prefer':
      return { rejectUnauthorized: false };
    case 'require':
      return ca ? { ca, rejectUnauthorized: true, verifyIdentity: false } : { rejectUnauthorized: false };
    case 'verify-full':
      return { ...(ca ? { ca } : {}), rejectUnauthorized: true, verifyIdentity: true };
  }
}

const saysNoTls = (error: unknown): boolean => codeOf(error) === 'HANDSHAKE_NO_SSL_SUPPORT';

/** The driver's or the system's code (ER_ACCESS_DENIED_ERROR, ECONNREFUSED …), else ''. */
export const codeOf = (error: unknown): string => {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : '';
};
/** The server's own number of an error; 0 when it is not the server's. */
export const numberOf = (error: unknown): number => {
  const { errno, sqlState } = (error ?? {}) as { errno?: unknown; sqlState?: unknown };
  return typeof errno === 'number' && errno > 0 && typeof sqlState === 'string' ? errno : 0;
};

export const ERROR = {
  tooManyConnections: 1040,
  accessDenied: 1045,
  serverShutdown: 1053,
  noSuchThread: 1094,
  hostBlocked: 1129,
  nonexistingGrant: 1141,
  tooManyUserConnections: 1203,
  lockWait: 1205,
  deadlock: 1213,
  optionPreventsStatement: 1290,
  interrupted: 1317,
  cannotUser: 1396,
  queryKilled: 1927,
  invalidRole: 1959,
  cannotRevokeRole: 1962,
  mariadbStatementTime: 1969,
  mysqlStatementTime: 3024,
  usedAsDefiner: 4006,
  idleTooLong: 4031,
} as const;
/** After these the same thing may succeed later; all else from the server is a no. */
const ASK_AGAIN: ReadonlySet<number> = new Set([
  ERROR.tooManyConnections,
  ERROR.serverShutdown,
  ERROR.hostBlocked,
  ERROR.tooManyUserConnections,
  ERROR.lockWait,
  ERROR.deadlock,
  ERROR.interrupted,
  ERROR.queryKilled,
  ERROR.mariadbStatementTime,
  ERROR.mysqlStatementTime,
  ERROR.idleTooLong,
]);

/** What a caller may see and log: the server's own words, no SQL text, no secret. */
export function asTargetError(error: unknown, target: MysqlTarget): TargetError {
  if (error instanceof TargetError) return error;
  const { host, port } = target.settings;
  const place = host.startsWith('/') ? host : `${host}:${port}`;
  const code = codeOf(error);
  const number = numberOf(error);
  const words = scrub(error instanceof Error ? error.message || code : 'unknown error', target.secret);
  if (number === 0) {
    const isRefusal = saysNoTls(error) || /certificate|altname|self.signed/i.test(`${code} ${words}`);
    return new TargetError(
      isRefusal ? 'refused' : 'unreachable',
      `${place} could not be used: ${words}${code && !words.includes(code) ? ` (${code})` : ''}`,
    );
  }
  const kind = ASK_AGAIN.has(number) ? 'unreachable' : number === ERROR.cannotUser ? 'conflict' : 'refused';
  return new TargetError(kind, `The server at ${place} answered: ${words} (${number})`);
}

/** A syntax error repeats the statement from where it goes wrong: hashes and passwords in it are taken out. */
function scrub(words: string, secret: string): string {
  const withoutSecret = secret.length > 0 ? words.replaceAll(secret, '[secret]') : words;
  return withoutSecret
    .replace(/\*[0-9A-Fa-f]{40}/g, '[hash]')
    .replace(/(IDENTIFIED\s+BY\s+)'(?:[^'\\]|\\.|'')*'?/gi, '$1[password]')
    .slice(0, 500);
}
