/**
 * Gives numbers to what a transaction staged, as its last step before commit and under the lock on the log head: events and
 * leaves are numbered without a gap and in the order of commits. The tree's complete subtrees and the signed checkpoint are part of
 * the same transaction, so after a crash either all of them are there or none.
 */
import type { Transaction } from 'kysely';
import type { AuditBody } from '../../../shared/contract/audit';
import { fromHex, toHex } from '../../../shared/crypto/bytes';
import { canonicalJson } from '../../../shared/crypto/canonical-json';
import { newLeaf } from '../../../shared/crypto/leaf';
import { Frontier, frontierOf } from '../../../shared/crypto/merkle';
import { type LogSigner, signCheckpoint } from '../../../shared/crypto/note';
import type { Random } from '../../../shared/domain/instant';
import type { AuditLeafTable, AuditNodeTable, Database, LogHeadTable } from './schema';
import type { AuditDraft, EventDraft } from './store';

/** Rows per insert: 12 columns each stay far below the limits of both stores. */
const ROWS_PER_INSERT = 500;
/** Deferred entries appended with one write; the rest follows with the next. */
const DEFERRED_PER_WRITE = 1_000;

export interface StagedLeaf {
  readonly at: number;
  readonly draft: AuditDraft;
}
export interface Staged {
  readonly leaves: StagedLeaf[];
  readonly events: { at: number; event: EventDraft }[];
}
type Trx = Transaction<Database>;

/** The log itself is not what it should be: no more entries, removal only. */
export class LogInconsistent extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'LogInconsistent';
  }
}
/** The audit entry could not be made for another reason (disk, signer); the action is refused with it. */
export class AuditFailed extends Error {
  constructor(cause: unknown) {
    super('the audit entry could not be made', { cause });
    this.name = 'AuditFailed';
  }
}

/** Takes the lock that makes writes follow one another. On SQLite `begin immediate` has done so already. */
export async function lockHead(trx: Trx, dialect: 'sqlite' | 'postgres'): Promise<LogHeadTable> {
  const query = trx.selectFrom('log_head').selectAll().where('id', '=', 1);
  const head = await (dialect === 'postgres' ? query.forUpdate() : query).executeTakeFirst();
  if (head === undefined) throw new LogInconsistent('The head of the log is missing.');
  return head;
}

export interface Sequencer {
  /** Appends staged leaves (deferred ones first). The new tree becomes current with `committed`. */
  appendLeaves(trx: Trx, head: LogHeadTable, staged: readonly StagedLeaf[]): Promise<LogHeadTable>;
  committed(): void;
  rolledBack(): void;
}

export function createSequencer(deps: { random: Random; signer: LogSigner; now: () => number }): Sequencer {
  let current: Frontier | undefined;
  let next: Frontier | undefined;
  /** Until a look found none: entries of an earlier run, or of another instance, may wait. */
  async function deferredLeaves(trx: Trx): Promise<StagedLeaf[]> {
    const rows = await trx.selectFrom('audit_deferred').selectAll().orderBy('id').limit(DEFERRED_PER_WRITE).execute();
    if (rows.length === 0) return [];
    const ids = rows.map((row) => row.id);
    for (let i = 0; i < ids.length; i += ROWS_PER_INSERT)
      await trx
        .deleteFrom('audit_deferred')
        .where('id', 'in', ids.slice(i, i + ROWS_PER_INSERT))
        .execute();
    return rows.map((row) => ({ at: row.at, draft: JSON.parse(row.draft) as AuditDraft }));
  }
  return {
    async appendLeaves(trx, head, staged) {
      const leaves = [...(await deferredLeaves(trx)), ...staged];
      if (leaves.length === 0) return head;
      const known = current?.size === head.leaf_count ? current.clone() : await readFrontier(trx, head.leaf_count);
      const rows: AuditLeafTable[] = [];
      const nodes: AuditNodeTable[] = [];
      for (const leaf of leaves) {
        const row = leafRow(known.size, leaf, deps.random);
        rows.push(row);
        for (const { level, index, hash } of known.append(fromHex(row.leaf_hash)))
          nodes.push({ level, idx: index, hash: toHex(hash) });
      }
      const root = known.root();
      for (let i = 0; i < rows.length; i += ROWS_PER_INSERT)
        await trx
          .insertInto('audit_leaves')
          .values(rows.slice(i, i + ROWS_PER_INSERT))
          .execute();
      for (let i = 0; i < nodes.length; i += ROWS_PER_INSERT)
        await trx
          .insertInto('audit_nodes')
          .values(nodes.slice(i, i + ROWS_PER_INSERT))
          .execute();
      await trx
        .insertInto('checkpoints')
        .values({
          size: known.size,
          root_hash: toHex(root),
          note: signCheckpoint(known.size, root, deps.signer),
          at: deps.now(),
        })
        .execute();
      next = known;
      return { ...head, leaf_count: known.size };
    },
    committed() {
      if (next !== undefined) current = next;
      next = undefined;
    },
    rolledBack() {
      next = undefined;
    },
  };
}

function leafRow(index: number, { at, draft }: StagedLeaf, random: Random): AuditLeafTable {
  const { type, actor, subject, data } = draft;
  const body: AuditBody = { type, at, actor, subject, data };
  const leaf = newLeaf(index, body, random);
  return {
    idx: index,
    at,
    type,
    actor_id: actor.id,
    subject_id: subject.id,
    person_id: draft.personId ?? null,
    resource_id: draft.resourceId ?? null,
    grant_id: draft.grantId ?? null,
    leaf_hash: leaf.leafHash,
    salt: leaf.salt,
    body: leaf.body,
    body_hash: leaf.bodyHash,
  };
}

/** The right edge of the stored tree. Throws LogInconsistent when a node is missing. */
export async function readFrontier(db: Pick<Trx, 'selectFrom'>, size: number): Promise<Frontier> {
  const hashes: Uint8Array[] = [];
  for (const { level, index } of frontierOf(size)) {
    const row = await db
      .selectFrom('audit_nodes')
      .select('hash')
      .where('level', '=', level)
      .where('idx', '=', index)
      .executeTakeFirst();
    if (row === undefined) throw new LogInconsistent(`The tree of the log misses a node (level ${level}, ${index}).`);
    hashes.push(fromHex(row.hash));
  }
  return Frontier.from(size, hashes);
}

/** Keeps the entries of a removal until the log can take them. */
export async function deferLeaves(trx: Trx, leaves: readonly StagedLeaf[], newId: () => string): Promise<void> {
  const rows = leaves.map(({ at, draft }) => ({ id: newId(), at, draft: canonicalJson(draft) }));
  if (rows.length > 0) await trx.insertInto('audit_deferred').values(rows).execute();
}

/** Numbers events and moves the head. Returns the newest event number. */
export async function appendEvents(trx: Trx, head: LogHeadTable, events: Staged['events']): Promise<number> {
  const rows = events.map(({ at, event }, i) => ({
    seq: head.next_seq + i,
    type: event.type,
    at,
    subject: event.subject,
    data: JSON.stringify(event.data),
    audience: JSON.stringify(event.audience),
  }));
  for (let i = 0; i < rows.length; i += ROWS_PER_INSERT)
    await trx
      .insertInto('outbox')
      .values(rows.slice(i, i + ROWS_PER_INSERT))
      .execute();
  const { leaf_count, next_ticket } = head;
  const next_seq = head.next_seq + rows.length;
  await trx.updateTable('log_head').set({ leaf_count, next_ticket, next_seq }).where('id', '=', 1).execute();
  return next_seq - 1;
}
