/**
 * Notices statements that write what the vault of live leases holds: grants, the way to their targets (a manager's secret that was
 * replaced is of no use in its old form), and who may sign in to end them. It is renewed after those and only after those.
 */
import {
  DeleteQueryNode,
  InsertQueryNode,
  type KyselyPlugin,
  type OperationNode,
  type RootOperationNode,
  TableNode,
  type Transaction,
  UpdateQueryNode,
} from 'kysely';
import type { Database } from './schema';

const WATCHED: ReadonlySet<string> = new Set<keyof Database>(['grants', 'resources', 'people', 'devices']);
const isWatched = (node: OperationNode | undefined): boolean =>
  node !== undefined && TableNode.is(node) && WATCHED.has(node.table.identifier.name);

function writesWatched(node: RootOperationNode): boolean {
  if (InsertQueryNode.is(node)) return isWatched(node.into);
  if (UpdateQueryNode.is(node)) return isWatched(node.table);
  return DeleteQueryNode.is(node) && node.from.froms.some(isWatched);
}

/** The same transaction; calls back for each statement that writes to a watched table. */
export function noteVaultWrites(trx: Transaction<Database>, touched: () => void): Transaction<Database> {
  const plugin: KyselyPlugin = {
    transformQuery({ node }) {
      if (writesWatched(node)) touched();
      return node;
    },
    transformResult: async ({ result }) => result,
  };
  return trx.withPlugin(plugin);
}
