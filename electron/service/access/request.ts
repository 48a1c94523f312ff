/**
 * The request's state machine. Pure: `decideRequest` says what happens, record.ts writes it (one audit entry each).
 *
 *   pending ⇄ blocked;  pending|blocked → approved | auto_approved | denied | denied_by_policy | withdrawn | expired
 *
 * The six on the right are final. Stages come later: `stage` is 0, and a decision names the stage it was given for.
 */
import type { ProblemType } from '../../../shared/contract/problem';
import { assertNever } from '../../../shared/domain/assert-never';
import type { Instant } from '../../../shared/domain/instant';
import { MIN_TTL_MS } from '../../../shared/domain/limits';
import type { RequestState } from '../../../shared/domain/states';
import { fill, type Need, type Voter } from './quorum';

export interface RequestCore {
  readonly state: RequestState;
  readonly requesterId: string;
  readonly ttlMs: number;
  readonly expiresAt: Instant;
}
export type RequestCommand =
  | { readonly kind: 'approve'; readonly voter: Voter; readonly ttlMs: number }
  | { readonly kind: 'deny'; readonly voter: Voter; readonly reason: string }
  | { readonly kind: 'withdraw'; readonly personId: string }
  /** The clock, or what the request was about is gone. */
  | { readonly kind: 'expire'; readonly why: 'unanswered' | 'grant_ended' }
  /** People, groups or devices changed: is there still somebody who can approve? */
  | { readonly kind: 'route' }
  /** The policy says something else now; approvals given under the old answer are void. */
  | { readonly kind: 'reanswer'; readonly effect: 'auto' | 'approve' | 'refuse'; readonly message: string };
export interface RequestContext {
  readonly now: Instant;
  readonly needs: readonly Need[];
  /** Whose approvals stand, judged by what those people are now (invalid ones left out). */
  readonly approvals: readonly Voter[];
  /** Who may still approve and has not decided. */
  readonly candidates: readonly Voter[];
  /** Everybody who decided already, standing or not. */
  readonly decided: ReadonlySet<string>;
  /** Says what is missing, and who must do what. */
  readonly wordMissing: (missing: readonly Need[]) => string;
}
export type RequestEvent =
  | { readonly type: 'decided'; readonly decision: 'approve' | 'deny'; readonly personId: string }
  | { readonly type: 'approved' }
  | { readonly type: 'auto_approved' }
  | { readonly type: 'denied'; readonly because: string }
  | { readonly type: 'denied_by_policy'; readonly because: string }
  | { readonly type: 'withdrawn' }
  | { readonly type: 'expired'; readonly why: 'unanswered' | 'grant_ended' }
  | { readonly type: 'blocked'; readonly because: string }
  | { readonly type: 'unblocked' }
  | { readonly type: 'rerouted' };
export type Refusal = { readonly kind: 'refused'; readonly code: ProblemType; readonly what: string };
export type RequestOutcome = { readonly kind: 'events'; readonly events: readonly RequestEvent[] } | Refusal;

const events = (...list: RequestEvent[]): RequestOutcome => ({ kind: 'events', events: list });
const refused = (code: ProblemType, what: string): Refusal => ({ kind: 'refused', code, what });
export const isOpen = (state: RequestState): state is 'pending' | 'blocked' =>
  state === 'pending' || state === 'blocked';

/** What a command does to a request, or why it may not. No clock, no store. */
export function decideRequest(request: RequestCore, command: RequestCommand, context: RequestContext): RequestOutcome {
  if (!isOpen(request.state)) {
    const deciding = command.kind === 'approve' || command.kind === 'deny';
    return refused(
      deciding ? 'already-decided' : 'wrong-state',
      `This request is ${wordState(request.state)} already.`,
    );
  }
  switch (command.kind) {
    case 'approve': {
      const no = mayNotDecide(request, command.voter, context);
      if (no) return no;
      if (!Number.isSafeInteger(command.ttlMs) || command.ttlMs < MIN_TTL_MS || command.ttlMs > request.ttlMs)
        return refused(
          'invalid-input',
          'An approval may shorten what was asked for, not lengthen it; one minute is the least.',
        );
      const approvals = [...context.approvals, command.voter];
      const decided: RequestEvent = { type: 'decided', decision: 'approve', personId: command.voter.personId };
      if (fill(context.needs, approvals).complete) return events(decided, { type: 'approved' });
      const rest = context.candidates.filter((voter) => voter.personId !== command.voter.personId);
      return events(decided, ...reroute(request.state, context, approvals, rest));
    }
    case 'deny': {
      const no = mayNotDecide(request, command.voter, context);
      if (no) return no;
      return events(
        { type: 'decided', decision: 'deny', personId: command.voter.personId },
        { type: 'denied', because: command.reason },
      );
    }
    case 'withdraw':
      if (command.personId !== request.requesterId)
        return refused('forbidden', 'Only the requester can take a request back.');
      return events({ type: 'withdrawn' });
    case 'expire':
      if (command.why === 'unanswered' && context.now < request.expiresAt)
        return refused('wrong-state', 'This request has not expired.');
      return events({ type: 'expired', why: command.why });
    case 'route':
      if (fill(context.needs, context.approvals).complete) return events({ type: 'approved' });
      return events(...reroute(request.state, context, context.approvals, context.candidates));
    case 'reanswer':
      if (command.effect === 'refuse') return events({ type: 'denied_by_policy', because: command.message });
      if (command.effect === 'auto') return events({ type: 'auto_approved' });
      return events({ type: 'rerouted' }, ...reroute(request.state, context, [], context.candidates));
    default:
      return assertNever(command);
  }
}

function mayNotDecide(request: RequestCore, voter: Voter, context: RequestContext): Refusal | undefined {
  if (voter.personId === request.requesterId) return refused('self-approval', 'Nobody decides on their own request.');
  if (context.decided.has(voter.personId)) return refused('already-decided', 'You decided on this request already.');
  if (context.now >= request.expiresAt) return refused('wrong-state', 'This request has expired.');
  if (voter.slots.length === 0)
    return refused('not-eligible', 'You are not among those who may decide on this request.');
  return undefined;
}

function reroute(
  state: 'pending' | 'blocked',
  context: RequestContext,
  approvals: readonly Voter[],
  candidates: readonly Voter[],
): RequestEvent[] {
  const outlook = fill(context.needs, [...approvals, ...candidates]);
  if (state === 'pending' && !outlook.complete)
    return [{ type: 'blocked', because: context.wordMissing(outlook.missing) }];
  if (state === 'blocked' && outlook.complete) return [{ type: 'unblocked' }];
  return [];
}

/** The state after an event. Throws on an event that a final state can't have. */
export function applyRequestEvent(state: RequestState, event: RequestEvent): RequestState {
  if (!isOpen(state)) throw new Error(`a request that is ${state} can't have "${event.type}"`);
  switch (event.type) {
    case 'decided':
    case 'rerouted':
      return state;
    case 'unblocked':
      return 'pending';
    case 'approved':
    case 'auto_approved':
    case 'denied':
    case 'denied_by_policy':
    case 'withdrawn':
    case 'expired':
    case 'blocked':
      return event.type;
    default:
      return assertNever(event);
  }
}

export function wordState(state: RequestState): string {
  return state.replaceAll('_', ' ');
}
