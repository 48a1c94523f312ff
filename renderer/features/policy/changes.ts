/**
 * What a draft would change, weighed: which answers open a door, which only narrow it. The service says before and after
 * in words (`policy.check`); they are read back here. What can't be read is never called harmless.
 */
import type { PolicyCheck } from '../../../shared/contract/policy';
import { assertNever } from '../../../shared/domain/assert-never';
import { parseDuration } from '../../../shared/domain/duration';

type Change = PolicyCheck['changes'][number];
export interface ReadAnswer {
  /** `closed`: denied or not requestable. */
  readonly effect: 'closed' | 'approve' | 'auto';
  readonly maxMs: number;
  readonly approvals: ReadonlyMap<string, number>;
  readonly reason: boolean;
  readonly ticket: boolean;
  readonly patterns: readonly string[];
  readonly confirm: 'card' | 'notification' | null;
}
const CLOSED: ReadAnswer = {
  effect: 'closed',
  maxMs: 0,
  approvals: new Map(),
  reason: false,
  ticket: false,
  patterns: [],
  confirm: null,
};

/** "1 from dba and 2 from security, up to 30 m (reason, ticket INC-#, card)"; null when it is none of the known forms. */
export function readAnswer(text: string): ReadAnswer | null {
  if (text === 'denied' || text === 'not requestable') return CLOSED;
  const [, head = '', length = '', extra = ''] = /^(automatic|.+,) up to ([^()]+?)(?: \(([^()]*)\))?$/.exec(text) ?? [];
  const maxMs = parseDuration(length);
  if (maxMs === undefined) return null;
  const approvals = new Map<string, number>();
  if (head !== 'automatic')
    for (const one of head.slice(0, -1).split(' and ')) {
      const [, count, from] = /^(\d+) from (\S+)$/.exec(one) ?? [];
      if (count === undefined || from === undefined) return null;
      approvals.set(from, Number(count));
    }
  const words = extra === '' ? [] : extra.split(', ');
  const ticket = words.find((word) => word === 'ticket' || word.startsWith('ticket '));
  return {
    effect: head === 'automatic' ? 'auto' : 'approve',
    maxMs,
    approvals,
    reason: words.includes('reason'),
    ticket: ticket !== undefined,
    patterns: ticket?.split(' ').slice(1) ?? [],
    confirm: words.includes('card') ? 'card' : words.includes('notification') ? 'notification' : null,
  };
}

/** Loudest first. */
export const WEIGHTS = ['opens', 'unapproved', 'easier', 'mixed', 'stricter', 'closes', 'same'] as const;
export type Weight = (typeof WEIGHTS)[number];
export interface Weighed {
  readonly weight: Weight;
  /** What became easier or stricter, in a few words each. */
  readonly because: readonly string[];
}
/** Weighs one change of an answer. */
export function weigh(before: string, after: string): Weighed {
  const [old, now] = [readAnswer(before), readAnswer(after)];
  if (old === null || now === null) return { weight: 'mixed', because: [] };
  if (old.effect === 'closed') return { weight: now.effect === 'closed' ? 'same' : 'opens', because: [] };
  if (now.effect === 'closed') return { weight: 'closes', because: [] };
  const { easier, stricter } = differences(old, now);
  const because = [...easier, ...stricter];
  if (old.effect === 'approve' && now.effect === 'auto') return { weight: 'unapproved', because };
  if (easier.length > 0) return { weight: stricter.length > 0 ? 'mixed' : 'easier', because };
  // a difference the words don't show must not look harmless
  return { weight: stricter.length > 0 ? 'stricter' : 'mixed', because };
}
function differences(old: ReadAnswer, now: ReadAnswer): { easier: string[]; stricter: string[] } {
  const easier: string[] = [];
  const stricter: string[] = [];
  if (now.maxMs > old.maxMs) easier.push('longer');
  if (now.maxMs < old.maxMs) stricter.push('shorter');
  if (old.effect === 'approve' && now.effect === 'auto') easier.push('no approval');
  else if (old.effect === 'auto') {
    if (now.effect === 'approve') stricter.push('needs an approval');
  } else
    for (const from of new Set([...old.approvals.keys(), ...now.approvals.keys()])) {
      const by = (now.approvals.get(from) ?? 0) - (old.approvals.get(from) ?? 0);
      if (by < 0) easier.push(`fewer of ${from}`);
      if (by > 0) stricter.push(`more of ${from}`);
    }
  if (old.reason !== now.reason)
    (now.reason ? stricter : easier).push(now.reason ? 'needs a reason' : 'no reason needed');
  if (old.ticket !== now.ticket)
    (now.ticket ? stricter : easier).push(now.ticket ? 'needs a ticket' : 'no ticket needed');
  else {
    if (old.patterns.some((one) => !now.patterns.includes(one))) easier.push('other tickets fit');
    if (now.patterns.some((one) => !old.patterns.includes(one))) stricter.push('fewer tickets fit');
  }
  if (old.confirm === 'card' && now.confirm === 'notification') easier.push('a notification is enough');
  if (old.confirm === 'notification' && now.confirm === 'card') stricter.push('only on the card');
  return { easier, stricter };
}
export const isLoud = (weight: Weight): boolean => {
  switch (weight) {
    case 'opens':
    case 'unapproved':
    case 'easier':
    case 'mixed':
      return true;
    case 'stricter':
    case 'closes':
    case 'same':
      return false;
    default:
      return assertNever(weight);
  }
};

export interface ChangeGroup extends Weighed {
  readonly resource: string;
  readonly level: string;
  readonly before: string;
  readonly after: string;
  readonly people: readonly string[];
}
/** The same change for several people is one group; loudest first, what `first` names (production) before the rest. */
export function groupChanges(changes: readonly Change[], first: ReadonlySet<string>): ChangeGroup[] {
  const groups = new Map<string, ChangeGroup & { people: string[] }>();
  for (const { person, ...change } of changes) {
    const key = JSON.stringify([change.resource, change.level, change.before, change.after]);
    const group = groups.get(key) ?? { ...change, ...weigh(change.before, change.after), people: [] };
    group.people.push(person);
    groups.set(key, group);
  }
  const rank = (group: ChangeGroup) => WEIGHTS.indexOf(group.weight);
  const later = (group: ChangeGroup) => Number(!first.has(group.resource));
  return [...groups.values()].sort(
    (a, b) =>
      rank(a) - rank(b) ||
      later(a) - later(b) ||
      a.resource.localeCompare(b.resource) ||
      a.level.localeCompare(b.level) ||
      b.people.length - a.people.length,
  );
}
