/** Stopping in order: last started, first stopped; one step that fails or hangs keeps none of the others from stopping. */
import { type Clock, plusMs } from '../../shared/domain/instant';
import type { Logger } from './log';

export function stack(log: Logger) {
  const steps: { name: string; stop: () => Promise<void> }[] = [];
  let running: Promise<void> | null = null;
  async function unwind(): Promise<void> {
    for (let step = steps.pop(); step !== undefined; step = steps.pop()) {
      try {
        await step.stop();
      } catch (error) {
        log.error({ err: error, step: step.name }, 'a part of the service could not be stopped');
      }
    }
  }
  return {
    push(name: string, stop: () => Promise<void>): void {
      steps.push({ name, stop });
    },
    /** Called again, it waits for the same stop. */
    run(): Promise<void> {
      running ??= unwind();
      return running;
    },
  };
}

/** Waits for `work`, but no longer than `lengthMs`; what takes longer goes on by itself. Its failure is thrown if it comes in time. */
export function within(clock: Clock, lengthMs: number, work: Promise<unknown>): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = clock.wakeAt(plusMs(clock.now(), lengthMs), resolve);
    work.then(
      () => {
        timer.cancel();
        resolve();
      },
      (error) => {
        timer.cancel();
        reject(error);
      },
    );
  });
}
