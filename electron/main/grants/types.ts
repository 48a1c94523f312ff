/** What the local clock of grants offers and needs. No Electron here; ticks and clocks come as arguments. */
import type { BootReading } from '../injection/boot-clock';

export const WARNING_MINUTES = [15, 5, 1] as const;
export type WarningMinutes = (typeof WARNING_MINUTES)[number];

/** Why the clock can't be trusted at present. */
export type ClockDoubt = 'wall-set-back' | 'wall-set-forward' | 'rebooted' | 'no-boot-clock';

export interface GrantClockDeps {
  /** Wall clock, epoch milliseconds. */
  readonly now: () => number;
  /** Monotonic clock in milliseconds; may stand still while the machine sleeps. */
  readonly monotonicMs: () => number;
  /** Time since boot, counting sleep, immune to changes of the wall clock; null where the system has none. */
  readonly boot: () => BootReading | null;
  /** Calls back every `lengthMs`; returns its cancel. */
  readonly every: (lengthMs: number, callback: () => void) => () => void;
  /** Calls back once after `lengthMs` (never more than a few seconds); returns its cancel. */
  readonly after: (lengthMs: number, callback: () => void) => () => void;
  /** Exactly once each per deadline; those already past at the start are skipped. An extension arms them anew. */
  readonly onWarn: (grantId: string, minutes: WarningMinutes) => void;
  /** Exactly once per grant, at the deadline (never before it by the earliest reading); then the grant is forgotten. */
  readonly onDeadline: (grantId: string) => void;
  /** Once per change. Ask the service for its time and call `serverTime`; till then the earliest reading holds. */
  readonly onClockDoubt: (doubt: ClockDoubt) => void;
}

export interface WatchedGrant {
  readonly grantId: string;
  /** In the service's time, epoch milliseconds. */
  readonly expiresAt: number;
  /** Time left as known from elsewhere (`Injector.remainingMs` after a restart): the lesser counts. */
  readonly atMostMs?: number;
  /** Whole length of the access, for the ring; unknown after a restart. */
  readonly ttlMs?: number;
}

export interface GrantClock {
  /** Starts to count a grant down. Watching it again replaces its deadline (an extension, or the exact one at activation). */
  watch(grant: WatchedGrant): void;
  forget(grantId: string): void;
  /** Time left by the earliest reading; 0 at and after the deadline; null when the grant is not watched. */
  remainingMs(grantId: string): number | null;
  /** The service's time as read just now (at the end of a round trip of `roundTripMs`). Settles doubt; never revives an ended grant. */
  serverTime(serverNow: number, roundTripMs: number): void;
  /** Service time minus what the wall clock shows now (a clock set back in between is made up for); 0 while unknown. */
  offsetMs(): number;
  trusted(): boolean;
  /** Call on resume, unlock and any other sign that time passed unseen: compares all clocks at once. */
  check(): void;
  stop(): void;
}
