/** Notices statements that write to `grants`, so that the vault of live leases is renewed after them and only after them. */
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

const isGrants = (node: OperationNode | undefined): boolean =>
  node !== undefined && TableNode.is(node) && node.table.identifier.name === 'grants';

function writesGrants(node: RootOperationNode): boolean {
  if (InsertQueryNode.is(node)) return isGrants(node.into);
  if (UpdateQueryNode.is(node)) return isGrants(node.table);
  return DeleteQueryNode.is(node) && node.from.froms.some(isGrants);
}

/** The same transaction; calls back for each statement that writes to `grants`. */
export function noteGrantWrites(trx: Transaction<Database>, touched: () => void): Transaction<Database> {
  const plugin: KyselyPlugin = {
    transformQuery({ node }) {
      if (writesGrants(node)) touched();
      return node;
    },
    transformResult: async ({ result }) => result,
  };
  return trx.withPlugin(plugin);
}
