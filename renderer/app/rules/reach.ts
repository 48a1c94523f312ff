/**
 * Which rules of the policy speak about a resource, whoever asks, and in which order they decide.
 * Follows the service's order: a denial first, then the highest priority. The service alone judges a real request.
 */

import type { z } from 'zod';
import type { PolicyRule, ResourceMatch } from '../../../shared/contract/policy';
import type { Resource } from '../../../shared/contract/resources';
import { globMatches } from '../../../shared/domain/glob';

type Fields = z.output<typeof ResourceMatch>;
export type Reachable = Pick<Resource, 'name' | 'kind' | 'environment' | 'risk' | 'tags' | 'owners' | 'dependsOn'>;
const listOf = <T>(value: T | readonly T[]): readonly T[] => (Array.isArray(value) ? value : [value as T]);
const anyGlob = (patterns: string | readonly string[], texts: readonly string[]) =>
  listOf(patterns).some((pattern) => texts.some((text) => globMatches(pattern, text)));

/** One more condition does not compile until it is judged here. */
const HOLDS: {
  readonly [K in keyof Fields]-?: (wanted: NonNullable<Fields[K]>, on: Reachable, level: string) => boolean;
} = {
  name: (wanted, on) => anyGlob(wanted, [on.name]),
  kind: (wanted, on) => listOf(wanted).includes(on.kind),
  environment: (wanted, on) => listOf(wanted).includes(on.environment),
  level: (wanted, _, level) => listOf(wanted).includes(level),
  risk: (wanted, on) => listOf(wanted).includes(on.risk),
  tags: (wanted, on) => wanted.every((tag) => on.tags.includes(tag)),
  owners: (wanted, on) => listOf(wanted).some((group) => on.owners.includes(group)),
  depends_on: (wanted, on) => anyGlob(wanted, on.dependsOn),
};
/** True when some requester can meet the rule at this level of the resource. */
export function reaches(rule: PolicyRule, on: Reachable, level: string): boolean {
  const match = rule.match?.resource ?? {};
  return (Object.keys(match) as (keyof Fields)[]).every((field) => {
    const wanted = match[field];
    return wanted === undefined || HOLDS[field](wanted as never, on, level);
  });
}
export interface LevelReach {
  readonly level: string;
  /** In the order they decide: denials, then by priority. */
  readonly rules: readonly PolicyRule[];
}
export function reachOf(rules: readonly PolicyRule[], on: Reachable, levels: readonly string[]): LevelReach[] {
  const rank = (rule: PolicyRule) => (rule.effect === 'deny' ? Number.POSITIVE_INFINITY : rule.priority);
  return levels.map((level) => ({
    level,
    rules: rules
      .filter((rule) => reaches(rule, on, level))
      .sort((a, b) => (rank(a) === rank(b) ? 0 : rank(b) - rank(a))),
  }));
}
/** A name as YAML text: "true", "1e5" and the like would be read as something else. */
const yamlWord = (name: string) =>
  /^[a-z][a-z0-9_-]*$/.test(name) && !['true', 'false', 'null'].includes(name) ? name : JSON.stringify(name);
/** A rule that lets the owners decide on this resource, as somebody would write it; for a resource no rule reaches. */
export function suggestionFor(on: Pick<Resource, 'name' | 'environment'>, ruleName = on.name): string {
  const production = on.environment === 'production';
  return [
    `- name: ${yamlWord(ruleName)}`,
    '  match:',
    `    resource: { name: ${yamlWord(on.name)} }`,
    '  effect: approve',
    '  approvals: [{ from: owners, count: 1 }]',
    `  max_duration: ${production ? '1h' : '4h'}`,
    ...(production ? ['  reason: required', '  confirm: card'] : ['  confirm: notification']),
  ].join('\n');
}
