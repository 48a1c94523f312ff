/**
 * The text of a policy as rules with the lines they stand on, for showing only. The service judges; here a rule that
 * can't be read is left out and counted, so that a half-written draft still shows the rest.
 */
import { isMap, isSeq, LineCounter, parseDocument } from 'yaml';
import { PolicyRule } from '../../../shared/contract/policy';
import { MAX_POLICY_BYTES } from '../../../shared/domain/limits';

export interface ReadRule {
  readonly rule: PolicyRule;
  /** Its place in the list, as in "rules[2]". */
  readonly index: number;
  /** 1-based, both included. */
  readonly fromLine: number;
  readonly toLine: number;
}
export interface ReadPolicy {
  readonly rules: readonly ReadRule[];
  /** Rules that can't be read. */
  readonly unreadCount: number;
  /** The line of "rules[2].approvals": of the deepest part that is in the text; null when none is. */
  lineAt(path: string): number | null;
}

/** Null when the text is not YAML, or not a list of rules. */
export function readPolicy(text: string): ReadPolicy | null {
  if (text.length > MAX_POLICY_BYTES) return null;
  const lines = new LineCounter();
  const source = quietly(() => parseDocument(text, { lineCounter: lines, version: '1.2', merge: false }));
  if (source === null || source.errors.length > 0 || !isMap(source.contents)) return null;
  const list = source.get('rules');
  if (!isSeq(list)) return null;
  const raw = quietly(() => source.toJS({ maxAliasCount: 0 }) as { rules: unknown[] });
  if (raw === null) return null;
  const lineOf = (offset: number) => lines.linePos(offset).line;
  const rules: ReadRule[] = [];
  list.items.forEach((item, index) => {
    const checked = PolicyRule.safeParse(raw.rules[index]);
    const range = (item as { range?: readonly [number, number, number] | null }).range;
    if (!checked.success || range === undefined || range === null) return;
    const toLine = lineOf(range[0] + text.slice(range[0], range[1]).trimEnd().length);
    rules.push({ rule: checked.data, index, fromLine: lineOf(range[0]), toLine });
  });
  return {
    rules,
    unreadCount: list.items.length - rules.length,
    lineAt(path) {
      const parts = path
        .split(/[.[\]]+/)
        .filter(Boolean)
        .map((part) => (/^\d+$/.test(part) ? Number(part) : part));
      for (let depth = parts.length; depth > 0; depth--) {
        const node = source.getIn(parts.slice(0, depth), true) as { range?: readonly number[] | null } | undefined;
        const start = typeof node === 'object' ? node?.range?.[0] : undefined;
        if (start !== undefined) return lineOf(start);
      }
      return null;
    },
  };
}
/** Absurd nesting makes the reader give up by throwing. */
function quietly<T>(read: () => T): T | null {
  try {
    return read();
  } catch {
    return null;
  }
}
