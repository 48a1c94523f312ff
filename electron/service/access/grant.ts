/**
 * The grant's state machine. Pure: `decideGrant` says what happens, record.ts writes it (one audit entry each).
 *
 *   ready → provisioning → active → ending → ended;  ready, provisioning and active may go to ending at any time
 *
 * `ended` is final, and only three things lead there: the target was read back, nothing had been made there,
 * or an administrator's word for a target that is gone.
 */
import type { ProblemType } from '../../../shared/contract/problem';
import { assertNever } from '../../../shared/domain/assert-never';
import { asInstant, type Instant, plusMs } from '../../../shared/domain/instant';
import { MAX_TTL_MS, PROVISIONING_TTL_MS, REMOVAL_ALARM_MS } from '../../../shared/domain/limits';
import type { EndProof, EndReason, GrantState } from '../../../shared/domain/states';
import type { Refusal } from './request';

export interface GrantCore {
  readonly state: GrantState;
  readonly ttlMs: number;
  /** A creation on the target may have begun. */
  readonly principalRecorded: boolean;
  readonly credentialStored: boolean;
  readonly readyUntil: Instant | null;
  readonly provisioningSince: Instant | null;
  readonly activatedAt: Instant | null;
  readonly expiresAt: Instant | null;
  readonly endingSince: Instant | null;
  readonly endReason: EndReason | null;
  readonly alarmed: boolean;
  /** What is known of the target, and how often its removal was tried. */
  readonly target: 'unknown' | 'present' | 'gone';
  readonly attempts: number;
}
export type GrantCommand =
  | { readonly kind: 'claim' }
  | { readonly kind: 'store_credential' }
  | { readonly kind: 'acknowledge' }
  /** `by` as in the new total length the policy allows from now on. */
  | { readonly kind: 'extend'; readonly ttlMs: number; readonly maxAheadMs: number }
  | { readonly kind: 'end'; readonly reason: EndReason }
  /** The clock: whatever is due by now. */
  | { readonly kind: 'tick' }
  /** `proof`: how the end is known where the target could not be asked, or what was handed out can't be taken back. */
  | {
      readonly kind: 'read_back';
      readonly canLogIn: boolean;
      readonly sessionCount: number;
      readonly proof?: 'holder_may_know' | 'ran_out';
    }
  | { readonly kind: 'attest' };
export type GrantEvent =
  | { readonly type: 'provisioning' }
  | { readonly type: 'credential_ready' }
  | { readonly type: 'activated'; readonly expiresAt: Instant }
  | { readonly type: 'extended'; readonly expiresAt: Instant; readonly from: Instant; readonly addedMs: number }
  | { readonly type: 'ending'; readonly reason: EndReason }
  | { readonly type: 'removal_delayed' }
  | { readonly type: 'ended'; readonly proof: EndProof };
export type GrantOutcome = { readonly kind: 'events'; readonly events: readonly GrantEvent[] } | Refusal;

const events = (...list: GrantEvent[]): GrantOutcome => ({ kind: 'events', events: list });
const refused = (what: string, code: ProblemType = 'wrong-state'): Refusal => ({ kind: 'refused', code, what });

/** What a command does to a grant, or why it may not. */
export function decideGrant(grant: GrantCore, command: GrantCommand, now: Instant): GrantOutcome {
  switch (grant.state) {
    case 'ready':
      return whenReady(grant, command, now);
    case 'provisioning':
      return whenProvisioning(grant, command, now);
    case 'active':
      return whenActive(grant, command, now);
    case 'ending':
      return whenEnding(grant, command, now);
    case 'ended':
      return refused('This access has ended.');
    default:
      return assertNever(grant.state);
  }
}

/** Nothing on the target: it ends at once, with both transitions on the log. */
const end = (grant: GrantCore, reason: EndReason): GrantOutcome =>
  grant.principalRecorded
    ? events({ type: 'ending', reason })
    : events({ type: 'ending', reason }, { type: 'ended', proof: 'never_created' });

function whenReady(grant: GrantCore, command: GrantCommand, now: Instant): GrantOutcome {
  const late = grant.readyUntil !== null && now >= grant.readyUntil;
  switch (command.kind) {
    case 'claim':
      return late ? refused('This approval was not claimed in time.') : events({ type: 'provisioning' });
    case 'end':
      return end(grant, command.reason);
    case 'tick':
      return late ? end(grant, 'expired') : events();
    case 'store_credential':
    case 'acknowledge':
    case 'extend':
    case 'read_back':
    case 'attest':
      return refused('This access has not been started.');
    default:
      return assertNever(command);
  }
}

function whenProvisioning(grant: GrantCore, command: GrantCommand, now: Instant): GrantOutcome {
  const late = now >= plusMs(grant.provisioningSince ?? now, PROVISIONING_TTL_MS);
  switch (command.kind) {
    case 'store_credential':
      if (grant.credentialStored) return refused('A credential was made already.');
      return events({ type: 'credential_ready' });
    case 'acknowledge':
      if (!grant.credentialStored) return refused('No credential has been made yet.');
      return late
        ? refused('The device answered too late; this access is being taken back.')
        : events({ type: 'activated', expiresAt: plusMs(now, grant.ttlMs) });
    case 'end':
      return end(grant, command.reason);
    case 'tick':
      return late ? end(grant, 'failed') : events();
    case 'claim':
      return refused('This access is being made already.');
    case 'extend':
    case 'read_back':
    case 'attest':
      return refused('This access is not active yet.');
    default:
      return assertNever(command);
  }
}

function whenActive(grant: GrantCore, command: GrantCommand, now: Instant): GrantOutcome {
  const expiresAt = grant.expiresAt ?? asInstant(0);
  const late = now >= expiresAt;
  switch (command.kind) {
    case 'extend': {
      if (late) return refused('This access has expired.');
      const deadline = extendedDeadline(grant, command, now);
      if (deadline <= expiresAt) return refused('The policy leaves nothing to add.');
      return events({ type: 'extended', expiresAt: deadline, from: expiresAt, addedMs: deadline - expiresAt });
    }
    case 'end':
      return end(grant, command.reason);
    case 'tick':
      return late ? end(grant, 'expired') : events();
    case 'claim':
    case 'store_credential':
    case 'acknowledge':
      return refused('This access is active already.');
    case 'read_back':
    case 'attest':
      return refused('This access is active.');
    default:
      return assertNever(command);
  }
}

/**
 * Where an extension puts the deadline: what was approved is added to the present one, but never more than the policy's
 * longest duration lies ahead of now, and never more than seven days behind the activation.
 */
export function extendedDeadline(
  grant: Pick<GrantCore, 'expiresAt' | 'activatedAt'>,
  extension: { readonly ttlMs: number; readonly maxAheadMs: number },
  now: Instant,
): Instant {
  const expiresAt = grant.expiresAt ?? now;
  return asInstant(
    Math.min(expiresAt + extension.ttlMs, now + extension.maxAheadMs, (grant.activatedAt ?? now) + MAX_TTL_MS),
  );
}

function whenEnding(grant: GrantCore, command: GrantCommand, now: Instant): GrantOutcome {
  switch (command.kind) {
    case 'read_back':
      if (command.canLogIn || command.sessionCount > 0) return events();
      return events({ type: 'ended', proof: command.proof ?? 'read_back' });
    case 'attest':
      if (grant.attempts < 1 || grant.target !== 'unknown')
        return refused('The target still answers (or was not asked yet), so its word counts.');
      return events({ type: 'ended', proof: 'attested_unverified' });
    case 'tick': {
      const delayed = !grant.alarmed && now >= plusMs(grant.endingSince ?? now, REMOVAL_ALARM_MS);
      return delayed ? events({ type: 'removal_delayed' }) : events();
    }
    case 'claim':
    case 'store_credential':
    case 'acknowledge':
    case 'extend':
    case 'end':
      return refused('This access is being taken away.');
    default:
      return assertNever(command);
  }
}

/** The state after an event. Throws on an event the state can't have. */
export function applyGrantEvent(state: GrantState, event: GrantEvent): GrantState {
  const from: Record<GrantEvent['type'], readonly GrantState[]> = {
    provisioning: ['ready'],
    credential_ready: ['provisioning'],
    activated: ['provisioning'],
    extended: ['active'],
    ending: ['ready', 'provisioning', 'active'],
    removal_delayed: ['ending'],
    ended: ['ending'],
  };
  if (!from[event.type].includes(state)) throw new Error(`a grant that is ${state} can't have "${event.type}"`);
  switch (event.type) {
    case 'provisioning':
    case 'ending':
    case 'ended':
      return event.type;
    case 'activated':
      return 'active';
    case 'credential_ready':
    case 'extended':
    case 'removal_delayed':
      return state;
    default:
      return assertNever(event);
  }
}
