/**
 * What notifications say. Pure. Texts by other people (names, reasons) are cleaned to one line and cut; markup is escaped by
 * the adapter that knows whether its daemon reads any.
 */
import { cleanLine } from '../../../shared/contract/fields';
import type { GrantView } from '../../../shared/contract/grants';
import type { RequestView } from '../../../shared/contract/requests';
import { formatDuration, wordDuration } from '../../../shared/domain/duration';
import { cutsSessions } from '../../../shared/domain/session-cuts';

export type NoticeAction = 'approve' | 'deny' | 'open' | 'extend' | 'copy-command';
export interface Notice {
  /** A later notice with the same key replaces this one. */
  readonly key: string;
  readonly title: string;
  readonly body: string;
  readonly actions: readonly { readonly id: NoticeAction; readonly label: string }[];
  readonly urgency: 'low' | 'normal' | 'critical';
  /** `stays`: until somebody answers. `passes`: as long as the desktop finds right. */
  readonly life: 'stays' | 'passes';
}

const MAX_PART_CHARS = 120;
/** One line, no control or direction characters, at most 120 characters. */
export const oneLine = (text: string, maxChars = MAX_PART_CHARS): string => {
  const clean = cleanLine(text);
  return clean.length > maxChars ? `${clean.slice(0, maxChars - 1).trimEnd()}…` : clean;
};
/** For daemons that read markup in bodies. */
export const escapeMarkup = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

const OPEN = { id: 'open', label: 'Open' } as const;
export const requestKey = (requestId: string) => `request:${requestId}`;
export const alarmKey = (grantId: string) => `alarm:${grantId}`;
export const grantKey = (grantId: string) => `grant:${grantId}`;

/** Somebody waits for this person's decision. */
export function waitingNotice(request: RequestView): Notice {
  const who = oneLine(request.requester.displayName, 40);
  const ticket = request.ticketRef === '' ? '' : ` · ${oneLine(request.ticketRef, 40)}`;
  const why = request.reason === '' ? 'no reason given' : `“${oneLine(request.reason)}”`;
  const verb = request.extendsGrantId === null ? 'asks for' : 'wants more time for';
  return {
    key: requestKey(request.id),
    title: `${who} ${verb} ${request.level} on ${oneLine(request.resource.name, 40)}`,
    body: `${formatDuration(request.ttlMs)} · ${request.resource.environment} · ${why}${ticket} (${request.ticket})`,
    actions:
      request.confirm === 'notification'
        ? [{ id: 'approve', label: 'Approve' }, { id: 'deny', label: 'Deny' }, OPEN]
        : [{ id: 'deny', label: 'Deny' }, OPEN],
    urgency: request.resource.environment === 'production' ? 'critical' : 'normal',
    life: 'stays',
  };
}

/** An answer within this time is the answer to asking. */
const AT_ONCE_MS = 2_000;

/** What became of this person's own request; null when it is not worth a notice (they did it themselves). */
export function outcomeNotice(request: RequestView): Notice | null {
  const what = `${request.level} on ${oneLine(request.resource.name, 40)}`;
  const notice = (title: string, body: string): Notice => ({
    key: requestKey(request.id),
    title,
    body,
    actions: [OPEN],
    urgency: 'normal',
    life: 'passes',
  });
  const last = request.decisions.at(-1);
  const by = last === undefined ? '' : ` by ${oneLine(last.approver.displayName, 40)}`;
  switch (request.state) {
    case 'approved':
      return notice(`Approved: ${what}`, `Approved${by}. The clock starts when access works. (${request.ticket})`);
    case 'denied':
      return notice(
        `Denied: ${what}`,
        `Denied${by}${request.deniedBecause ? `: “${oneLine(request.deniedBecause)}”` : ', without a reason'}. (${request.ticket})`,
      );
    case 'expired':
      return notice(
        `Nobody answered: ${what}`,
        `The request expired. Ask again, or ask somebody directly. (${request.ticket})`,
      );
    case 'blocked':
      return notice(
        `Blocked: ${what}`,
        `${oneLine(request.blockedBecause ?? 'Nobody can approve it at present.')} (${request.ticket})`,
      );
    case 'denied_by_policy':
      // Whoever has just asked reads the answer in the form; who has waited for it is told.
      return (request.decidedAt ?? 0) - request.createdAt < AT_ONCE_MS
        ? null
        : notice(
            `Denied: ${what}`,
            `${oneLine(request.deniedBecause ?? 'The policy does not allow this any more.')} (${request.ticket})`,
          );
    case 'pending':
    case 'withdrawn':
    case 'auto_approved':
      return null;
  }
}

export function activeNotice(grant: GrantView, command: string | null): Notice {
  return {
    key: grantKey(grant.id),
    title: `You have ${grant.level} access to ${oneLine(grant.resource.name, 40)}`,
    body: `For ${wordDuration(grant.ttlMs)}.${command === null ? '' : ` Type: ${oneLine(command)}`}`,
    actions: [...(command === null ? [] : [{ id: 'copy-command', label: 'Copy command' } as const]), OPEN],
    urgency: 'normal',
    life: 'passes',
  };
}

export function endingNotice(grant: GrantView, minutes: 15 | 5 | 1): Notice {
  return {
    key: grantKey(grant.id),
    title: `${oneLine(grant.resource.name, 40)} ends in ${minutes === 1 ? '1 minute' : `${minutes} minutes`}`,
    body: `Your ${grant.level} access ends then${cutsSessions(grant.resource.kind) ? ', and open sessions are cut' : ''}. Finish, or ask for more time.`,
    actions: [{ id: 'extend', label: 'Extend' }, OPEN],
    urgency: minutes === 1 ? 'critical' : 'normal',
    life: 'passes',
  };
}

/** Says "gone" only of what was read back. */
export function endedNotice(grant: GrantView): Notice {
  const why = {
    expired: 'The time is up.',
    returned: grant.endedBecause === null ? 'You returned it.' : 'It ended early.',
    revoked: `Revoked${grant.endedBy === null ? '' : ` by ${oneLine(grant.endedBy, 40)}`}.`,
    failed: 'It could not be set up.',
    policy_changed: 'The policy changed.',
  }[grant.endReason ?? 'expired'];
  const proofs = {
    read_back: 'Removal was read back from the target.',
    never_created: 'Nothing had been made on the target.',
    attested_unverified: 'Closed by an administrator; the target could not be asked.',
    holder_may_know: 'The secret itself was not changed: whoever held it may still know it.',
    ran_out: 'It ran out by itself; sessions that were open could not be seen.',
  };
  const proof = grant.endProof === null ? 'Removal was not read back.' : proofs[grant.endProof];
  return {
    key: grantKey(grant.id),
    title: `Access to ${oneLine(grant.resource.name, 40)} ended`,
    body: `${grant.endedBecause === null ? why : `${why} ${oneLine(grant.endedBecause)}`} ${proof}`,
    actions: [OPEN],
    urgency: 'low',
    life: 'passes',
  };
}

/** A removal that hangs is said out loud: to the holder, that the file is gone; that the target has not confirmed. */
export function removalDelayedNotice(grant: GrantView): Notice {
  return {
    key: grantKey(grant.id),
    title: `${oneLine(grant.resource.name, 40)}: still being revoked`,
    body: 'The target has not confirmed the removal yet. Hallpass keeps trying.',
    actions: [OPEN],
    urgency: 'critical',
    life: 'passes',
  };
}

/** To administrators: somebody's access may still work, and it stays on the screen until somebody looks. */
export function alarmNotice(grant: GrantView): Notice {
  const what = `${grant.level} on ${oneLine(grant.resource.name, 40)}`;
  const why = grant.removal.lastError === null ? '' : ` (${oneLine(grant.removal.lastError)})`;
  return {
    key: alarmKey(grant.id),
    title: `Still not removed: ${oneLine(grant.holder.displayName, 40)}, ${what}`,
    body: `It may still work: the target has not confirmed the removal${why}. Hallpass keeps trying; open it to see what to do by hand. (${grant.ticket})`,
    actions: [OPEN],
    urgency: 'critical',
    life: 'stays',
  };
}
export function failedNotice(key: string, what: string, next: string | null): Notice {
  return {
    key,
    title: oneLine(what),
    body: next === null ? '' : oneLine(next),
    actions: [OPEN],
    urgency: 'normal',
    life: 'passes',
  };
}
