/**
 * The one place that knows which SQLite binding we use. It has the API of `node:sqlite`: when the oldest runtime we support
 * has that built in, this import changes and nothing else does.
 */
import { DatabaseSync, type StatementSyncInstance } from '@photostructure/sqlite';
import type { SqliteDatabase, SqliteStatement } from 'kysely';

export type RawSqlite = InstanceType<typeof DatabaseSync>;
/** Prepared statements kept per connection; the queries of the service are fewer. */
const MAX_STATEMENTS = 400;

/** Opens a connection; `timeoutMs` is how long it waits for another one that writes. Throws what SQLite says. */
export const openRaw = (file: string, timeoutMs: number): RawSqlite => new DatabaseSync(file, { timeout: timeoutMs });

/** SQLite's primary result code (5 = busy, 11 = corrupt, 26 = not a database), when the error carries one. */
export function sqliteCodeOf(error: unknown): number | undefined {
  const { errcode, code, sqliteCode } = error as { errcode?: unknown; code?: unknown; sqliteCode?: unknown };
  for (const value of [errcode, sqliteCode, code]) if (typeof value === 'number') return value & 0xff;
  return undefined;
}

/** What Kysely needs of a connection. `begin` is how its transactions start. */
export function kyselyDatabase(raw: RawSqlite, begin: 'begin' | 'begin immediate'): SqliteDatabase {
  const statements = new Map<string, SqliteStatement>();
  return {
    close: () => {
      statements.clear();
      raw.close();
    },
    prepare(sql) {
      const text = sql === 'begin' ? begin : sql;
      const known = statements.get(text);
      if (known !== undefined) return known;
      const statement = adapt(raw.prepare(text));
      // Schema statements are used once; keeping them would keep the schema locked.
      if (/^(select|insert|update|delete|with|begin|commit|rollback)\b/i.test(text)) {
        if (statements.size >= MAX_STATEMENTS) statements.delete(statements.keys().next().value as string);
        statements.set(text, statement);
      }
      return statement;
    },
  };
}

function adapt(statement: StatementSyncInstance): SqliteStatement {
  return {
    reader: statement.columns().length > 0,
    all: (parameters) => statement.all(...parameters),
    run: (parameters) => statement.run(...parameters),
    iterate: (parameters) => statement.iterate(...parameters),
  };
}
