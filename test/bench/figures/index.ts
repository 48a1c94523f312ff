/** One line per group of figures. To add one: a file here that exports a `Measure`, and its line. */
import type { Figure } from '../figure';
import { measureApprove } from './approve';
import { measureDrain } from './drain';
import { measureEngine } from './engine';
import { measureExpiry } from './expiry';
import { measureFanOut } from './fan-out';
import { measureHelpers } from './helpers';
import { measureLife } from './life';
import { measureStart } from './start';

export interface MeasureOptions {
  /** Fewer runs, for a look while working; never for a number that is reported. */
  readonly quick: boolean;
}
export type Measure = (options: MeasureOptions) => Promise<readonly Figure[]>;

export const FIGURES: Readonly<Record<string, Measure>> = {
  approve: measureApprove,
  expiry: measureExpiry,
  start: measureStart,
  engine: measureEngine,
  life: measureLife,
  drain: measureDrain,
  'fan-out': measureFanOut,
  helpers: measureHelpers,
};
