/** What is said of grants and waiting requests. Pure: the service's time is an argument. */
import type { GrantView } from '../../../shared/contract/grants';
import type { LocalInjection } from '../../../shared/contract/ipc';
import type { RequestView } from '../../../shared/contract/requests';
import { assertNever } from '../../../shared/domain/assert-never';
import { formatDuration, wordDuration } from '../../../shared/domain/duration';
import { MINUTE_MS } from '../../../shared/domain/instant';
import { wordApprovals, wordCount } from '../../app/words';
import { wordsOfKind } from '../../ui/kinds';

export const remainingOf = (grant: Pick<GrantView, 'expiresAt' | 'ttlMs'>, now: number): number =>
  Math.min(grant.ttlMs, Math.max(0, (grant.expiresAt ?? now) - now));

/** "You have read-only access to orders-db for 42 more minutes." */
export function sentenceOf(grant: GrantView, now: number): string {
  const left = remainingOf(grant, now);
  if (left === 0) return `Your ${grant.level} access to ${grant.resource.name} is ending now.`;
  return `You have ${grant.level} access to ${grant.resource.name} for ${wordDuration(left).replace(/^(\d+)/, '$1 more')}.`;
}

/** The sentence beside the title. */
export function headlineOf(live: readonly GrantView[], waitingCount: number): string {
  const active = live.filter((grant) => grant.state === 'active').length;
  const ending = live.filter((grant) => grant.state === 'ending').length;
  if (active > 0) return `${wordCount(active, 'grant')} active. The next one ends in`;
  if (ending > 0) return `${wordCount(ending, 'grant')} still being revoked.`;
  if (live.length > 0) return 'Access is being made ready.';
  if (waitingCount > 0) return `No access right now. ${wordCount(waitingCount, 'request')} waiting.`;
  return 'You have no access right now.';
}

/** How it ended, in a few words: "returned, 18 m early". */
export function endedHow(grant: GrantView): { readonly text: string; readonly tone: 'plain' | 'warn' } {
  const cut = grant.removal.sessionsCut;
  const sessions = cut > 0 ? `, ${wordCount(cut, 'session')} cut` : '';
  if (grant.endProof === 'attested_unverified') return { text: 'closed, not read back', tone: 'warn' };
  if (grant.endProof === 'holder_may_know') return { text: `${reasonOf(grant)}, secret not changed`, tone: 'warn' };
  if (grant.endProof === 'ran_out') return { text: `${reasonOf(grant)}, sessions not seen`, tone: 'warn' };
  if (grant.residue.length > 0)
    return { text: `${wordCount(grant.residue.length, 'left-over')} on the target`, tone: 'warn' };
  return { text: reasonOf(grant) + sessions, tone: grant.endReason === 'failed' ? 'warn' : 'plain' };
}
function reasonOf(grant: GrantView): string {
  switch (grant.endReason) {
    case 'expired':
    case null:
      return grant.endProof === 'never_created' ? 'never started' : 'expired';
    case 'returned': {
      if (grant.endedBecause !== null) return `ended early: ${lowerFirst(grant.endedBecause)}`;
      const earlyMs = grant.expiresAt !== null && grant.endedAt !== null ? grant.expiresAt - grant.endedAt : 0;
      return earlyMs >= MINUTE_MS
        ? `returned, ${formatDuration(Math.floor(earlyMs / MINUTE_MS) * MINUTE_MS)} early`
        : 'returned';
    }
    case 'revoked':
      return grant.endedBy === null ? 'revoked' : `revoked by ${grant.endedBy}`;
    case 'failed':
      return 'could not be made';
    case 'policy_changed':
      return 'ended, the policy changed';
    default:
      return assertNever(grant.endReason);
  }
}
const lowerFirst = (sentence: string): string =>
  `${sentence.charAt(0).toLowerCase()}${sentence.slice(1)}`.replace(/\.$/, '');
/** What the tick in front of an ended grant stands for. Nothing is called read back that was not. */
export function proofOf(grant: GrantView): { readonly text: string; readonly known: boolean } {
  switch (grant.endProof) {
    case 'read_back':
      return { text: 'Removal read back from the target', known: true };
    case 'never_created':
      return { text: 'Nothing had been made on the target', known: true };
    case 'attested_unverified':
      return { text: 'An administrator’s word; the target could not be read', known: false };
    case 'holder_may_know':
      return { text: 'Given back; the secret was not changed, so its holder may still know it', known: false };
    case 'ran_out':
      return { text: 'The credential ran out; sessions that were open could not be seen', known: false };
    case null:
      return { text: 'Not read back', known: false };
    default:
      return assertNever(grant.endProof);
  }
}

export interface RemovalFact {
  readonly text: string;
  /** For a narrow window. */
  readonly short?: string;
  readonly tone: 'ok' | 'warn' | 'bad';
}
/** While it ends: what is known of this machine and of the target, each on its own. */
export function removalFacts(
  grant: GrantView,
  local: LocalInjection | undefined,
): { machine: RemovalFact; target: RemovalFact } {
  const machineState =
    local?.state === 'removed'
      ? 'removed'
      : local?.state === 'removal_failed'
        ? 'removal_failed'
        : grant.removal.machine;
  const machine: Record<GrantView['removal']['machine'], RemovalFact> = {
    removed: { text: 'Gone from this machine', short: 'Gone here', tone: 'ok' },
    present: { text: 'Being removed here', tone: 'warn' },
    removal_failed: { text: 'Removal here failed, retrying', tone: 'bad' },
    unknown: { text: 'This machine: unknown', tone: 'warn' },
  };
  const target: Record<GrantView['removal']['target'], RemovalFact> = {
    gone: { text: 'Gone from the target', tone: 'ok' },
    present: { text: 'Still on the target', short: 'Still there', tone: 'bad' },
    unknown: { text: 'Target not confirmed', short: 'Not confirmed', tone: 'warn' },
  };
  return { machine: machine[machineState], target: target[grant.removal.target] };
}

/** What may still work, in sentences: nothing is called gone that was not read back. */
export function openEnds(grant: Pick<GrantView, 'removal' | 'level' | 'resource' | 'holder'>): string[] {
  const { removal } = grant;
  const open: string[] = [];
  if (removal.target === 'unknown')
    open.push('It may still work, and sessions may be open: the target has not confirmed that it is gone.');
  if (removal.target === 'present') open.push('The target says that the login still works, or that sessions are open.');
  if (removal.machine === 'removal_failed')
    open.push(`${grant.holder.displayName}’s machine could not remove its files.`);
  if (removal.machine === 'present' || removal.machine === 'unknown')
    open.push(`${grant.holder.displayName}’s machine has not said that its files are gone.`);
  return open.length === 0 ? ['Nothing that is known; it waits to be read back.'] : open;
}

/** True for a grant that the service, as far as it was heard, calls active while its time is over here and its files are gone. */
export const isGoneHere = (
  grant: Pick<GrantView, 'state'>,
  local: Pick<LocalInjection, 'state'> | undefined,
): boolean => grant.state === 'active' && local?.state === 'removed';
export const GONE_HERE: { readonly machine: RemovalFact; readonly target: RemovalFact } = {
  machine: { text: 'Gone from this machine.', short: 'Gone here', tone: 'ok' },
  target: { text: 'The target has not confirmed.', short: 'Not confirmed', tone: 'warn' },
};

/** "waiting for 1 of db-owners", or why nobody can answer. */
export function waitingFor(request: RequestView): string {
  const open = request.approvals
    .filter((one) => one.given < one.count)
    .map((one) => ({ from: one.from, count: one.count - one.given }));
  return open.length === 0 ? 'being decided' : wordApprovals(open);
}
/** Live grants in the order they matter: soonest end first, then what is being made, then what is being taken away. */
export function liveOrder(grants: readonly GrantView[]): GrantView[] {
  const rank = { active: 0, provisioning: 1, ready: 2, ending: 3, ended: 4 } as const;
  return grants
    .filter((grant) => grant.state !== 'ended')
    .sort(
      (a, b) => rank[a.state] - rank[b.state] || (a.expiresAt ?? 0) - (b.expiresAt ?? 0) || a.id.localeCompare(b.id),
    );
}
export const newestEnded = (grants: readonly GrantView[], most: number): GrantView[] =>
  grants
    .filter((grant) => grant.state === 'ended')
    .sort((a, b) => (b.endedAt ?? 0) - (a.endedAt ?? 0))
    .slice(0, most);

/** What ending now does, before somebody agrees to it. Where sessions are not cut for certain, what becomes of them is said instead. */
export function whatIsTaken(grant: Pick<GrantView, 'level' | 'resource'>): string {
  const atEnd = wordsOfKind(grant.resource.kind)?.atEnd;
  return atEnd === undefined
    ? `Open sessions are cut and ${grant.level} is taken away at once.`
    : `${grant.level} is taken away at once. ${atEnd}`;
}
