/** Does a rule speak about this request? Pure; a `Record` over the fields, so that a new field does not compile until it is judged. */
import type { z } from 'zod';
import type { PolicyRule, ResourceMatch } from '../../../shared/contract/policy';
import { OWNERS, type PolicyContext } from './context';
import { globMatches } from './glob';

type ResourceFields = z.output<typeof ResourceMatch>;
type Matchers<F> = { readonly [K in keyof F]-?: (wanted: NonNullable<F[K]>, context: PolicyContext) => boolean };

const list = <T>(value: T | readonly T[]): readonly T[] =>
  Array.isArray(value) ? (value as readonly T[]) : [value as T];
const anyGlob = (patterns: string | readonly string[], texts: readonly string[]): boolean =>
  list(patterns).some((pattern) => texts.some((text) => globMatches(pattern, text)));

const RESOURCE: Matchers<ResourceFields> = {
  name: (wanted, { resource }) => anyGlob(wanted, [resource.name]),
  kind: (wanted, { resource }) => list(wanted).includes(resource.kind),
  environment: (wanted, { resource }) => list(wanted).includes(resource.environment),
  level: (wanted, { level }) => list(wanted).includes(level),
  risk: (wanted, { resource }) => list(wanted).includes(resource.risk),
  tags: (wanted, { resource }) => wanted.every((tag) => resource.tags.includes(tag)),
  owners: (wanted, { resource }) => list(wanted).some((group) => resource.owners.includes(group)),
  depends_on: (wanted, { resource }) => anyGlob(wanted, resource.dependsOn),
};
type RequesterFields = NonNullable<NonNullable<PolicyRule['match']>['requester']>;
const REQUESTER: Matchers<RequesterFields> = {
  groups: (wanted, { requester }) =>
    list(wanted).some((group) => (group === OWNERS ? requester.owns : requester.groups.includes(group))),
};

function allHold<F extends object>(fields: F | undefined, matchers: Matchers<F>, context: PolicyContext): boolean {
  if (fields === undefined) return true;
  return (Object.keys(fields) as (keyof F)[]).every((key) => {
    const wanted = fields[key];
    if (wanted === undefined) return true;
    const judge = matchers[key];
    // An unknown field can't come past the parser; if it does, the rule is in error and its answer is "denied".
    if (judge === undefined) throw new Error(`unknown condition "${String(key)}"`);
    return judge(wanted as NonNullable<F[keyof F]>, context);
  });
}

/** True when every condition of the rule holds. Throws when a condition can't be judged. */
export function ruleMatches(rule: PolicyRule, context: PolicyContext): boolean {
  return (
    allHold(rule.match?.resource as ResourceFields | undefined, RESOURCE, context) &&
    allHold(rule.match?.requester as RequesterFields | undefined, REQUESTER, context)
  );
}
