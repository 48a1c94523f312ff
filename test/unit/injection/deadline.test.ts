/** When a journaled injection is over: by every clock there is, to the millisecond. */
import { describe, expect, test } from 'vitest';
import { type ClockReading, deadlineFields, leftMs } from '../../../electron/main/injection/deadline';

const WALL = 1_800_000_000_000;
const at = (more: { wall?: number; uptime?: number; bootId?: string | null } = {}): ClockReading => ({
  wallAt: WALL + (more.wall ?? 0),
  boot: { bootId: more.bootId === undefined ? 'boot-1' : more.bootId, uptimeMs: 50_000 + (more.uptime ?? 0) },
});
const noBoot = (wall = 0): ClockReading => ({ wallAt: WALL + wall, boot: null });

describe('what the journal keeps', () => {
  test('the deadline by the service’s clock, by the wall, and by the time since boot', () => {
    expect(deadlineFields(WALL + 60_000, 5_000, at())).toEqual({
      expiresAt: WALL + 60_000,
      wallDeadlineAt: WALL + 55_000,
      bootDeadlineMs: 105_000,
      bootId: 'boot-1',
      seenAt: WALL,
      seenUptimeMs: 50_000,
    });
  });
  test('whole milliseconds, also when clocks tell parts of one', () => {
    const reading = { wallAt: WALL + 0.4, boot: { bootId: null, uptimeMs: 50_000.4 } };
    const fields = deadlineFields(WALL + 0.6, 0.3, reading);
    expect(fields).toEqual({
      expiresAt: WALL + 1,
      wallDeadlineAt: WALL,
      bootDeadlineMs: 50_000,
      bootId: null,
      seenAt: WALL,
      seenUptimeMs: 50_000,
    });
  });
  test('nothing of a boot clock where there is none', () => {
    expect(deadlineFields(WALL + 60_000, 0, noBoot())).toMatchObject({
      bootDeadlineMs: null,
      bootId: null,
      seenUptimeMs: null,
    });
  });
  test('a deadline before the beginning of time is its beginning', () => {
    expect(deadlineFields(5, 10, at()).wallDeadlineAt).toBe(0);
  });
});

describe('how much is left', () => {
  const entry = deadlineFields(WALL + 60_000, 0, at());
  test.each<[string, ClockReading, number]>([
    ['at the start', at(), 60_000],
    ['a moment before', at({ wall: 59_999, uptime: 59_999 }), 1],
    ['at the moment', at({ wall: 60_000, uptime: 60_000 }), 0],
    ['after it', at({ wall: 70_000, uptime: 70_000 }), 0],
    ['the wall was set back: the time since boot counts', at({ wall: -86_400_000, uptime: 10_000 }), 50_000],
    ['the wall was set forward: the wall counts', at({ wall: 50_000, uptime: 10_000 }), 10_000],
    ['both past, the wall far back', at({ wall: -1, uptime: 60_001 }), 0],
    ['another boot: the wall alone', at({ wall: 10_000, uptime: 1_000_000, bootId: 'boot-2' }), 50_000],
    ['an uptime that went back is another boot', at({ wall: -2_001, uptime: -1 }), 0],
    ['the same uptime is the same boot', at({ wall: -10_000, uptime: 0 }), 60_000],
    ['another boot, the wall back by little', at({ wall: -2_000, bootId: 'boot-2' }), 62_000],
    ['another boot, the wall back by more than that', at({ wall: -2_001, bootId: 'boot-2' }), 0],
    ['another boot, after it', at({ wall: 60_001, bootId: 'boot-2' }), 0],
    ['no boot clock any more', noBoot(10_000), 50_000],
    ['no boot clock any more, and the wall went back', noBoot(-2_001), 0],
  ])('%s', (_, reading, left) => {
    expect(leftMs(entry, reading)).toBe(left);
  });
  test('where the system names no boot, its uptime still counts', () => {
    const unnamed = deadlineFields(WALL + 60_000, 0, at({ bootId: null }));
    expect(leftMs(unnamed, at({ wall: -86_400_000, uptime: 10_000, bootId: null }))).toBe(50_000);
  });
  test('an entry without a boot clock is judged by the wall, whatever clock there is now', () => {
    const bare = deadlineFields(WALL + 60_000, 0, noBoot());
    for (const bootId of ['boot-1', null]) {
      expect(leftMs(bare, at({ wall: 10_000, uptime: 10_000, bootId }))).toBe(50_000);
      expect(leftMs(bare, at({ wall: -2_001, uptime: 10_000, bootId }))).toBe(0);
    }
  });
  test('half an entry (an uptime, but no deadline by it) is judged by the wall', () => {
    const half = { ...entry, bootDeadlineMs: null };
    expect(leftMs(half, at({ wall: 10_000, uptime: 10_000 }))).toBe(50_000);
    expect(leftMs(half, at({ wall: -2_001, uptime: 10_000 }))).toBe(0);
  });
  test('the other half (a deadline, but no uptime) too', () => {
    const half = { ...entry, seenUptimeMs: null };
    expect(leftMs(half, at({ wall: 10_000, uptime: 50_000 }))).toBe(50_000);
  });
});
