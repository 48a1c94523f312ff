/**
 * What the policy says to one request. Pure: no clock, no store.
 * Deny always wins. Else the rules of the highest matching priority decide together, and the stricter word of each
 * counts (combine.ts). No rule: not requestable. A rule that can't be judged: denied.
 */
import type { PolicyAnswer, PolicyDocument, PolicyRule } from '../../../shared/contract/policy';
import { formatDuration, wordDuration } from '../../../shared/domain/duration';
import { NOTHING_ENDS } from '../../../shared/domain/end-signals';
import { MAX_TTL_MS, MIN_TTL_MS } from '../../../shared/domain/limits';
import { combine, type Terms } from './combine';
import type { PolicyContext, PolicyInForce } from './context';
import { globMatches } from './glob';
import { ruleMatches } from './match';

export type { PolicyContext, PolicyInForce } from './context';

type Problem = PolicyAnswer['problems'][number];

/** The answer with what keeps this very request from being sent in `problems`. Never throws. */
export function evaluatePolicy(policy: PolicyInForce<PolicyDocument>, context: PolicyContext): PolicyAnswer {
  const none: PolicyAnswer = {
    effect: 'none',
    rules: [],
    maxDurationMs: null,
    approvals: [],
    reasonRequired: false,
    ticket: { required: false, patterns: [] },
    confirm: 'card',
    message: null,
    maxPerDayMs: null,
    endOn: NOTHING_ENDS,
    policyVersion: policy.version,
    policyDigest: policy.digest,
    problems: [],
  };
  const denied = (rules: readonly string[], message: string): PolicyAnswer => ({
    ...none,
    effect: 'deny',
    rules: [...rules],
    message,
    problems: [{ field: 'policy', message }],
  });

  const matching: PolicyRule[] = [];
  for (const rule of policy.document.rules) {
    try {
      if (ruleMatches(rule, context)) matching.push(rule);
    } catch {
      return denied([rule.name], `The rule "${rule.name}" can't be judged, so nothing is granted under it.`);
    }
  }
  const denying = matching.filter((rule) => rule.effect === 'deny');
  if (denying.length > 0) {
    const message = denying.find((rule) => rule.message)?.message ?? 'The policy does not allow this.';
    return denied(
      denying.map((rule) => rule.name),
      message,
    );
  }
  if (matching.length === 0) {
    const message = 'No rule of the policy covers this, so it can not be requested.';
    return { ...none, message, problems: [{ field: 'policy', message }] };
  }
  const highest = Math.max(...matching.map((rule) => rule.priority));
  const deciding = matching.filter((rule) => rule.priority === highest);
  const names = deciding.map((rule) => rule.name);
  let terms: ReturnType<typeof combine>;
  try {
    terms = combine(deciding, context);
  } catch {
    return denied(names, `The rules ${names.join(', ')} can't be judged, so nothing is granted under them.`);
  }
  if (terms.kind === 'error') return denied(names, terms.message);
  const { kind: _, ...said } = terms;
  return { ...none, ...said, rules: names, problems: context.ask === null ? [] : problemsOf(terms, context.ask) };
}

function problemsOf(terms: Terms, ask: NonNullable<PolicyContext['ask']>): Problem[] {
  const problems: Problem[] = [];
  if (!Number.isSafeInteger(ask.ttlMs) || ask.ttlMs < MIN_TTL_MS)
    problems.push({ field: 'ttlMs', message: `Ask for at least ${wordDuration(MIN_TTL_MS)}.` });
  else if (ask.ttlMs > Math.min(terms.maxDurationMs, MAX_TTL_MS))
    problems.push({ field: 'ttlMs', message: `At most ${formatDuration(terms.maxDurationMs)} can be asked for.` });
  if (terms.reasonRequired && ask.reason.trim() === '')
    problems.push({ field: 'reason', message: 'Say why you need it.' });
  if (ask.ticketRef === '') {
    if (terms.ticket.required)
      problems.push({ field: 'ticketRef', message: `A ticket is needed${patternHint(terms.ticket.patterns)}.` });
  } else if (!terms.ticket.patterns.every((pattern) => globMatches(pattern, ask.ticketRef)))
    problems.push({ field: 'ticketRef', message: `The ticket does not fit${patternHint(terms.ticket.patterns)}.` });
  return problems;
}
const patternHint = (patterns: readonly string[]) =>
  patterns.length === 0 ? '' : ` (${patterns.map((p) => p.replaceAll('#', '123')).join(' and ')})`;

/** True when two answers ask for the same: what was approved under one was approved under the other. */
export function sameTerms(a: PolicyAnswer, b: PolicyAnswer): boolean {
  const key = (x: PolicyAnswer) =>
    JSON.stringify([
      x.effect,
      x.maxDurationMs,
      x.approvals.map((approval) => `${approval.from}=${approval.count}`).sort(),
      x.reasonRequired,
      x.ticket.required,
      [...x.ticket.patterns].sort(),
      x.confirm,
      x.maxPerDayMs,
      [x.endOn.screenLock, x.endOn.sleepMs, x.endOn.networkChange, x.endOn.ticketClosed, x.endOn.exit],
      x.problems.map((problem) => problem.field).sort(),
    ]);
  return key(a) === key(b);
}

/** "auto up to 1 h", "2 from dba, up to 30 m", "denied", "not requestable": for the list of changes. */
export function wordAnswer(answer: PolicyAnswer): string {
  const upTo = answer.maxDurationMs === null ? '' : ` up to ${formatDuration(answer.maxDurationMs)}`;
  switch (answer.effect) {
    case 'none':
      return 'not requestable';
    case 'deny':
      return 'denied';
    case 'auto':
      return `automatic${upTo}`;
    case 'approve':
      return `${answer.approvals.map((a) => `${a.count} from ${a.from}`).join(' and ')},${upTo}`;
  }
}
