/** The sentences of the card. Pure, so that a test reads every one of them. */
import type { CardFacts } from '../../shared/contract/requests';

const MINUTE_MS = 60_000;

const say = (count: number, word: string): string => `${count} ${word}${count === 1 ? '' : 's'}`;

/** "30 minutes", "1 hour", "1 hour 30 minutes", "2 days". */
export function lengthInWords(ms: number): string {
  const minutes = Math.round(ms / MINUTE_MS);
  if (minutes < 60) return say(minutes, 'minute');
  const hours = Math.floor(minutes / 60);
  if (hours >= 48 && minutes % 1440 === 0) return say(minutes / 1440, 'day');
  const rest = minutes % 60;
  return rest === 0 ? say(hours, 'hour') : `${say(hours, 'hour')} ${say(rest, 'minute')}`;
}

/** "30 m", "1 h", "1 h 30 m": for buttons. */
export function lengthInShort(ms: number): string {
  const minutes = Math.round(ms / MINUTE_MS);
  const hours = Math.floor(minutes / 60);
  const rest = minutes % 60;
  if (hours === 0) return `${rest} m`;
  return rest === 0 ? `${hours} h` : `${hours} h ${rest} m`;
}

/** "Tomas V. asks for admin on ledger-db for 1 hour", or to keep what they have for longer. */
export function headline({ request }: CardFacts): string {
  const length = lengthInWords(request.ttlMs);
  return request.extendsGrantId
    ? `${request.requester.displayName} asks for ${length} more of ${request.level} on ${request.resource.name}`
    : `${request.requester.displayName} asks for ${request.level} on ${request.resource.name} for ${length}`;
}

/** Who the requester is: groups, and the device it came from. */
export function origin(facts: CardFacts): string {
  const groups = facts.requesterGroups.length > 0 ? `${facts.requesterGroups.join(', ')}. ` : '';
  return `${groups}From ${facts.request.requester.deviceName}.`;
}

/** What happens to the asked length when the approver chooses a shorter one. */
export function shorterNote(askedMs: number, chosenMs: number, requester: string): string {
  return chosenMs < askedMs ? `Asked for ${lengthInShort(askedMs)}. ${firstName(requester)} is told.` : 'As asked.';
}

export const firstName = (displayName: string): string => displayName.split(' ')[0] ?? displayName;

/** "1 of db-owners", "done". */
export function slotText(slot: { from: string; count: number; given: number }): string {
  const left = slot.count - slot.given;
  return left <= 0 ? `${slot.from}: done` : `${left} of ${slot.from}`;
}

/** What follows on this approval. */
export function whatFollows({ request }: CardFacts): string {
  const left = request.approvals.reduce((sum, slot) => sum + Math.max(0, slot.count - slot.given), 0);
  if (left > 1) return `Then ${say(left - 1, 'more approval')}.`;
  return request.extendsGrantId
    ? 'The time left grows at once.'
    : request.resource.kind === 'secret'
      ? 'The secret is handed out and the clock starts.'
      : 'A login is made and the clock starts when it works.';
}

/** "12 Jul", as everywhere in the app. */
export function dayOf(at: number): string {
  const date = new Date(at);
  return `${date.getDate()} ${MONTHS[date.getMonth()]}`;
}
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const;
/** "14:05". */
export const timeOf = (at: number): string =>
  new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }).format(at);

/** Common reasons to deny, offered as chips. The requester reads them. */
export const DENY_REASONS = [
  'Not now, ask me in an hour',
  'Use read-only',
  'No ticket for this',
  'Wrong resource',
] as const;
