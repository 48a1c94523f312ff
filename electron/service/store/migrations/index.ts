/**
 * Every change of the tables, oldest first; the same list runs on SQLite and PostgreSQL, each step in one transaction.
 * Why not Kysely's own migrator: on SQLite it runs without a transaction, and a crash there would leave half a step.
 */
import { type Kysely, sql } from 'kysely';
import type { Database } from '../schema';
import { up as first } from './001-first';
import { up as engine } from './002-engine';
import { up as deviceKey } from './003-device-key';
import type { Dialect } from './builder';

interface Migration {
  readonly name: string;
  up(db: Kysely<Database>, dialect: Dialect): Promise<void>;
}
/** To add one: a file `00N-what.ts` with `up`, and a line at the end here. Never change one that was released. */
export const MIGRATIONS: readonly Migration[] = [
  { name: '001-first', up: first },
  { name: '002-engine', up: engine },
  { name: '003-device-key', up: deviceKey },
];

/** The database was made by a newer version, whose tables this one does not know. */
export class NewerDatabase extends Error {
  constructor(readonly names: readonly string[]) {
    super(`made by a newer version (${names.join(', ')})`);
    this.name = 'NewerDatabase';
  }
}
/** Any constant; it keeps two instances from migrating at once. */
const MIGRATION_LOCK = 7_201_774_133;

interface WithMigrations extends Database {
  schema_migrations: { name: string; at: number };
}

/** Runs what is missing. Throws NewerDatabase before touching anything that a newer version made. */
export async function migrate(db: Kysely<Database>, dialect: Dialect, nowMs: number): Promise<void> {
  await db.transaction().execute(async (trx) => {
    if (dialect === 'postgres') await sql`select pg_advisory_xact_lock(${MIGRATION_LOCK})`.execute(trx);
    const log = trx as unknown as Kysely<WithMigrations>;
    await log.schema
      .createTable('schema_migrations')
      .ifNotExists()
      .addColumn('name', 'text', (c) => c.primaryKey())
      .addColumn('at', dialect === 'sqlite' ? 'integer' : 'bigint', (c) => c.notNull())
      .execute();
    const done = (await log.selectFrom('schema_migrations').select('name').execute()).map((row) => row.name);
    const unknown = done.filter((name) => !MIGRATIONS.some((migration) => migration.name === name));
    if (unknown.length > 0) throw new NewerDatabase(unknown);
    for (const migration of MIGRATIONS) {
      if (done.includes(migration.name)) continue;
      await migration.up(trx, dialect);
      await log.insertInto('schema_migrations').values({ name: migration.name, at: nowMs }).execute();
    }
  });
}
