/** The public half of the key that a device made for a grant, and until when the newest credential may work by itself. */
import type { Kysely } from 'kysely';
import type { Database } from '../schema';
import type { Dialect } from './builder';

export async function up(db: Kysely<Database>, dialect: Dialect): Promise<void> {
  const integer = dialect === 'sqlite' ? 'integer' : 'bigint';
  await db.schema.alterTable('grants').addColumn('device_key', 'text').execute();
  await db.schema.alterTable('grants').addColumn('credential_until', integer).execute();
}
