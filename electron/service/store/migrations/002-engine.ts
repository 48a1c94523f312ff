/** Locks, budgets and early ends; what the engine works off; indexes that find what is due among a hundred thousand live grants. */
import type { Kysely } from 'kysely';
import type { Database } from '../schema';
import { createTable, type Dialect } from './builder';

const LOCKS = ['people', 'resources'] as const;
const LOCK_COLUMNS = { suspended_at: 'int', suspended_by: 'text', suspended_because: 'text' } as const;

export async function up(db: Kysely<Database>, dialect: Dialect): Promise<void> {
  const integer = dialect === 'sqlite' ? 'integer' : 'bigint';
  const add = (table: string, column: string, type: 'int' | 'text') =>
    db.schema
      .alterTable(table)
      .addColumn(column, type === 'int' ? integer : 'text')
      .execute();
  for (const table of LOCKS) for (const [name, type] of Object.entries(LOCK_COLUMNS)) await add(table, name, type);
  await add('resources', 'concurrency', 'int');
  await add('grants', 'end_because', 'text');
  await db.schema
    .alterTable('grants')
    .addColumn('issue', integer, (column) => column.notNull().defaultTo(0))
    .execute();
  await createTable(db, dialect, {
    name: 'orphans',
    columns: {
      resource_id: 'text',
      principal: 'text',
      found_at: 'int',
      tried_at: 'int',
      attempts: 'int',
      last_error: 'text?',
    },
    key: ['resource_id', 'principal'],
    refers: { resource_id: { table: 'resources', to: 'id' } },
  });
  // With `state` alone as a key, every look would pass all live grants to find the few that are due.
  await db.schema.dropIndex('grants_state').execute();
  await db.schema.dropIndex('grants_due').execute();
  await db.schema.createIndex('grants_state_due').on('grants').columns(['state', 'due_at']).execute();
  await db.schema.createIndex('grants_resource_due').on('grants').columns(['resource_id', 'state', 'due_at']).execute();
  await db.schema.dropIndex('grants_resource').execute();
}
