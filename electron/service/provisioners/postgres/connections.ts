/**
 * Connections of the manager to targets: small pools, one per target, with a limit on everything, and errors without secrets.
 * A time-out is "unknown": it becomes TargetError `unreachable`, and the caller reads back.
 */
import { type ConnectionOptions, checkServerIdentity as checkIdentity, type PeerCertificate } from 'node:tls';
import type pg from 'pg';
import type { PostgresSettings } from '../../../../shared/contract/resources';
import { createTurns, poolKey } from '../pools';
import { type Target, TargetError } from '../provisioner';
import { MAX_IDENTIFIER_BYTES } from './quoting';

export type PgTarget = Target<PostgresSettings>;
export type Connection = pg.ClientBase;

const CONNECT_LIMIT_MS = 5_000;
const STATEMENT_LIMIT_MS = 10_000;
const QUERY_LIMIT_MS = 12_000;
/** How long a statement waits behind somebody's lock before it gives up and is tried again later. */
export const LOCK_LIMIT_MS = 2_000;
const IDLE_LIMIT_MS = 30_000;
/** At once to one target: a thousand ends in the same second queue here, and the target's own limit is left alone. */
const POOL_SIZE = 6;
const MAX_POOLS = 100;
/** Set on every connection: names resolve to the catalog only, dates read the same everywhere, nothing waits without end. */
const SESSION = `SET search_path = pg_catalog; SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD';
  SET standard_conforming_strings = on; SET client_min_messages = warning;
  SET statement_timeout = ${STATEMENT_LIMIT_MS}; SET lock_timeout = ${LOCK_LIMIT_MS};
  SET idle_in_transaction_session_timeout = ${STATEMENT_LIMIT_MS};`;

export interface Connections {
  /** Runs `work` on a pooled connection to the target's own database. Throws TargetError only. */
  onTarget<T>(target: PgTarget, work: (db: Connection) => Promise<T>): Promise<T>;
  /** Runs `work` on a connection of its own to another database of the same server. */
  inDatabase<T>(target: PgTarget, database: string, work: (db: Connection) => Promise<T>): Promise<T>;
  /** Runs `work` on a connection to the address that people use, signed in as one of them. Throws TargetError only. */
  asPerson<T>(target: PgTarget, login: Login, work: (db: Connection) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}
export interface Login {
  readonly user: string;
  readonly password: string;
}

/** Loaded at the first connection: a start needs none, and it would be 30 ms and a few megabytes of every one. */
const client = async (): Promise<typeof pg> => (await import('pg')).default;

export function createConnections(): Connections {
  const pools = new Map<string, pg.Pool>();
  /** Servers that said they have no TLS, where the setting is `prefer`. Forgotten with the pool. */
  const withoutTls = new Set<string>();
  const turns = createTurns(POOL_SIZE);

  const poolFor = async (target: PgTarget): Promise<pg.Pool> => {
    const { Pool } = await client();
    const key = keyOf(target);
    const known = pools.get(key);
    if (known) {
      pools.delete(key); // most recently used last
      pools.set(key, known);
      return known;
    }
    for (const [oldest, pool] of pools) {
      if (pools.size < MAX_POOLS) break;
      pools.delete(oldest);
      withoutTls.delete(oldest);
      void pool.end();
    }
    const pool = new Pool({
      ...clientConfig(target, target.settings.database, withoutTls.has(key) ? 'off' : 'as-set'),
      max: POOL_SIZE,
      idleTimeoutMillis: IDLE_LIMIT_MS,
      allowExitOnIdle: true,
    });
    pool.on('error', () => undefined); // an idle connection was cut: the next use makes a new one
    pools.set(key, pool);
    return pool;
  };
  const connectPooled = async (target: PgTarget): Promise<pg.PoolClient> => {
    const pool = await poolFor(target);
    try {
      return await pool.connect();
    } catch (error) {
      if (target.settings.tls !== 'prefer' || !saysNoTls(error)) throw error;
      const key = keyOf(target);
      // Several may learn it at once: only the first puts its pool away, all try again without.
      if (pools.get(key) === pool) {
        withoutTls.add(key);
        pools.delete(key);
        void pool.end();
      }
      return await (await poolFor(target)).connect();
    }
  };
  return {
    async onTarget(target, work) {
      let db: pg.PoolClient | undefined;
      const leave = await turns.enter(keyOf(target));
      try {
        checkNames(target);
        db = await connectPooled(target);
        await prepare(db);
        const result = await work(db);
        db.release();
        return result;
      } catch (error) {
        db?.release(true); // in an unknown state: never back into the pool
        throw asTargetError(error, target);
      } finally {
        leave();
      }
    },
    async inDatabase(target, database, work) {
      let db: pg.Client | undefined;
      try {
        const tls = withoutTls.has(keyOf(target)) ? 'off' : 'as-set';
        const { Client } = await client();
        db = new Client(clientConfig(target, database, tls));
        db.on('error', () => undefined);
        await db.connect();
        await db.query(SESSION);
        return await work(db);
      } catch (error) {
        throw asTargetError(error, target);
      } finally {
        await db?.end().catch(() => undefined);
      }
    },
    async asPerson(target, { user, password }, work) {
      const { host, port, clientHost, clientPort } = target.settings;
      const settings = { ...target.settings, host: clientHost ?? host, port: clientPort ?? port, managerUser: user };
      const person = { ...target, settings, secret: password };
      let db: pg.Client | undefined;
      try {
        try {
          db = await connectOnce(person, 'as-set');
        } catch (error) {
          if (settings.tls !== 'prefer' || !saysNoTls(error)) throw error;
          db = await connectOnce(person, 'off');
        }
        return await work(db);
      } catch (error) {
        throw asTargetError(error, person);
      } finally {
        await db?.end().catch(() => undefined);
      }
    },
    async close() {
      const open = [...pools.values()];
      pools.clear();
      withoutTls.clear();
      await Promise.all(open.map((pool) => pool.end()));
    },
  };
}

async function connectOnce(target: PgTarget, tls: 'as-set' | 'off'): Promise<pg.Client> {
  const { Client } = await client();
  const db = new Client(clientConfig(target, target.settings.database, tls));
  db.on('error', () => undefined);
  await db.connect();
  return db;
}

const prepared = new WeakSet<object>();
async function prepare(db: pg.PoolClient): Promise<void> {
  if (prepared.has(db)) return;
  db.on('error', () => undefined);
  await db.query(SESSION);
  prepared.add(db);
}

const keyOf = ({ settings, secret }: PgTarget): string => poolKey(settings, secret);

function checkNames({ settings }: PgTarget): void {
  for (const name of [settings.database, settings.managerUser, ...settings.schemas])
    if (Buffer.byteLength(name, 'utf8') > MAX_IDENTIFIER_BYTES)
      throw new TargetError('refused', `A PostgreSQL name has ${MAX_IDENTIFIER_BYTES} bytes at most.`);
}

function clientConfig({ settings, secret }: PgTarget, database: string, tls: 'as-set' | 'off'): pg.ClientConfig {
  return {
    host: settings.host,
    port: settings.port,
    user: settings.managerUser,
    password: secret,
    database,
    ssl: tls === 'off' ? false : tlsOptions(settings),
    application_name: 'hallpass',
    connectionTimeoutMillis: CONNECT_LIMIT_MS,
    query_timeout: QUERY_LIMIT_MS,
    keepAlive: true,
  };
}

/** libpq's meanings: `require` checks the chain when an authority is given; only `verify-full` checks the name too. */
function tlsOptions(settings: PostgresSettings): ConnectionOptions | false {
  const ca = settings.caCertificate;
  const checkServerIdentity = (_: string, certificate: PeerCertificate) => checkIdentity(settings.host, certificate);
  switch (settings.tls) {
    case 'disable':
      return false;
    case 'prefer':
      return { rejectUnauthorized: false };
    case 'require':
      return ca
        ? { ca, rejectUnauthorized: true, checkServerIdentity: () => undefined }
        : { rejectUnauthorized: false };
    case 'verify-full':
      // The driver names no host for an address, and Node would then check the certificate for "localhost".
      return { ...(ca ? { ca } : {}), rejectUnauthorized: true, checkServerIdentity };
  }
}

const saysNoTls = (error: unknown): boolean =>
  error instanceof Error && error.message.includes('does not support SSL connections');

/** SQLSTATE of an error from the server, else the system's code (ECONNREFUSED …), else ''. */
export const codeOf = (error: unknown): string => {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : '';
};

/** Codes (or classes) after which the same thing may succeed later; all else from the server is a no. */
const ASK_AGAIN = /^(08|53|57|58|40|55P03|25006|XX000)/;
const CONFLICT = /^(42710|2BP01)$/;

/** What a caller may see and log: the server's own words, no SQL text, no secret. */
export function asTargetError(error: unknown, target: PgTarget): TargetError {
  if (error instanceof TargetError) return error;
  const { host, port } = target.settings;
  const code = codeOf(error);
  const words = scrub(error instanceof Error ? error.message || code : 'unknown error', target.secret);
  const isSqlState = /^[0-9A-Z]{5}$/.test(code) && !/^E[A-Z]{4}$/.test(code);
  if (!isSqlState) {
    const isRefusal = saysNoTls(error) || /certificate|altname|self.signed/i.test(`${code} ${words}`);
    return new TargetError(
      isRefusal ? 'refused' : 'unreachable',
      `${host}:${port} could not be used: ${words}${code && !words.includes(code) ? ` (${code})` : ''}`,
    );
  }
  const kind = ASK_AGAIN.test(code) ? 'unreachable' : CONFLICT.test(code) ? 'conflict' : 'refused';
  return new TargetError(kind, `PostgreSQL at ${host}:${port} answered: ${words} (${code})`);
}

function scrub(words: string, secret: string): string {
  const withoutSecret = secret.length > 0 ? words.replaceAll(secret, '[secret]') : words;
  return withoutSecret.replace(/SCRAM-SHA-256\$\S+/g, '[verifier]').slice(0, 500);
}
