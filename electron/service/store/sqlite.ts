/**
 * The embedded store. Two connections: one writes (one transaction at a time, `begin immediate`), one reads what is
 * committed, so a read never waits for a write and can't be caught inside one. WAL with synchronous=FULL: an acknowledged write survives
 * power loss (this SQLite defaults WAL to NORMAL, which does not).
 */
import { chmodSync, closeSync, existsSync, mkdirSync, mkdtempSync, openSync, renameSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Kysely, SqliteDialect } from 'kysely';
import type { Connections, StoreLog } from './connections';
import type { Database } from './schema';
import { kyselyDatabase, openRaw, type RawSqlite, sqliteCodeOf } from './sqlite-binding';

const BUSY_TIMEOUT_MS = 5_000;
const SQLITE_BUSY = 5;
const SQLITE_LOCKED = 6;
const QUICK_CHECK_MAX_FAULTS = 5;
/** What must be readable to end live access. */
const CRITICAL_TABLES = ['meta', 'people', 'devices', 'resources', 'requests', 'grants', 'log_head'] as const;

export interface SqliteOpened extends Connections {
  /** Where the unusable file was put, when a new one had to be made. */
  readonly keptAside: { readonly path: string; readonly because: string } | null;
}

/** Opens or makes the file. An unusable file is kept aside under another name; throws only when another process holds it. */
export function openSqlite(file: string, stamp: string, log: StoreLog): SqliteOpened {
  try {
    return { ...openAt(file), keptAside: null };
  } catch (error) {
    if (isBusy(error)) throw error;
    const because = (error as Error).message;
    const path = keepAside(file, stamp);
    log.error({ path, because }, 'the database could not be used and was kept aside');
    if (path !== null) return { ...openAt(file), keptAside: { path, because } };
    // Not even a rename is possible (read-only or full disk): work in a folder of our own; what is needed to end access is in the vault.
    const rescue = join(mkdtempSync(join(tmpdir(), 'hallpass-rescue-')), 'hallpass.db');
    return { ...openAt(rescue), keptAside: { path: file, because } };
  }
}

function isBusy(error: unknown): boolean {
  const code = sqliteCodeOf(error);
  return (
    code === SQLITE_BUSY || code === SQLITE_LOCKED || /database is locked/i.test(String((error as Error)?.message))
  );
}

/** Renames the file and its companions; null when that can't be done. */
function keepAside(file: string, stamp: string): string | null {
  const path = `${file}.broken-${stamp}`;
  try {
    for (const suffix of ['', '-wal', '-shm']) if (existsSync(file + suffix)) renameSync(file + suffix, path + suffix);
    return path;
  } catch {
    return null;
  }
}

/** The folder is 0700 and the file 0600 before SQLite writes a byte; its companions (-wal, -shm) take the file's mode. */
function prepareFile(file: string): void {
  const folder = dirname(file);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  closeSync(openSync(file, 'a', 0o600));
  if (process.platform === 'win32') return;
  chmodSync(folder, 0o700);
  chmodSync(file, 0o600);
}

function openAt(file: string): Connections {
  prepareFile(file);
  const write = openRaw(file, BUSY_TIMEOUT_MS);
  let read: RawSqlite | undefined;
  try {
    write.exec('pragma journal_mode = wal; pragma synchronous = full; pragma foreign_keys = on;');
    const fault = faultOf(write);
    read = openRaw(file, BUSY_TIMEOUT_MS);
    read.exec('pragma query_only = on;');
    return connectionsOf(write, read, fault);
  } catch (error) {
    read?.close();
    write.close();
    throw error;
  }
}

/** What quick_check finds. Throws when the file is so broken that live access can't be read from it. */
function faultOf(raw: RawSqlite): string | null {
  const rows = raw.prepare(`pragma quick_check(${QUICK_CHECK_MAX_FAULTS})`).all() as { quick_check: string }[];
  const faults = rows.map((row) => row.quick_check).filter((line) => line !== 'ok');
  if (faults.length === 0) return null;
  const known = raw.prepare("select name from sqlite_master where type = 'table'").all() as { name: string }[];
  for (const table of CRITICAL_TABLES)
    if (known.some(({ name }) => name === table)) for (const _row of raw.prepare(`select * from ${table}`).iterate());
  raw.exec('begin immediate; update log_head set id = id; rollback;');
  return `The database file is damaged (${faults[0]}).`;
}

function connectionsOf(write: RawSqlite, read: RawSqlite, fault: string | null): Connections {
  const kysely = (raw: RawSqlite, begin: 'begin' | 'begin immediate') =>
    new Kysely<Database>({ dialect: new SqliteDialect({ database: kyselyDatabase(raw, begin) }) });
  const writer = kysely(write, 'begin immediate');
  const reader = kysely(read, 'begin');
  return {
    dialect: 'sqlite',
    writer,
    reader,
    fault,
    neighbours: null,
    classify: (error) => (isBusy(error) ? 'retry' : 'other'),
    async close() {
      await reader.destroy();
      if (read.isOpen) read.close();
      // With statements alive `close` would leave the WAL behind; nothing is lost then, but the file alone would be stale.
      if (write.isOpen) write.exec('pragma wal_checkpoint(truncate)');
      await writer.destroy();
      if (write.isOpen) write.close();
    },
  };
}
