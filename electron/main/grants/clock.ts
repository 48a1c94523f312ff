/**
 * The local clock of grants: counts down, warns, and ends a grant on this machine without asking the service.
 * Why no long timers: they sleep with the machine and wrap at 2^31 ms. Deadlines are absolute; one tick a second compares
 * them with every clock there is, and the earliest reading wins. So a wall clock set back never prolongs, sleep over a
 * deadline ends at resume, and a doubtful clock ends early. Only the service's own time settles a doubt.
 * Not here: removing anything (injection/) and what is said to the person (notifications/).
 */
import { MINUTE_MS, SECOND_MS } from '../../../shared/domain/instant';
import { type BootReading, systemBootClock } from '../injection/boot-clock';
import {
  type ClockDoubt,
  type GrantClock,
  type GrantClockDeps,
  WARNING_MINUTES,
  type WarningMinutes,
  type WatchedGrant,
} from './types';

export type * from './types';
export { WARNING_MINUTES } from './types';

const TICK_MS = SECOND_MS;
/** Clocks that differ by no more than this agree. */
const TOLERANCE_MS = SECOND_MS;
/** So close to a deadline one precise timer helps the tick. */
const PRECISE_MS = 1_500;
/** Half of it is how wrong a server time may be. */
const MAX_ROUND_TRIP_MS = 2_000;
/** A deadline moved by less than this is a correction, not an extension: its warnings are not given again. */
const EXTENSION_MIN_MS = MINUTE_MS / 2;

interface Reading {
  readonly wallAt: number;
  readonly monotonicMs: number;
  readonly boot: BootReading | null;
}
interface Watched {
  readonly expiresAt: number;
  /** Uptime and monotonic time at which it ends, fixed when the grant was watched or the service told its time. */
  readonly bootDeadlineMs: number | null;
  readonly monotonicDeadlineMs: number;
  readonly warned: ReadonlySet<WarningMinutes>;
}

/** What the clocks say about each other since the anchor; null: they agree. */
export function doubtBetween(anchor: Reading, reading: Reading): ClockDoubt | null {
  if (anchor.boot && reading.boot && !sameBoot(anchor.boot, reading.boot)) return 'rebooted';
  const wallPassed = reading.wallAt - anchor.wallAt;
  if (anchor.boot && reading.boot) {
    const driftMs = wallPassed - (reading.boot.uptimeMs - anchor.boot.uptimeMs);
    if (driftMs < -TOLERANCE_MS) return 'wall-set-back';
    return driftMs > TOLERANCE_MS ? 'wall-set-forward' : null;
  }
  const driftMs = wallPassed - (reading.monotonicMs - anchor.monotonicMs);
  if (driftMs < -TOLERANCE_MS) return 'wall-set-back';
  // slept or set forward: without a boot clock nobody can tell
  return driftMs > TOLERANCE_MS ? 'no-boot-clock' : null;
}

const sameBoot = (a: BootReading, b: BootReading): boolean => a.bootId === b.bootId && b.uptimeMs >= a.uptimeMs;

/** Starts ticking at once; `stop()` ends it. */
export function createGrantClock(deps: GrantClockDeps): GrantClock {
  const read = (): Reading => ({ wallAt: deps.now(), monotonicMs: deps.monotonicMs(), boot: deps.boot() });
  const watched = new Map<string, Watched>();
  let anchor = read();
  let offsetMs = 0;
  /** The service's time at the anchor; null while it was never told. */
  let serverAtAnchor: number | null = null;
  let doubt: ClockDoubt | null = null;
  let cancelPrecise: (() => void) | null = null;

  /** The latest time it may be at the service: on doubt the later reading, so that things end early. */
  const serverNow = (reading: Reading): number => {
    const byWall = reading.wallAt + offsetMs;
    const known = serverAtAnchor ?? anchor.wallAt + offsetMs;
    const passed =
      anchor.boot && reading.boot && sameBoot(anchor.boot, reading.boot)
        ? reading.boot.uptimeMs - anchor.boot.uptimeMs
        : reading.monotonicMs - anchor.monotonicMs;
    return Math.max(byWall, known + passed);
  };
  const remaining = (grant: Watched, reading: Reading): number => {
    const byBoot =
      grant.bootDeadlineMs === null || !reading.boot || (anchor.boot && !sameBoot(anchor.boot, reading.boot))
        ? Number.POSITIVE_INFINITY
        : grant.bootDeadlineMs - reading.boot.uptimeMs;
    return Math.min(
      grant.expiresAt - (reading.wallAt + offsetMs),
      grant.monotonicDeadlineMs - reading.monotonicMs,
      byBoot,
    );
  };
  const fixed = (
    expiresAt: number,
    reading: Reading,
    warned: ReadonlySet<WarningMinutes>,
    atMostMs = Number.POSITIVE_INFINITY,
  ): Watched => {
    const leftMs = Math.min(atMostMs, expiresAt - serverNow(reading));
    return {
      expiresAt,
      bootDeadlineMs: reading.boot ? reading.boot.uptimeMs + leftMs : null,
      monotonicDeadlineMs: reading.monotonicMs + leftMs,
      warned,
    };
  };

  const warn = (grantId: string, grant: Watched, leftMs: number) => {
    const due = WARNING_MINUTES.filter((minutes) => leftMs <= minutes * MINUTE_MS && !grant.warned.has(minutes));
    const urgent = due.at(-1);
    if (urgent === undefined) return;
    // slept past several: only the most urgent one is said, the others are past
    watched.set(grantId, { ...grant, warned: new Set([...grant.warned, ...due]) });
    deps.onWarn(grantId, urgent);
  };
  const arm = (nextMs: number) => {
    cancelPrecise?.();
    cancelPrecise = nextMs <= PRECISE_MS ? deps.after(Math.max(1, Math.ceil(nextMs)), check) : null;
  };
  function check(): void {
    const reading = read();
    const found = doubtBetween(anchor, reading);
    const isNew = found !== null && found !== doubt;
    doubt = found;
    let nextMs = Number.POSITIVE_INFINITY;
    const failures: unknown[] = [];
    const tell = (work: () => void) => {
      try {
        work();
      } catch (error) {
        failures.push(error); // one listener that fails must not keep another grant alive
      }
    };
    for (const [grantId, grant] of [...watched]) {
      const leftMs = remaining(grant, reading);
      if (leftMs <= 0) {
        watched.delete(grantId); // before the callback: exactly once, also when it throws or watches anew
        tell(() => deps.onDeadline(grantId));
      } else {
        tell(() => warn(grantId, grant, leftMs));
        nextMs = Math.min(nextMs, leftMs);
      }
    }
    arm(nextMs);
    if (isNew) tell(() => deps.onClockDoubt(found));
    if (failures.length > 0) throw failures[0];
  }
  const cancelTick = deps.every(TICK_MS, check);

  return {
    watch({ grantId, expiresAt, ttlMs, atMostMs }: WatchedGrant) {
      if (!Number.isFinite(expiresAt))
        throw new RangeError(`"expiresAt" expected epoch milliseconds, got ${expiresAt}`);
      const reading = read();
      const before = watched.get(grantId);
      const leftMs = expiresAt - serverNow(reading);
      const isExtension = before !== undefined && expiresAt - before.expiresAt >= EXTENSION_MIN_MS;
      const past = WARNING_MINUTES.filter(
        (minutes) => leftMs <= minutes * MINUTE_MS || (ttlMs !== undefined && ttlMs <= minutes * MINUTE_MS),
      );
      const warned = before && !isExtension ? before.warned : new Set(past);
      watched.set(grantId, fixed(expiresAt, reading, warned, atMostMs));
      check();
    },
    forget: (grantId) => void watched.delete(grantId),
    remainingMs(grantId) {
      const grant = watched.get(grantId);
      return grant ? Math.max(0, remaining(grant, read())) : null;
    },
    serverTime(serverTimeNow, roundTripMs) {
      if (!Number.isFinite(serverTimeNow)) throw new RangeError(`"serverNow" expected a number, got ${serverTimeNow}`);
      const reading = read();
      // a slow answer says little: take it only when there is nothing better
      if (roundTripMs > MAX_ROUND_TRIP_MS && serverAtAnchor !== null && doubtBetween(anchor, reading) === null) return;
      const at = serverTimeNow + Math.max(0, roundTripMs) / 2;
      anchor = reading;
      serverAtAnchor = at;
      offsetMs = Math.round(at - reading.wallAt);
      doubt = null;
      for (const [grantId, grant] of watched) watched.set(grantId, fixed(grant.expiresAt, reading, grant.warned));
      check();
    },
    offsetMs: () => {
      const reading = read();
      return Math.round(serverNow(reading) - reading.wallAt);
    },
    trusted: () => doubtBetween(anchor, read()) === null,
    check,
    stop() {
      cancelTick();
      cancelPrecise?.();
      watched.clear();
    },
  };
}

/** This machine's clocks and timers, for `createGrantClock`. */
export function systemClocks(): Pick<GrantClockDeps, 'now' | 'monotonicMs' | 'boot' | 'every' | 'after'> {
  const bootClock = systemBootClock();
  return {
    now: () => Date.now(),
    monotonicMs: () => Number(process.hrtime.bigint() / 1_000_000n),
    boot: () => bootClock.read(),
    every: (lengthMs, callback) => {
      const timer = setInterval(callback, lengthMs);
      return () => clearInterval(timer);
    },
    after: (lengthMs, callback) => {
      const timer = setTimeout(callback, lengthMs);
      return () => clearTimeout(timer);
    },
  };
}
