/**
 * How much access one person may have on one resource within a day. Pure: the time and what was held are arguments.
 * Why a window that rolls over 24 hours and not a calendar day: it needs no time zone, and nobody gets twice the budget
 * around midnight. Each grant counts by itself, also when two run at once; what was promised (asked for, approved, running)
 * counts as if it were used to the end, so that together nothing can go over.
 */
import { wordDuration } from './duration';
import { DAY_MS, MINUTE_MS } from './instant';

export const BUDGET_WINDOW_MS = DAY_MS;

/** Access that was held from a point until another, both epoch milliseconds; `to` is not after now. */
export interface HeldSpan {
  readonly from: number;
  readonly to: number;
}
export interface BudgetFacts {
  readonly maxMs: number;
  readonly held: readonly HeldSpan[];
  /** Still to come: what runs, is approved, or waits for an answer. */
  readonly promisedMs: number;
}
export interface Budget {
  readonly maxMs: number;
  /** Held within the window, and promised. */
  readonly usedMs: number;
  readonly leftMs: number;
}

const heldWithin = (held: readonly HeldSpan[], from: number): number =>
  held.reduce((sum, span) => sum + Math.max(0, span.to - Math.max(span.from, from)), 0);

/** What is used and left at `at` (now, or later if nothing more is asked for until then). */
export function budgetAt(facts: BudgetFacts, at: number): Budget {
  const usedMs = heldWithin(facts.held, at - BUDGET_WINDOW_MS) + facts.promisedMs;
  return { maxMs: facts.maxMs, usedMs, leftMs: Math.max(0, facts.maxMs - usedMs) };
}

/** The first moment from `now` on at which `wantedMs` fit; null when they do not within a day. */
export function roomAt(facts: BudgetFacts, wantedMs: number, now: number): number | null {
  const fits = (at: number) =>
    facts.maxMs - heldWithin(facts.held, at - BUDGET_WINDOW_MS) - facts.promisedMs >= wantedMs;
  if (fits(now)) return now;
  let [before, after] = [now, now + BUDGET_WINDOW_MS];
  if (!fits(after)) return null;
  // What was held only ever leaves the window, so it fits from one moment on.
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2);
    if (fits(middle)) after = middle;
    else before = middle;
  }
  return after;
}

const wholeMinutes = (lengthMs: number): number => Math.floor(lengthMs / MINUTE_MS) * MINUTE_MS;
/** "20 minutes of 4 hours within 24 hours are left; 1 hour can be asked for in 2 hours 10 minutes." */
export function wordBudget(facts: BudgetFacts, wantedMs: number, now: number): string {
  const { leftMs } = budgetAt(facts, now);
  const left = wholeMinutes(leftMs);
  const allowed = `${wordDuration(facts.maxMs)} within 24 hours`;
  const said = left > 0 ? `${wordDuration(left)} of ${allowed} are left` : `The ${allowed} are used up`;
  const at = roomAt(facts, wantedMs, now);
  if (at === null)
    return wantedMs > facts.maxMs
      ? `${said}.`
      : `${said}; ${wordDuration(wantedMs)} can be asked for once what you asked for or hold has ended.`;
  // Rounded up: at the time that is told it fits.
  const wait = Math.ceil((at - now) / MINUTE_MS) * MINUTE_MS;
  return wait === 0 ? `${said}.` : `${said}; ${wordDuration(wantedMs)} can be asked for in ${wordDuration(wait)}.`;
}
