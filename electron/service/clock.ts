/** The real clock and the real randomness: the only place of the service that asks the machine for either. */
import { randomBytes } from 'node:crypto';
import { asInstant, type Clock, type Random, SECOND_MS } from '../../shared/domain/instant';

/** Timers are never longer than this: they stand still while the machine sleeps, so the wall clock is looked at again. */
const MAX_TIMER_MS = 5 * SECOND_MS;

/** `wakeAt` compares with the wall clock at least every five seconds, so a wake-up missed in sleep comes right after it. */
export function systemClock(): Clock {
  const now = () => asInstant(Date.now());
  return {
    now,
    wakeAt(at, callback) {
      let timer: NodeJS.Timeout;
      const arm = () => {
        const leftMs = at - now();
        timer = setTimeout(leftMs <= MAX_TIMER_MS ? fire : arm, Math.max(0, Math.min(leftMs, MAX_TIMER_MS)));
      };
      const fire = () => {
        // A timer may fire a millisecond early, and the clock may have been set back.
        if (now() < at) arm();
        else callback();
      };
      arm();
      return { cancel: () => clearTimeout(timer) };
    },
  };
}

export const systemRandom: Random = { bytes: (count) => new Uint8Array(randomBytes(count)) };
