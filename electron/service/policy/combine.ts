/**
 * How the deciding rules of one priority become one answer: always the stricter word.
 * One more thing a rule can say (stages, escalation): one more line in `combine`, one more field in Terms.
 */
import type { PolicyRule } from '../../../shared/contract/policy';
import { parseDuration } from '../../../shared/domain/duration';
import { type EndOn, type EndSignal, NOTHING_ENDS, stricterEndOn } from '../../../shared/domain/end-signals';
import { MAX_TTL_MS } from '../../../shared/domain/limits';
import type { PolicyContext } from './context';

export interface Terms {
  readonly kind: 'terms';
  readonly effect: 'auto' | 'approve';
  readonly maxDurationMs: number;
  readonly approvals: { from: string; count: number }[];
  readonly reasonRequired: boolean;
  readonly ticket: { required: boolean; patterns: string[] };
  readonly confirm: 'notification' | 'card';
  readonly message: string | null;
  readonly maxPerDayMs: number | null;
  readonly endOn: EndOn;
}
export type Combined = Terms | { readonly kind: 'error'; readonly message: string };

/** Combines rules whose effect is `auto` or `approve`. A rule in error, or an approval that names nobody, is an error. */
export function combine(rules: readonly PolicyRule[], context: PolicyContext): Combined {
  const durations: number[] = [];
  for (const rule of rules) {
    const length = rule.max_duration === undefined ? undefined : parseDuration(rule.max_duration);
    if (length === undefined)
      return {
        kind: 'error',
        message: `The rule "${rule.name}" has no usable max_duration, so nothing is granted under it.`,
      };
    durations.push(length);
  }
  const budgets: number[] = [];
  for (const rule of rules) {
    if (rule.max_per_day === undefined) continue;
    const length = parseDuration(rule.max_per_day);
    if (length === undefined)
      return {
        kind: 'error',
        message: `The rule "${rule.name}" has no usable max_per_day, so nothing is granted under it.`,
      };
    budgets.push(length);
  }
  const effect = rules.some((rule) => rule.effect === 'approve') ? 'approve' : 'auto';
  const approvals = effect === 'approve' ? unionOfApprovals(rules) : [];
  if (effect === 'approve' && approvals.length === 0)
    return { kind: 'error', message: 'The policy asks for an approval here but does not say whose.' };
  return {
    kind: 'terms',
    effect,
    maxDurationMs: Math.min(MAX_TTL_MS, ...durations),
    approvals,
    reasonRequired: rules.some((rule) => rule.reason === 'required'),
    ticket: ticketOf(rules),
    confirm: confirmOf(rules, context),
    message: rules.find((rule) => rule.message)?.message ?? null,
    maxPerDayMs: budgets.length === 0 ? null : Math.min(...budgets),
    endOn: rules.map(endOnOf).reduce(stricterEndOn, NOTHING_ENDS),
  };
}

/** What one rule lets end access early. A plain `sleep` is any sleep. Throws on a length that can't be read. */
function endOnOf({ end_on = [] }: PolicyRule): EndOn {
  const named = (signal: EndSignal) => end_on.includes(signal);
  const sleeps = end_on.flatMap((one) =>
    one === 'sleep' ? [0] : typeof one === 'object' ? [lengthOf(one.sleep)] : [],
  );
  return {
    screenLock: named('screen_lock'),
    sleepMs: sleeps.length === 0 ? null : Math.min(...sleeps),
    networkChange: named('network_change'),
    ticketClosed: named('ticket_closed'),
    exit: named('exit'),
  };
}
function lengthOf(text: string): number {
  const length = parseDuration(text);
  if (length === undefined) throw new RangeError(`"${text}" is not a duration`);
  return length;
}

/** The largest count of each group, in the order the groups are first named. */
function unionOfApprovals(rules: readonly PolicyRule[]): Terms['approvals'] {
  const largest = new Map<string, number>();
  for (const rule of rules)
    for (const { from, count } of rule.approvals ?? []) largest.set(from, Math.max(count, largest.get(from) ?? 0));
  return [...largest].map(([from, count]) => ({ from, count }));
}

/** A ticket has to fit every pattern that was given: the rules decide together, none is softened by another. */
function ticketOf(rules: readonly PolicyRule[]): Terms['ticket'] {
  const said = rules.flatMap((rule) => (rule.ticket === undefined || rule.ticket === 'optional' ? [] : [rule.ticket]));
  return { required: said.length > 0, patterns: [...new Set(said.filter((word) => word !== 'required'))] };
}

/** `card` beats `notification`; when nobody says anything, production needs the card. */
function confirmOf(rules: readonly PolicyRule[], context: PolicyContext): Terms['confirm'] {
  if (rules.some((rule) => rule.confirm === 'card')) return 'card';
  if (rules.some((rule) => rule.confirm === 'notification')) return 'notification';
  return context.resource.environment === 'production' ? 'card' : 'notification';
}
