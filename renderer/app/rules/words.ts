/**
 * A rule of the policy as one plain sentence. Every field that changes what the rule does is said; what a field does
 * not change (a priority on a denial, an approval place on an automatic rule) is not.
 */
import type { PolicyRule } from '../../../shared/contract/policy';
import { assertNever } from '../../../shared/domain/assert-never';
import { parseDuration, wordDuration } from '../../../shared/domain/duration';
import { NOTHING_ENDS, wordCondition } from '../../../shared/domain/end-signals';
import { isGlob } from '../../../shared/domain/glob';
import { wordApprovals } from '../words';

/** `key`: a word of the rule itself, set stronger. */
export interface Part {
  readonly text: string;
  readonly look: 'plain' | 'key';
}
const plain = (text: string): Part => ({ text, look: 'plain' });
const key = (text: string): Part => ({ text, look: 'key' });
type Many = string | readonly string[] | undefined;
const listOf = (value: Many): readonly string[] =>
  value === undefined ? [] : typeof value === 'string' ? [value] : value;

/** "a", "a or b", "a, b or c", each word a key. */
function joined(words: readonly string[], joiner: 'or' | 'and'): Part[] {
  return words.flatMap((word, index) => {
    if (index === 0) return [key(word)];
    return [plain(index === words.length - 1 ? ` ${joiner} ` : ', '), key(word)];
  });
}

/** The sentence in parts; `sentenceOf` joins them. */
export function partsOf(rule: PolicyRule): Part[] {
  switch (rule.effect) {
    case 'deny':
      return [...denied(rule), ...told(rule)];
    case 'auto':
      return [
        ...whoOf(rule),
        plain(soloOf(rule) ? ' gets ' : ' get '),
        ...levelsOf(rule),
        ...whereOf(rule),
        plain(' at once, for up to '),
        key(lengthOf(rule)),
        plain('.'),
        ...neededOf(rule),
        ...boundsOf(rule),
        ...told(rule),
        ...orderOf(rule),
      ];
    case 'approve':
      return [
        ...whoOf(rule),
        plain(' may ask for '),
        ...levelsOf(rule),
        ...whereOf(rule),
        plain(' for up to '),
        key(lengthOf(rule)),
        plain('; '),
        ...approvalOf(rule),
        plain('.'),
        ...neededOf(rule),
        ...boundsOf(rule),
        ...told(rule),
        ...orderOf(rule),
      ];
    default:
      return assertNever(rule.effect);
  }
}
export const sentenceOf = (rule: PolicyRule): string =>
  partsOf(rule)
    .map((part) => part.text)
    .join('');

const groupsOf = (rule: PolicyRule) => listOf(rule.match?.requester?.groups);
const soloOf = (rule: PolicyRule) => groupsOf(rule).length === 0;
function whoOf(rule: PolicyRule): Part[] {
  const groups = groupsOf(rule);
  const named = groups.filter((group) => group !== 'owners');
  if (groups.length === 0) return [plain('Everybody')];
  if (named.length === 0) return [key('Owners')];
  if (named.length === groups.length) return [plain('People in '), ...joined(named, 'or')];
  return [key('Owners'), plain(' and people in '), ...joined(named, 'or')];
}
function denied(rule: PolicyRule): Part[] {
  const who = soloOf(rule) ? [plain('Nobody may ask for ')] : [...whoOf(rule), plain(' may not ask for ')];
  return [...who, ...levelsOf(rule, 'any level'), ...whereOf(rule), plain('.')];
}
function levelsOf(rule: PolicyRule, none = 'any level'): Part[] {
  const levels = listOf(rule.match?.resource?.level);
  return levels.length === 0 ? [plain(none)] : joined(levels, 'or');
}

/** " on production", " on orders-db", " on production resources tagged financial and owned by payments". */
function whereOf(rule: PolicyRule): Part[] {
  const match = rule.match?.resource ?? {};
  const names = listOf(match.name);
  const environments = listOf(match.environment);
  const kinds = listOf(match.kind);
  const rest = whichOf(match);
  const only = kinds.length === 0 && rest.length === 0;
  if (only && names.length === 0 && environments.length === 0) return [plain(' on '), plain('every resource')];
  if (only && names.length === 0) return [plain(' on '), ...joined(environments, 'or')];
  if (only && environments.length === 0 && !names.some(isGlob)) return [plain(' on '), ...joined(names, 'or')];
  return [
    plain(' on '),
    ...joined(environments, 'or'),
    ...(environments.length > 0 ? [plain(' ')] : []),
    ...joined(kinds, 'or'),
    plain(kinds.length > 0 ? ' resources' : 'resources'),
    ...(names.length > 0 ? [plain(' named '), ...joined(names, 'or')] : []),
    ...rest,
  ];
}
type ResourceFields = NonNullable<NonNullable<PolicyRule['match']>['resource']>;
function whichOf(match: ResourceFields): Part[] {
  const phrases: Part[][] = [];
  const risks = listOf(match.risk);
  if (risks.length > 0) phrases.push([plain('of '), ...joined(risks, 'or'), plain(' risk')]);
  if (match.tags !== undefined && match.tags.length > 0) phrases.push([plain('tagged '), ...joined(match.tags, 'and')]);
  const owners = listOf(match.owners);
  if (owners.length > 0) phrases.push([plain('owned by '), ...joined(owners, 'or')]);
  const needs = listOf(match.depends_on);
  if (needs.length > 0) phrases.push([plain('that depend on '), ...joined(needs, 'or')]);
  return phrases.flatMap((phrase, index) => [
    plain(index === 0 ? ' ' : index === phrases.length - 1 ? ' and ' : ', '),
    ...phrase,
  ]);
}

function lengthOf(rule: PolicyRule): string {
  const ms = rule.max_duration === undefined ? undefined : parseDuration(rule.max_duration);
  return ms === undefined ? `“${rule.max_duration ?? ''}”, which is no length` : wordDuration(ms);
}
function approvalOf(rule: PolicyRule): Part[] {
  const approvals = rule.approvals ?? [];
  if (approvals.length === 0) return [plain('nobody is named who may approve, so alone it '), key('denies')];
  const one = approvals.length === 1 && approvals[0]?.count === 1;
  const from = approvals.map((approval) =>
    approval.from === 'owners' ? { ...approval, from: 'the owners' } : approval,
  );
  return [key(wordApprovals(from)), plain(one ? ' approves' : ' approve'), plain(confirmOf(rule))];
}
/** Production needs the card when nothing is said. */
function confirmOf(rule: PolicyRule): string {
  if (rule.confirm === 'card') return ', on the card';
  if (rule.confirm === 'notification') return ', a notification is enough';
  const environments = listOf(rule.match?.resource?.environment);
  if (environments.length === 0) return ', on the card in production';
  if (!environments.includes('production')) return ', a notification is enough';
  return environments.length === 1 ? ', on the card' : ', on the card in production';
}
function neededOf(rule: PolicyRule): Part[] {
  const ticket = rule.ticket === undefined || rule.ticket === 'optional' ? null : rule.ticket;
  const reason = rule.reason === 'required';
  if (!reason && ticket === null) return [];
  const said =
    ticket === null || ticket === 'required'
      ? [plain('a ticket')]
      : [plain('a ticket like '), key(ticket.replaceAll('#', '12'))];
  return [
    plain(' Needs '),
    ...(reason ? [plain('a reason')] : []),
    ...(reason && ticket !== null ? [plain(' and ')] : []),
    ...(ticket !== null ? said : []),
    plain('.'),
  ];
}
/** " At most 4 hours in 24 hours. Ends when the screen is locked or the ticket is closed." */
function boundsOf(rule: PolicyRule): Part[] {
  const perDay = rule.max_per_day === undefined ? undefined : parseDuration(rule.max_per_day);
  const budget: Part[] =
    rule.max_per_day === undefined
      ? []
      : [
          plain(' At most '),
          key(perDay === undefined ? rule.max_per_day : wordDuration(perDay)),
          plain(' in 24 hours.'),
        ];
  const conditions = (rule.end_on ?? []).map((one) => {
    const sleepMs = typeof one === 'object' ? (parseDuration(one.sleep) ?? 0) : 0;
    return wordCondition({ ...NOTHING_ENDS, sleepMs }, typeof one === 'object' ? 'sleep' : one);
  });
  return conditions.length === 0
    ? budget
    : [...budget, plain(' Ends early when '), ...joined(conditions, 'or'), plain('.')];
}
const told = (rule: PolicyRule): Part[] => (rule.message === undefined ? [] : [plain(` Says: “${rule.message}”`)]);
function orderOf(rule: PolicyRule): Part[] {
  if (rule.priority === 0) return [];
  const figure = String(rule.priority).replace('-', '−');
  return [
    plain(
      rule.priority > 0
        ? ` Goes before rules of lower priority (${figure}).`
        : ` Counts only where no rule of higher priority does (${figure}).`,
    ),
  ];
}
