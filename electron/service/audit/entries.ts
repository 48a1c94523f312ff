/** Which entries a caller may see, and how a stored leaf reads on the wire. */
import { type ExpressionBuilder, type Kysely, sql } from 'kysely';
import type { z } from 'zod';
import { AuditBody, type AuditEntry, type AuditQuery } from '../../../shared/contract/audit';
import type { Caller } from '../access/caller';
import type { AuditLeafTable, Database } from '../store/schema';

/** Auditors and administrators see all; others what they did and what concerns them. */
export const seesAll = (caller: Caller): boolean => caller.roles.has('auditor') || caller.roles.has('admin');

export const concerns = (caller: Caller) => (e: ExpressionBuilder<Database, 'audit_leaves'>) =>
  e.or([
    e('person_id', '=', caller.personId),
    e('actor_id', '=', caller.personId),
    e('subject_id', '=', caller.personId),
    e('actor_id', '=', caller.deviceId),
    e('subject_id', '=', caller.deviceId),
  ]);

/** Throws a ZodError when a stored body is not one (the log's own check says more). */
export function toEntry(row: AuditLeafTable): AuditEntry {
  return {
    index: row.idx,
    at: row.at,
    type: row.type,
    leafHash: row.leaf_hash,
    salt: row.body === null ? '' : row.salt,
    body: row.body === null ? null : AuditBody.parse(JSON.parse(row.body)),
    bodyHash: row.body_hash,
  };
}

/** `%`, `_` and the escape itself stand for themselves. */
const likeText = (text: string) => `%${text.toLowerCase().replace(/[!%_]/g, (char) => `!${char}`)}%`;

/** Newest first; one more than `limit` tells whether there are more. */
export async function findEntries(
  db: Kysely<Database>,
  caller: Caller,
  query: z.output<typeof AuditQuery>,
): Promise<AuditLeafTable[]> {
  let rows = db
    .selectFrom('audit_leaves')
    .selectAll()
    .orderBy('idx', 'desc')
    .limit(query.limit + 1);
  if (!seesAll(caller)) rows = rows.where(concerns(caller));
  if (query.before !== undefined) rows = rows.where('idx', '<', query.before);
  if (query.type !== undefined) rows = rows.where('type', '=', query.type);
  if (query.resource !== undefined) rows = rows.where('resource_id', '=', query.resource);
  if (query.grant !== undefined) rows = rows.where('grant_id', '=', query.grant);
  const { person, text } = query;
  if (person !== undefined) rows = rows.where((e) => e.or([e('person_id', '=', person), e('actor_id', '=', person)]));
  if (text !== undefined && text.trim() !== '')
    rows = rows.where(sql<boolean>`lower(body) like ${likeText(text.trim())} escape '!'`);
  return rows.execute();
}
