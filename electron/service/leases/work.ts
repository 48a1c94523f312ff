/**
 * What is done on targets: make a credential, move its deadline, take it away, work off what it left. Each asks the target
 * first and writes afterwards, under its claim; a crash between the two leaves a claim that runs out, and the same work again.
 */
import { asInstant, msBetween, plusMs } from '../../../shared/domain/instant';
import { PROVISIONING_TTL_MS } from '../../../shared/domain/limits';
import { answer, loadPolicy } from '../access/context';
import { type Directory, loadDirectory } from '../access/directory';
import { type GrantFacts, grantCore, isUnapplied, loadGrant, loadRequest } from '../access/facts';
import { decideGrant, extendedDeadline, type GrantCommand } from '../access/grant';
import { agreedTtl, emitGrant, recordGrant, SERVICE } from '../access/record';
import { type ReadBack, TargetError } from '../provisioners/provisioner';
import type { GrantTable } from '../store/schema';
import type { WriteTx } from '../store/store';
import { backoffMs } from './backoff';
import { type Claim, FREE, finish } from './claims';
import { isAway, isSilent, isUnknown, type LeaseDeps, reach, recorderOf, withTimeout, wordFailure } from './deps';
import { firstValidityMs, type Issued, issue } from './issue';
import { CLEAN_UP_TIMEOUT_MS, DEADLINE_TIMEOUT_MS, END_TIMEOUT_MS, RESIDUE_RETRY_MS } from './limits';

export interface WorkHooks {
  /** A call that timed out settled after all: what it left is looked for now. */
  readonly lateOn: (resourceId: string) => void;
  /** The target answered, or did not. */
  readonly heard: (resourceId: string, what: 'answer' | 'silence') => void;
}

/** Does one claimed piece of work to its end. Throws only when the store can't be written. */
export async function work(deps: LeaseDeps, claim: Claim, hooks: WorkHooks): Promise<void> {
  const facts = await loadGrant(deps.store.db, claim.grantId);
  if (facts === undefined) return;
  switch (claim.kind) {
    case 'provision':
      return provision(deps, claim, facts, hooks);
    case 'deadline':
      return moveDeadline(deps, claim, facts, hooks);
    case 'remove':
      return remove(deps, claim, facts, hooks);
    case 'residue':
      return workOffResidue(deps, claim, facts, hooks);
  }
}

const directories = new WeakMap<WriteTx, Promise<Directory>>();
/** Read once for a write, however many results it holds: none of them changes people. */
function directoryIn(tx: WriteTx): Promise<Directory> {
  const known = directories.get(tx) ?? loadDirectory(tx.db);
  directories.set(tx, known);
  return known;
}
/** Applies one command of the state machine inside a finishing write. */
async function apply(
  tx: WriteTx,
  deps: LeaseDeps,
  facts: GrantFacts,
  command: GrantCommand,
  set: Partial<GrantTable>,
  data: Record<string, unknown> = {},
): Promise<'moved' | 'stayed'> {
  const outcome = decideGrant(grantCore(facts.row), command, deps.clock.now());
  if (outcome.kind === 'refused' || outcome.events.length === 0) return 'stayed';
  await recordGrant(tx, recorderOf(deps), facts, outcome.events, {
    actor: SERVICE,
    directory: await directoryIn(tx),
    set: { ...FREE, ...set },
    data,
  });
  return 'moved';
}
const setOn = (tx: WriteTx, id: string, columns: Partial<GrantTable>) =>
  tx.db
    .updateTable('grants')
    .set({ ...FREE, ...columns })
    .where('id', '=', id)
    .execute();

const columnsOf = (made: Issued, row: GrantTable): Partial<GrantTable> => ({
  sealed: made.sealed,
  credential_until: made.until,
  issue: row.issue + 1,
});

async function provision(deps: LeaseDeps, claim: Claim, facts: GrantFacts, hooks: WorkHooks): Promise<void> {
  const { row, resource } = facts;
  let made: Issued;
  try {
    made = await issue(deps, facts, {
      validForMs: (provisioner) => firstValidityMs(deps, provisioner, row),
      onLate: () => hooks.lateOn(resource.id),
    });
    hooks.heard(resource.id, 'answer');
  } catch (cause) {
    if (isAway(cause)) hooks.heard(resource.id, 'silence');
    await creationFailed(deps, claim, cause);
    return;
  }
  // A crash here leaves a login that nobody has the password of; the claim runs out and due.ts ends the grant.
  await finish(deps, claim, async (tx, now) => {
    const moved = await apply(tx, deps, now, { kind: 'store_credential' }, columnsOf(made, row));
    if (moved === 'stayed') await setOn(tx, row.id, {});
  });
}
async function creationFailed(deps: LeaseDeps, claim: Claim, cause: unknown): Promise<void> {
  const why = wordFailure(cause);
  deps.log.warn({ grantId: claim.grantId, err: why }, 'a credential could not be made');
  await finish(deps, claim, async (tx, { row, ...rest }) => {
    const now = deps.clock.now();
    const attempts = row.attempts + 1;
    const retryAt = plusMs(now, backoffMs(attempts, deps.random));
    const until = (row.provisioning_since ?? now) + PROVISIONING_TTL_MS;
    // A target that can't be reached may be back in a moment, and creating again is safe: same principal, new password.
    if (cause instanceof TargetError && cause.kind === 'unreachable' && retryAt < until) {
      await setOn(tx, row.id, { attempts, due_at: retryAt, last_error: why });
      return;
    }
    await apply(tx, deps, { row, ...rest }, { kind: 'end', reason: 'failed' }, { last_error: why }, { error: why });
  });
}

/** Moves the target's own limit: to the exact deadline after activation, to the later one when an extension was approved. */
async function moveDeadline(deps: LeaseDeps, claim: Claim, facts: GrantFacts, hooks: WorkHooks): Promise<void> {
  const { row, resource } = facts;
  const extension = await approvedExtension(deps, facts);
  const deadline = extension?.deadline ?? asInstant(row.expires_at ?? deps.clock.now());
  /** Set where the credential carries its end: the device gets this one in place of the old. */
  let made: Issued | null = null;
  try {
    const { provisioner, target } = reach(deps, resource);
    const validForMs = Math.max(1, msBetween(deps.clock.now(), deadline));
    if (extension !== null && provisioner.extension === 'reissues')
      made = await issue(deps, facts, { validForMs: () => validForMs, onLate: () => hooks.lateOn(resource.id) });
    else
      await withTimeout(deps, provisioner.setDeadline(target, row.principal, validForMs), {
        what: 'Moving the deadline',
        lengthMs: DEADLINE_TIMEOUT_MS,
      });
    hooks.heard(resource.id, 'answer');
  } catch (cause) {
    if (isAway(cause)) hooks.heard(resource.id, 'silence');
    const why = wordFailure(cause);
    deps.log.warn({ grantId: row.id, err: why }, 'the deadline on the target could not be moved');
    await finish(deps, claim, async (tx, { row: now }) => {
      const attempts = now.attempts + 1;
      // Not reached before the deadline: then it ends by the earlier one.
      const retryAt = Math.min(
        now.expires_at ?? Number.MAX_SAFE_INTEGER,
        plusMs(deps.clock.now(), backoffMs(attempts, deps.random)),
      );
      await setOn(tx, row.id, { attempts, due_at: retryAt, last_error: why });
    });
    return;
  }
  await finish(deps, claim, async (tx, now) => {
    if (extension === null) {
      // An extension that was approved while we asked made the row due again; it keeps its turn.
      const due =
        now.pendingExtension !== null && isUnapplied(now.pendingExtension) ? deps.clock.now() : now.row.expires_at;
      await setOn(tx, row.id, { due_at: due, attempts: 0, last_error: null });
      return;
    }
    await tx.db
      .updateTable('requests')
      .set({ applied_at: deps.clock.now() })
      .where('id', '=', extension.requestId)
      .execute();
    const command = {
      kind: 'extend',
      ttlMs: msBetween(asInstant(row.expires_at ?? 0), deadline),
      maxAheadMs: extension.maxAheadMs,
    } as const;
    const issued = made === null ? {} : columnsOf(made, row);
    const moved = await apply(tx, deps, now, command, issued, { requestId: extension.requestId });
    if (moved === 'stayed') await setOn(tx, row.id, { due_at: now.row.expires_at });
  });
}
async function approvedExtension(deps: LeaseDeps, facts: GrantFacts) {
  const { pendingExtension, row, resource } = facts;
  if (pendingExtension === null || !isUnapplied(pendingExtension)) return null;
  const { db } = deps.store;
  const request = await loadRequest(db, pendingExtension.id);
  const person = (await loadDirectory(db)).people.get(row.person_id);
  if (request === undefined || person === undefined) return null;
  const now = deps.clock.now();
  const said = answer(await loadPolicy(db), { person, resource, level: row.level, ask: null, at: now });
  const maxAheadMs = said.maxDurationMs ?? 0;
  const deadline = extendedDeadline(grantCore(row), { ttlMs: agreedTtl(request), maxAheadMs }, now);
  // The policy may leave nothing to add by now: then the present deadline stays, and the request counts as dealt with.
  return { requestId: request.row.id, maxAheadMs, deadline: asInstant(Math.max(deadline, row.expires_at ?? 0)) };
}

/** What a target that can't be asked leaves to the credential's own end. */
function outOf(readBack: ReadBack, row: GrantTable, now: number): ReadBack {
  if (readBack.proof !== 'ran_out') return readBack;
  // A credential that was made and never stored was never handed out.
  return { ...readBack, canLogIn: row.credential_until !== null && now < row.credential_until, sessionCount: 0 };
}

/** Access is ended when the target says so, and not before. */
async function remove(deps: LeaseDeps, claim: Claim, facts: GrantFacts, hooks: WorkHooks): Promise<void> {
  const { row, resource } = facts;
  try {
    const { provisioner, target } = reach(deps, resource);
    const { readBack, sessionsCut } = await withTimeout(deps, provisioner.end(target, row.principal), {
      what: 'Ending access on the target',
      lengthMs: END_TIMEOUT_MS,
    });
    hooks.heard(resource.id, 'answer');
    await finish(deps, claim, async (tx, now) => {
      const attempts = now.row.attempts + 1;
      const cut = { attempts, sessions_cut: now.row.sessions_cut + sessionsCut };
      const { canLogIn, sessionCount, proof } = outOf(readBack, now.row, deps.clock.now());
      const command = { kind: 'read_back', canLogIn, sessionCount, ...(proof ? { proof } : {}) } as const;
      const moved = await apply(tx, deps, now, command, cut, { sessionsCut: cut.sessions_cut, attempts });
      if (moved === 'moved') return;
      const waitsFor = proof === 'ran_out' ? now.row.credential_until : null;
      const left = canLogIn ? 'the login still works' : `${sessionCount} sessions are still open`;
      await setOn(tx, row.id, {
        ...cut,
        target: 'present',
        last_error: waitsFor === null ? left : 'this target can’t be asked; the credential works until it runs out',
        due_at: waitsFor ?? deps.clock.now() + backoffMs(attempts, deps.random),
      });
    });
  } catch (cause) {
    const why = wordFailure(cause);
    if (isSilent(cause)) hooks.heard(resource.id, 'silence');
    // It is there and said no to this one; the others are not to wait until probes have come to them.
    else if (cause instanceof TargetError) hooks.heard(resource.id, 'answer');
    deps.log.warn({ grantId: row.id, err: why }, 'access could not be removed yet');
    await finish(deps, claim, async (tx, now) => {
      const attempts = now.row.attempts + 1;
      const retryAt = deps.clock.now() + backoffMs(attempts, deps.random);
      await setOn(tx, row.id, {
        attempts,
        target: isUnknown(cause) ? 'unknown' : 'present',
        last_error: why,
        due_at: retryAt,
      });
    });
  }
}

/** What a principal left gives nobody access; it is worked off and shown, and keeps no grant from being ended. */
async function workOffResidue(deps: LeaseDeps, claim: Claim, facts: GrantFacts, hooks: WorkHooks): Promise<void> {
  const { row, resource } = facts;
  try {
    const { provisioner, target } = reach(deps, resource);
    const { done, residue } = await withTimeout(deps, provisioner.cleanUp(target, row.principal), {
      what: 'Clearing away what was left',
      lengthMs: CLEAN_UP_TIMEOUT_MS,
    });
    hooks.heard(resource.id, 'answer');
    await finish(deps, claim, async (tx, now) => {
      const left = JSON.stringify(residue);
      await setOn(tx, row.id, { residue: left, residue_due_at: done ? null : deps.clock.now() + RESIDUE_RETRY_MS });
      if (left === now.row.residue) return;
      const after = { ...now, row: { ...now.row, residue: left } };
      emitGrant(tx, after, 'grant.residue', {
        actor: SERVICE,
        directory: await directoryIn(tx),
        data: { done, residue },
      });
    });
  } catch (cause) {
    if (isAway(cause)) hooks.heard(resource.id, 'silence');
    deps.log.warn({ grantId: row.id, err: wordFailure(cause) }, 'left-overs could not be cleared away yet');
    await finish(deps, claim, async (tx) => {
      await setOn(tx, row.id, { residue_due_at: deps.clock.now() + RESIDUE_RETRY_MS });
    });
  }
}
