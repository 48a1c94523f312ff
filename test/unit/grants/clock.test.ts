/** The local clock against every way in which clocks go wrong. */
import { describe, expect, test } from 'vitest';
import { createGrantClock, type WarningMinutes } from '../../../electron/main/grants/clock';
import { MINUTE_MS, SECOND_MS } from '../../../shared/domain/instant';

const GRANT = 'grt_01jd0000000000000000000aaa';
const START_AT = 1_800_000_000_000;

function bench(options: { boot?: 'none' } = {}) {
  let wallAt = START_AT;
  let monotonicMs = 5_000;
  let uptimeMs = 90_000;
  let bootId = 'boot-1';
  let tick = () => {};
  let precise: { atMs: number; callback: () => void } | null = null;
  const warned: [string, WarningMinutes][] = [];
  const ended: { grantId: string; wallAt: number }[] = [];
  const doubts: string[] = [];
  const clock = createGrantClock({
    now: () => wallAt,
    monotonicMs: () => monotonicMs,
    boot: () => (options.boot === 'none' ? null : { bootId, uptimeMs }),
    every: (_lengthMs, callback) => {
      tick = callback;
      return () => {
        tick = () => {};
      };
    },
    after: (lengthMs, callback) => {
      expect(lengthMs).toBeLessThan(2 ** 31);
      precise = { atMs: monotonicMs + lengthMs, callback };
      return () => {
        precise = null;
      };
    },
    onWarn: (grantId, minutes) => void warned.push([grantId, minutes]),
    onDeadline: (grantId) => void ended.push({ grantId, wallAt }),
    onClockDoubt: (doubt) => void doubts.push(doubt),
  });
  const move = (lengthMs: number) => {
    wallAt += lengthMs;
    monotonicMs += lengthMs;
    uptimeMs += lengthMs;
  };
  return {
    clock,
    warned,
    ended,
    doubts,
    wallAt: () => wallAt,
    /** Awake: ticks every second, and the precise timer when it is due. */
    run: (lengthMs: number) => {
      const until = monotonicMs + lengthMs;
      while (monotonicMs < until) {
        const next = Math.min(until, monotonicMs + SECOND_MS);
        if (precise && precise.atMs < next) {
          const { atMs, callback } = precise;
          precise = null;
          move(atMs - monotonicMs);
          callback();
        } else {
          move(next - monotonicMs);
          tick();
        }
      }
    },
    /** Asleep: the monotonic clock stands still, no tick happens. */
    sleep: (lengthMs: number) => {
      wallAt += lengthMs;
      uptimeMs += lengthMs;
    },
    setWall: (changeMs: number) => {
      wallAt += changeMs;
    },
    reboot: () => {
      bootId = 'boot-2';
      uptimeMs = 10_000;
    },
    tick: () => tick(),
  };
}
const inMinutes = (minutes: number) => START_AT + minutes * MINUTE_MS;

describe('a trusted clock', () => {
  test('ends at the deadline, never before, within a hundredth of a second', () => {
    const b = bench();
    b.clock.watch({ grantId: GRANT, expiresAt: START_AT + 90_123 });
    b.run(90_122);
    expect(b.ended).toEqual([]);
    b.run(10);
    expect(b.ended).toEqual([{ grantId: GRANT, wallAt: START_AT + 90_123 }]);
    b.run(10 * SECOND_MS);
    expect(b.ended.length).toBe(1);
    expect(b.clock.remainingMs(GRANT)).toBeNull();
    expect(b.doubts).toEqual([]);
  });
  test('warns at 15, 5 and 1 minutes, once each', () => {
    const b = bench();
    b.clock.watch({ grantId: GRANT, expiresAt: inMinutes(20), ttlMs: 20 * MINUTE_MS });
    b.run(21 * MINUTE_MS);
    expect(b.warned.map(([, minutes]) => minutes)).toEqual([15, 5, 1]);
    expect(b.ended.length).toBe(1);
  });
  test('gives no warning that is past at the start', () => {
    const b = bench();
    b.clock.watch({ grantId: GRANT, expiresAt: inMinutes(3) });
    b.run(4 * MINUTE_MS);
    expect(b.warned.map(([, minutes]) => minutes)).toEqual([1]);
  });
  test('gives no 15-minute warning at the start of 15 minutes, also when the exact deadline comes a moment later', () => {
    const b = bench();
    b.clock.watch({ grantId: GRANT, expiresAt: inMinutes(15), ttlMs: 15 * MINUTE_MS });
    b.run(300);
    b.clock.watch({ grantId: GRANT, expiresAt: inMinutes(15) + 300, ttlMs: 15 * MINUTE_MS });
    b.run(2 * MINUTE_MS);
    expect(b.warned).toEqual([]);
  });
  test('an extension moves the deadline and arms the warnings anew', () => {
    const b = bench();
    b.clock.watch({ grantId: GRANT, expiresAt: inMinutes(6) });
    b.run(2 * MINUTE_MS);
    expect(b.warned.map(([, minutes]) => minutes)).toEqual([5]);
    b.clock.watch({ grantId: GRANT, expiresAt: inMinutes(16) });
    b.run(13.9 * MINUTE_MS);
    expect(b.ended).toEqual([]);
    expect(b.warned.map(([, minutes]) => minutes)).toEqual([5, 5, 1]);
    b.run(MINUTE_MS);
    expect(b.ended.length).toBe(1);
  });
  test('an earlier deadline holds at once', () => {
    const b = bench();
    b.clock.watch({ grantId: GRANT, expiresAt: inMinutes(60) });
    b.clock.watch({ grantId: GRANT, expiresAt: START_AT - 1 });
    expect(b.ended.length).toBe(1);
  });
  test('a deadline in 400 days uses no timer that wraps', () => {
    const b = bench();
    b.clock.watch({ grantId: GRANT, expiresAt: START_AT + 400 * 86_400_000 });
    b.run(5 * SECOND_MS);
    expect(b.ended).toEqual([]);
  });
  test('counts several grants, and forgets one without touching the others', () => {
    const b = bench();
    b.clock.watch({ grantId: 'one', expiresAt: START_AT + 10 * SECOND_MS });
    b.clock.watch({ grantId: 'two', expiresAt: START_AT + 10 * SECOND_MS });
    b.clock.watch({ grantId: 'three', expiresAt: START_AT + 20 * SECOND_MS });
    b.clock.forget('two');
    b.run(30 * SECOND_MS);
    expect(b.ended.map(({ grantId }) => grantId)).toEqual(['one', 'three']);
  });
  test('a deadline that is no number is refused', () => {
    expect(() => bench().clock.watch({ grantId: GRANT, expiresAt: Number.NaN })).toThrow(RangeError);
  });
});

describe('sleep', () => {
  test('over the deadline ends the grant at the first look after it', () => {
    const b = bench();
    b.clock.watch({ grantId: GRANT, expiresAt: inMinutes(30) });
    b.sleep(31 * MINUTE_MS);
    b.clock.check(); // resume
    expect(b.ended.length).toBe(1);
    expect(b.doubts).toEqual([]); // boot time slept with it: no doubt
    expect(b.warned).toEqual([]);
  });
  test('over two warnings gives the urgent one only', () => {
    const b = bench();
    b.clock.watch({ grantId: GRANT, expiresAt: inMinutes(30) });
    b.sleep(27 * MINUTE_MS);
    b.tick();
    b.run(4 * MINUTE_MS);
    expect(b.warned.map(([, minutes]) => minutes)).toEqual([5, 1]);
  });
  test('with the wall clock set back meanwhile ends all the same', () => {
    const b = bench();
    b.clock.watch({ grantId: GRANT, expiresAt: inMinutes(30) });
    b.sleep(31 * MINUTE_MS);
    b.setWall(-60 * MINUTE_MS);
    b.clock.check();
    expect(b.ended.length).toBe(1);
    expect(b.doubts).toEqual(['wall-set-back']);
  });
  test('without a boot clock is told by the wall clock', () => {
    const b = bench({ boot: 'none' });
    b.clock.watch({ grantId: GRANT, expiresAt: inMinutes(30) });
    b.sleep(31 * MINUTE_MS);
    b.clock.check();
    expect(b.ended.length).toBe(1);
    expect(b.doubts).toEqual(['no-boot-clock']);
  });
});

describe('a wall clock that was changed', () => {
  for (const boot of [undefined, 'none'] as const)
    test(`set back prolongs nothing${boot ? ', without a boot clock' : ''}`, () => {
      const b = bench(boot ? { boot } : {});
      b.clock.watch({ grantId: GRANT, expiresAt: inMinutes(10) });
      b.run(MINUTE_MS);
      b.setWall(-24 * 60 * MINUTE_MS);
      b.run(9 * MINUTE_MS - SECOND_MS);
      expect(b.ended).toEqual([]);
      expect(b.doubts).toEqual(['wall-set-back']);
      b.run(SECOND_MS);
      expect(b.ended.length).toBe(1);
      expect(b.warned.map(([, minutes]) => minutes)).toEqual([5, 1]);
    });
  test('set forward over the deadline ends early', () => {
    const b = bench();
    b.clock.watch({ grantId: GRANT, expiresAt: inMinutes(10) });
    b.setWall(11 * MINUTE_MS);
    b.tick();
    expect(b.ended.length).toBe(1);
    expect(b.doubts).toEqual(['wall-set-forward']);
  });
  test('set forward by less shortens until the service tells its time', () => {
    const b = bench();
    b.clock.serverTime(START_AT, 20);
    b.clock.watch({ grantId: GRANT, expiresAt: inMinutes(10) });
    b.setWall(5 * MINUTE_MS);
    b.tick();
    expect(b.clock.remainingMs(GRANT)).toBe(5 * MINUTE_MS - 10);
    expect(b.clock.trusted()).toBe(false);
    b.clock.serverTime(START_AT, 0);
    expect(b.clock.remainingMs(GRANT)).toBe(10 * MINUTE_MS);
    expect(b.clock.trusted()).toBe(true);
    b.run(10 * MINUTE_MS);
    expect(b.ended.length).toBe(1);
  });
  test('a grant watched while in doubt counts by the later reading', () => {
    const b = bench();
    b.clock.serverTime(START_AT, 0);
    b.run(MINUTE_MS);
    b.setWall(-30 * MINUTE_MS);
    b.clock.watch({ grantId: GRANT, expiresAt: inMinutes(10) });
    expect(b.clock.remainingMs(GRANT)).toBe(9 * MINUTE_MS);
    expect(b.clock.offsetMs()).toBe(30 * MINUTE_MS); // what others compute with it is right as well
  });
  test('set right again is trusted again, and a second change is told again', () => {
    const b = bench();
    b.setWall(-MINUTE_MS);
    b.tick();
    b.setWall(MINUTE_MS);
    b.tick();
    expect(b.clock.trusted()).toBe(true);
    b.setWall(-MINUTE_MS);
    b.run(5 * SECOND_MS);
    expect(b.doubts).toEqual(['wall-set-back', 'wall-set-back']);
  });
  test('a step within a second is no reason for doubt', () => {
    const b = bench();
    b.setWall(900);
    b.tick();
    expect(b.doubts).toEqual([]);
  });
});

describe('the service’s time', () => {
  test('a wall clock that is wrong from the start is made up for', () => {
    const b = bench();
    b.clock.serverTime(START_AT - 20 * MINUTE_MS, 100); // this machine is 20 minutes fast
    b.clock.watch({ grantId: GRANT, expiresAt: START_AT - 10 * MINUTE_MS });
    b.run(10 * MINUTE_MS - 200);
    expect(b.ended).toEqual([]);
    b.run(200);
    expect(b.ended.length).toBe(1);
  });
  test('never revives a grant that ended', () => {
    const b = bench();
    b.clock.watch({ grantId: GRANT, expiresAt: inMinutes(10) });
    b.setWall(11 * MINUTE_MS);
    b.tick();
    b.clock.serverTime(START_AT, 0);
    b.run(20 * MINUTE_MS);
    expect(b.ended.length).toBe(1);
    expect(b.clock.remainingMs(GRANT)).toBeNull();
  });
  test('a slow answer does not replace a good one', () => {
    const b = bench();
    b.clock.serverTime(START_AT, 10);
    b.clock.serverTime(START_AT, 60_000);
    expect(b.clock.offsetMs()).toBe(5);
  });
});

describe('a reboot', () => {
  test('leaves the wall clock alone to count, and says so', () => {
    const b = bench();
    b.clock.watch({ grantId: GRANT, expiresAt: inMinutes(10) });
    b.reboot();
    b.run(5 * MINUTE_MS);
    expect(b.doubts).toEqual(['rebooted']);
    expect(b.ended).toEqual([]);
    b.run(5 * MINUTE_MS);
    expect(b.ended.length).toBe(1);
  });
  test('after a restart the journal’s rest counts when it is less', () => {
    const b = bench();
    b.clock.watch({ grantId: GRANT, expiresAt: inMinutes(60), atMostMs: 2 * MINUTE_MS });
    b.run(2 * MINUTE_MS - 1);
    expect(b.ended).toEqual([]);
    b.run(1);
    expect(b.ended.length).toBe(1);
  });
});

test('a deadline handler that throws makes nothing happen twice and keeps no other grant alive', () => {
  const seen: string[] = [];
  let tick = () => {};
  let wallAt = START_AT;
  const clock = createGrantClock({
    now: () => wallAt,
    monotonicMs: () => wallAt,
    boot: () => null,
    every: (_ms, callback) => {
      tick = callback;
      return () => {};
    },
    after: () => () => {},
    onWarn: () => {},
    onDeadline: (grantId) => {
      seen.push(grantId);
      throw new Error('handler failed');
    },
    onClockDoubt: () => {},
  });
  clock.watch({ grantId: GRANT, expiresAt: START_AT + SECOND_MS });
  clock.watch({ grantId: 'another', expiresAt: START_AT + SECOND_MS });
  wallAt += 2 * SECOND_MS;
  expect(tick).toThrow('handler failed');
  tick();
  expect(seen).toEqual([GRANT, 'another']);
});
