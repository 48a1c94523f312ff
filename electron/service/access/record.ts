/**
 * Writes what the state machines decided: the row, exactly one audit entry and one outbox event per transition, all in the
 * caller's transaction. Every change of a grant raises its epoch, so a worker that was overtaken can't write any more.
 */
import type { EventType } from '../../../shared/contract/events';
import { newId, principalName } from '../../../shared/domain/ids';
import { type Clock, type Instant, plusMs, type Random } from '../../../shared/domain/instant';
import { READY_TTL_MS } from '../../../shared/domain/limits';
import type { GrantState, RequestState } from '../../../shared/domain/states';
import { AppError } from '../errors';
import type { GrantTable, RequestTable } from '../store/schema';
import type { AuditDraft, WriteTx } from '../store/store';
import type { Presence } from '../use-cases';
import type { Caller } from './caller';
import { grantColumns } from './columns';
import { type Directory, eligibleVoters, owns } from './directory';
import {
  type GrantFacts,
  isApproved,
  loadGrant,
  loadRequest,
  type RequestFacts,
  requestContext,
  requestCore,
} from './facts';
import { applyGrantEvent, type GrantEvent } from './grant';
import { levelList } from './json';
import { applyRequestEvent, decideRequest, isOpen, type RequestEvent } from './request';
import { decisionRecord, grantView, nameOf, requestView, ticketOf } from './views';

/** What every writer needs besides the transaction. */
export interface Recorder {
  readonly clock: Pick<Clock, 'now'>;
  readonly random: Random;
  readonly presence: Pick<Presence, 'isOnline'>;
}
export type Actor = AuditDraft['actor'];
export const SERVICE: Actor = { kind: 'service', id: null, name: 'Hallpass' };
export const POLICY: Actor = { kind: 'policy', id: null, name: 'policy' };
export const personActor = (caller: Pick<Caller, 'personId' | 'displayName'>): Actor => ({
  kind: 'person',
  id: caller.personId,
  name: caller.displayName,
});

const REQUEST_EVENT: Record<RequestEvent['type'], EventType> = {
  decided: 'decision.recorded',
  approved: 'request.approved',
  auto_approved: 'request.auto_approved',
  denied: 'request.denied',
  denied_by_policy: 'request.denied_by_policy',
  withdrawn: 'request.withdrawn',
  expired: 'request.expired',
  blocked: 'request.blocked',
  unblocked: 'request.unblocked',
  rerouted: 'request.rerouted',
};

/** Takes the row's lock, so that two deciders at once see each other (a no-op on SQLite, where writers queue anyway). */
export async function lockRequest(tx: WriteTx, id: string): Promise<RequestFacts | undefined> {
  await tx.db
    .updateTable('requests')
    .set((eb) => ({ stage: eb.ref('stage') }))
    .where('id', '=', id)
    .execute();
  return loadRequest(tx.db, id);
}
export async function lockGrant(tx: WriteTx, id: string): Promise<GrantFacts | undefined> {
  await tx.db
    .updateTable('grants')
    .set((eb) => ({ epoch: eb.ref('epoch') }))
    .where('id', '=', id)
    .execute();
  return loadGrant(tx.db, id);
}

export function requestAudience(facts: RequestFacts, directory: Directory) {
  const { row, stored, owners, decisions } = facts;
  const asked = eligibleVoters(directory, stored.answer.approvals, row.requester_id, owners).map((v) => v.personId);
  return {
    people: [...new Set([row.requester_id, ...asked, ...decisions.map((d) => d.approver_id)])],
    roles: ['admin', 'auditor'] as const,
  };
}
export function grantAudience(facts: GrantFacts, directory: Directory) {
  const owners = [...directory.people.values()].filter((p) => p.active && owns(p, facts.owners)).map((p) => p.id);
  return {
    people: [...new Set([facts.row.person_id, ...facts.approverIds, ...owners])],
    roles: ['admin', 'auditor'] as const,
  };
}
export const requestSubject = (row: RequestTable) => ({ kind: 'request', id: row.id, name: ticketOf(row) });
/** What each entry about a request says, so that an entry can be read alone. */
export const requestData = ({ row, resource }: RequestFacts) => ({
  resource: resource.name,
  level: row.level,
  ttlMs: row.ttl_ms,
  reason: row.reason,
  ticketRef: row.ticket_ref,
  digest: row.digest,
  policyVersion: row.policy_version,
  policyDigest: row.policy_digest,
});

export interface RequestRecord {
  readonly actor: Actor;
  readonly directory: Directory;
  /** More for the audit entry of `decided`: the signed statement. */
  readonly evidence?: Record<string, unknown>;
}

/** Writes the events of one request, and what follows from an approval. Returns the facts as they are then. */
export async function recordRequest(
  tx: WriteTx,
  deps: Recorder,
  facts: RequestFacts,
  events: readonly RequestEvent[],
  record: RequestRecord,
): Promise<RequestFacts> {
  if (events.length === 0) return facts;
  const now = deps.clock.now();
  let state = facts.row.state as RequestState;
  for (const event of events) {
    const next = applyRequestEvent(state, event);
    const changed = await tx.db
      .updateTable('requests')
      .set({ state: next, ...requestColumns(event, next, now) })
      .where('id', '=', facts.row.id)
      .where('state', '=', state)
      .executeTakeFirst();
    if (Number(changed.numUpdatedRows) !== 1) throw overtaken();
    state = next;
  }
  // The grant's row first, so that the approval's event names it; its own event after the approval's.
  const grantId = isApproved(state) ? await afterApproval(tx, deps, facts) : null;
  const after = (await loadRequest(tx.db, facts.row.id)) as RequestFacts;
  for (const event of events) emitRequest(tx, deps, after, event, record);
  const grant = grantId === null ? undefined : await loadGrant(tx.db, grantId);
  if (grant !== undefined) {
    const ready = { actor: SERVICE, directory: record.directory, data: { ttlMs: grant.row.ttl_ms } };
    emitGrant(tx, grant, 'grant.ready', ready);
  }
  return after;
}
const overtaken = () =>
  new AppError('conflict', 'Somebody else changed this at the same moment.', {
    next: 'Look again and repeat it if it is still needed.',
  });

function requestColumns(event: RequestEvent, next: RequestState, now: Instant): Partial<RequestTable> {
  const done = isOpen(next) ? {} : { decided_at: now, blocked_because: null };
  switch (event.type) {
    case 'blocked':
      return { blocked_because: event.because };
    case 'unblocked':
      return { blocked_because: null };
    case 'denied':
    case 'denied_by_policy':
      return { ...done, denied_because: event.because };
    default:
      return done;
  }
}

function emitRequest(
  tx: WriteTx,
  deps: Recorder,
  after: RequestFacts,
  event: RequestEvent,
  record: RequestRecord,
): void {
  const { type: _, ...said } = event;
  const type = REQUEST_EVENT[event.type];
  tx.audit({
    type,
    actor: record.actor,
    subject: requestSubject(after.row),
    data: { ...requestData(after), ...said, ...(event.type === 'decided' ? record.evidence : {}) },
    personId: after.row.requester_id,
    resourceId: after.row.resource_id,
    ...(after.grantId === null ? {} : { grantId: after.grantId }),
  });
  const request = requestView(after, record.directory, deps.presence, null);
  const audience = requestAudience(after, record.directory);
  if (event.type === 'decided') {
    const last = after.decisions.findLast((row) => row.approver_id === event.personId);
    if (last === undefined) throw new Error('a decision was recorded without its row');
    tx.event({
      type: 'decision.recorded',
      subject: after.row.id,
      data: { request, decision: decisionRecord(last, record.directory) },
      audience,
    });
  } else tx.event({ type: type as 'request.approved', subject: after.row.id, data: { request }, audience });
}

/** Length that all who approved agreed to, also those who have left since. */
export const agreedTtl = (facts: RequestFacts): number =>
  Math.min(
    facts.row.ttl_ms,
    ...facts.decisions
      .filter((decision) => decision.decision === 'approve' && !facts.stored.voided.includes(decision.id))
      .map((decision) => decision.ttl_ms),
  );

/** An approval makes the grant (once: `request_id` is unique), or sends an extension to the engine. Returns the new grant's id. */
async function afterApproval(tx: WriteTx, deps: Recorder, facts: RequestFacts): Promise<string | null> {
  const { row } = facts;
  const now = deps.clock.now();
  if (row.extends_grant_id !== null) {
    // The target learns the longer deadline first, then the grant says it: the engine does both (leases/work.ts).
    await tx.db
      .updateTable('grants')
      .set({ due_at: now })
      .where('id', '=', row.extends_grant_id)
      .where('state', '=', 'active')
      .execute();
    return null;
  }
  const id = newId('grant', now, deps.random);
  const level = levelList(facts.resource.levels).find((candidate) => candidate.name === row.level);
  const readyUntil = plusMs(now, READY_TTL_MS);
  await tx.db
    .insertInto('grants')
    .values({
      id,
      request_id: row.id,
      state: 'ready',
      person_id: row.requester_id,
      device_id: row.device_id,
      resource_id: row.resource_id,
      level: row.level,
      ttl_ms: agreedTtl(facts),
      principal: principalName(id),
      principal_recorded: 0,
      creates_access: level?.createsAccess ? 1 : 0,
      sealed: null,
      expires_at: null,
      ready_until: readyUntil,
      provisioning_since: null,
      activated_at: null,
      ending_since: null,
      ended_at: null,
      end_reason: null,
      ended_by: null,
      end_proof: null,
      machine: 'unknown',
      target: 'unknown',
      sessions_cut: 0,
      residue: '[]',
      residue_due_at: null,
      due_at: readyUntil,
      attempts: 0,
      epoch: 0,
      claimed_by: null,
      claimed_until: null,
      last_error: null,
      alarmed_at: null,
      end_because: null,
      issue: 0,
      device_key: null,
      credential_until: null,
    })
    .execute();
  return id;
}

interface GrantEmission {
  readonly actor: Actor;
  readonly directory: Directory;
  readonly data?: Record<string, unknown>;
}
/** One audit entry and one event about a grant. */
export function emitGrant(
  tx: WriteTx,
  facts: GrantFacts,
  type: Extract<EventType, `grant.${string}`>,
  emission: GrantEmission,
): void {
  const { row, request, resource } = facts;
  tx.audit({
    type,
    actor: emission.actor,
    subject: { kind: 'grant', id: row.id, name: `${ticketOf(request)} ${resource.name} ${row.level}` },
    data: {
      holder: nameOf(emission.directory, row.person_id),
      resource: resource.name,
      level: row.level,
      principal: row.principal,
      requestId: row.request_id,
      ...emission.data,
    },
    personId: row.person_id,
    resourceId: row.resource_id,
    grantId: row.id,
  });
  tx.event({
    type,
    subject: row.id,
    data: { grant: grantView(facts, emission.directory, null) },
    audience: grantAudience(facts, emission.directory),
  });
}

export interface GrantRecord {
  readonly actor: Actor;
  readonly directory: Directory;
  readonly endedBy?: string;
  /** Why, in words, for the log ("reason": what a person gave). */
  readonly data?: Record<string, unknown>;
  /** Further columns, set with the first event. */
  readonly set?: Partial<GrantTable>;
}

/** Writes the events of one grant. Returns the facts as they are then. */
export async function recordGrant(
  tx: WriteTx,
  deps: Recorder,
  facts: GrantFacts,
  events: readonly GrantEvent[],
  record: GrantRecord,
): Promise<GrantFacts> {
  if (events.length === 0) return facts;
  const now = deps.clock.now();
  let state = facts.row.state as GrantState;
  let columns: Partial<GrantTable> = { ...record.set };
  for (const event of events) {
    state = applyGrantEvent(state, event);
    columns = { ...columns, state, ...grantColumns({ ...facts.row, ...columns }, event, now, record.endedBy ?? null) };
  }
  const changed = await tx.db
    .updateTable('grants')
    .set((eb) => ({ ...columns, epoch: eb('epoch', '+', 1) }))
    .where('id', '=', facts.row.id)
    .where('state', '=', facts.row.state)
    .executeTakeFirst();
  if (Number(changed.numUpdatedRows) !== 1) throw overtaken();
  const closing = events.some((event) => event.type === 'ending');
  if (closing) await closeExtensions(tx, deps, facts.row.id, record.directory);
  const after = (await loadGrant(tx.db, facts.row.id)) as GrantFacts;
  for (const event of events) {
    const { type, ...said } = event;
    emitGrant(tx, after, `grant.${type}`, {
      actor: record.actor,
      directory: record.directory,
      data: { ...said, ...record.data },
    });
  }
  return after;
}

/** A grant that ends takes its open extension requests with it; an approved one that was not in effect yet never will be. */
async function closeExtensions(tx: WriteTx, deps: Recorder, grantId: string, directory: Directory): Promise<void> {
  const open = await tx.db
    .selectFrom('requests')
    .select('id')
    .where('extends_grant_id', '=', grantId)
    .where('state', 'in', ['pending', 'blocked'])
    .execute();
  for (const { id } of open) {
    const request = (await lockRequest(tx, id)) as RequestFacts;
    const outcome = decideRequest(
      requestCore(request.row),
      { kind: 'expire', why: 'grant_ended' },
      requestContext(request, directory, deps.clock.now()),
    );
    if (outcome.kind === 'events')
      await recordRequest(tx, deps, request, outcome.events, { actor: SERVICE, directory });
  }
}
