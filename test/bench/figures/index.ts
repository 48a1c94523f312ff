/** One line per group of figures. To add one: a file here that exports a `Measure`, and its line. */
import type { Figure } from '../figure';

export interface MeasureOptions {
  /** Fewer runs, for a look while working; never for a number that is reported. */
  readonly quick: boolean;
}
export type Measure = (options: MeasureOptions) => Promise<readonly Figure[]>;

export const FIGURES: Readonly<Record<string, Measure>> = {};
