/** A measured figure, and how we sum up its runs. Medians with their spread; nothing is left out and nothing is rounded away. */

export type Unit = 'ms' | 's' | 'ratio' | 'MB' | 'count';
export interface Figure {
  readonly name: string;
  /** What the goal is about: the median, a percentile or the maximum of the runs (see `statistic`). */
  readonly value: number;
  readonly unit: Unit;
  readonly statistic: 'p50' | 'p95' | 'p99' | 'max' | 'min';
  readonly spread: {
    readonly min: number;
    readonly p50: number;
    readonly p95: number;
    readonly p99: number;
    readonly max: number;
    readonly runs: number;
  };
  /** The most (or, with `atLeast`, the least) it may be. Null: reported, no goal set. */
  readonly goal: number | null;
  readonly goalIs: 'at most' | 'at least';
  readonly ok: boolean;
  /** What was compared, or what limits it. */
  readonly note?: string;
}

/** The q-th quantile by the nearest-rank method: always a value that was measured. */
export function quantile(runs: readonly number[], q: number): number {
  if (runs.length === 0) throw new RangeError('"runs" expected at least one measurement, got none');
  const sorted = [...runs].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] as number;
}

const STATISTIC = { p50: 0.5, p95: 0.95, p99: 0.99, max: 1, min: 0 } as const;
const round = (n: number): number => Math.round(n * 1000) / 1000;

/** Sums up runs as one figure and judges it against its goal. */
export function figure(
  name: string,
  unit: Unit,
  runs: readonly number[],
  wanted: { statistic: Figure['statistic']; goal: number | null; goalIs?: Figure['goalIs']; note?: string },
): Figure {
  const value = round(quantile(runs, STATISTIC[wanted.statistic]));
  const goalIs = wanted.goalIs ?? 'at most';
  const ok = wanted.goal === null || (goalIs === 'at most' ? value <= wanted.goal : value >= wanted.goal);
  const at = (q: number) => round(quantile(runs, q));
  const spread = { min: at(0), p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1), runs: runs.length };
  return {
    name,
    value,
    unit,
    statistic: wanted.statistic,
    spread,
    goal: wanted.goal,
    goalIs,
    ok,
    ...(wanted.note ? { note: wanted.note } : {}),
  };
}

/** One line of the printed table. */
export function describeFigure(f: Figure): string {
  const goal = f.goal === null ? 'no goal' : `${f.goalIs} ${f.goal} ${f.unit}`;
  const { min, p50, p95, max, runs } = f.spread;
  return `${f.ok ? 'ok  ' : 'MISS'} ${f.name}: ${f.statistic} ${f.value} ${f.unit} (${goal}; min ${min}, p50 ${p50}, p95 ${p95}, max ${max}, n=${runs})${f.note ? `\n       ${f.note}` : ''}`;
}
