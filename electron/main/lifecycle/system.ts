/** The real clock, randomness and timers of this process. Everything else takes them as arguments. */
import { randomBytes } from 'node:crypto';
import { asInstant, type Clock, type Random } from '../../../shared/domain/instant';

const MAX_PROCESS_ID = 2 ** 31 - 1;
/** Longest sleep of one timer: long ones sleep with the machine, and above 2^31−1 ms they fire at once. */
const MAX_STEP_MS = 1_000;

export const systemClock: Clock = {
  now: () => asInstant(Date.now()),
  wakeAt(at, callback) {
    let timer: NodeJS.Timeout | undefined;
    const step = () => {
      const leftMs = at - Date.now();
      if (leftMs <= 0) callback();
      else timer = setTimeout(step, Math.min(leftMs, MAX_STEP_MS));
    };
    timer = setTimeout(step, Math.max(0, Math.min(at - Date.now(), MAX_STEP_MS)));
    return { cancel: () => clearTimeout(timer) };
  },
};

/** Signal 0 asks whether it is there. True also where it can't be known: a process of somebody else refuses, and is alive. */
export function isProcessAlive(processId: number): boolean {
  if (processId > MAX_PROCESS_ID) return false; // no number of any system; Node would throw
  try {
    process.kill(processId, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

export const systemRandom: Random = { bytes: (count) => new Uint8Array(randomBytes(count)) };
