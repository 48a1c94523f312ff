/** What a check of an export can find, in words that a person can act on. */
export type FindingKind =
  | 'unreadable'
  | 'wrong-key'
  | 'checkpoint-invalid'
  | 'changed'
  | 'removed'
  | 'inserted'
  | 'reordered'
  | 'duplicate'
  | 'truncated'
  | 'root-mismatch'
  | 'forked'
  | 'decision-invalid';

export interface Finding {
  readonly kind: FindingKind;
  /** The entry it is about, by the number the file gives it; null when it is about the whole file. */
  readonly index: number | null;
  /** Line of the file, from 1; null when no single line is meant. */
  readonly line: number | null;
  readonly sentence: string;
}

/** Findings kept; beyond that only counted, so that a file of nothing but faults does not fill the memory. */
export const MAX_FINDINGS = 1_000;

export class Findings {
  readonly list: Finding[] = [];
  count = 0;
  add(kind: FindingKind, index: number | null, line: number | null, sentence: string): void {
    this.count++;
    if (this.list.length < MAX_FINDINGS) this.list.push({ kind, index, line, sentence });
  }
}

/** "entry 5", "entries 5 to 9" */
export const entriesWord = (from: number, toInclusive: number): string =>
  from === toInclusive ? `entry ${from}` : `entries ${from} to ${toInclusive}`;
export const upperFirst = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
