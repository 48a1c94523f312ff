/** Reading requests, and the small things one does with them: seen, withdraw, nudge. Asking is in submit.ts, deciding in decisions.ts. */
import type { RequestView } from '../../../shared/contract/requests';
import { NUDGE_INTERVAL_MS } from '../../../shared/domain/limits';
import type { RequestState } from '../../../shared/domain/states';
import { AppError, notFound } from '../errors';
import type { CallInput } from '../use-cases';
import type { Caller } from './caller';
import type { AccessDeps } from './deps';
import { type Directory, loadDirectory, readsAll, voterOf } from './directory';
import { loadRequest, loadRequests, type RequestFacts, requestContext, requestCore } from './facts';
import { lockRequest, personActor, recordRequest, requestAudience, requestData, requestSubject } from './record';
import { decideRequest, isOpen, wordState } from './request';
import { callerFacts } from './submit';
import { requestView, waitingVoters } from './views';

/** The requester, whoever may (or might have) decided, auditors and administrators. Everybody else can't learn that it is there. */
export function mayRead(facts: RequestFacts, directory: Directory, personId: string): boolean {
  return (
    facts.row.requester_id === personId ||
    facts.decisions.some((decision) => decision.approver_id === personId) ||
    facts.seen.has(personId) ||
    readsAll(directory.people.get(personId)) ||
    voterOf(directory.people.get(personId), facts.stored.answer.approvals, facts.row.requester_id, facts.owners).slots
      .length > 0
  );
}
/** Loads a request for the caller, or says that it was not found. */
export function visible(facts: RequestFacts | undefined, directory: Directory, caller: Caller): RequestFacts {
  if (facts === undefined || !mayRead(facts, directory, caller.personId)) throw notFound('The request');
  return facts;
}

export async function getRequest(deps: AccessDeps, caller: Caller, id: string): Promise<RequestView> {
  const directory = await loadDirectory(deps.store.db);
  const facts = visible(await loadRequest(deps.store.db, id), directory, caller);
  return requestView(facts, directory, deps.presence, caller);
}

export async function listRequests(deps: AccessDeps, caller: Caller, query: CallInput<'requests.list'>['query']) {
  const { db } = deps.store;
  const directory = await loadDirectory(db);
  const person = await callerFacts(directory, caller);
  let rows = db.selectFrom('requests').selectAll().orderBy('id', 'desc');
  if (query.cursor !== undefined) rows = rows.where('id', '<', query.cursor);
  switch (query.scope) {
    case 'mine':
      rows = rows.where('requester_id', '=', person.id);
      break;
    case 'all':
      if (!readsAll(person)) throw new AppError('forbidden', 'Only auditors and administrators see all requests.');
      break;
    case 'handled':
      rows = rows.where(
        'id',
        'in',
        db.selectFrom('decisions').select('request_id').where('approver_id', '=', person.id),
      );
      break;
    case 'inbox': {
      // Who may decide can't be asked in SQL; open requests are few.
      const open = await rows.where('state', 'in', ['pending', 'blocked']).execute();
      const all = await loadRequests(db, open);
      return page(
        deps,
        directory,
        caller,
        all.filter((facts) => waitingVoters(facts, directory).some((v) => v.personId === person.id)),
        query.limit,
      );
    }
  }
  return page(
    deps,
    directory,
    caller,
    await loadRequests(db, await rows.limit(query.limit + 1).execute()),
    query.limit,
  );
}
function page(deps: AccessDeps, directory: Directory, caller: Caller, all: readonly RequestFacts[], limit: number) {
  const shown = all.slice(0, limit);
  return {
    items: shown.map((facts) => requestView(facts, directory, deps.presence, caller)),
    nextCursor: all.length > limit ? (shown.at(-1)?.row.id ?? null) : null,
  };
}

export async function withdraw(deps: AccessDeps, caller: Caller, id: string): Promise<RequestView> {
  return deps.store.write(async (tx) => {
    const directory = await loadDirectory(tx.db);
    const facts = visible(await lockRequest(tx, id), directory, caller);
    if (facts.row.state === 'withdrawn' && facts.row.requester_id === caller.personId)
      return requestView(facts, directory, deps.presence, caller); // a second click
    const context = requestContext(facts, directory, deps.clock.now());
    const outcome = decideRequest(requestCore(facts.row), { kind: 'withdraw', personId: caller.personId }, context);
    if (outcome.kind === 'refused') throw new AppError(outcome.code, outcome.what);
    const after = await recordRequest(tx, deps, facts, outcome.events, { actor: personActor(caller), directory });
    return requestView(after, directory, deps.presence, caller);
  });
}

/** Not a transition, so not on the log: it only tells the requester that somebody looks. */
export async function seen(deps: AccessDeps, caller: Caller, id: string): Promise<Record<string, never>> {
  return deps.store.write(async (tx) => {
    const directory = await loadDirectory(tx.db);
    const facts = visible(await lockRequest(tx, id), directory, caller);
    const waits = waitingVoters(facts, directory).some((voter) => voter.personId === caller.personId);
    if (!waits || facts.seen.has(caller.personId)) return {};
    await tx.db
      .insertInto('request_seen')
      .values({ request_id: id, person_id: caller.personId, seen_at: deps.clock.now() })
      .execute();
    await announce(tx, deps, directory, id, 'request.seen');
    return {};
  });
}

export async function nudge(deps: AccessDeps, caller: Caller, id: string): Promise<Record<string, never>> {
  return deps.store.write(async (tx) => {
    const directory = await loadDirectory(tx.db);
    const facts = visible(await lockRequest(tx, id), directory, caller);
    const now = deps.clock.now();
    if (facts.row.requester_id !== caller.personId)
      throw new AppError('forbidden', 'Only the requester can remind the approvers.');
    if (!isOpen(facts.row.state as RequestState))
      throw new AppError('wrong-state', `This request is ${wordState(facts.row.state as RequestState)} already.`);
    if (facts.row.nudged_at !== null && now - facts.row.nudged_at < NUDGE_INTERVAL_MS)
      throw new AppError('too-many-requests', 'The approvers were reminded less than five minutes ago.');
    await tx.db.updateTable('requests').set({ nudged_at: now }).where('id', '=', id).execute();
    const { row } = facts;
    tx.audit({
      type: 'request.nudged',
      actor: personActor(caller),
      subject: requestSubject(row),
      data: requestData(facts),
      personId: row.requester_id,
      resourceId: row.resource_id,
    });
    await announce(tx, deps, directory, id, 'request.nudged');
    return {};
  });
}
type Tx = Parameters<Parameters<AccessDeps['store']['write']>[0]>[0];
async function announce(
  tx: Tx,
  deps: AccessDeps,
  directory: Directory,
  id: string,
  type: 'request.seen' | 'request.nudged',
): Promise<void> {
  const facts = await loadRequest(tx.db, id);
  if (facts === undefined) return;
  const request = requestView(facts, directory, deps.presence, null);
  tx.event({ type, subject: id, data: { request }, audience: requestAudience(facts, directory) });
}
