/** What leaves the service: RequestView, GrantView, Resource. `viewer` null is for events, whose readers differ: every `can` is false. */

import type { Suspension } from '../../../shared/contract/fields';
import type { GrantView } from '../../../shared/contract/grants';
import type { DecisionRecord, RequestView } from '../../../shared/contract/requests';
import type { Resource } from '../../../shared/contract/resources';
import { deviceKeyOf } from '../../../shared/domain/device-keys';
import { asInstant } from '../../../shared/domain/instant';
import { DEFAULT_TARGET_CONCURRENCY } from '../../../shared/domain/limits';
import type {
  EndProof,
  EndReason,
  Environment,
  GrantState,
  RequestState,
  RiskClass,
} from '../../../shared/domain/states';
import type { DecisionTable, GrantTable, RequestTable, ResourceTable } from '../store/schema';
import type { Presence } from '../use-cases';
import { type Directory, isAdmin, owns, readsAll } from './directory';
import { type GrantFacts, givenApprovals, type RequestFacts, requestContext } from './facts';
import { levelList, residueList, settingsOf, stringList } from './json';
import { isOpen } from './request';

/** Who looks: a person's id, or nobody in particular. */
export type Viewer = { readonly personId: string } | null;
export const ticketOf = (request: Pick<RequestTable, 'ticket_number'>): string => `HP-${request.ticket_number}`;
export const nameOf = (directory: Directory, personId: string): string =>
  directory.people.get(personId)?.displayName ?? 'somebody who has left';

export function decisionRecord(row: DecisionTable, directory: Directory): DecisionRecord {
  return {
    id: row.id,
    approver: { personId: row.approver_id, displayName: nameOf(directory, row.approver_id) },
    decision: row.decision as DecisionRecord['decision'],
    stage: row.stage,
    ttlMs: row.ttl_ms,
    reason: row.reason,
    via: row.via as DecisionRecord['via'],
    at: row.at,
  };
}

/** Who may still decide. */
export const waitingVoters = (facts: RequestFacts, directory: Directory) =>
  isOpen(facts.row.state as RequestState) ? requestContext(facts, directory, asInstant(0)).candidates : [];

export function requestView(
  facts: RequestFacts,
  directory: Directory,
  presence: Pick<Presence, 'isOnline'>,
  viewer: Viewer,
): RequestView {
  const { row, resource, stored } = facts;
  const open = isOpen(row.state as RequestState);
  const given = givenApprovals(facts, directory);
  const waiting = waitingVoters(facts, directory);
  return {
    id: row.id,
    ticket: ticketOf(row),
    state: row.state as RequestState,
    requester: {
      personId: row.requester_id,
      displayName: nameOf(directory, row.requester_id),
      deviceId: row.device_id,
      deviceName: facts.deviceName,
    },
    resource: {
      id: resource.id,
      name: resource.name,
      kind: resource.kind,
      environment: resource.environment as Environment,
      risk: resource.risk as RiskClass,
      tags: stringList(resource.tags),
      targetLabel: resource.target_label,
    },
    level: row.level,
    ttlMs: row.ttl_ms,
    reason: row.reason,
    ticketRef: row.ticket_ref,
    extendsGrantId: row.extends_grant_id,
    stage: row.stage,
    approvals: stored.answer.approvals.map(({ from, count }) => ({ from, count, given: given.get(from) ?? 0 })),
    confirm: stored.answer.confirm,
    decisions: facts.decisions
      .filter((decision) => !stored.voided.includes(decision.id))
      .map((decision) => decisionRecord(decision, directory)),
    waitingFor: waiting.map(({ personId }) => ({
      personId,
      displayName: nameOf(directory, personId),
      online: presence.isOnline(personId),
      seenAt: facts.seen.get(personId) ?? null,
    })),
    blockedBecause: row.blocked_because,
    deniedBecause: row.denied_because,
    rules: stored.answer.rules,
    policyVersion: row.policy_version,
    grantId: facts.grantId,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    decidedAt: row.decided_at,
    digest: row.digest,
    can: {
      decide: viewer !== null && waiting.some((voter) => voter.personId === viewer.personId),
      withdraw: viewer !== null && open && viewer.personId === row.requester_id,
    },
  };
}

const LIVE: readonly GrantState[] = ['ready', 'provisioning', 'active'];
/** Approvers of it, owners of the resource and administrators may end somebody's access. */
export function mayRevoke(facts: GrantFacts, directory: Directory, personId: string): boolean {
  const person = directory.people.get(personId);
  if (person?.active !== true) return false;
  return facts.approverIds.includes(personId) || isAdmin(person) || owns(person, facts.owners);
}
export const mayReadGrant = (facts: GrantFacts, directory: Directory, personId: string): boolean =>
  facts.row.person_id === personId || mayRevoke(facts, directory, personId) || readsAll(directory.people.get(personId));
export const attestable = (row: GrantTable): boolean =>
  row.state === 'ending' && row.attempts >= 1 && row.target === 'unknown';

export function grantView(facts: GrantFacts, directory: Directory, viewer: Viewer): GrantView {
  const { row, request, resource } = facts;
  const state = row.state as GrantState;
  const live = LIVE.includes(state);
  const holds = viewer !== null && viewer.personId === row.person_id;
  return {
    id: row.id,
    requestId: row.request_id,
    ticket: ticketOf(request),
    state,
    holder: { personId: row.person_id, displayName: nameOf(directory, row.person_id), deviceId: row.device_id },
    resource: {
      id: resource.id,
      name: resource.name,
      kind: resource.kind,
      environment: resource.environment as Environment,
      risk: resource.risk as RiskClass,
      targetLabel: resource.target_label,
    },
    level: row.level,
    createsAccess: row.creates_access === 1,
    reason: request.reason,
    ticketRef: request.ticket_ref,
    ttlMs: row.ttl_ms,
    expiresAt: row.expires_at,
    readyUntil: row.ready_until,
    activatedAt: row.activated_at,
    endedAt: row.ended_at,
    deviceKeyWanted: state === 'provisioning' && row.sealed === null ? deviceKeyOf(resource.kind) : null,
    credentialReady: row.sealed !== null && live,
    endReason: row.end_reason as EndReason | null,
    endedBy: row.ended_by === null ? null : nameOf(directory, row.ended_by),
    endProof: row.end_proof as EndProof | null,
    endedBecause: row.end_because,
    endOn: facts.endOn,
    issue: row.issue,
    extensionNeedsReason: facts.extensionCount > 0,
    removal: {
      machine: row.machine as GrantView['removal']['machine'],
      target: row.target as GrantView['removal']['target'],
      since: row.ending_since,
      attempts: state === 'ending' || state === 'ended' ? row.attempts : 0,
      nextTryAt: state === 'ending' ? row.due_at : null,
      lastError: row.last_error,
      alarmed: row.alarmed_at !== null,
      sessionsCut: row.sessions_cut,
    },
    residue: residueList(row.residue),
    pendingExtension: state === 'active' ? (facts.pendingExtension?.id ?? null) : null,
    can: {
      start: holds && state === 'ready',
      extend: holds && state === 'active' && facts.pendingExtension === null,
      end: holds && live,
      revoke: viewer !== null && !holds && live && mayRevoke(facts, directory, viewer.personId),
      attest: viewer !== null && isAdmin(directory.people.get(viewer.personId)) && attestable(row),
    },
  };
}

type Lockable = Pick<ResourceTable, 'suspended_at' | 'suspended_by' | 'suspended_because'>;
/** Since when, by whom and why something is locked; null when it is not. */
export const suspensionOf = (row: Lockable): Suspension | null =>
  row.suspended_at === null
    ? null
    : { at: row.suspended_at, by: row.suspended_by ?? 'Hallpass', because: row.suspended_because ?? '' };

/** A resource for the catalog: its settings are for administrators (resources.list), not for everybody who may ask. */
export function resourceView(row: ResourceTable, forWhom: 'administrators' | 'everybody'): Resource {
  return {
    id: row.id,
    name: row.name,
    kind: row.kind,
    description: row.description,
    environment: row.environment as Environment,
    risk: row.risk as RiskClass,
    tags: stringList(row.tags),
    owners: stringList(row.owners),
    dependsOn: stringList(row.depends_on),
    levels: levelList(row.levels),
    state: row.state,
    createdAt: row.created_at,
    targetLabel: row.target_label,
    health: row.health as Resource['health'],
    healthAt: row.health_at,
    settings: forWhom === 'administrators' ? settingsOf(row.settings) : null,
    suspended: suspensionOf(row),
    concurrency: row.concurrency ?? DEFAULT_TARGET_CONCURRENCY,
  };
}
