/**
 * The one ticking source of this window. Times are the service's (offset told by the main process), so that
 * a wrong clock here shows the same countdown as everywhere. It stops while the window is hidden.
 * Shows time only: nothing ends because of this clock, the main process sees to that.
 */
import { useSyncExternalStore } from 'react';
import { MINUTE_MS, SECOND_MS } from '../../shared/domain/instant';

export interface TickSource {
  /** Epoch milliseconds by this machine. */
  now(): number;
  /** Calls back once after `delayMs`; returns its cancel. */
  after(delayMs: number, run: () => void): () => void;
  hidden(): boolean;
  /** Calls back when the window is hidden or shown; returns its unsubscribe. */
  onVisibility(run: () => void): () => void;
}
export interface Ticker {
  subscribe(listener: () => void): () => void;
  /** The service's time, cut to the second it last ticked. */
  second(): number;
  setOffset(offsetMs: number): void;
}

/** One timer for all listeners, aligned to whole seconds of the service's clock; none without listeners. */
export function createTicker(source: TickSource): Ticker {
  const listeners = new Set<() => void>();
  let offsetMs = 0;
  let cancel: (() => void) | undefined;
  let offVisibility: (() => void) | undefined;
  const read = () => Math.floor((source.now() + offsetMs) / SECOND_MS) * SECOND_MS;
  let shown = read();

  const stop = () => {
    cancel?.();
    cancel = undefined;
  };
  const tick = () => {
    stop();
    const next = read();
    if (next !== shown) {
      shown = next;
      for (const listener of listeners) listener();
    }
    if (listeners.size > 0 && !source.hidden())
      cancel = source.after(SECOND_MS - ((source.now() + offsetMs) % SECOND_MS) + 2, tick);
  };
  return {
    subscribe(listener) {
      listeners.add(listener);
      if (listeners.size === 1) {
        offVisibility = source.onVisibility(tick);
        tick();
      }
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0) {
          stop();
          offVisibility?.();
        }
      };
    },
    second() {
      if (listeners.size === 0) shown = read();
      return shown;
    },
    setOffset(next) {
      offsetMs = next;
      tick();
    },
  };
}

const pageSource: TickSource = {
  now: () => Date.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
  hidden: () => document.hidden,
  onVisibility(run) {
    document.addEventListener('visibilitychange', run);
    return () => document.removeEventListener('visibilitychange', run);
  },
};
let pageTicker: Ticker | undefined;
export const ticker = (): Ticker => {
  pageTicker ??= createTicker(pageSource);
  return pageTicker;
};

/** The service's time now; the component is drawn again each second. */
export const useSecond = (): number => useSyncExternalStore(ticker().subscribe, ticker().second);
/** The same by the minute: for "asked 2 min ago". */
export const useMinute = (): number =>
  useSyncExternalStore(ticker().subscribe, () => Math.floor(ticker().second() / MINUTE_MS) * MINUTE_MS);
