/** The real clock and the real randomness: the only place of the service that asks the machine for either. */
import { randomBytes } from 'node:crypto';
import { asInstant, type Clock, type Random, SECOND_MS } from '../../shared/domain/instant';

/** Timers are never longer than this: they stand still while the machine sleeps, so the wall clock is looked at again. */
const MAX_TIMER_MS = 5 * SECOND_MS;

/** What a machine offers to tell the time by. */
export interface MachineTime {
  /** Wall clock, epoch milliseconds; anybody may set it. */
  wallMs(): number;
  /** Milliseconds of a clock that nobody can set; may stand still while the machine sleeps. */
  elapsedMs(): number;
  /** Calls back once after `lengthMs`, by the clock that nobody can set; returns its cancel. */
  after(lengthMs: number, callback: () => void): () => void;
}
export interface SteadyClock extends Clock {
  /** It is at least this late already: what the store has seen is past, whatever the wall clock says after a restart. */
  notBefore(at: number): void;
}

/**
 * The wall clock, but it never goes back: when somebody sets it back, time goes on from where it was, so nobody's access
 * becomes longer and no timer waits for a second time. Set forward, it follows: access ends early, which is right.
 * `wakeAt` looks again at least every five seconds, so a wake-up missed in sleep comes right after it.
 */
export function steadyClock(machine: MachineTime): SteadyClock {
  let newest = machine.wallMs();
  let seenAt = machine.elapsedMs();
  const now = () => {
    const elapsedMs = machine.elapsedMs();
    newest = Math.max(machine.wallMs(), newest + Math.max(0, elapsedMs - seenAt));
    seenAt = elapsedMs;
    return asInstant(Math.floor(newest));
  };
  return {
    now,
    notBefore(at) {
      newest = Math.max(now(), at);
    },
    wakeAt(at, callback) {
      let cancel: () => void;
      const arm = () => {
        const leftMs = at - now();
        cancel = machine.after(Math.max(0, Math.min(leftMs, MAX_TIMER_MS)), leftMs <= MAX_TIMER_MS ? fire : arm);
      };
      const fire = () => {
        // A timer may fire a millisecond early.
        if (now() < at) arm();
        else callback();
      };
      arm();
      return { cancel: () => cancel() };
    },
  };
}

/** The clock of this machine. */
export const systemClock = (): SteadyClock =>
  steadyClock({
    wallMs: () => Date.now(),
    elapsedMs: () => performance.now(),
    after: (lengthMs, callback) => {
      const timer = setTimeout(callback, lengthMs);
      return () => clearTimeout(timer);
    },
  });

export const systemRandom: Random = { bytes: (count) => new Uint8Array(randomBytes(count)) };
