/** Durations as people write them ("30m", "1h30m", "2 h") and read them ("42 more minutes"). */
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from './instant';

const UNIT_MS: Record<string, number> = { s: SECOND_MS, m: MINUTE_MS, min: MINUTE_MS, h: HOUR_MS, d: DAY_MS };

/** Length in milliseconds, or undefined when the text is not a duration above zero. */
export function parseDuration(text: string): number | undefined {
  const compact = text.trim().toLowerCase().replace(/\s+/g, '');
  if (!/^(\d{1,6}(min|s|m|h|d))+$/.test(compact)) return undefined;
  let totalMs = 0;
  for (const [, count, unit] of compact.matchAll(/(\d{1,6})(min|s|m|h|d)/g))
    totalMs += Number(count) * (UNIT_MS[unit ?? ''] ?? 0);
  return totalMs > 0 && Number.isSafeInteger(totalMs) ? totalMs : undefined;
}

/** "15 m", "1 h", "1 h 30 m", "2 d": for buttons and labels. */
export function formatDuration(lengthMs: number): string {
  const parts: string[] = [];
  let rest = Math.max(0, Math.round(lengthMs / SECOND_MS));
  for (const [unit, seconds] of [
    ['d', 86_400],
    ['h', 3_600],
    ['m', 60],
    ['s', 1],
  ] as const) {
    const count = Math.floor(rest / seconds);
    if (count > 0) parts.push(`${count} ${unit}`);
    rest -= count * seconds;
  }
  return parts.slice(0, 2).join(' ') || '0 s';
}

/** "42 minutes", "1 hour", "48 seconds": for sentences. Rounds down, so that nobody is promised more than is left. */
export function wordDuration(lengthMs: number): string {
  const seconds = Math.max(0, Math.floor(lengthMs / SECOND_MS));
  const say = (count: number, word: string) => `${count} ${word}${count === 1 ? '' : 's'}`;
  if (seconds < 60) return say(seconds, 'second');
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return say(minutes, 'minute');
  const hours = Math.floor(minutes / 60);
  if (hours < 48)
    return minutes % 60 === 0 ? say(hours, 'hour') : `${say(hours, 'hour')} ${say(minutes % 60, 'minute')}`;
  return say(Math.floor(hours / 24), 'day');
}

/** "42:10", "1:02:09": for the ring. Rounds up, so that it shows 00:00 only at the end. */
export function clockDuration(lengthMs: number): string {
  const total = Math.max(0, Math.ceil(lengthMs / SECOND_MS));
  const two = (n: number) => String(n).padStart(2, '0');
  const hours = Math.floor(total / 3_600);
  const rest = `${two(Math.floor((total % 3_600) / 60))}:${two(total % 60)}`;
  return hours > 0 ? `${hours}:${rest}` : rest;
}

export type Urgency = 'calm' | 'soon' | 'last';
/** Amber under 10 minutes or a fifth of the time (whichever is less), red under one minute. */
export function urgencyOf(remainingMs: number, ttlMs: number): Urgency {
  if (remainingMs <= MINUTE_MS) return 'last';
  return remainingMs <= Math.min(10 * MINUTE_MS, Math.max(ttlMs / 5, MINUTE_MS)) ? 'soon' : 'calm';
}
