/** How times and people are put in words on screen. Pure; the service's time is an argument. */
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../shared/domain/instant';

const two = (n: number) => String(n).padStart(2, '0');
/** "09:41", local time. */
export function wordTime(at: number): string {
  const date = new Date(at);
  return `${two(date.getHours())}:${two(date.getMinutes())}`;
}
/** "09:41:07", local time. */
export const wordTimeExact = (at: number): string => `${wordTime(at)}:${two(new Date(at).getSeconds())}`;

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'] as const;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const;
const midnight = (at: number) => new Date(at).setHours(0, 0, 0, 0);

/** Short and good enough to find it again: "09:12:44" today, "yesterday", "Fri", "30 Sep", "30 Sep 2024". */
export function wordWhen(at: number, now: number): string {
  const daysAgo = Math.round((midnight(now) - midnight(at)) / DAY_MS);
  if (daysAgo <= 0) return wordTimeExact(at);
  if (daysAgo === 1) return 'yesterday';
  const date = new Date(at);
  if (daysAgo < 7) return DAYS[date.getDay()] ?? '';
  const day = `${date.getDate()} ${MONTHS[date.getMonth()]}`;
  return date.getFullYear() === new Date(now).getFullYear() ? day : `${day} ${date.getFullYear()}`;
}
/** "just now", "2 min ago", "3 h ago", then as `wordWhen`. */
export function wordAgo(at: number, now: number): string {
  const agoMs = now - at;
  if (agoMs < MINUTE_MS) return 'just now';
  if (agoMs < HOUR_MS) return `${Math.floor(agoMs / MINUTE_MS)} min ago`;
  if (agoMs < 12 * HOUR_MS) return `${Math.floor(agoMs / HOUR_MS)} h ago`;
  return wordWhen(at, now);
}
/** "Priya", "Priya or Tomas", "Priya, Tomas or Jonas", "Priya, Tomas or 3 others". */
export function wordPeople(names: readonly string[], joiner: 'and' | 'or' = 'or', most = 3): string {
  if (names.length <= 1) return names[0] ?? 'nobody';
  if (names.length > most) return `${names.slice(0, most - 1).join(', ')} ${joiner} ${names.length - most + 1} others`;
  return `${names.slice(0, -1).join(', ')} ${joiner} ${names.at(-1)}`;
}
/** "1 grant", "3 grants". */
export const wordCount = (count: number, one: string, many = `${one}s`): string =>
  `${count} ${count === 1 ? one : many}`;
/** "1 of db-owners", "2 of security and 1 of owners". */
export const wordApprovals = (approvals: readonly { readonly from: string; readonly count: number }[]): string =>
  approvals.map(({ from, count }) => `${count} of ${from}`).join(' and ');
