/** Does one rule speak about everything another speaks about? Used to warn of rules that never decide. Pure. */
import type { PolicyRule } from '../../../shared/contract/policy';
import { globMatches, isGlob } from './glob';

const list = (value: unknown): readonly string[] => (Array.isArray(value) ? value : [value as string]);
/** Says "yes" only when it is sure: a wildcard inside a wildcard counts as covered when the texts are equal or the wider one is "*". */
const globCovers = (wide: string, narrow: string): boolean =>
  wide === '*' || wide === narrow || (!isGlob(narrow) && globMatches(wide, narrow));

function fieldCovers(key: string, wide: unknown, narrow: unknown): boolean {
  if (wide === undefined) return true;
  if (narrow === undefined) return key === 'name' && list(wide).includes('*');
  if (key === 'tags') return list(wide).every((tag) => list(narrow).includes(tag));
  return list(narrow).every((n) =>
    list(wide).some((w) => (key === 'name' || key === 'depends_on' ? globCovers(w, n) : w === n)),
  );
}

/** True when every request that `narrow` matches is surely matched by `wide` too. */
export function ruleCovers(wide: PolicyRule, narrow: PolicyRule): boolean {
  for (const part of ['resource', 'requester'] as const) {
    const w = (wide.match?.[part] ?? {}) as Record<string, unknown>;
    const n = (narrow.match?.[part] ?? {}) as Record<string, unknown>;
    if (!Object.keys(w).every((key) => fieldCovers(key, w[key], n[key]))) return false;
  }
  return true;
}
