/** What is said of the policy's answer before a request is sent. Pure. */
import type { Preview } from '../../../shared/contract/policy';
import type { CatalogEntry } from '../../../shared/contract/resources';
import { assertNever } from '../../../shared/domain/assert-never';
import { wordDuration } from '../../../shared/domain/duration';
import { type EndOn, signalsOf, wordCondition } from '../../../shared/domain/end-signals';
import { wordApprovals, wordPeople } from '../../app/words';

export type Tone = 'ok' | 'warn' | 'bad' | 'mut';
type Rule = CatalogEntry['levels'][number];

/** Under a level's name: "auto-approved", "needs 1 approval", "denied now". */
export function levelAnswer(rule: Rule): { readonly text: string; readonly tone: Tone } {
  switch (rule.effect) {
    case 'auto':
      return { text: 'auto-approved', tone: 'ok' };
    case 'approve': {
      const count = rule.approvals.reduce((sum, one) => sum + one.count, 0);
      return { text: `needs ${count} ${count === 1 ? 'approval' : 'approvals'}`, tone: 'mut' };
    }
    case 'deny':
      return { text: 'denied now', tone: 'bad' };
    case 'none':
      return { text: 'not requestable', tone: 'bad' };
    default:
      return assertNever(rule.effect);
  }
}

/** The headline of the stub. */
export function verdictOf({ answer }: Preview): { readonly text: string; readonly tone: Tone } {
  switch (answer.effect) {
    case 'auto':
      return { text: 'Approved at once', tone: 'ok' };
    case 'approve':
      return { text: `Needs ${wordApprovals(answer.approvals)}`, tone: 'mut' };
    case 'deny':
      return { text: 'Denied', tone: 'bad' };
    case 'none':
      return { text: 'Can’t be requested', tone: 'bad' };
    default:
      return assertNever(answer.effect);
  }
}
/** Everybody who is asked, each once, those online first. */
export function askedPeople({ approvers }: Preview): Preview['approvers'][number]['people'] {
  const all = new Map(approvers.flatMap((group) => group.people).map((one) => [one.personId, one]));
  return [...all.values()].sort(
    (a, b) => Number(b.online) - Number(a.online) || a.displayName.localeCompare(b.displayName),
  );
}

/** "the screen is locked or its ticket is closed" */
export const wordEarly = (endOn: EndOn): string =>
  wordPeople(
    signalsOf(endOn).map((signal) => wordCondition(endOn, signal)),
    'or',
  );

/** The sentence beside the send button: who is asked, what happens then, when it ends. */
export function sendSentence(preview: Preview, ttlMs: number, given = 'a login is made for you'): string {
  const { effect, approvals, message } = preview.answer;
  const length = wordDuration(ttlMs);
  if (effect === 'auto') return `No approval needed: ${given} at once. It is removed after ${length}.`;
  if (effect === 'deny') return message ?? 'The policy denies this.';
  if (effect === 'none') return message ?? 'No rule lets you ask for this. An administrator can add one under Policy.';
  const people = askedPeople(preview);
  if (people.length === 0) return 'Nobody may approve this now. It is sent all the same, and waits until somebody can.';
  const names = wordPeople(
    people.map((one) => one.displayName),
    'and',
  );
  const needed = approvals.reduce((sum, one) => sum + one.count, 0);
  const when = needed === 1 ? 'When one approves' : `When ${wordApprovals(approvals)} approve`;
  return `${names} ${people.length === 1 ? 'gets' : 'get'} a notification. ${when}, ${given} and the clock starts. It is removed after ${length}.`;
}
