/**
 * The team store. One pool writes (a transaction of its own lock order, see sequencer.ts), one reads, one connection listens for commits
 * of other instances. An instance that freezes in a transaction loses it after a few seconds, so that the others are not held up.
 */
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import type { Connections, Neighbours, StoreLog } from './connections';
import type { Database } from './schema';

const CHANNEL = 'hallpass_commit';
const CONNECT_TIMEOUT_MS = 10_000;
const READ_CONNECTIONS = 8;
const WRITE_CONNECTIONS = 2;
const IDLE_IN_TRANSACTION_MS = 15_000;
const STATEMENT_TIMEOUT_MS = 30_000;
const RELISTEN_MS = 1_000;
const BIGINT_OID = 20;
/** serialization_failure, deadlock_detected: nothing was written. */
const RETRY_CODES = new Set(['40001', '40P01']);
/** Class 08 (connection), 57P0x (shut down, can't connect now), 53300 (too many connections), 25P03 (idle in transaction), 57014 (time-out). */
const LOST_CODES = /^(08|57P0|53300|25P03|57014)/;
const LOST_ERRNO = new Set(['ECONNREFUSED', 'ECONNRESET', 'ETIMEDOUT', 'EPIPE', 'ENOENT', 'EHOSTUNREACH', 'ENOTFOUND']);

/** bigint as number: times, sizes and indexes stay below 2^53. */
const types = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
    oid === BIGINT_OID ? Number : pg.types.getTypeParser(oid, format as 'text')) as typeof pg.types.getTypeParser,
};

/** Connects lazily; the first statement throws when the server can't be reached. The address (it may hold a password) is never logged. */
export function openPostgres(url: string, log: StoreLog): Connections {
  const pool = (max: number, options: string) => {
    const made = new pg.Pool({
      connectionString: url,
      max,
      types,
      options,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      statement_timeout: STATEMENT_TIMEOUT_MS,
      idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
      application_name: 'hallpass',
    });
    // A pooled connection that the server closes while idle is replaced at the next use; without a listener it would end the process.
    made.on('error', (error) => log.warn({ err: error }, 'a database connection was lost'));
    // So would one that is cut while in use: the statement on it fails and says so, the event beside it must be heard too.
    made.on('connect', (client) => client.on('error', () => undefined));
    return made;
  };
  const writePool = pool(WRITE_CONNECTIONS, '-c synchronous_commit=on');
  const readPool = pool(READ_CONNECTIONS, '-c default_transaction_read_only=on');
  const writer = new Kysely<Database>({ dialect: new PostgresDialect({ pool: writePool }) });
  const reader = new Kysely<Database>({ dialect: new PostgresDialect({ pool: readPool }) });
  const neighbours = listen(url, writePool, log);
  return {
    dialect: 'postgres',
    writer,
    reader,
    fault: null,
    neighbours,
    classify,
    async close() {
      await neighbours.stop();
      await reader.destroy();
      await writer.destroy();
    },
  };
}

function classify(error: unknown): 'retry' | 'lost' | 'other' {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  if (typeof code === 'string') {
    if (RETRY_CODES.has(code)) return 'retry';
    if (LOST_CODES.test(code) || LOST_ERRNO.has(code)) return 'lost';
  }
  return typeof message === 'string' && /Connection terminated|timeout exceeded when trying to connect/.test(message)
    ? 'lost'
    : 'other';
}

/** LISTEN on a connection of its own, again after it was lost; NOTIFY at most one at a time, never within a write. */
function listen(url: string, pool: pg.Pool, log: StoreLog): Neighbours & { stop(): Promise<void> } {
  let listener: () => void = () => undefined;
  let client: pg.Client | undefined;
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  let telling = false;
  let tellAgain = false;
  let connecting: Promise<void> = Promise.resolve();

  async function connect(): Promise<void> {
    const fresh = new pg.Client({
      connectionString: url,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      application_name: 'hallpass listen',
    });
    client = fresh;
    fresh.on('error', () => undefined);
    fresh.on('end', () => relisten(fresh));
    fresh.on('notification', () => listener());
    try {
      await fresh.connect();
      await fresh.query(`listen ${CHANNEL}`);
      listener();
    } catch (error) {
      log.warn({ err: error }, 'could not listen for commits of other instances');
      await fresh.end().catch(() => undefined);
      relisten(fresh);
    }
  }
  function relisten(lost: pg.Client): void {
    if (stopped || client !== lost) return;
    client = undefined;
    timer = setTimeout(() => {
      if (!stopped) connecting = connect();
    }, RELISTEN_MS);
    timer.unref();
  }
  async function notify(): Promise<void> {
    telling = true;
    do {
      tellAgain = false;
      await pool.query(`notify ${CHANNEL}`).catch(() => undefined);
    } while (tellAgain && !stopped);
    telling = false;
  }
  return {
    onTold(told) {
      listener = told;
      connecting = connect();
    },
    tell() {
      if (telling) tellAgain = true;
      else if (!stopped) void notify();
    },
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await connecting;
      await client?.end().catch(() => undefined);
    },
  };
}
