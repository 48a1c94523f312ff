/**
 * Tries a draft before it takes effect: errors with lines, warnings, and whose answers would change. Pure: people,
 * groups and resources come as arguments.
 */
import type { PolicyCheck, PolicyDocument } from '../../../shared/contract/policy';
import { formatDuration } from '../../../shared/domain/duration';
import { signalsOf, wordCondition } from '../../../shared/domain/end-signals';
import type { Instant } from '../../../shared/domain/instant';
import { OWNERS, type PolicyContext, type PolicyInForce } from './context';
import { ruleCovers } from './cover';
import { evaluatePolicy, sameTerms, wordAnswer } from './evaluate';
import { parsePolicy } from './parse';

export interface Surroundings {
  readonly at: Instant;
  readonly people: readonly {
    readonly personId: string;
    readonly displayName: string;
    readonly groups: readonly string[];
    readonly admin: boolean;
    /** Has a confirmed device, so can decide. */
    readonly reachable: boolean;
  }[];
  readonly groups: readonly string[];
  readonly resources: readonly (PolicyContext['resource'] & { readonly levels: readonly string[] })[];
}
type Warning = PolicyCheck['warnings'][number];
type Change = PolicyCheck['changes'][number];
const MAX_CHANGES = 500;
/** Rule look-ups a check may cost; beyond it the list of changes is cut, and that is said. */
const MAX_RULE_LOOKUPS = 20_000_000;

/** Owner of a resource: in one of its owner groups; an administrator when it has none. */
export const ownsResource = (
  person: { groups: readonly string[]; admin: boolean },
  owners: readonly string[],
): boolean => (owners.length === 0 ? person.admin : owners.some((group) => person.groups.includes(group)));

export function checkPolicy(
  yaml: string,
  inForce: PolicyInForce<PolicyDocument> | null,
  around: Surroundings,
): PolicyCheck {
  const parsed = parsePolicy(yaml);
  if (!parsed.ok) return { ok: false, errors: [...parsed.errors], warnings: [], changes: [] };
  const draft = { version: (inForce?.version ?? 0) + 1, digest: parsed.digest, document: parsed.document };
  const before = inForce ?? { version: 0, digest: parsed.digest, document: { version: 1 as const, rules: [] } };
  const { changes, cut } = changesBetween(before, draft, around);
  const warnings = warningsOf(parsed.document, around);
  if (cut)
    warnings.push({ path: 'rules', message: `More changes than can be listed here; ${changes.length} are shown.` });
  return { ok: true, errors: [], warnings, changes };
}

function warningsOf(document: PolicyDocument, around: Surroundings): Warning[] {
  const warnings: Warning[] = [];
  const known = new Set(around.groups);
  if (known.has(OWNERS))
    warnings.push({
      path: 'rules',
      message: 'A group is called "owners"; in the policy this word means the owner groups of the resource.',
    });
  document.rules.forEach((rule, index) => {
    const path = `rules[${index}]`;
    const groups = rule.match?.requester?.groups;
    for (const group of groups === undefined ? [] : Array.isArray(groups) ? groups : [groups])
      if (group !== OWNERS && !known.has(group))
        warnings.push({ path: `${path}.match.requester.groups`, message: `There is no group "${group}".` });
    if (rule.effect === 'approve' && (rule.approvals?.length ?? 0) === 0)
      warnings.push({ path, message: `"${rule.name}" asks for an approval but names nobody: alone, it denies.` });
    for (const { from, count } of rule.approvals ?? [])
      warnings.push(...approvalWarnings(path, from, count, known, around));
    if (rule.effect === 'deny') return;
    const shadow = document.rules.find(
      (other) =>
        other !== rule && (other.effect === 'deny' || other.priority > rule.priority) && ruleCovers(other, rule),
    );
    if (shadow)
      warnings.push({ path, message: `"${rule.name}" never decides: "${shadow.name}" comes before it everywhere.` });
  });
  return warnings;
}

function approvalWarnings(
  path: string,
  from: string,
  count: number,
  known: ReadonlySet<string>,
  around: Surroundings,
): Warning[] {
  const at = `${path}.approvals`;
  if (from === OWNERS) return [];
  if (!known.has(from)) return [{ path: at, message: `There is no group "${from}".` }];
  const able = around.people.filter((person) => person.reachable && person.groups.includes(from)).length;
  if (able === 0) return [{ path: at, message: `Nobody in "${from}" can approve.` }];
  if (able < count) return [{ path: at, message: `"${from}" has ${able} who can approve, ${count} are needed.` }];
  if (able === count)
    return [{ path: at, message: `When one of "${from}" asks, too few are left to approve (${count} needed).` }];
  return [];
}

/** Answers depend on a person's groups only, so each set of groups is judged once per entitlement. */
function changesBetween(
  before: PolicyInForce<PolicyDocument>,
  after: PolicyInForce<PolicyDocument>,
  around: Surroundings,
): { changes: Change[]; cut: boolean } {
  const changes: Change[] = [];
  let lookups = 0;
  const cost = before.document.rules.length + after.document.rules.length + 1;
  for (const { levels, ...resource } of around.resources) {
    for (const level of levels) {
      const known = new Map<string, { before: string; after: string } | null>();
      for (const person of around.people) {
        const owns = ownsResource(person, resource.owners);
        const key = `${owns}\n${[...person.groups].sort().join('\n')}`;
        let change = known.get(key);
        if (change === undefined) {
          lookups += cost;
          if (lookups > MAX_RULE_LOOKUPS) return { changes, cut: true };
          const context: PolicyContext = {
            at: around.at,
            requester: { personId: person.personId, groups: person.groups, owns },
            resource,
            level,
            ask: null,
          };
          const old = evaluatePolicy(before, context);
          const now = evaluatePolicy(after, context);
          change = sameTerms(old, now) ? null : { before: fullWords(old), after: fullWords(now) };
          known.set(key, change);
        }
        if (change === null) continue;
        if (changes.length >= MAX_CHANGES) return { changes, cut: true };
        changes.push({ resource: resource.name, level, person: person.displayName, ...change });
      }
    }
  }
  return { changes, cut: false };
}

function fullWords(answer: ReturnType<typeof evaluatePolicy>): string {
  if (answer.effect === 'none' || answer.effect === 'deny') return wordAnswer(answer);
  const extra = [
    answer.reasonRequired ? 'reason' : '',
    answer.ticket.required ? ['ticket', ...answer.ticket.patterns].join(' ') : '',
    answer.effect === 'approve' ? answer.confirm : '',
    answer.maxPerDayMs === null ? '' : `${formatDuration(answer.maxPerDayMs)} a day`,
    ...signalsOf(answer.endOn).map((signal) => `ends when ${wordCondition(answer.endOn, signal)}`),
  ].filter((word) => word !== '');
  return extra.length === 0 ? wordAnswer(answer) : `${wordAnswer(answer)} (${extra.join(', ')})`;
}
