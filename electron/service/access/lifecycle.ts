/**
 * What happens to requests and grants when people, groups, devices, resources or the policy change. Called by whoever
 * makes the change, inside the same transaction, after its rows are written. Nothing is ever wedged: a request nobody can
 * approve any more says so (`blocked`), and comes back by itself.
 */
import type { PolicyAnswer } from '../../../shared/contract/policy';
import type { EndReason, RequestState } from '../../../shared/domain/states';
import { sameTerms } from '../policy/evaluate';
import type { WriteTx } from '../store/store';
import { answer, isCovered, loadPolicy, NO_POLICY, type Policy } from './context';
import { type Directory, loadDirectory } from './directory';
import { grantCore, loadGrants, type RequestFacts, requestContext, requestCore } from './facts';
import { decideGrant } from './grant';
import type { StoredAnswer } from './json';
import {
  type Actor,
  lockGrant,
  lockRequest,
  POLICY,
  type Recorder,
  recordGrant,
  recordRequest,
  SERVICE,
} from './record';
import { decideRequest, isOpen, type RequestCommand } from './request';

export interface Lifecycle {
  /** Ends the person's grants, takes back their requests, looks for other approvers where they were one. */
  onPersonRemoved(tx: WriteTx, personId: string, actor?: Actor): Promise<void>;
  /** Ends what was injected on the device, takes back what was asked from it. */
  onDeviceRevoked(tx: WriteTx, deviceId: string, actor?: Actor): Promise<void>;
  /** Groups, roles, confirmed devices, new people: requests are judged again, grants that aren't covered any more end. */
  onMembershipChanged(tx: WriteTx, actor?: Actor): Promise<void>;
  /** Ends its grants and closes its requests. */
  onResourceArchived(tx: WriteTx, resourceId: string, actor?: Actor): Promise<void>;
  onPolicyChanged(tx: WriteTx, actor?: Actor): Promise<void>;
  /** Locked: all their grants stop at once, their requests are closed. Unlocking revives nothing, so it needs no call here. */
  onPersonSuspended(tx: WriteTx, personId: string, because: string, actor: Actor): Promise<void>;
  onResourceSuspended(tx: WriteTx, resourceId: string, because: string, actor: Actor): Promise<void>;
}
const LIVE = ['ready', 'provisioning', 'active'];
const OPEN = ['pending', 'blocked'];
const MAX_BECAUSE_CHARS = 600;

export function createLifecycle(deps: Recorder): Lifecycle {
  return {
    async onPersonRemoved(tx, personId, actor = SERVICE) {
      await endWhere(tx, deps, { column: 'person_id', id: personId }, 'revoked', actor);
      await withdrawWhere(tx, deps, { column: 'requester_id', id: personId }, actor);
      await reassess(tx, deps);
    },
    async onDeviceRevoked(tx, deviceId, actor = SERVICE) {
      await endWhere(tx, deps, { column: 'device_id', id: deviceId }, 'revoked', actor);
      await withdrawWhere(tx, deps, { column: 'device_id', id: deviceId }, actor);
      await reassess(tx, deps);
    },
    async onMembershipChanged(tx) {
      await reassess(tx, deps);
    },
    async onResourceArchived(tx, resourceId, actor = SERVICE) {
      await endWhere(tx, deps, { column: 'resource_id', id: resourceId }, 'revoked', actor);
      await reassess(tx, deps); // an archived resource answers "denied"
    },
    async onPolicyChanged(tx) {
      await reassess(tx, deps);
    },
    async onPersonSuspended(tx, personId, because, actor) {
      await endWhere(tx, deps, { column: 'person_id', id: personId }, 'revoked', actor, because);
      await reassess(tx, deps); // their requests answer "denied", and what waited for them goes to others
    },
    async onResourceSuspended(tx, resourceId, because, actor) {
      await endWhere(tx, deps, { column: 'resource_id', id: resourceId }, 'revoked', actor, because);
      await reassess(tx, deps);
    },
  };
}

async function endWhere(
  tx: WriteTx,
  deps: Recorder,
  which: { readonly column: 'person_id' | 'device_id' | 'resource_id'; readonly id: string },
  reason: EndReason,
  actor: Actor,
  because?: string,
): Promise<void> {
  const rows = await tx.db
    .selectFrom('grants')
    .select('id')
    .where(which.column, '=', which.id)
    .where('state', 'in', LIVE)
    .execute();
  const directory = await loadDirectory(tx.db);
  for (const { id } of rows) await endGrant(tx, deps, directory, id, { reason, because }, actor);
}
/** Ends one live grant; one that ended meanwhile stays as it is. */
export async function endGrant(
  tx: WriteTx,
  deps: Recorder,
  directory: Directory,
  id: string,
  why: { readonly reason: EndReason; readonly because?: string | undefined; readonly data?: Record<string, unknown> },
  actor: Actor,
): Promise<void> {
  const facts = await lockGrant(tx, id);
  if (facts === undefined) return;
  const outcome = decideGrant(grantCore(facts.row), { kind: 'end', reason: why.reason }, deps.clock.now());
  if (outcome.kind === 'refused') return; // it ended meanwhile
  const endedBy = actor.kind === 'person' && actor.id !== null ? { endedBy: actor.id } : {};
  const said =
    why.because === undefined
      ? {}
      : { data: { because: why.because, ...why.data }, set: { end_because: why.because.slice(0, MAX_BECAUSE_CHARS) } };
  await recordGrant(tx, deps, facts, outcome.events, { actor, directory, ...endedBy, ...said });
}

async function withdrawWhere(
  tx: WriteTx,
  deps: Recorder,
  which: { readonly column: 'requester_id' | 'device_id'; readonly id: string },
  actor: Actor,
): Promise<void> {
  const rows = await tx.db
    .selectFrom('requests')
    .select('id')
    .where(which.column, '=', which.id)
    .where('state', 'in', OPEN)
    .execute();
  const directory = await loadDirectory(tx.db);
  for (const { id } of rows) {
    const facts = await lockRequest(tx, id);
    if (facts === undefined) continue;
    await command(tx, deps, directory, facts, { kind: 'withdraw', personId: facts.row.requester_id }, actor);
  }
}
async function command(
  tx: WriteTx,
  deps: Recorder,
  directory: Directory,
  facts: RequestFacts,
  what: RequestCommand,
  actor: Actor,
): Promise<void> {
  const context = requestContext(facts, directory, deps.clock.now());
  const outcome = decideRequest(requestCore(facts.row), what, context);
  if (outcome.kind === 'events') await recordRequest(tx, deps, facts, outcome.events, { actor, directory });
}

/** Judges every open request and every live grant again, by the people and the policy of now. */
async function reassess(tx: WriteTx, deps: Recorder): Promise<void> {
  const directory = await loadDirectory(tx.db);
  const policy = await loadPolicy(tx.db);
  // A database that was rebuilt to remove access knows no policy; live access is not judged by what was lost.
  if (policy === NO_POLICY) return;
  const open = await tx.db.selectFrom('requests').select('id').where('state', 'in', OPEN).orderBy('id').execute();
  for (const { id } of open) {
    const facts = await lockRequest(tx, id);
    if (facts !== undefined && isOpen(facts.row.state as RequestState))
      await reanswer(tx, deps, directory, policy, facts);
  }
  const live = await tx.db.selectFrom('grants').selectAll().where('state', 'in', LIVE).orderBy('id').execute();
  for (const { row, resource } of await loadGrants(tx.db, live))
    if (!isCovered(policy, row, directory, resource, deps.clock.now()))
      await endGrant(tx, deps, directory, row.id, { reason: 'policy_changed' }, POLICY);
}

/** Judges one open request again. What was approved under another answer doesn't count for the new one. Returns the facts as they are then. */
export async function reanswer(
  tx: WriteTx,
  deps: Recorder,
  directory: Directory,
  policy: Policy,
  facts: RequestFacts,
): Promise<void> {
  const { row, resource } = facts;
  const person = directory.people.get(row.requester_id);
  if (person === undefined)
    return command(tx, deps, directory, facts, { kind: 'withdraw', personId: row.requester_id }, SERVICE);
  const ask = { ttlMs: row.ttl_ms, reason: row.reason, ticketRef: row.ticket_ref };
  const said = answer(policy, { person, resource, level: row.level, ask, at: deps.clock.now() });
  if (sameTerms(said, facts.stored.answer)) return command(tx, deps, directory, facts, { kind: 'route' }, SERVICE);
  const stored: StoredAnswer = { answer: said, voided: facts.decisions.map((decision) => decision.id) };
  const columns = { policy_version: policy.version, policy_digest: policy.digest, answer: JSON.stringify(stored) };
  await tx.db.updateTable('requests').set(columns).where('id', '=', row.id).execute();
  const fresh = { ...facts, row: { ...row, ...columns }, stored };
  await command(tx, deps, directory, fresh, { kind: 'reanswer', ...effectOf(said) }, POLICY);
}
function effectOf(said: PolicyAnswer): { effect: 'auto' | 'approve' | 'refuse'; message: string } {
  const problem = said.problems[0]?.message ?? said.message ?? 'The policy does not allow this any more.';
  if (said.problems.length > 0 || said.effect === 'deny' || said.effect === 'none')
    return { effect: 'refuse', message: problem };
  return { effect: said.effect, message: '' };
}
