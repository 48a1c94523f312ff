/**
 * The log, or all about one grant, as lines that can be checked offline (README.md has the format). Streamed in chunks: the log may be
 * far larger than the memory, and others are served between two chunks. Every line ends in a line feed.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ExportHeader } from '../../../shared/contract/audit';
import type { Caller } from '../access/caller';
import { loadDirectory } from '../access/directory';
import { loadGrant } from '../access/facts';
import { mayReadGrant } from '../access/views';
import { AppError, notFound } from '../errors';
import type { AuditLeafTable } from '../store/schema';
import type { Store } from '../store/store';
import type { CallInput, StreamCases } from '../use-cases';
import type { AuditDeps } from './cases';
import { readCheckpoint } from './cases';
import { seesAll } from './entries';
import { CHUNK_LEAVES, PathMaker } from './nodes';

const line = (value: unknown) => `${JSON.stringify(value)}\n`;

/** The stored body is canonical JSON already and goes out as it is. */
function entryLine(row: AuditLeafTable, proof: readonly string[]): string {
  const salt = row.body === null ? '' : row.salt;
  const head = JSON.stringify({
    index: row.idx,
    at: row.at,
    type: row.type,
    leafHash: row.leaf_hash,
    salt,
    bodyHash: row.body_hash,
    proof,
  });
  return `${head.slice(0, -1)},"body":${row.body ?? 'null'}}\n`;
}

/** Signing keys of devices that decided; of some requests, or of all. */
async function decidersKeys(store: Store, requestIds: readonly string[] | 'all'): Promise<Record<string, string>> {
  const all = store.db.selectFrom('devices').select(['devices.id', 'devices.signing_key']).orderBy('devices.id');
  const rows = await all
    .where((e) => {
      const decided = e.selectFrom('decisions').select('decisions.device_id');
      return e('devices.id', 'in', requestIds === 'all' ? decided : decided.where('request_id', 'in', [...requestIds]));
    })
    .execute();
  return Object.fromEntries(rows.map((row) => [row.id, row.signing_key]));
}

async function* exportLog(
  store: Store,
  now: () => number,
  caller: Caller,
  query: CallInput<'audit.export'>['query'],
): AsyncIterable<string> {
  if (!seesAll(caller)) throw new AppError('forbidden', 'Only auditors and administrators can export the log.');
  const checkpoint = await readCheckpoint(store);
  const { from } = query;
  const to = query.to ?? checkpoint.size;
  if (from > to || to > checkpoint.size)
    throw new AppError('invalid-input', `The log has entries 0 to ${checkpoint.size - 1}.`, {
      errors: [{ path: from > to ? 'from' : 'to', message: `expected at most ${Math.min(to, checkpoint.size)}` }],
    });
  const devices = await decidersKeys(store, 'all');
  const header: ExportHeader = {
    format: 'hallpass-audit-v1',
    logKey: store.logKey,
    checkpoint,
    exportedAt: now(),
    from,
    to,
    count: to - from,
    devices,
  };
  yield line(header);
  const paths = new PathMaker(store.db, checkpoint.size);
  for (let at = from; at < to; ) {
    const end = Math.min(to, (Math.floor(at / CHUNK_LEAVES) + 1) * CHUNK_LEAVES);
    const rows = await store.db
      .selectFrom('audit_leaves')
      .selectAll()
      .where('idx', '>=', at)
      .where('idx', '<', end)
      .orderBy('idx')
      .execute();
    const proofs = await paths.paths(at, end);
    // A missing row leaves a gap that the check of the export names; its neighbours keep their own proofs.
    for (const row of rows) yield entryLine(row, proofs[row.idx - at] ?? []);
    at = end;
    await nextTurn();
  }
}

async function* evidence(store: Store, now: () => number, caller: Caller, grantId: string): AsyncIterable<string> {
  const [facts, directory] = [await loadGrant(store.db, grantId), await loadDirectory(store.db)];
  if (facts === undefined || !mayReadGrant(facts, directory, caller.personId)) throw notFound('The grant');
  const extensions = await store.db
    .selectFrom('requests')
    .select('id')
    .where('extends_grant_id', '=', grantId)
    .execute();
  const requestIds = [facts.row.request_id, ...extensions.map((row) => row.id)];
  const checkpoint = await readCheckpoint(store);
  const rows = await store.db
    .selectFrom('audit_leaves')
    .selectAll()
    .where((e) => e.or([e('grant_id', '=', grantId), e('subject_id', 'in', [grantId, ...requestIds])]))
    .where('idx', '<', checkpoint.size)
    .orderBy('idx')
    .execute();
  const header: ExportHeader = {
    format: 'hallpass-evidence-v1',
    logKey: store.logKey,
    checkpoint,
    exportedAt: now(),
    from: rows[0]?.idx ?? 0,
    to: (rows.at(-1)?.idx ?? -1) + 1,
    count: rows.length,
    grantId,
    devices: await decidersKeys(store, requestIds),
  };
  yield line(header);
  const paths = new PathMaker(store.db, checkpoint.size);
  for (const row of rows) yield entryLine(row, (await paths.paths(row.idx, row.idx + 1))[0] ?? []);
}

/** Errors (rights, unknown ids) come with the first line: read it before the answer is begun. */
export function createAuditStreams({ store, clock }: AuditDeps & { readonly clock: { now(): number } }): StreamCases {
  return {
    'audit.export': (caller, { query }) => exportLog(store, () => clock.now(), caller, query),
    'audit.evidence': (caller, { params }) => evidence(store, () => clock.now(), caller, params.id),
  };
}
