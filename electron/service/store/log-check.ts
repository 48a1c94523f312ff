/**
 * Whether the stored log is what it was when it was signed. At every start: head, newest checkpoint, right edge and the last entries.
 * The whole log on demand: every hash again.
 */
import type { Kysely } from 'kysely';
import { equalBytes, fromHex, toHex } from '../../../shared/crypto/bytes';
import { bodyHashOf, leafHashOf } from '../../../shared/crypto/leaf';
import { Frontier } from '../../../shared/crypto/merkle';
import { type NoteKey, openCheckpoint } from '../../../shared/crypto/note';
import type { AuditLeafTable, Database } from './schema';
import { LogInconsistent, readFrontier } from './sequencer';

/** Entries looked at again at every start. */
const TAIL = 256;
const CHUNK = 1_000;

/** What is wrong, as a sentence, or null. */
export async function checkLogHead(db: Kysely<Database>, key: NoteKey): Promise<string | null> {
  const head = await db.selectFrom('log_head').selectAll().where('id', '=', 1).executeTakeFirst();
  if (head === undefined) return 'The head of the audit log is missing.';
  const leaves = await db
    .selectFrom('audit_leaves')
    .select((e) => [e.fn.countAll<number>().as('count'), e.fn.max('idx').as('last')])
    .executeTakeFirstOrThrow();
  if (Number(leaves.count) !== head.leaf_count || (leaves.last ?? -1) !== head.leaf_count - 1)
    return `The audit log should have ${head.leaf_count} entries and has ${leaves.count}.`;
  const newestEvent = await db
    .selectFrom('outbox')
    .select((e) => e.fn.max('seq').as('seq'))
    .executeTakeFirst();
  if ((newestEvent?.seq ?? 0) >= head.next_seq) return 'The events are ahead of the head of the log.';
  if (head.leaf_count === 0) return null;
  return (await checkCheckpoint(db, head.leaf_count, key)) ?? (await checkTail(db, head.leaf_count));
}

async function checkCheckpoint(db: Kysely<Database>, size: number, key: NoteKey): Promise<string | null> {
  const stored = await db.selectFrom('checkpoints').selectAll().orderBy('size', 'desc').limit(1).executeTakeFirst();
  const signed = stored === undefined ? undefined : openCheckpoint(stored.note, key);
  if (stored === undefined || signed === undefined)
    return 'The newest checkpoint of the audit log is missing or not signed by this log.';
  if (signed.size !== size || stored.size !== size)
    return `The newest checkpoint is for ${signed.size} entries, the audit log has ${size}.`;
  try {
    const frontier = await readFrontier(db, size);
    if (!equalBytes(frontier.root(), signed.rootHash) || stored.root_hash !== toHex(signed.rootHash))
      return 'The tree of the audit log does not fit its newest signed checkpoint.';
  } catch (error) {
    if (error instanceof LogInconsistent) return error.message;
    throw error;
  }
  return null;
}

async function checkTail(db: Kysely<Database>, size: number): Promise<string | null> {
  const from = Math.max(0, size - TAIL);
  const rows = await db.selectFrom('audit_leaves').selectAll().where('idx', '>=', from).orderBy('idx').execute();
  const nodes = await db
    .selectFrom('audit_nodes')
    .select(['idx', 'hash'])
    .where('level', '=', 0)
    .where('idx', '>=', from)
    .orderBy('idx')
    .execute();
  for (const [i, row] of rows.entries()) {
    const fault = rowFault(row, from + i);
    if (fault !== null) return fault;
    if (nodes[i]?.idx !== row.idx || nodes[i]?.hash !== row.leaf_hash)
      return `Entry ${row.idx} of the audit log is not the one in its tree.`;
  }
  return null;
}

function rowFault(row: AuditLeafTable, index: number): string | null {
  if (row.idx !== index) return `Entry ${index} of the audit log is missing.`;
  const sound =
    (row.body === null || bodyHashOf(row.salt, row.body) === row.body_hash) &&
    leafHashOf({ index, at: row.at, type: row.type, bodyHash: row.body_hash }) === row.leaf_hash;
  return sound ? null : `Entry ${index} of the audit log was changed.`;
}

/** Recomputes every leaf and the root over all of them. Entries appended meanwhile are left to the next time. */
export async function checkWholeLog(db: Kysely<Database>, key: NoteKey): Promise<string | null> {
  const newest = await db.selectFrom('checkpoints').selectAll().orderBy('size', 'desc').limit(1).executeTakeFirst();
  if (newest === undefined) return checkLogHead(db, key);
  const signed = openCheckpoint(newest.note, key);
  if (signed === undefined || signed.size !== newest.size)
    return 'The newest checkpoint of the audit log is not signed by this log.';
  const frontier = new Frontier();
  while (frontier.size < signed.size) {
    const rows = await db
      .selectFrom('audit_leaves')
      .selectAll()
      .where('idx', '>=', frontier.size)
      .where('idx', '<', signed.size)
      .orderBy('idx')
      .limit(CHUNK)
      .execute();
    if (rows.length === 0) return `Entry ${frontier.size} of the audit log is missing.`;
    for (const row of rows) {
      const fault = rowFault(row, frontier.size);
      if (fault !== null) return fault;
      frontier.append(fromHex(row.leaf_hash));
    }
  }
  return equalBytes(frontier.root(), signed.rootHash)
    ? null
    : 'The entries of the audit log do not fit its newest signed checkpoint.';
}
