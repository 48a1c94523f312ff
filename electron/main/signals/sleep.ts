/**
 * How long the machine slept. Two ways to know: what the system says before and after, and the clock that counts sleep running
 * ahead of the one that does not. The second also sees a sleep that nobody announced. Pure but for the clocks it is given.
 */
import type { BootReading } from '../injection/boot-clock';

export interface SleepClocks {
  readonly now: () => number;
  readonly monotonicMs: () => number;
  readonly boot: () => BootReading | null;
}
/** Less than this between the two clocks is no sleep. */
const SLACK_MS = 2_000;
/** The system says that it will sleep up to this long before it does (its programs may put it off). */
const MAX_DELAY_MS = 60_000;

export interface SleepMeter {
  /** The system says that it is about to sleep. */
  fallAsleep(): void;
  /** Length of a sleep that is over and was not told before, 0 when there was none. Call at wake-up and now and then. */
  sleptMs(asked?: 'now and then' | 'at wake-up'): number;
}
export function createSleepMeter(clocks: SleepClocks): SleepMeter {
  const read = () => ({ wallAt: clocks.now(), monotonicMs: clocks.monotonicMs(), boot: clocks.boot() });
  let last = read();
  let asleepSince: ReturnType<typeof read> | null = null;
  return {
    fallAsleep() {
      asleepSince ??= read();
    },
    sleptMs(asked = 'now and then') {
      const now = read();
      const sinceSaid = asleepSince === null ? 0 : now.wallAt - asleepSince.wallAt;
      // A look between the announcement and the sleep must not use the announcement up: where the monotonic clock goes on
      // in sleep (Windows) nothing else would tell it afterwards.
      const isStillAwake = asked === 'now and then' && sinceSaid >= 0 && sinceSaid < MAX_DELAY_MS;
      const announced = isStillAwake ? 0 : sinceSaid;
      const isSameBoot = last.boot !== null && now.boot !== null && last.boot.bootId === now.boot.bootId;
      const counted = isSameBoot
        ? (now.boot?.uptimeMs ?? 0) - (last.boot?.uptimeMs ?? 0) - (now.monotonicMs - last.monotonicMs)
        : 0;
      if (!isStillAwake) asleepSince = null;
      last = now;
      const slept = Math.max(announced, counted > SLACK_MS ? counted : 0);
      return Math.max(0, Math.round(slept));
    },
  };
}
