/**
 * Lines that differ between two texts (Myers, "An O(ND) Difference Algorithm", 1986), and the parts worth showing.
 * Why our own: a policy is a few hundred lines, and a library for it would be larger than this screen.
 */
export interface DiffLine {
  readonly kind: 'same' | 'removed' | 'added';
  readonly text: string;
  /** 1-based line numbers; null on the side where the line is not. */
  readonly before: number | null;
  readonly after: number | null;
}
/** Beyond this many differing lines the middle is shown as replaced, which is still true. */
const MOST_EDITS = 2_000;

/** Every line of both texts in order; removed lines stand before the added ones that replace them. */
export function diffLines(before: string, after: string): DiffLine[] {
  const a = linesOf(before);
  const b = linesOf(after);
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;
  const middle = editScript(a.slice(start, a.length - end), b.slice(start, b.length - end));
  const kinds = [...sames(start), ...middle, ...sames(end)];
  let [x, y] = [0, 0];
  return kinds.map((kind) => {
    const text = (kind === 'added' ? b[y] : a[x]) ?? '';
    return {
      kind,
      text,
      before: kind === 'added' ? null : ++x,
      after: kind === 'removed' ? null : ++y,
    };
  });
}
/** A last line break ends the last line; it does not begin another. */
const linesOf = (text: string): string[] => (text === '' ? [] : text.replace(/\n$/, '').split('\n'));
const sames = (count: number): DiffLine['kind'][] => Array.from({ length: count }, () => 'same');

function editScript(a: readonly string[], b: readonly string[]): DiffLine['kind'][] {
  const replaced: DiffLine['kind'][] = [...a.map(() => 'removed' as const), ...b.map(() => 'added' as const)];
  if (a.length === 0 || b.length === 0) return replaced;
  const trace: Map<number, number>[] = [];
  const furthest = new Map<number, number>([[1, 0]]);
  const reach = (k: number) => furthest.get(k) ?? -1;
  for (let d = 0; d <= Math.min(a.length + b.length, MOST_EDITS); d++) {
    trace.push(new Map(furthest));
    for (let k = -d; k <= d; k += 2) {
      let x = k === -d || (k !== d && reach(k - 1) < reach(k + 1)) ? reach(k + 1) : reach(k - 1) + 1;
      while (x < a.length && x - k < b.length && a[x] === b[x - k]) x++;
      furthest.set(k, x);
      if (x >= a.length && x - k >= b.length) return walkBack(trace, a.length, b.length);
    }
  }
  return replaced;
}
function walkBack(trace: readonly Map<number, number>[], endX: number, endY: number): DiffLine['kind'][] {
  const kinds: DiffLine['kind'][] = [];
  let [x, y] = [endX, endY];
  for (let d = trace.length - 1; d >= 0; d--) {
    const reach = (k: number) => trace[d]?.get(k) ?? -1;
    const k = x - y;
    const from = k === -d || (k !== d && reach(k - 1) < reach(k + 1)) ? k + 1 : k - 1;
    const [fromX, fromY] = [reach(from), reach(from) - from];
    while (x > Math.max(fromX, 0) && y > Math.max(fromY, 0)) {
      kinds.push('same');
      x--;
      y--;
    }
    if (d > 0) kinds.push(x === fromX ? 'added' : 'removed');
    [x, y] = [fromX, fromY];
  }
  return kinds.reverse();
}

export type DiffPart =
  | { readonly kind: 'lines'; readonly lines: readonly DiffLine[] }
  | { readonly kind: 'folded'; readonly count: number; readonly fromLine: number };
/** Changes with `context` lines around them; longer runs of equal lines are folded. Empty when nothing differs. */
export function foldDiff(lines: readonly DiffLine[], context = 3): DiffPart[] {
  if (lines.every((line) => line.kind === 'same')) return [];
  const near = lines.map((_, index) =>
    lines.slice(Math.max(0, index - context), index + context + 1).some((line) => line.kind !== 'same'),
  );
  const parts: DiffPart[] = [];
  let at = 0;
  while (at < lines.length) {
    const shown = near[at];
    let end = at;
    while (end < lines.length && near[end] === shown) end++;
    const run = lines.slice(at, end);
    // folding one line saves nothing
    if (shown || run.length === 1) parts.push({ kind: 'lines', lines: run });
    else parts.push({ kind: 'folded', count: run.length, fromLine: run[0]?.after ?? 1 });
    at = end;
  }
  return parts;
}
/** "3 lines added, 1 removed". */
export function countDiff(lines: readonly DiffLine[]): { readonly added: number; readonly removed: number } {
  return {
    added: lines.filter((line) => line.kind === 'added').length,
    removed: lines.filter((line) => line.kind === 'removed').length,
  };
}
