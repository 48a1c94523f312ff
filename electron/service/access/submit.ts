/** Asking: what the policy says first (`preview`), the request itself (`submit`), and more time for a grant (`extend`). */
import type { Kysely } from 'kysely';
import type { Preview } from '../../../shared/contract/policy';
import type { NewRequest } from '../../../shared/contract/requests';
import { requestDigest } from '../../../shared/crypto/statements';
import { formatDuration, wordDuration } from '../../../shared/domain/duration';
import { newId } from '../../../shared/domain/ids';
import { asInstant, plusMs } from '../../../shared/domain/instant';
import { MAX_PENDING_PER_PERSON, MAX_TTL_MS, MIN_TTL_MS, PENDING_TTL_MS } from '../../../shared/domain/limits';
import { AppError, notFound } from '../errors';
import type { Database, GrantTable, RequestTable, ResourceTable } from '../store/schema';
import type { WriteTx } from '../store/store';
import { budgetFacts, budgetProblems, budgetView } from './budget';
import type { Caller } from './caller';
import { answer, loadPolicy } from './context';
import type { AccessDeps } from './deps';
import { barOf, type Directory, loadDirectory, membersFor, type PersonFacts } from './directory';
import { loadGrant, loadRequest, type RequestFacts, requestContext, requestCore } from './facts';
import { levelList, type StoredAnswer, settingsOf, stringList } from './json';
import { POLICY, personActor, recordRequest, requestAudience, requestData, requestSubject, SERVICE } from './record';
import { decideRequest } from './request';
import { requestView, ticketOf } from './views';

export async function callerFacts(directory: Directory, caller: Caller): Promise<PersonFacts> {
  const person = directory.people.get(caller.personId);
  if (person?.active !== true) throw new AppError('not-signed-in', 'You are not (or no longer) known here.');
  return person;
}
async function activeResource(db: Kysely<Database>, id: string): Promise<ResourceTable> {
  const row = await db
    .selectFrom('resources')
    .selectAll()
    .where('id', '=', id)
    .where('state', '=', 'active')
    .executeTakeFirst();
  if (row === undefined) throw notFound('The resource');
  return row;
}
function levelOf(resource: ResourceTable, name: string) {
  const level = levelList(resource.levels).find((candidate) => candidate.name === name);
  if (level === undefined) throw notFound(`The level "${name}" of ${resource.name}`);
  return level;
}
/** What the target can't do for this level, in sentences. */
export function limitsOf(deps: AccessDeps, resource: ResourceTable, levelName: string): readonly string[] {
  const level = levelList(resource.levels).find((candidate) => candidate.name === levelName);
  const provisioner = deps.provisioners.get(resource.kind);
  return level && provisioner ? provisioner.limits(settingsOf(resource.settings), level) : [];
}

export async function preview(deps: AccessDeps, caller: Caller, body: NewRequest): Promise<Preview> {
  const { db } = deps.store;
  const directory = await loadDirectory(db);
  const person = await callerFacts(directory, caller);
  const resource = await activeResource(db, body.resourceId);
  levelOf(resource, body.level);
  const owners = stringList(resource.owners);
  const now = deps.clock.now();
  const said = answer(await loadPolicy(db), { person, resource, level: body.level, ask: body, at: now });
  const budget = await budgetFacts(db, { personId: person.id, resourceId: resource.id, now }, said);
  const over = budgetProblems(budget, { ttlMs: body.ttlMs, resource: resource.name, now });
  return {
    answer: { ...said, problems: [...said.problems, ...over] },
    budget: budgetView(budget, body.ttlMs, now),
    approvers: said.approvals.map(({ from, count }) => ({
      group: from,
      count,
      people: membersFor(directory, from, owners)
        .filter((candidate) => barOf(candidate, person.id) === null)
        .map(({ id, displayName }) => ({ personId: id, displayName, online: deps.presence.isOnline(id) })),
    })),
    limits: [...limitsOf(deps, resource, body.level)],
  };
}

export async function submit(deps: AccessDeps, caller: Caller, body: NewRequest) {
  return deps.store.write(async (tx) => {
    await lockPerson(tx, caller.personId);
    await refuseDuplicate(tx, caller, body);
    const facts = await open(tx, deps, caller, body, null);
    return requestView(facts.facts, facts.directory, deps.presence, caller);
  });
}

/** A request that names the grant. The rule for how far it may go is in grant.ts (`extendedDeadline`). */
export async function extend(
  deps: AccessDeps,
  caller: Caller,
  grantId: string,
  body: { ttlMs: number; reason: string; ticketRef: string },
) {
  return deps.store.write(async (tx) => {
    await lockPerson(tx, caller.personId);
    const grant = await loadGrant(tx.db, grantId);
    if (grant === undefined || grant.row.person_id !== caller.personId) throw notFound('The grant');
    const { row, request, pendingExtension } = grant;
    if (row.state !== 'active' || row.expires_at === null || row.expires_at <= deps.clock.now())
      throw new AppError('wrong-state', 'Only active access can be extended.', { next: 'Ask for access again.' });
    if (grant.extensionCount > 0 && body.reason === '')
      throw new AppError('invalid-input', 'From the second extension on, say why more time is needed.', {
        errors: [{ path: 'reason', message: 'Say why you need still more time.' }],
      });
    if (pendingExtension !== null)
      throw new AppError('conflict', `More time has been asked for already (${ticketOf(pendingExtension)}).`);
    const ask: NewRequest = {
      resourceId: row.resource_id,
      level: row.level,
      ttlMs: body.ttlMs,
      reason: body.reason || request.reason,
      ticketRef: body.ticketRef || request.ticket_ref,
      startWhen: 'connected',
    };
    const facts = await open(tx, deps, caller, ask, row);
    return requestView(facts.facts, facts.directory, deps.presence, caller);
  });
}

/** One at a time for each person: two submits at once can't both find the place free. */
const lockPerson = (tx: WriteTx, personId: string) =>
  tx.db
    .updateTable('people')
    .set((eb) => ({ owner: eb.ref('owner') }))
    .where('id', '=', personId)
    .execute();

async function refuseDuplicate(tx: WriteTx, caller: Caller, body: NewRequest): Promise<void> {
  const open = await tx.db
    .selectFrom('requests')
    .select(['id', 'ticket_number', 'resource_id', 'level', 'extends_grant_id'])
    .where('requester_id', '=', caller.personId)
    .where('state', 'in', ['pending', 'blocked'])
    .execute();
  const same = open.find(
    (r) => r.resource_id === body.resourceId && r.level === body.level && r.extends_grant_id === null,
  );
  if (same)
    throw new AppError('conflict', `You have asked for this already: ${ticketOf(same)} is waiting.`, {
      next: `Open ${ticketOf(same)}, or withdraw it first.`,
      errors: [{ path: 'requestId', message: same.id }],
    });
  if (open.length >= MAX_PENDING_PER_PERSON)
    throw new AppError(
      'too-many-requests',
      `You have ${open.length} open requests; ${MAX_PENDING_PER_PERSON} is the most.`,
      {
        next: 'Withdraw what you no longer need.',
      },
    );
  const unclaimed = await tx.db
    .selectFrom('grants')
    .innerJoin('requests', 'requests.id', 'grants.request_id')
    .select(['grants.request_id', 'requests.ticket_number'])
    .where('grants.person_id', '=', caller.personId)
    .where('grants.resource_id', '=', body.resourceId)
    .where('grants.level', '=', body.level)
    .where('grants.state', 'in', ['ready', 'provisioning'])
    .executeTakeFirst();
  if (unclaimed)
    throw new AppError(
      'conflict',
      `You have this already: ${ticketOf(unclaimed)} is approved and waits for your device.`,
      {
        next: `Start ${ticketOf(unclaimed)}.`,
        errors: [{ path: 'requestId', message: unclaimed.request_id }],
      },
    );
}

/** Evaluates, writes the request, and takes the policy's answer. */
async function open(tx: WriteTx, deps: AccessDeps, caller: Caller, body: NewRequest, extending: GrantTable | null) {
  const now = deps.clock.now();
  const directory = await loadDirectory(tx.db);
  const person = await callerFacts(directory, caller);
  const resource = await activeResource(tx.db, body.resourceId);
  levelOf(resource, body.level);
  const policy = await loadPolicy(tx.db);
  const said = answer(policy, { person, resource, level: body.level, ask: body, at: now });
  if (said.effect === 'none')
    throw new AppError('not-requestable', said.message ?? 'This can not be requested.', {
      next: 'Ask an administrator for a rule that covers it.',
    });
  if (said.effect !== 'deny') {
    const problems = [
      ...said.problems,
      ...(extending === null ? [] : extensionProblems(extending, body.ttlMs, said.maxDurationMs ?? 0, now)),
      ...budgetProblems(await budgetFacts(tx.db, { personId: person.id, resourceId: resource.id, now }, said), {
        ttlMs: body.ttlMs,
        resource: resource.name,
        now,
      }),
    ];
    if (problems.length > 0)
      throw new AppError('invalid-input', problems[0]?.message ?? 'The request does not fit the policy.', {
        errors: problems.map(({ field, message }) => ({ path: field, message })),
      });
  }
  const id = newId('request', now, deps.random);
  const stored: StoredAnswer = { answer: said, voided: [] };
  const row: RequestTable = {
    id,
    ticket_number: await tx.nextTicketNumber(),
    state: 'pending',
    requester_id: person.id,
    device_id: caller.deviceId,
    resource_id: resource.id,
    level: body.level,
    ttl_ms: body.ttlMs,
    reason: body.reason,
    ticket_ref: body.ticketRef,
    start_when: body.startWhen,
    extends_grant_id: extending?.id ?? null,
    stage: 0,
    digest: requestDigest({
      requestId: id,
      requesterId: person.id,
      deviceId: caller.deviceId,
      resourceId: resource.id,
      resourceName: resource.name,
      level: body.level,
      ttlMs: body.ttlMs,
      reason: body.reason,
      ticketRef: body.ticketRef,
      extendsGrantId: extending?.id ?? null,
      createdAt: now,
    }),
    policy_version: policy.version,
    policy_digest: policy.digest,
    answer: JSON.stringify(stored),
    blocked_because: null,
    denied_because: null,
    created_at: now,
    expires_at: plusMs(now, PENDING_TTL_MS),
    decided_at: null,
    nudged_at: null,
    applied_at: null,
  };
  await tx.db.insertInto('requests').values(row).execute();
  const facts = (await loadRequest(tx.db, id)) as RequestFacts;
  return { facts: await firstAnswer(tx, deps, facts, directory, caller), directory };
}

async function firstAnswer(
  tx: WriteTx,
  deps: AccessDeps,
  facts: RequestFacts,
  directory: Directory,
  caller: Caller,
): Promise<RequestFacts> {
  const said = facts.stored.answer;
  switch (said.effect) {
    case 'auto':
      return recordRequest(tx, deps, facts, [{ type: 'auto_approved' }], { actor: POLICY, directory });
    case 'deny':
    case 'none': {
      const because = said.message ?? 'The policy does not allow this.';
      return recordRequest(tx, deps, facts, [{ type: 'denied_by_policy', because }], { actor: POLICY, directory });
    }
    case 'approve': {
      const { row } = facts;
      tx.audit({
        type: 'request.submitted',
        actor: personActor(caller),
        subject: requestSubject(row),
        data: { ...requestData(facts), approvals: said.approvals, confirm: said.confirm, rules: said.rules },
        personId: row.requester_id,
        resourceId: row.resource_id,
        ...(row.extends_grant_id === null ? {} : { grantId: row.extends_grant_id }),
      });
      tx.event({
        type: 'request.submitted',
        subject: row.id,
        data: { request: requestView(facts, directory, deps.presence, null) },
        audience: requestAudience(facts, directory),
      });
      const context = requestContext(facts, directory, deps.clock.now());
      const outcome = decideRequest(requestCore(row), { kind: 'route' }, context);
      return outcome.kind === 'events'
        ? recordRequest(tx, deps, facts, outcome.events, { actor: SERVICE, directory })
        : facts;
    }
  }
}

/** Said when asking, so that nothing that was asked for is cut later without a word. */
function extensionProblems(grant: GrantTable, ttlMs: number, maxAheadMs: number, now: number) {
  const remainingMs = Math.max(0, (grant.expires_at ?? now) - now);
  const total = asInstant((grant.expires_at ?? now) + ttlMs) - (grant.activated_at ?? now);
  const roomMs = Math.floor((maxAheadMs - remainingMs) / MIN_TTL_MS) * MIN_TTL_MS;
  if (total > MAX_TTL_MS)
    return [
      {
        field: 'ttlMs' as const,
        message: `One grant lasts ${formatDuration(MAX_TTL_MS)} at most. Ask for access again.`,
      },
    ];
  if (remainingMs + ttlMs <= maxAheadMs) return [];
  const message =
    roomMs >= MIN_TTL_MS
      ? `At most ${formatDuration(roomMs)} can be added now: the policy allows ${formatDuration(maxAheadMs)} ahead, and ${wordDuration(remainingMs)} are left.`
      : `Nothing can be added yet: the policy allows ${formatDuration(maxAheadMs)} ahead, and ${wordDuration(remainingMs)} are left.`;
  return [{ field: 'ttlMs' as const, message }];
}
