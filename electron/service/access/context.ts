/** The policy in force and the context it is asked with, gathered from the store for policy/evaluate (which is pure). */
import type { Kysely } from 'kysely';
import type { PolicyAnswer, PolicyDocument } from '../../../shared/contract/policy';
import type { Instant } from '../../../shared/domain/instant';
import type { Environment, RiskClass } from '../../../shared/domain/states';
import { evaluatePolicy, type PolicyContext, type PolicyInForce } from '../policy/evaluate';
import { parsePolicy } from '../policy/parse';
import type { Database, GrantTable, PolicyTable, ResourceTable } from '../store/schema';
import { type Directory, owns, type PersonFacts } from './directory';
import { levelList, stringList } from './json';

export type Policy = PolicyInForce<PolicyDocument>;
/** Nothing is requestable under it. */
export const NO_POLICY: Policy = { version: 0, digest: '0'.repeat(64), document: { version: 1, rules: [] } };
const parsed = new Map<string, PolicyDocument>();
const MAX_PARSED = 16;

/** A version as a document; one that can't be read any more opens nothing. */
export function policyOf(row: PolicyTable): Policy {
  let document = parsed.get(row.yaml);
  if (document === undefined) {
    const result = parsePolicy(row.yaml);
    document = result.ok ? result.document : NO_POLICY.document;
    if (parsed.size >= MAX_PARSED) parsed.clear();
    parsed.set(row.yaml, document);
  }
  return { version: row.version, digest: row.digest, document };
}
export async function newestPolicy(db: Kysely<Database>): Promise<PolicyTable | undefined> {
  return db.selectFrom('policies').selectAll().orderBy('version', 'desc').limit(1).executeTakeFirst();
}
export async function loadPolicy(db: Kysely<Database>): Promise<Policy> {
  const row = await newestPolicy(db);
  return row === undefined ? NO_POLICY : policyOf(row);
}

export const resourceFacts = (resource: ResourceTable): PolicyContext['resource'] => ({
  name: resource.name,
  kind: resource.kind,
  environment: resource.environment as Environment,
  risk: resource.risk as RiskClass,
  tags: stringList(resource.tags),
  owners: stringList(resource.owners),
  dependsOn: stringList(resource.depends_on),
});
export interface Question {
  readonly person: PersonFacts;
  readonly resource: ResourceTable;
  readonly level: string;
  readonly ask: PolicyContext['ask'];
  readonly at: Instant;
}
function whyNot({ person, resource, level }: Question): string | null {
  if (!person.active) return 'The person has left.';
  if (person.suspendedBecause !== null)
    return `Access for ${person.displayName} is locked: ${person.suspendedBecause || 'no reason given'}`;
  if (resource.state !== 'active') return 'The resource is archived.';
  if (resource.suspended_at !== null)
    return `${resource.name} is locked: ${resource.suspended_because || 'no reason given'}`;
  if (!levelList(resource.levels).some((one) => one.name === level)) return 'The resource has no such level any more.';
  return null;
}
/** What the policy says. A person who left or is locked, or a resource that is archived or locked gets "denied", whatever the rules say. */
export function answer(policy: Policy, question: Question): PolicyAnswer {
  const facts = resourceFacts(question.resource);
  const said = evaluatePolicy(policy, {
    at: question.at,
    requester: {
      personId: question.person.id,
      groups: question.person.groups,
      owns: owns(question.person, facts.owners),
    },
    resource: facts,
    level: question.level,
    ask: question.ask,
  });
  const gone = whyNot(question);
  return gone === null
    ? said
    : { ...said, effect: 'deny', message: gone, problems: [{ field: 'policy', message: gone }] };
}

/** Does the policy still allow what this grant gives, for as long as it still gives it? Approvals already given are not asked again. */
export function isCovered(
  policy: Policy,
  grant: GrantTable,
  directory: Directory,
  resource: ResourceTable,
  at: Instant,
): boolean {
  const person = directory.people.get(grant.person_id);
  if (person === undefined) return false;
  const said = answer(policy, { person, resource, level: grant.level, ask: null, at });
  if (said.effect === 'deny' || said.effect === 'none') return false;
  const aheadMs = grant.expires_at === null ? grant.ttl_ms : grant.expires_at - at;
  return said.maxDurationMs !== null && aheadMs <= said.maxDurationMs;
}
