/**
 * Checks exported entries one by one, in the order of the file, and names what was done to them. Besides the plain cases
 * (a body that does not fit its hash, a gap, a swap) it recognises entries that were *renumbered* after others were removed or inserted: such
 * an entry still proves itself under its old number.
 */
import type { ExportEntry } from '../contract/audit';
import { fromHex } from './bytes';
import { entriesWord, type Findings, upperFirst } from './export-findings';
import { type LeafFault, leafFault, leafHashOf } from './leaf';
import { Frontier, verifyInclusion } from './merkle';

/** How far from its number an entry's old number is looked for. */
const MAX_SHIFT = 64;
/** Entries for which it is looked for that far; beyond these only where the one before had been. */
const MAX_SEARCHES = 500;

export interface EntryCheckOptions {
  readonly size: number;
  readonly root: Uint8Array;
  /** log: every index from `from` on. evidence: ascending, with gaps. */
  readonly contiguous: boolean;
  readonly from: number;
}
interface Gap {
  from: number;
  /** exclusive */
  to: number;
}

const FAULT_WORDS: Record<LeafFault, string> = {
  'body-changed': 'its body is not what the log committed to',
  'head-changed': 'its time or type is not that of its body',
  'leaf-changed': 'its parts do not make up its leaf',
};

export class EntryChecker {
  /** Leaf hashes in order, as long as the file follows the log from entry 0. */
  readonly frontier = new Frontier();
  count = 0;
  #expected: number;
  #gaps: Gap[] = [];
  #shift = 0;
  #searches = 0;
  /** Evidence only: there a gap says nothing, so a second copy is told by memory. */
  #seen = new Set<number>();
  /** Entries just before that prove themselves under no number near: changed, unless renumbering tells that they were inserted. */
  #unproven: { index: number; line: number; why: string }[] = [];

  constructor(
    private readonly options: EntryCheckOptions,
    private readonly findings: Findings,
    private readonly onFrontier: (frontier: Frontier) => void,
  ) {
    this.#expected = options.from;
  }

  /** The number after the highest seen. */
  get end(): number {
    return this.#expected;
  }

  add(entry: ExportEntry, line: number): void {
    this.count++;
    const place = this.#place(entry.index);
    if (!this.options.contiguous) this.#seen.add(entry.index);
    this.#prove(entry, line, place);
    if (place === 'next' && this.options.from === 0 && this.options.contiguous && this.frontier.size === entry.index) {
      this.frontier.append(fromHex(entry.leafHash));
      this.onFrontier(this.frontier);
    }
  }

  /** After the last line: what stayed open. `to` is where the file says it ends (exclusive). */
  finish(to: number): void {
    this.#settleUnproven();
    for (const { from, to: end } of this.#gaps)
      this.findings.add(
        'removed',
        from,
        null,
        `${upperFirst(entriesWord(from, end - 1))} ${isOrAre(from, end - 1)} missing from the file.`,
      );
    if (this.options.contiguous && this.#expected < to)
      this.findings.add(
        'truncated',
        this.#expected,
        null,
        `The file was cut off: ${entriesWord(this.#expected, to - 1)} ${isOrAre(this.#expected, to - 1)} missing at its end.`,
      );
  }

  #place(index: number): 'next' | 'late' | 'again' {
    if (index >= this.#expected) {
      if (this.options.contiguous && index > this.#expected) this.#gaps.push({ from: this.#expected, to: index });
      this.#expected = index + 1;
      return 'next';
    }
    const gap = this.#gaps.find(({ from, to }) => index >= from && index < to);
    if (gap === undefined) return this.options.contiguous || this.#seen.has(index) ? 'again' : 'late';
    // It comes later than it should: what is left of the gap stays open.
    const rest = [
      { from: gap.from, to: index },
      { from: index + 1, to: gap.to },
    ].filter(({ from, to }) => from < to);
    this.#gaps.splice(this.#gaps.indexOf(gap), 1, ...rest);
    return 'late';
  }

  #prove(entry: ExportEntry, line: number, place: 'next' | 'late' | 'again'): void {
    const fault = leafFault(entry);
    const path = pathOf(entry);
    const proven =
      path !== undefined &&
      verifyInclusion(fromHex(entry.leafHash), entry.index, this.options.size, path, this.options.root);
    if (proven) {
      this.#settleUnproven();
      this.#shift = 0;
      if (fault !== undefined) this.#changed(entry.index, line, FAULT_WORDS[fault]);
      if (place === 'late') this.#reordered(entry.index, line);
      if (place === 'again')
        this.findings.add(
          'duplicate',
          entry.index,
          line,
          `Entry ${entry.index} is in the file more than once (line ${line}).`,
        );
      return;
    }
    const shift = path === undefined ? undefined : this.#findShift(entry, path);
    if (shift !== undefined) {
      this.#renumbered(entry.index, line, shift);
      return;
    }
    if (place === 'again') {
      this.findings.add(
        'inserted',
        entry.index,
        line,
        `The entry on line ${line} was inserted: the log has another entry ${entry.index}.`,
      );
      return;
    }
    if (entry.index >= this.options.size) {
      this.findings.add(
        'inserted',
        entry.index,
        line,
        `Entry ${entry.index} was inserted: the checkpoint covers ${this.options.size} entries only.`,
      );
      return;
    }
    this.#unproven.push({
      index: entry.index,
      line,
      why: fault === undefined ? 'it is not the entry that the checkpoint commits to' : FAULT_WORDS[fault],
    });
    if (this.#unproven.length > MAX_SHIFT) this.#settleUnproven();
  }

  #findShift(entry: ExportEntry, path: readonly Uint8Array[]): number | undefined {
    const { size, root } = this.options;
    const holds = (shift: number) => {
      const index = entry.index + shift;
      if (shift === 0 || index < 0 || index >= size) return false;
      return verifyInclusion(fromHex(leafHashOf({ ...entry, index })), index, size, path, root);
    };
    if (holds(this.#shift)) return this.#shift;
    if (this.#searches >= MAX_SEARCHES) return undefined;
    this.#searches++;
    for (let distance = 1; distance <= MAX_SHIFT; distance++)
      for (const shift of [this.#shift - distance, this.#shift + distance]) if (holds(shift)) return shift;
    return undefined;
  }

  /** The entry is number `index + shift` of the log. A change of the shift tells what was done just before it. */
  #renumbered(index: number, line: number, shift: number): void {
    const before = this.#shift;
    this.#shift = shift;
    if (shift < before) {
      const count = before - shift;
      const inserted = this.#unproven.splice(-count);
      for (const { index: at, line: atLine } of inserted)
        this.findings.add(
          'inserted',
          at,
          atLine,
          `Entry ${at} was inserted, and the entries after it were renumbered.`,
        );
      // Genuine entries pushed in a second time leave nothing unproven behind; the number still gives them away.
      if (inserted.length < count)
        this.findings.add(
          'inserted',
          index,
          line,
          `The entry on line ${line} is entry ${index + shift} of the log under the number ${index}.`,
        );
    } else if (shift > before) {
      const from = index + before;
      this.findings.add(
        'removed',
        index,
        line,
        `${upperFirst(entriesWord(from, from + (shift - before) - 1))} of the log ${wasOrWere(from, from + shift - before - 1)} removed, and the entries after were renumbered.`,
      );
    }
    this.#settleUnproven();
  }

  #settleUnproven(): void {
    for (const { index, line, why } of this.#unproven.splice(0)) this.#changed(index, line, why);
  }
  #changed(index: number, line: number, why: string): void {
    this.findings.add('changed', index, line, `Entry ${index} was changed: ${why}.`);
  }
  #reordered(index: number, line: number): void {
    this.findings.add('reordered', index, line, `Entry ${index} is out of order (line ${line}).`);
  }
}

const isOrAre = (from: number, to: number) => (from === to ? 'is' : 'are');
const wasOrWere = (from: number, to: number) => (from === to ? 'was' : 'were');
function pathOf(entry: ExportEntry): Uint8Array[] | undefined {
  try {
    return entry.proof.map(fromHex);
  } catch {
    return undefined;
  }
}
