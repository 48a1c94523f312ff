/**
 * A grant on this machine: the sealed credential is fetched, opened, injected and reported; the local clock counts it down;
 * at its end, at a return or a revocation the files go at once. None of the removing waits for the service.
 * Every step may be called again (an event twice, a reconcile after a start): what is done is not done twice.
 */
import type { Credential, SealedCredential } from '../../../shared/contract/credential';
import type { GrantView } from '../../../shared/contract/grants';
import type { LocalInjection } from '../../../shared/contract/ipc';
import { type EndOn, type EndSignal, wordCondition } from '../../../shared/domain/end-signals';
import { PROVISIONING_TTL_MS } from '../../../shared/domain/limits';
import type { EndReason } from '../../../shared/domain/states';
import type { GrantClock } from '../grants/clock';
import type { Injector } from '../injection';
import type { Log } from '../lifecycle/log';
import { toUserError, UserFacingError } from '../lifecycle/user-error';
import type { CallApi } from '../session/api-client';
import { isProblem } from '../session/api-problem';
import type { ReturnQueue } from '../session/return-queue';
import { ServiceAway } from '../session/transport';

/** By this much our idea of the service's time may be wrong without anybody's clock being at fault. */
const CLOCK_SLACK_MS = 500;

export interface GrantFlow {
  onGrant(grant: GrantView): Promise<void>;
  /** Makes this machine agree with the service's list; grants it does not name are asked for one by one. */
  reconcile(grants: readonly GrantView[]): Promise<void>;
  /** The local deadline: removal without asking anybody. */
  onDeadline(grantId: string): Promise<void>;
  /** The holder is done, or a signal ended it: gone here at once, then the service is told. */
  giveBack(grantId: string, signal?: EndSignal): Promise<void>;
}

export function createGrantFlow(deps: {
  injector: Injector;
  clock: GrantClock;
  queue: ReturnQueue;
  callApi: CallApi;
  deviceId: () => string | null;
  open: (sealed: SealedCredential, grantId: string) => Credential;
  serverNow: () => number;
  /** Signals that would have to end access given under this, and that this desktop can't notice. */
  missingSignals: (endOn: EndOn) => Promise<readonly { readonly signal: EndSignal; readonly reason: string }[]>;
  /** Signals that are there already, and would end access given under this at once. */
  standingSignals: (endOn: EndOn) => Promise<readonly EndSignal[]>;
  /** It is in the files and reported: what came meanwhile is looked at. */
  onBegun: (grantId: string) => Promise<void>;
  onActive: (grant: GrantView, injection: LocalInjection | undefined) => void;
  onFailed: (grant: GrantView, what: string, next: string | null) => void;
  log: Log;
}): GrantFlow {
  const { injector, clock, queue } = deps;
  const delivering = new Set<string>();
  const activeSaid = new Set<string>();
  /** Ended on this machine, whatever the service still believes. */
  const over = new Set<string>();
  /** In this life of the app the service was told that their files are there. */
  const reported = new Set<string>();
  /** The latest state heard of each grant, so that one that ended while its files were being written is taken away again. */
  const heard = new Map<string, GrantView['state']>();

  /** The last deadline heard of each grant, and what we made of it. */
  const deadlines = new Map<string, { readonly told: number; readonly kept: number }>();

  /**
   * The deadline by the service's time, but never further away than what was granted is long: a service whose clock was set
   * forward since we asked it for the time would tell one that lies a year ahead by ours.
   */
  function deadlineOf(grant: GrantView): number {
    if (grant.expiresAt === null) return deps.serverNow() + grant.ttlMs;
    const before = deadlines.get(grant.id);
    const lengthMs = grant.activatedAt === null ? grant.ttlMs : grant.expiresAt - grant.activatedAt;
    const mostAt =
      before === undefined ? deps.serverNow() + lengthMs : before.kept + Math.max(0, grant.expiresAt - before.told);
    const kept = grant.expiresAt > mostAt + CLOCK_SLACK_MS ? mostAt : grant.expiresAt;
    deadlines.set(grant.id, { told: grant.expiresAt, kept });
    return kept;
  }
  /** Keys sent in this life of the app, so that each is sent once. */
  const offered = new Set<string>();
  const offering = new Set<string>();

  /** Makes the key that the credential will be bound to, or finds the one of an earlier life, and sends its public half. */
  async function offerKey(grant: GrantView): Promise<void> {
    if (offered.has(grant.id) || offering.has(grant.id) || over.has(grant.id) || queue.returning(grant.id)) return;
    offering.add(grant.id);
    try {
      const publicKey = await injector.deviceKey({
        grantId: grant.id,
        resource: grant.resource.name,
        level: grant.level,
        kind: grant.resource.kind,
        expiresAt: deps.serverNow() + PROVISIONING_TTL_MS,
      });
      await deps.callApi('grants.deviceKey', { params: { id: grant.id }, body: { publicKey } });
      offered.add(grant.id);
      const now = heard.get(grant.id);
      if (now === 'ending' || now === 'ended') await remove(grant.id, 'revoked');
    } catch (cause) {
      if (cause instanceof ServiceAway) return; // the same key is sent when it is back: the lists are loaded anew then
      if (isProblem(cause, 'wrong-state', 'not-found')) return await remove(grant.id, 'failed');
      deps.log('error', 'a key for a credential could not be made or sent', { grantId: grant.id, cause });
      await remove(grant.id, 'failed');
      const error = toUserError(cause);
      await queue.push({ kind: 'report', grantId: grant.id, state: 'failed', error: error.what.slice(0, 500) });
      deps.onFailed(grant, error.what, error.next);
    } finally {
      offering.delete(grant.id);
    }
  }
  const localOf = (grantId: string) => injector.list().find((each) => each.grantId === grantId);
  /** An extension made a newer credential than the one in the files. */
  const isOlderHere = (grant: GrantView) => grant.issue > (localOf(grant.id)?.issue ?? 1);
  const isHere = (grantId: string) => {
    const state = localOf(grantId)?.state;
    return state === 'injected' || state === 'writing' || state === 'removal_failed';
  };

  /** Access that has to end with a sign is not put where nobody would notice the sign, nor where it is given already. */
  async function refuseUnwatched(grant: GrantView): Promise<void> {
    const [standing] = await deps.standingSignals(grant.endOn);
    if (standing !== undefined)
      throw new UserFacingError({
        code: 'signal-given',
        what: `This access has to end when ${wordCondition(grant.endOn, standing)}, and that is so now.`,
        safe: 'Nothing was written, and the login is being taken back.',
        next: 'Ask again, and stay until it is there.',
      });
    const [missing] = await deps.missingSignals(grant.endOn);
    if (missing === undefined) return;
    throw new UserFacingError({
      code: 'signal-unwatched',
      what: `This access has to end when ${wordCondition(grant.endOn, missing.signal)}, and here nobody would notice. ${missing.reason}`,
      safe: 'Nothing was written, and the login is being taken back.',
      next: 'Use another machine, or ask an administrator about the rule.',
    });
  }

  /** A life that was killed between the last file and its word to the service left it waiting for that word. */
  async function reportAgain(grant: GrantView): Promise<void> {
    if (grant.state !== 'provisioning' || reported.has(grant.id)) return;
    reported.add(grant.id);
    await queue.push({ kind: 'report', grantId: grant.id, state: 'injected' });
  }

  async function deliver(grant: GrantView): Promise<void> {
    if (delivering.has(grant.id)) return;
    if (over.has(grant.id) || queue.returning(grant.id)) return; // given back or out of time here: never again
    if (localOf(grant.id)?.state === 'injected' && !isOlderHere(grant)) return reportAgain(grant);
    delivering.add(grant.id);
    try {
      await refuseUnwatched(grant);
      const sealed = await deps.callApi('grants.credential', { params: { id: grant.id } });
      const credential = deps.open(sealed, grant.id);
      const expiresAt = deadlineOf(grant);
      const done = await injector.inject({
        grantId: grant.id,
        resource: grant.resource.name,
        level: grant.level,
        credential,
        expiresAt,
        issue: Math.max(1, grant.issue),
        endOn: grant.endOn,
      });
      clock.watch({ grantId: grant.id, expiresAt, ttlMs: grant.ttlMs });
      const now = heard.get(grant.id);
      if (now === 'ending' || now === 'ended') await remove(grant.id, 'revoked');
      else if (over.has(grant.id))
        await remove(grant.id, 'returned'); // given back here while it was on its way
      else {
        reported.add(grant.id);
        await queue.push({
          kind: 'report',
          grantId: grant.id,
          state: done.state === 'injected' ? 'injected' : 'failed',
        });
      }
      await deps.onBegun(grant.id);
    } catch (cause) {
      if (isProblem(cause, 'wrong-state', 'not-found')) return; // it ended meanwhile, or was fetched before: nothing to inject
      deps.log('error', 'a credential could not be injected', { grantId: grant.id, cause });
      const error = toUserError(withUserError(cause));
      await queue.push({ kind: 'report', grantId: grant.id, state: 'failed', error: error.what.slice(0, 500) });
      // Its key is gone for good, and with it the use of this access: it ends now and not when its time is up.
      if (grant.state === 'active' && error.code === 'device-key-lost')
        await queue.push({ kind: 'return', grantId: grant.id });
      deps.onFailed(grant, error.what, error.next);
    } finally {
      delivering.delete(grant.id);
    }
  }

  async function remove(grantId: string, why: EndReason | 'orphan'): Promise<void> {
    clock.forget(grantId);
    if (!isHere(grantId)) return;
    const done = await injector.remove(grantId, why);
    const state = done.state === 'removed' ? 'removed' : 'removal_failed';
    await queue.push({
      kind: 'report',
      grantId,
      state,
      ...(done.error === null ? {} : { error: done.error.slice(0, 500) }),
    });
  }

  async function activate(grant: GrantView): Promise<void> {
    if (grant.expiresAt === null) return;
    const expiresAt = deadlineOf(grant);
    if (over.has(grant.id) || queue.returning(grant.id)) return;
    clock.watch({ grantId: grant.id, expiresAt, ttlMs: grant.ttlMs });
    if (localOf(grant.id)?.state !== 'injected' || isOlderHere(grant)) {
      await deliver(grant);
      return;
    }
    if (localOf(grant.id)?.expiresAt !== expiresAt)
      await injector
        .extend(grant.id, expiresAt)
        .catch((cause: unknown) =>
          deps.log('error', 'a new deadline could not be stored; the old one holds', { grantId: grant.id, cause }),
        );
  }

  async function onGrant(grant: GrantView): Promise<void> {
    if (grant.holder.deviceId !== deps.deviceId()) return;
    heard.set(grant.id, grant.state);
    switch (grant.state) {
      case 'ready':
        return;
      case 'provisioning':
        if (grant.credentialReady) await deliver(grant);
        else if (grant.deviceKeyWanted !== null) await offerKey(grant);
        return;
      case 'active':
        await activate(grant);
        if (!activeSaid.has(grant.id)) {
          activeSaid.add(grant.id);
          deps.onActive(grant, localOf(grant.id));
        }
        return;
      case 'ending':
      case 'ended':
        await remove(grant.id, grant.endReason ?? 'orphan');
        if (
          grant.state === 'ending' &&
          grant.removal.machine === 'present' &&
          !isHere(grant.id) &&
          !delivering.has(grant.id)
        )
          await queue.push({ kind: 'report', grantId: grant.id, state: 'removed' });
        return;
    }
  }

  return {
    onGrant,
    async reconcile(grants) {
      for (const grant of grants) {
        if (grant.state === 'active') activeSaid.add(grant.id); // not news: it was active before we looked
        await onGrant(grant);
      }
      const named = new Set(grants.map((grant) => grant.id));
      for (const local of injector.list().filter((each) => isHere(each.grantId) && !named.has(each.grantId))) {
        try {
          await onGrant(await deps.callApi('grants.get', { params: { id: local.grantId } }));
        } catch (cause) {
          if (isProblem(cause, 'not-found')) await remove(local.grantId, 'orphan');
        }
      }
    },
    onDeadline(grantId) {
      over.add(grantId);
      return remove(grantId, 'expired');
    },
    async giveBack(grantId, signal) {
      over.add(grantId);
      clock.forget(grantId);
      const returned = { kind: 'return', grantId, ...(signal === undefined ? {} : { signal }) } as const;
      // Kept on disk before anything goes: killed in between, the next life would else take it for lost and put it back.
      const told = queue.push(returned);
      if (!isHere(grantId)) return told;
      const done = await injector.remove(grantId, 'returned');
      await told;
      await queue.push({ kind: 'report', grantId, state: done.state === 'removed' ? 'removed' : 'removal_failed' });
    },
  };
}

/** Errors of the injection room carry their own words; anything else gets ours. */
function withUserError(cause: unknown): unknown {
  if (cause instanceof Error && cause.message === 'seal-broken')
    return new Error('The credential was not sealed for this device.');
  return cause;
}
