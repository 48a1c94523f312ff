/** Is a journaled injection over? Pure. When clocks disagree the earlier end counts; when that can't be told, it is over. */
import type { BootReading } from './boot-clock';
import type { JournalEntry } from './journal';

export interface ClockReading {
  readonly wallAt: number;
  readonly boot: BootReading | null;
}
export type DeadlineFields = Pick<
  JournalEntry,
  'expiresAt' | 'wallDeadlineAt' | 'bootDeadlineMs' | 'bootId' | 'seenAt' | 'seenUptimeMs'
>;
/** A wall clock may be corrected by this much without anybody being suspicious. */
const SMALL_STEP_MS = 2_000;

/** The deadline as this machine's clocks will see it. `offsetMs` is service time minus wall clock. */
export function deadlineFields(expiresAt: number, offsetMs: number, reading: ClockReading): DeadlineFields {
  const wallDeadlineAt = Math.max(0, Math.round(expiresAt - offsetMs));
  const leftMs = wallDeadlineAt - reading.wallAt;
  return {
    expiresAt: Math.round(expiresAt),
    wallDeadlineAt,
    bootDeadlineMs: reading.boot ? Math.round(reading.boot.uptimeMs + leftMs) : null,
    bootId: reading.boot?.bootId ?? null,
    seenAt: Math.round(reading.wallAt),
    seenUptimeMs: reading.boot ? Math.round(reading.boot.uptimeMs) : null,
  };
}

const isSameBoot = (entry: DeadlineFields, boot: BootReading | null): boot is BootReading =>
  boot !== null && boot.bootId === entry.bootId && entry.seenUptimeMs !== null && boot.uptimeMs >= entry.seenUptimeMs;

/** Milliseconds left by the earliest reading; 0 when it is over or the clock can't be trusted. */
export function leftMs(entry: DeadlineFields, reading: ClockReading): number {
  const byWall = entry.wallDeadlineAt - reading.wallAt;
  if (isSameBoot(entry, reading.boot) && entry.bootDeadlineMs !== null)
    return Math.max(0, Math.min(byWall, entry.bootDeadlineMs - reading.boot.uptimeMs));
  // rebooted, or no boot clock: the wall clock alone counts, and it must not have gone back
  if (reading.wallAt < entry.seenAt - SMALL_STEP_MS) return 0;
  return Math.max(0, byWall);
}
