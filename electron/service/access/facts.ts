/** Rows gathered into what views and decisions need. Batched, so that a list costs a handful of queries whatever its length. */
import type { Kysely } from 'kysely';
import type { EndOn } from '../../../shared/domain/end-signals';
import { asInstant, type Instant } from '../../../shared/domain/instant';
import type { EndReason, GrantState, RequestState } from '../../../shared/domain/states';
import type { Database, DecisionTable, GrantTable, RequestTable, ResourceTable } from '../store/schema';
import { type Directory, eligibleVoters, voterOf, wordMissing } from './directory';
import type { GrantCore } from './grant';
import { type StoredAnswer, storedAnswer, stringList } from './json';
import { fill, type Voter } from './quorum';
import { isOpen, type RequestContext, type RequestCore } from './request';

export interface RequestFacts {
  readonly row: RequestTable;
  readonly resource: ResourceTable;
  readonly owners: readonly string[];
  readonly deviceName: string;
  readonly decisions: readonly DecisionTable[];
  readonly seen: ReadonlyMap<string, number>;
  readonly grantId: string | null;
  readonly stored: StoredAnswer;
}
export interface GrantFacts {
  readonly row: GrantTable;
  readonly request: RequestTable;
  readonly resource: ResourceTable;
  readonly owners: readonly string[];
  /** Whose approval it rests on, extensions included. */
  readonly approverIds: readonly string[];
  /** An extension that waits for approval, or is approved and not in effect yet. */
  readonly pendingExtension: RequestTable | null;
  /** Extensions that took effect, or are on their way. */
  readonly extensionCount: number;
  /** What ends it early, by the policy it was approved under. */
  readonly endOn: EndOn;
}

async function resourcesOf(db: Kysely<Database>, ids: readonly string[]): Promise<Map<string, ResourceTable>> {
  if (ids.length === 0) return new Map();
  const rows = await db
    .selectFrom('resources')
    .selectAll()
    .where('id', 'in', [...new Set(ids)])
    .execute();
  return new Map(rows.map((row) => [row.id, row]));
}
function must<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`the store names ${what}, which is not there`);
  return value;
}
function groupBy<T>(rows: readonly T[], key: (row: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const row of rows) groups.set(key(row), [...(groups.get(key(row)) ?? []), row]);
  return groups;
}

export async function loadRequests(db: Kysely<Database>, rows: readonly RequestTable[]): Promise<RequestFacts[]> {
  if (rows.length === 0) return [];
  const ids = rows.map((row) => row.id);
  const resources = await resourcesOf(
    db,
    rows.map((row) => row.resource_id),
  );
  const devices = await db
    .selectFrom('devices')
    .select(['id', 'name'])
    .where('id', 'in', [...new Set(rows.map((row) => row.device_id))])
    .execute();
  const deviceNames = new Map(devices.map((device) => [device.id, device.name]));
  const decisions = groupBy(
    await db.selectFrom('decisions').selectAll().where('request_id', 'in', ids).orderBy('at').orderBy('id').execute(),
    (row) => row.request_id,
  );
  const seen = groupBy(
    await db.selectFrom('request_seen').selectAll().where('request_id', 'in', ids).execute(),
    (row) => row.request_id,
  );
  const grants = await db.selectFrom('grants').select(['id', 'request_id']).where('request_id', 'in', ids).execute();
  const grantIds = new Map(grants.map((grant) => [grant.request_id, grant.id]));
  return rows.map((row) => {
    const resource = must(resources.get(row.resource_id), `resource ${row.resource_id}`);
    return {
      row,
      resource,
      owners: stringList(resource.owners),
      deviceName: deviceNames.get(row.device_id) ?? '',
      decisions: decisions.get(row.id) ?? [],
      seen: new Map((seen.get(row.id) ?? []).map((entry) => [entry.person_id, entry.seen_at])),
      grantId: grantIds.get(row.id) ?? row.extends_grant_id,
      stored: storedAnswer(row.answer),
    };
  });
}
export async function loadRequest(db: Kysely<Database>, id: string): Promise<RequestFacts | undefined> {
  const row = await db.selectFrom('requests').selectAll().where('id', '=', id).executeTakeFirst();
  return row === undefined ? undefined : (await loadRequests(db, [row]))[0];
}

export async function loadGrants(db: Kysely<Database>, rows: readonly GrantTable[]): Promise<GrantFacts[]> {
  if (rows.length === 0) return [];
  const ids = rows.map((row) => row.id);
  const resources = await resourcesOf(
    db,
    rows.map((row) => row.resource_id),
  );
  const requests = await db
    .selectFrom('requests')
    .selectAll()
    .where((eb) =>
      eb.or([
        eb(
          'id',
          'in',
          rows.map((row) => row.request_id),
        ),
        eb('extends_grant_id', 'in', ids),
      ]),
    )
    .orderBy('created_at')
    .execute();
  const byId = new Map(requests.map((request) => [request.id, request]));
  const extensions = groupBy(
    requests.filter((request) => request.extends_grant_id !== null),
    (request) => request.extends_grant_id ?? '',
  );
  const approvals = groupBy(
    await db
      .selectFrom('decisions')
      .select(['request_id', 'approver_id'])
      .where(
        'request_id',
        'in',
        requests.map((request) => request.id),
      )
      .where('decision', '=', 'approve')
      .execute(),
    (row) => row.request_id,
  );
  return rows.map((row) => {
    const resource = must(resources.get(row.resource_id), `resource ${row.resource_id}`);
    const mine = extensions.get(row.id) ?? [];
    const request = must(byId.get(row.request_id), `request ${row.request_id}`);
    return {
      row,
      request,
      resource,
      owners: stringList(resource.owners),
      approverIds: [
        ...new Set(
          [row.request_id, ...mine.map((r) => r.id)].flatMap((id) =>
            (approvals.get(id) ?? []).map((a) => a.approver_id),
          ),
        ),
      ],
      pendingExtension: mine.find((one) => isOpen(one.state as RequestState) || isUnapplied(one)) ?? null,
      extensionCount: mine.filter((one) => isApproved(one.state)).length,
      endOn: storedAnswer(request.answer).answer.endOn,
    };
  });
}
export const isApproved = (state: string): boolean => state === 'approved' || state === 'auto_approved';
export const isUnapplied = (request: RequestTable): boolean => isApproved(request.state) && request.applied_at === null;

export async function loadGrant(db: Kysely<Database>, id: string): Promise<GrantFacts | undefined> {
  const row = await db.selectFrom('grants').selectAll().where('id', '=', id).executeTakeFirst();
  return row === undefined ? undefined : (await loadGrants(db, [row]))[0];
}

export const requestCore = (row: RequestTable): RequestCore => ({
  state: row.state as RequestState,
  requesterId: row.requester_id,
  ttlMs: row.ttl_ms,
  expiresAt: asInstant(row.expires_at),
});
const at = (value: number | null): Instant | null => (value === null ? null : asInstant(value));
export const grantCore = (row: GrantTable): GrantCore => ({
  state: row.state as GrantState,
  ttlMs: row.ttl_ms,
  principalRecorded: row.principal_recorded === 1,
  credentialStored: row.sealed !== null,
  readyUntil: at(row.ready_until),
  provisioningSince: at(row.provisioning_since),
  activatedAt: at(row.activated_at),
  expiresAt: at(row.expires_at),
  endingSince: at(row.ending_since),
  endReason: row.end_reason as EndReason | null,
  alarmed: row.alarmed_at !== null,
  target: row.target as GrantCore['target'],
  attempts: row.attempts,
});

/** Approvals that count now: not voided, and by somebody who may approve today. */
export function standingApprovals(facts: RequestFacts, directory: Directory): { voter: Voter; ttlMs: number }[] {
  return facts.decisions
    .filter((decision) => decision.decision === 'approve' && !facts.stored.voided.includes(decision.id))
    .map((decision) => ({
      voter: voterOf(
        directory.people.get(decision.approver_id),
        facts.stored.answer.approvals,
        facts.row.requester_id,
        facts.owners,
      ),
      ttlMs: decision.ttl_ms,
    }))
    .filter(({ voter }) => voter.slots.length > 0);
}
const decidedBy = (facts: RequestFacts): Set<string> =>
  new Set(facts.decisions.filter((d) => !facts.stored.voided.includes(d.id)).map((d) => d.approver_id));

export function requestContext(facts: RequestFacts, directory: Directory, now: Instant): RequestContext {
  const needs = facts.stored.answer.approvals;
  const decided = decidedBy(facts);
  return {
    now,
    needs,
    approvals: standingApprovals(facts, directory).map(({ voter }) => voter),
    candidates: eligibleVoters(directory, needs, facts.row.requester_id, facts.owners).filter(
      (voter) => !decided.has(voter.personId),
    ),
    decided,
    wordMissing: (missing) => wordMissing(directory, missing, facts.row.requester_id, facts.owners),
  };
}
/** Places filled, for the view. Of a closed request as they were at each decision, not as people are today. */
export function givenApprovals(facts: RequestFacts, directory: Directory): ReadonlyMap<string, number> {
  const needs = facts.stored.answer.approvals;
  if (isOpen(facts.row.state as RequestState))
    return fill(
      needs,
      standingApprovals(facts, directory).map(({ voter }) => voter),
    ).given;
  const then = facts.decisions
    .filter((decision) => decision.decision === 'approve' && !facts.stored.voided.includes(decision.id))
    .map((decision) => ({ personId: decision.approver_id, slots: stringList(decision.counts_for) }));
  return fill(needs, then).given;
}
