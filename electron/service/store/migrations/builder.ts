/**
 * Makes a table on both stores from one description. SQLite tables are STRICT, so a number can't slip into a text column
 * there any more than on PostgreSQL.
 */
import { type Kysely, sql } from 'kysely';
import type { Database } from '../schema';

export type Dialect = 'sqlite' | 'postgres';
/** `int`: whole number of 64 bits (points in time, counts, indexes). `flag`: 0 or 1. A `?` allows null. */
export type Column = 'text' | 'text?' | 'int' | 'int?' | 'flag';

export interface TableSpec {
  readonly name: string;
  readonly columns: Readonly<Record<string, Column>>;
  readonly key: readonly string[];
  readonly unique?: readonly (readonly string[])[];
  /** column → table whose (single) key it names; `delete` says what a removed row does to this one. */
  readonly refers?: Readonly<
    Record<string, { readonly table: string; readonly to: string; readonly onDelete?: 'cascade' }>
  >;
}

export async function createTable(db: Kysely<Database>, dialect: Dialect, spec: TableSpec): Promise<void> {
  const integer = dialect === 'sqlite' ? 'integer' : 'bigint';
  let table = db.schema.createTable(spec.name);
  for (const [name, column] of Object.entries(spec.columns)) {
    const type = column.startsWith('text') ? 'text' : column === 'flag' ? 'integer' : integer;
    table = table.addColumn(name, type, (c) => {
      const nullable = column.endsWith('?') ? c : c.notNull();
      return column === 'flag' ? nullable.check(sql`${sql.ref(name)} in (0, 1)`) : nullable;
    });
  }
  table = table.addPrimaryKeyConstraint(`${spec.name}_pk`, spec.key as never[]);
  for (const columns of spec.unique ?? [])
    table = table.addUniqueConstraint(`${spec.name}_${columns.join('_')}_unique`, columns as never[]);
  for (const [column, { table: other, to, onDelete }] of Object.entries(spec.refers ?? {}))
    table = table.addForeignKeyConstraint(`${spec.name}_${column}_fk`, [column as never], other, [to], (fk) =>
      onDelete === undefined ? fk : fk.onDelete(onDelete),
    );
  await (dialect === 'sqlite' ? table.modifyEnd(sql`strict`) : table).execute();
}
