/** The audit log over HTTP: checkpoint, entries, proofs. Proofs come from stored nodes and are for a checkpoint that was signed then. */
import type { Checkpoint, ConsistencyProof, InclusionProof } from '../../../shared/contract/audit';
import { toHex } from '../../../shared/crypto/bytes';
import { consistencyPath, inclusionPath } from '../../../shared/crypto/merkle';
import type { Caller } from '../access/caller';
import { AppError, notFound } from '../errors';
import type { CheckpointTable } from '../store/schema';
import type { Store } from '../store/store';
import type { CallInput, UseCases } from '../use-cases';
import { concerns, findEntries, seesAll, toEntry } from './entries';
import { nodeReader } from './nodes';

export interface AuditDeps {
  readonly store: Store;
}
type AuditCase = 'audit.checkpoint' | 'audit.entries' | 'audit.inclusion' | 'audit.consistency';

const toCheckpoint = (row: CheckpointTable): Checkpoint => ({
  size: row.size,
  rootHash: row.root_hash,
  note: row.note,
  at: row.at,
});

/** The newest checkpoint, or the one for exactly `size` entries. */
export async function readCheckpoint(store: Store, size?: number): Promise<Checkpoint> {
  const all = store.db.selectFrom('checkpoints').selectAll();
  const row =
    size === undefined
      ? await all.orderBy('size', 'desc').limit(1).executeTakeFirst()
      : await all.where('size', '=', size).executeTakeFirst();
  if (row !== undefined) return toCheckpoint(row);
  if (size !== undefined) throw notFound(`A checkpoint for ${size} entries`);
  throw new AppError('unavailable', 'There is no audit log to show.', {
    safe: 'Access that runs out or is taken away still ends.',
    next: 'An administrator has to look at the service.',
  });
}

async function inclusion(
  store: Store,
  caller: Caller,
  query: CallInput<'audit.inclusion'>['query'],
): Promise<InclusionProof> {
  const { index } = query;
  const checkpoint = await readCheckpoint(store, query.size);
  const leaves = store.db.selectFrom('audit_leaves').select('leaf_hash').where('idx', '=', index);
  const row = await (seesAll(caller) ? leaves : leaves.where(concerns(caller))).executeTakeFirst();
  if (row === undefined || index >= checkpoint.size) throw notFound('The entry');
  const path = (await inclusionPath(index, checkpoint.size, nodeReader(store.db))).map(toHex);
  return { index, size: checkpoint.size, leafHash: row.leaf_hash, path, checkpoint };
}

/** Hashes only, so anybody may have it: every desktop is a witness. */
async function consistency(store: Store, query: CallInput<'audit.consistency'>['query']): Promise<ConsistencyProof> {
  const checkpoint = await readCheckpoint(store, query.to);
  const { from } = query;
  if (from > checkpoint.size)
    throw new AppError('invalid-input', `The log has ${checkpoint.size} entries, fewer than ${from}.`, {
      next: 'If a checkpoint for more entries was signed before, the log was cut: tell an administrator.',
    });
  const path = (await consistencyPath(from, checkpoint.size, nodeReader(store.db))).map(toHex);
  return { from, to: checkpoint.size, path, checkpoint };
}

export function createAuditCases({ store }: AuditDeps): Pick<UseCases, AuditCase> {
  return {
    'audit.checkpoint': () => readCheckpoint(store),
    async 'audit.entries'(caller, { query }) {
      const { size } = await readCheckpoint(store);
      const rows = await findEntries(store.db, caller, query);
      const entries = rows.slice(0, query.limit).map(toEntry);
      const nextBefore = rows.length > query.limit ? (entries.at(-1)?.index ?? null) : null;
      return { entries, nextBefore, size };
    },
    'audit.inclusion': (caller, { query }) => inclusion(store, caller, query),
    'audit.consistency': (_caller, { query }) => consistency(store, query),
  };
}
