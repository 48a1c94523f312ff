/**
 * Clocks that go wrong, on every machine there is: the desktop's countdown, the desktop's files, the service's lease engine.
 * What holds for each: nobody's access is longer than was granted by more than the tolerance, measured in true time, which
 * none of them can read; and nothing ends more than a second early unless the clock is in doubt, when early is right.
 */
import process from 'node:process';
import { afterEach, describe, expect, test } from 'vitest';
import { createGrantClock } from '../../electron/main/grants/clock';
import { steadyClock } from '../../electron/service/clock';
import { asInstant, DAY_MS, HOUR_MS, type Instant, MINUTE_MS, SECOND_MS } from '../../shared/domain/instant';
import { GRANT, type Machine, newMachine } from '../unit/injection/machine';
import { ManualClock, World } from './world';

const YEAR_MS = 365 * DAY_MS;
const STEPS = Object.entries({
  'a second': SECOND_MS,
  'a minute': MINUTE_MS,
  'an hour': HOUR_MS,
  'a day': DAY_MS,
  'a year': YEAR_MS,
}).flatMap(([length, lengthMs]) => [
  { title: `${length} forward`, stepMs: lengthMs },
  { title: `${length} back`, stepMs: -lengthMs },
]);
/** I1 allows the machine 5 s; the countdown itself needs no more than its tick. */
const LATE_MS = SECOND_MS;
const EARLY_MS = SECOND_MS;
/** An answer of the service took this long; nobody knows which half of the way was the slow one. */
const ROUND_TRIP_MS = 40;
const START_AT = 1_800_000_000_000;
/** An hour before Central Europe's clocks go back, and forward. */
const DST_CHANGES = { back: Date.UTC(2026, 9, 25, 0, 0), forward: Date.UTC(2027, 2, 28, 0, 0) };

/** A desktop with clocks that are told. Its true time is seen by the test alone. */
function desktop(options: { boot?: 'none'; startAt?: number; skewMs?: number } = {}) {
  const startAt = options.startAt ?? START_AT;
  let trueMs = 0;
  let wallOffMs = options.skewMs ?? 0;
  let asleepMs = 0;
  let tick = () => {};
  let precise: { atMs: number; callback: () => void } | null = null;
  let endedAfterMs: number | null = null;
  let answering: (() => number) | null = null;
  let hasDoubt = false;
  const doubts: string[] = [];
  const monotonicMs = () => 5_000 + trueMs - asleepMs;
  const clock = createGrantClock({
    now: () => startAt + trueMs + wallOffMs,
    monotonicMs,
    boot: () => (options.boot === 'none' ? null : { bootId: 'boot-1', uptimeMs: 90_000 + trueMs }),
    every: (_lengthMs, callback) => {
      tick = callback;
      return () => undefined;
    },
    after: (lengthMs, callback) => {
      precise = { atMs: monotonicMs() + lengthMs, callback };
      return () => {
        precise = null;
      };
    },
    onWarn: () => undefined,
    onDeadline: () => {
      expect(endedAfterMs, 'it ended twice').toBeNull();
      endedAfterMs = trueMs;
    },
    onClockDoubt: (doubt) => {
      doubts.push(doubt);
      hasDoubt = true;
    },
  });
  /** In doubt the app asks the service for its time, when there is one. */
  const ask = () => {
    if (!hasDoubt || answering === null) return;
    hasDoubt = false;
    clock.serverTime(answering(), ROUND_TRIP_MS);
  };
  return {
    clock,
    doubts,
    endedAfterMs: () => endedAfterMs,
    serviceAt: () => startAt + trueMs,
    /** From now on the service answers with this time. */
    connect(serviceAt: () => number) {
      answering = serviceAt;
      clock.serverTime(serviceAt(), ROUND_TRIP_MS);
    },
    setWall: (changeMs: number) => {
      wallOffMs += changeMs;
    },
    sleep(lengthMs: number) {
      trueMs += lengthMs;
      asleepMs += lengthMs;
    },
    resume() {
      clock.check();
      ask();
    },
    /** Awake until the grant has ended or this much time has passed. */
    run(lengthMs: number) {
      const untilMs = trueMs + lengthMs;
      while (trueMs < untilMs && endedAfterMs === null) {
        const leftMs = precise === null ? SECOND_MS : precise.atMs - monotonicMs();
        if (precise !== null && leftMs < SECOND_MS) {
          const { callback } = precise;
          precise = null;
          trueMs += leftMs;
          callback();
        } else {
          trueMs = Math.min(untilMs, trueMs + SECOND_MS);
          tick();
        }
        ask();
      }
    },
  };
}
/** Never longer than granted, by the true time. */
const expectNotLate = (endedAfterMs: number | null, grantedMs: number) => {
  expect(endedAfterMs, 'it never ended').not.toBeNull();
  expect(endedAfterMs).toBeLessThanOrEqual(grantedMs + LATE_MS);
};
const expectNotEarly = (endedAfterMs: number | null, grantedMs: number) =>
  expect(endedAfterMs).toBeGreaterThanOrEqual(grantedMs - EARLY_MS - ROUND_TRIP_MS / 2);

describe('the desktop’s countdown', () => {
  const GRANTED_MS = 30 * MINUTE_MS;
  const BEFORE_MS = 10 * MINUTE_MS;
  const watch = (on: ReturnType<typeof desktop>) =>
    on.clock.watch({ grantId: GRANT, expiresAt: on.serviceAt() + GRANTED_MS, ttlMs: GRANTED_MS });

  for (const boot of [undefined, 'none'] as const)
    describe(boot === undefined ? 'with a clock since boot' : 'without a clock since boot', () => {
      const with_ = boot === undefined ? {} : { boot };
      test.each(STEPS)('the wall clock is set $title: not longer, and early only in doubt', ({ stepMs }) => {
        const on = desktop(with_);
        watch(on);
        on.run(BEFORE_MS);
        on.setWall(stepMs);
        on.run(GRANTED_MS);
        expectNotLate(on.endedAfterMs(), GRANTED_MS);
        // Set back, the other clocks go on counting; set forward, nobody but the service can say that it is wrong.
        if (stepMs <= SECOND_MS) expectNotEarly(on.endedAfterMs(), GRANTED_MS);
        else expect(on.doubts.length).toBeGreaterThan(0);
      });
      test.each(STEPS)(
        '… $title, and the service tells its time: the doubt costs nothing that is left',
        ({ stepMs }) => {
          const on = desktop(with_);
          on.connect(on.serviceAt);
          watch(on);
          on.run(BEFORE_MS);
          on.setWall(stepMs);
          on.run(GRANTED_MS);
          expectNotLate(on.endedAfterMs(), GRANTED_MS);
          const isOverAtOnce = stepMs >= GRANTED_MS - BEFORE_MS; // over by the wall clock before anybody can be asked: early is right
          if (isOverAtOnce) expect(on.endedAfterMs()).toBeLessThanOrEqual(BEFORE_MS + 2 * SECOND_MS);
          else expectNotEarly(on.endedAfterMs(), GRANTED_MS);
        },
      );
      test('sleep of nine hours over the deadline: over at the first look', () => {
        const on = desktop(with_);
        watch(on);
        on.run(BEFORE_MS);
        on.sleep(9 * HOUR_MS);
        on.resume();
        expect(on.endedAfterMs()).toBe(BEFORE_MS + 9 * HOUR_MS);
      });
      test('nine hours of sleep before a deadline: on time, not early', () => {
        const grantedMs = 10 * HOUR_MS;
        const on = desktop(with_);
        on.connect(on.serviceAt);
        on.clock.watch({ grantId: GRANT, expiresAt: on.serviceAt() + grantedMs });
        on.run(BEFORE_MS);
        on.sleep(9 * HOUR_MS);
        on.resume();
        expect(on.endedAfterMs()).toBeNull();
        on.run(2 * HOUR_MS);
        expectNotLate(on.endedAfterMs(), grantedMs);
        expectNotEarly(on.endedAfterMs(), grantedMs);
      });
    });

  test.each(STEPS)(
    'sleep of nine hours, and the wall clock set $title meanwhile: over at the first look',
    ({ stepMs }) => {
      const on = desktop();
      watch(on);
      on.run(BEFORE_MS);
      on.sleep(9 * HOUR_MS);
      on.setWall(stepMs);
      on.resume();
      expect(on.endedAfterMs()).toBe(BEFORE_MS + 9 * HOUR_MS);
    },
  );

  for (const skewMs of [10 * MINUTE_MS, -10 * MINUTE_MS]) {
    const who = skewMs > 0 ? 'ahead of' : 'behind';
    test(`ten minutes ${who} the service: the deadline is the service’s, to the second`, () => {
      const on = desktop({ skewMs });
      on.connect(on.serviceAt);
      watch(on);
      on.run(2 * GRANTED_MS);
      expectNotLate(on.endedAfterMs(), GRANTED_MS);
      expectNotEarly(on.endedAfterMs(), GRANTED_MS);
      expect(on.doubts).toEqual([]);
    });
    test.each(STEPS)(`ten minutes ${who} the service, and then set $title: not longer`, ({ stepMs }) => {
      const on = desktop({ skewMs });
      on.connect(on.serviceAt);
      watch(on);
      on.run(BEFORE_MS);
      on.setWall(stepMs);
      on.run(GRANTED_MS);
      expectNotLate(on.endedAfterMs(), GRANTED_MS);
      if (stepMs <= SECOND_MS) expectNotEarly(on.endedAfterMs(), GRANTED_MS);
    });
  }
});

describe('summer and winter time', () => {
  const zone = process.env.TZ;
  afterEach(() => {
    if (zone === undefined) delete process.env.TZ;
    else process.env.TZ = zone;
  });
  const GRANTED_MS = 2 * HOUR_MS;
  for (const [direction, startAt] of Object.entries(DST_CHANGES)) {
    test(`the zone’s clocks go ${direction} within the grant: nothing changes`, () => {
      process.env.TZ = 'Europe/Berlin';
      const shift = new Date(startAt).getTimezoneOffset() - new Date(startAt + GRANTED_MS).getTimezoneOffset();
      expect(Math.abs(shift)).toBe(60);
      const on = desktop({ startAt });
      on.clock.watch({ grantId: GRANT, expiresAt: on.serviceAt() + GRANTED_MS });
      on.run(2 * GRANTED_MS);
      expectNotLate(on.endedAfterMs(), GRANTED_MS);
      expectNotEarly(on.endedAfterMs(), GRANTED_MS);
      expect(on.doubts).toEqual([]);
    });
    test(`a machine that turns its wall clock by hand when clocks go ${direction}: not longer`, () => {
      const on = desktop({ startAt });
      on.connect(on.serviceAt);
      on.clock.watch({ grantId: GRANT, expiresAt: on.serviceAt() + GRANTED_MS });
      on.run(HOUR_MS / 2);
      on.setWall(direction === 'back' ? -HOUR_MS : HOUR_MS);
      on.run(2 * GRANTED_MS);
      expectNotLate(on.endedAfterMs(), GRANTED_MS);
      expectNotEarly(on.endedAfterMs(), GRANTED_MS); // an hour and a half was left: time to ask the service
    });
  }
  test('somebody travels: another zone changes no deadline', () => {
    process.env.TZ = 'Pacific/Auckland';
    const on = desktop();
    on.clock.watch({ grantId: GRANT, expiresAt: on.serviceAt() + GRANTED_MS });
    on.run(HOUR_MS);
    process.env.TZ = 'America/Los_Angeles';
    on.run(GRANTED_MS);
    expectNotLate(on.endedAfterMs(), GRANTED_MS);
    expectNotEarly(on.endedAfterMs(), GRANTED_MS);
    expect(on.doubts).toEqual([]);
  });
});

describe('the desktop’s files, after the app was started again', () => {
  const GRANTED_MS = HOUR_MS;
  const BEFORE_MS = 10 * MINUTE_MS;
  let m: Machine;
  afterEach(() => m.remove());
  /** Injected, time passed, then something happened while the app did not run; what the next life finds. */
  async function nextLife(skewMs: number, happens: () => void) {
    m = newMachine();
    m.clocks.offsetMs = skewMs;
    await m.injector().inject(m.request({ expiresAt: m.clocks.wallAt + skewMs + GRANTED_MS }));
    m.pass(BEFORE_MS);
    happens();
    const injector = m.injector();
    const report = await injector.sweep();
    return { leftMs: injector.remainingMs(GRANT), removed: report.removed.map(({ why }) => why) };
  }
  const LEFT_MS = GRANTED_MS - BEFORE_MS;

  for (const skewMs of [0, 10 * MINUTE_MS, -10 * MINUTE_MS])
    test.each(STEPS)(
      `the wall clock was set $title (service and desktop ${skewMs / MINUTE_MS} min apart)`,
      async ({ stepMs }) => {
        const { leftMs, removed } = await nextLife(skewMs, () => {
          m.clocks.wallAt += stepMs;
        });
        if (stepMs >= LEFT_MS) expect({ leftMs, removed }).toEqual({ leftMs: null, removed: ['expired'] });
        // Set back: the time since boot counts. Set forward: early is right, and by no more than the step.
        else expect({ leftMs, removed }).toEqual({ leftMs: LEFT_MS - Math.max(0, stepMs), removed: [] });
      },
    );
  test('sleep of nine hours over the deadline: gone before anything else', async () => {
    const { leftMs, removed } = await nextLife(0, () => m.pass(9 * HOUR_MS));
    expect({ leftMs, removed }).toEqual({ leftMs: null, removed: ['expired'] });
  });
  test.each(STEPS)('sleep of nine hours, and the wall clock set $title meanwhile: gone', async ({ stepMs }) => {
    const { leftMs, removed } = await nextLife(0, () => {
      m.pass(9 * HOUR_MS);
      m.clocks.wallAt += stepMs;
    });
    expect({ leftMs, removed }).toEqual({ leftMs: null, removed: ['expired'] });
  });
  test('a machine that was started again with its wall clock before the injection: nobody can tell, so it is over', async () => {
    const { leftMs, removed } = await nextLife(0, () => {
      m.clocks.bootId = 'boot-2';
      m.clocks.uptimeMs = 1_000;
      m.clocks.wallAt -= HOUR_MS;
    });
    expect({ leftMs, removed }).toEqual({ leftMs: null, removed: ['expired'] });
  });
});

/** The service's own clock over a machine whose wall clock can be set; `advance` is true time. */
class ServiceClock extends ManualClock {
  private trueMs = 0;
  private wallOffMs = 0;
  private asleepMs = 0;
  private readonly timers = new Set<{ atMs: number; callback: () => void }>();
  private readonly steady = steadyClock({
    wallMs: () => START_AT + this.trueMs + this.wallOffMs,
    elapsedMs: () => this.trueMs - this.asleepMs,
    after: (lengthMs, callback) => {
      const timer = { atMs: this.trueMs - this.asleepMs + lengthMs, callback };
      this.timers.add(timer);
      return () => void this.timers.delete(timer);
    },
  });
  passedMs(): number {
    return this.trueMs;
  }
  setWall(changeMs: number): void {
    this.wallOffMs += changeMs;
  }
  sleep(lengthMs: number): void {
    this.trueMs += lengthMs;
    this.asleepMs += lengthMs;
  }
  override now(): Instant {
    return asInstant(this.steady.now());
  }
  override wakeAt(at: Instant, callback: () => void) {
    const timer = this.steady.wakeAt(at, callback);
    return { cancel: () => void timer.cancel() };
  }
  override advance(lengthMs: number): void {
    this.trueMs += lengthMs;
    for (const timer of [...this.timers].sort((a, b) => a.atMs - b.atMs))
      if (timer.atMs <= this.trueMs - this.asleepMs && this.timers.delete(timer)) timer.callback();
  }
}

describe('the service’s lease engine', () => {
  const GRANTED_MS = 30 * MINUTE_MS;
  const BEFORE_MS = 10 * MINUTE_MS;
  let world: World;
  afterEach(() => world.close());

  /** Access with an open session on the target; ten minutes later something happens to the service's clock. */
  async function activeThen(happens: (clock: ServiceClock) => void) {
    const clock = new ServiceClock();
    world = await World.open(1, clock);
    const id = await world.active('ann', { ttlMs: GRANTED_MS });
    const principal = world.principalOf(id);
    expect(world.target.logIn(principal)).toBe(true);
    const beganMs = clock.passedMs();
    await world.pass(BEFORE_MS);
    happens(clock);
    const isOver = () => (world.target.logins.get(principal)?.sessions ?? 0) === 0;
    const until = async (grantedMs: number, stepMs: number) => {
      while (!isOver() && clock.passedMs() - beganMs < grantedMs) await world.pass(stepMs, stepMs);
    };
    await world.pass(SECOND_MS, SECOND_MS);
    await until(GRANTED_MS - 3 * SECOND_MS, MINUTE_MS / 2);
    await until(GRANTED_MS + 10 * SECOND_MS, SECOND_MS / 2);
    expect(isOver()).toBe(true);
    expect(await world.grant('ann', id)).toMatchObject({ state: 'ended', endReason: 'expired', endProof: 'read_back' });
    return clock.passedMs() - beganMs;
  }
  /** I1 on the target. */
  const TARGET_LATE_MS = 5 * SECOND_MS;

  test.each(STEPS)(
    'the service’s wall clock is set $title: no session outlives what was granted',
    async ({ stepMs }) => {
      const tookMs = await activeThen((clock) => clock.setWall(stepMs));
      expect(tookMs).toBeLessThanOrEqual(GRANTED_MS + TARGET_LATE_MS);
      // Set back it does not follow; set forward it can't know better, and by then it is over.
      if (stepMs <= SECOND_MS) expectNotEarly(tookMs, GRANTED_MS);
      else expect(tookMs).toBeGreaterThanOrEqual(Math.max(BEFORE_MS, GRANTED_MS - stepMs - EARLY_MS));
    },
  );
  test('the service’s machine sleeps nine hours over the deadline: over at its first look', async () => {
    const tookMs = await activeThen((clock) => clock.sleep(9 * HOUR_MS));
    expect(tookMs).toBeLessThanOrEqual(BEFORE_MS + 9 * HOUR_MS + TARGET_LATE_MS);
  });
});
