/** What ends access early: the stricter of setting and policy, whatever the order. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  END_SIGNALS,
  type EndOn,
  endsOn,
  NOTHING_ENDS,
  type Sign,
  signalsOf,
  stricterEndOn,
  wordCondition,
} from '../../../shared/domain/end-signals';
import { DAY_MS, MINUTE_MS } from '../../../shared/domain/instant';

const endOn: fc.Arbitrary<EndOn> = fc.record({
  screenLock: fc.boolean(),
  sleepMs: fc.option(fc.integer({ min: 0, max: DAY_MS }), { nil: null }),
  networkChange: fc.boolean(),
  ticketClosed: fc.boolean(),
  exit: fc.boolean(),
});
const sign: fc.Arbitrary<Sign> = fc.oneof(
  fc.constantFrom<Sign>(...END_SIGNALS.filter((one) => one !== 'sleep').map((signal) => ({ signal }) as Sign)),
  fc.integer({ min: 0, max: 2 * DAY_MS }).map((lengthMs): Sign => ({ signal: 'sleep', lengthMs })),
);

describe('the stricter of two', () => {
  test('ends exactly what either ends, so no setting softens a policy', () => {
    fc.assert(
      fc.property(endOn, endOn, sign, (setting, policy, what) => {
        expect(endsOn(stricterEndOn(setting, policy), what)).toBe(endsOn(setting, what) || endsOn(policy, what));
      }),
    );
  });
  test('has no order, and nothing beside it changes nothing', () => {
    fc.assert(
      fc.property(endOn, endOn, endOn, (a, b, c) => {
        expect(stricterEndOn(a, b)).toEqual(stricterEndOn(b, a));
        expect(stricterEndOn(stricterEndOn(a, b), c)).toEqual(stricterEndOn(a, stricterEndOn(b, c)));
        expect(stricterEndOn(a, a)).toEqual(a);
        expect(stricterEndOn(a, NOTHING_ENDS)).toEqual(a);
      }),
    );
  });
});
test('a sleep ends it when it was longer than allowed, and not before', () => {
  const ten = { ...NOTHING_ENDS, sleepMs: 10 * MINUTE_MS };
  expect(endsOn(ten, { signal: 'sleep', lengthMs: 10 * MINUTE_MS })).toBe(false);
  expect(endsOn(ten, { signal: 'sleep', lengthMs: 10 * MINUTE_MS + 1 })).toBe(true);
  expect(wordCondition(ten, 'sleep')).toBe('the machine sleeps longer than 10 minutes');
});
test('nothing ends by nothing', () => {
  fc.assert(fc.property(sign, (what) => !endsOn(NOTHING_ENDS, what)));
  expect(signalsOf(NOTHING_ENDS)).toEqual([]);
});
