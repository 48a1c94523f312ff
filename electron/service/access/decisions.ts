/**
 * A decision that was signed on the approver's device. Everything it claims is checked against what the service holds,
 * in one transaction under the request's lock; the signed statement goes into the audit log, so that nobody, the service
 * included, can have invented it.
 */
import type { RequestView, SignedDecision } from '../../../shared/contract/requests';
import { verifyDecision } from '../../../shared/crypto/statements';
import { newId } from '../../../shared/domain/ids';
import { AppError } from '../errors';
import { sameTerms } from '../policy/evaluate';
import type { DecisionTable, DeviceTable } from '../store/schema';
import type { WriteTx } from '../store/store';
import type { Caller } from './caller';
import { DECISION_NONCE } from './card';
import { answer, loadPolicy } from './context';
import type { AccessDeps } from './deps';
import { type Directory, loadDirectory, voterOf } from './directory';
import { type RequestFacts, requestContext, requestCore } from './facts';
import { reanswer } from './lifecycle';
import { lockRequest, personActor, recordRequest } from './record';
import { decideRequest } from './request';
import { visible } from './requests';
import { requestView } from './views';

type Result = { readonly kind: 'view'; readonly view: RequestView } | { readonly kind: 'changed' };

export async function decide(
  deps: AccessDeps,
  caller: Caller,
  id: string,
  signed: SignedDecision,
): Promise<RequestView> {
  const result = await deps.store.write((tx) => decideIn(tx, deps, caller, id, signed));
  // Said after the commit: the new answer stays, the decision does not.
  if (result.kind === 'changed') throw changed('What the policy asks for changed while you were looking.');
  return result.view;
}
const changed = (what: string) =>
  new AppError('request-changed', what, {
    safe: 'Nothing was decided.',
    next: 'Look at the request again and decide on what it says now.',
  });

async function decideIn(
  tx: WriteTx,
  deps: AccessDeps,
  caller: Caller,
  id: string,
  signed: SignedDecision,
): Promise<Result> {
  const directory = await loadDirectory(tx.db);
  const facts = visible(await lockRequest(tx, id), directory, caller);
  const repeated = facts.decisions.find(
    (row) => row.signature === signed.signature && row.device_id === caller.deviceId,
  );
  if (repeated) return { kind: 'view', view: requestView(facts, directory, deps.presence, caller) }; // a second click, or a retry
  const device = await tx.db.selectFrom('devices').selectAll().where('id', '=', caller.deviceId).executeTakeFirst();
  checkStatement(facts, caller, device, signed);
  if (await policyMoved(tx, deps, facts, directory)) return { kind: 'changed' };

  const { statement } = signed;
  const voter = voterOf(
    directory.people.get(caller.personId),
    facts.stored.answer.approvals,
    facts.row.requester_id,
    facts.owners,
  );
  const by = { personId: caller.personId, slots: voter.slots };
  const outcome = decideRequest(
    requestCore(facts.row),
    statement.decision === 'approve'
      ? { kind: 'approve', voter: by, ttlMs: statement.ttlMs }
      : { kind: 'deny', voter: by, reason: statement.reason },
    requestContext(facts, directory, deps.clock.now()),
  );
  if (outcome.kind === 'refused') throw new AppError(outcome.code, outcome.what);
  // By the policy a click on a notification may not be enough; then neither approval nor denial counts from there.
  if (facts.stored.answer.confirm === 'card' && statement.via !== 'card')
    throw new AppError('card-required', 'This request is decided on its card.', {
      next: 'Open the request and decide there.',
    });
  await spendNonce(tx, deps, caller, id, statement.nonce);
  const row = decisionRow(deps, caller, facts, signed, by.slots);
  await tx.db.insertInto('decisions').values(row).execute();
  const after = await recordRequest(tx, deps, { ...facts, decisions: [...facts.decisions, row] }, outcome.events, {
    actor: personActor(caller),
    directory,
    evidence: {
      statement,
      signature: signed.signature,
      deviceId: caller.deviceId,
      countsFor: by.slots,
      ttlMs: statement.ttlMs,
    },
  });
  return { kind: 'view', view: requestView(after, directory, deps.presence, caller) };
}

/** Is it signed by this device, and about this request as it is now? */
function checkStatement(
  facts: RequestFacts,
  caller: Caller,
  device: DeviceTable | undefined,
  signed: SignedDecision,
): void {
  const { statement } = signed;
  const { row } = facts;
  if (device === undefined || device.state !== 'active' || device.person_id !== caller.personId)
    throw new AppError('device-revoked', 'This device may not decide.', { next: 'Sign in from a confirmed device.' });
  if (statement.deviceId !== device.id || statement.requestId !== row.id)
    throw new AppError('bad-signature', 'The decision was signed for another request or on another device.', {
      safe: 'Nothing was decided.',
    });
  if (!verifyDecision(device.signing_key, signed))
    throw new AppError('bad-signature', 'The signature does not fit the decision.', { safe: 'Nothing was decided.' });
  if (statement.requestDigest !== row.digest || statement.stage !== row.stage)
    throw changed('The request is not what was signed.');
  if (statement.policyVersion !== row.policy_version || statement.policyDigest !== row.policy_digest)
    throw changed('The policy changed since you looked.');
}

/** Another instance may have published a policy while this request was written: then it is judged again here. */
async function policyMoved(tx: WriteTx, deps: AccessDeps, facts: RequestFacts, directory: Directory): Promise<boolean> {
  const { row, resource } = facts;
  const policy = await loadPolicy(tx.db);
  const person = directory.people.get(row.requester_id);
  if (row.state !== 'pending' && row.state !== 'blocked') return false;
  if (policy.version === row.policy_version || person === undefined) return false;
  const ask = { ttlMs: row.ttl_ms, reason: row.reason, ticketRef: row.ticket_ref };
  if (sameTerms(answer(policy, { person, resource, level: row.level, ask, at: deps.clock.now() }), facts.stored.answer))
    return false;
  await reanswer(tx, deps, directory, policy, facts);
  return true;
}

/** One use, one device, one request. The compare-and-set makes a replay lose also when both arrive at once. */
async function spendNonce(
  tx: WriteTx,
  deps: AccessDeps,
  caller: Caller,
  requestId: string,
  nonce: string,
): Promise<void> {
  const now = deps.clock.now();
  const spent = await tx.db
    .updateTable('nonces')
    .set({ used_at: now })
    .where('nonce', '=', nonce)
    .where('purpose', '=', DECISION_NONCE)
    .where('subject', '=', requestId)
    .where('device_id', '=', caller.deviceId)
    .where('expires_at', '>', now)
    .where('used_at', 'is', null)
    .executeTakeFirst();
  if (Number(spent.numUpdatedRows) !== 1) throw changed('This card was open too long, or was used already.');
}

function decisionRow(
  deps: AccessDeps,
  caller: Caller,
  facts: RequestFacts,
  signed: SignedDecision,
  slots: readonly string[],
): DecisionTable {
  const { statement } = signed;
  const now = deps.clock.now();
  return {
    id: newId('decision', now, deps.random),
    request_id: facts.row.id,
    stage: statement.stage,
    approver_id: caller.personId,
    device_id: caller.deviceId,
    decision: statement.decision,
    ttl_ms: statement.decision === 'approve' ? statement.ttlMs : 0,
    reason: statement.reason,
    via: statement.via,
    statement: JSON.stringify(statement),
    signature: signed.signature,
    counts_for: JSON.stringify(slots),
    at: now,
  };
}
