/**
 * How the deciding rules of one priority become one answer: always the stricter word.
 * One more thing a rule can say (stages, escalation): one more line in `combine`, one more field in Terms.
 */
import type { PolicyRule } from '../../../shared/contract/policy';
import { parseDuration } from '../../../shared/domain/duration';
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
  };
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
