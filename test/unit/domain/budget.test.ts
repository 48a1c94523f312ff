/** The day's budget: what counts, when there is room again, what is said. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BUDGET_WINDOW_MS, type BudgetFacts, budgetAt, roomAt, wordBudget } from '../../../shared/domain/budget';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../../shared/domain/instant';

const NOW = 1_760_000_000_000;
const facts = (more: Partial<BudgetFacts> = {}): BudgetFacts => ({
  maxMs: 4 * HOUR_MS,
  held: [],
  promisedMs: 0,
  ...more,
});
const span = (hoursAgo: number, lengthMs: number) => ({
  from: NOW - hoursAgo * HOUR_MS,
  to: Math.min(NOW, NOW - hoursAgo * HOUR_MS + lengthMs),
});

describe('what counts', () => {
  test('time held within 24 hours, and what is promised', () => {
    const held = [span(30, HOUR_MS), span(24.5, HOUR_MS), span(3, HOUR_MS)];
    expect(budgetAt(facts({ held, promisedMs: HOUR_MS }), NOW)).toEqual({
      maxMs: 4 * HOUR_MS,
      usedMs: 30 * MINUTE_MS + HOUR_MS + HOUR_MS,
      leftMs: 90 * MINUTE_MS,
    });
  });
  test('two grants at once count both', () => {
    expect(budgetAt(facts({ held: [span(2, HOUR_MS), span(2, HOUR_MS)] }), NOW).usedMs).toBe(2 * HOUR_MS);
  });
});

const arbitrary = fc.record({
  maxMs: fc.integer({ min: MINUTE_MS, max: DAY_MS }),
  held: fc.array(
    fc
      .tuple(fc.integer({ min: 0, max: 2 * DAY_MS }), fc.integer({ min: 0, max: DAY_MS }))
      .map(([agoMs, lengthMs]) => ({ from: NOW - agoMs, to: Math.min(NOW, NOW - agoMs + lengthMs) })),
    { maxLength: 12 },
  ),
  promisedMs: fc.integer({ min: 0, max: 2 * DAY_MS }),
});

describe('room', () => {
  test('is there at the moment that is told, and not a millisecond before', () => {
    fc.assert(
      fc.property(arbitrary, fc.integer({ min: 1, max: DAY_MS }), (it, wantedMs) => {
        const at = roomAt(it, wantedMs, NOW);
        const fits = (when: number) => budgetAt(it, when).maxMs - budgetAt(it, when).usedMs >= wantedMs;
        if (at === null) expect(fits(NOW + BUDGET_WINDOW_MS)).toBe(false);
        else {
          expect(fits(at)).toBe(true);
          if (at > NOW) expect(fits(at - 1)).toBe(false);
        }
      }),
    );
  });
  test('nothing that fits when it is asked for goes over, wherever the window is laid later', () => {
    fc.assert(
      fc.property(arbitrary, fc.integer({ min: 0, max: 2 * DAY_MS }), (it, laterMs) => {
        const { leftMs } = budgetAt(it, NOW);
        // All that is left is taken now and held to the end, with what was promised.
        const taken = { from: NOW, to: NOW + leftMs };
        const promised = { from: NOW, to: NOW + it.promisedMs };
        const at = NOW + laterMs;
        const within = [...it.held, taken, promised]
          .map(({ from, to }) => Math.max(0, Math.min(to, at) - Math.max(from, at - BUDGET_WINDOW_MS)))
          .reduce((sum, ms) => sum + ms, 0);
        const before = budgetAt(it, NOW).usedMs;
        expect(within).toBeLessThanOrEqual(Math.max(it.maxMs, before));
      }),
    );
  });
});

test('says what is left, of how much, and when there is more', () => {
  expect(wordBudget(facts({ held: [span(4, 3 * HOUR_MS)] }), 90 * MINUTE_MS, NOW)).toBe(
    '1 hour of 4 hours within 24 hours are left; 1 hour 30 minutes can be asked for in 20 hours 30 minutes.',
  );
  expect(wordBudget(facts(), HOUR_MS, NOW)).toBe('4 hours of 4 hours within 24 hours are left.');
  expect(wordBudget(facts({ promisedMs: 4 * HOUR_MS }), HOUR_MS, NOW)).toBe(
    'The 4 hours within 24 hours are used up; 1 hour can be asked for once what you asked for or hold has ended.',
  );
  expect(wordBudget(facts(), 5 * HOUR_MS, NOW)).toBe('4 hours of 4 hours within 24 hours are left.');
});
