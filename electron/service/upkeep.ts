/** What has to be done now and then: forget what is kept for a time only, and re-read the whole audit log. */
import { type Clock, DAY_MS, HOUR_MS, MINUTE_MS, plusMs } from '../../shared/domain/instant';
import type { Logger } from './log';
import type { Store } from './store/store';

const FIRST_AFTER_MS = MINUTE_MS;
const EVERY_MS = HOUR_MS;
const LOG_CHECK_EVERY_MS = DAY_MS;

export interface Upkeep {
  /** One round now; it happens every hour by itself. */
  run(): Promise<void>;
  stop(): Promise<void>;
}
export function startUpkeep({ store, clock, log }: { store: Store; clock: Clock; log: Logger }): Upkeep {
  let stopped = false;
  let nextLogCheckAt = clock.now();
  let running: Promise<void> = Promise.resolve();
  let timer = clock.wakeAt(plusMs(clock.now(), FIRST_AFTER_MS), tick);
  function tick(): void {
    running = round().catch((error) => log.error({ err: error }, 'upkeep failed; it is tried again in an hour'));
    if (!stopped) timer = clock.wakeAt(plusMs(clock.now(), EVERY_MS), tick);
  }
  async function round(): Promise<void> {
    await store.prune(clock.now());
    if (stopped || clock.now() < nextLogCheckAt) return;
    nextLogCheckAt = plusMs(clock.now(), LOG_CHECK_EVERY_MS);
    const fault = await store.checkWholeLog();
    if (fault !== null) log.error({ fault }, 'the audit log failed its check');
  }
  return {
    run: round,
    stop() {
      stopped = true;
      timer.cancel();
      return running;
    },
  };
}
