/**
 * Points in time and lengths of time, kept apart by type.
 * Why a brand: `expiresAt + ttlMs` is a point, `ttlMs + ttlMs` is a length; mixing them up has emptied
 * or prolonged leases in every peer we studied.
 */
declare const instant: unique symbol;
/** Epoch milliseconds, UTC. */
export type Instant = number & { readonly [instant]: true };

export const SECOND_MS = 1_000;
export const MINUTE_MS = 60 * SECOND_MS;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

/** Marks a number as epoch milliseconds. The caller vouches that it is one. */
export const asInstant = (epochMs: number): Instant => epochMs as Instant;
/** The point `lengthMs` after `at` (before it, when negative). */
export const plusMs = (at: Instant, lengthMs: number): Instant => (at + lengthMs) as Instant;
/** The length from `from` to `to`, negative when `to` is earlier. */
export const msBetween = (from: Instant, to: Instant): number => to - from;

/** Time comes in by this door only. Domain code never calls `Date.now()` or `setTimeout`. */
export interface Clock {
  now(): Instant;
  /** Calls back once, at or soon after `at`, also when the machine slept past it. */
  wakeAt(at: Instant, callback: () => void): { cancel(): void };
}

/** Randomness comes in by this door only. */
export interface Random {
  /** Cryptographically strong bytes. */
  bytes(count: number): Uint8Array;
}
