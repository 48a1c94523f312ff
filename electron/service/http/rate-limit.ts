/** Token buckets: a burst, then a steady rate. In memory and per instance; what has to hold exactly (attempts on an invite) is in the store. */
import type { Clock } from '../../../shared/domain/instant';
import { SECOND_MS } from '../../../shared/domain/instant';
import { AppError } from '../errors';

export interface RateLimit {
  readonly burst: number;
  readonly perSecond: number;
}
export interface RateLimits {
  /** Each network address, all calls. */
  readonly address: RateLimit;
  /** Each network address, calls before sign-in (challenge, token). */
  readonly signIn: RateLimit;
  /** Each network address, joining with an invite. */
  readonly join: RateLimit;
  /** Each person on TCP. */
  readonly caller: RateLimit;
  /** The owner on the local socket: their own machine. */
  readonly local: RateLimit;
}
export const DEFAULT_RATE_LIMITS: RateLimits = {
  address: { burst: 3_000, perSecond: 200 },
  signIn: { burst: 300, perSecond: 5 },
  join: { burst: 10, perSecond: 0.1 },
  caller: { burst: 300, perSecond: 30 },
  local: { burst: 3_000, perSecond: 500 },
};
/** More keys than this are not remembered; the oldest are forgotten first. */
export const MAX_BUCKETS = 20_000;

export interface RateLimiter {
  /** Takes one. Throws AppError `too-many-requests` with the seconds to wait in `retryAfterSeconds`. */
  take(key: string): void;
}
export class TooManyRequests extends AppError {
  constructor(readonly retryAfterSeconds: number) {
    super('too-many-requests', 'Too many requests.', {
      safe: 'Nothing was changed.',
      next: `Try again in ${retryAfterSeconds} s.`,
    });
  }
}

/** One bucket per key, refilled by the clock. */
export function createRateLimiter(limit: RateLimit, clock: Pick<Clock, 'now'>): RateLimiter {
  const buckets = new Map<string, { left: number; at: number }>();
  return {
    take(key) {
      const now = clock.now();
      const bucket = buckets.get(key) ?? { left: limit.burst, at: now };
      // A clock that went back must not lock anybody out, nor refill.
      const elapsedMs = Math.max(0, now - bucket.at);
      const left = Math.min(limit.burst, bucket.left + (elapsedMs / SECOND_MS) * limit.perSecond);
      buckets.delete(key);
      buckets.set(key, { left: Math.max(0, left - 1), at: now });
      if (buckets.size > MAX_BUCKETS) buckets.delete(buckets.keys().next().value as string);
      if (left < 1) throw new TooManyRequests(Math.max(1, Math.ceil((1 - left) / limit.perSecond)));
    },
  };
}

/** What counts as one network address: IPv4 whole, IPv6 by its /64 (one household or host has that many to choose from). */
export function addressKey(remoteAddress: string | undefined): string {
  const address = (remoteAddress ?? 'unknown').replace(/^::ffff:(?=\d+\.)/, '').replace(/%.*$/, '');
  if (!address.includes(':')) return address;
  const [head = '', tail] = address.split('::');
  const left = head.split(':').filter(Boolean);
  const right = tail === undefined ? [] : tail.split(':').filter(Boolean);
  const zeros = Array<string>(Math.max(0, 8 - left.length - right.length)).fill('0');
  return `${[...left, ...(tail === undefined ? [] : zeros), ...right].slice(0, 4).join(':')}::/64`;
}
