/** How long a retry waits, and the engine's limits as the pages promise them. */
import { expect, test } from 'vitest';
import { backoffMs } from '../../../electron/service/leases/backoff';
import * as limits from '../../../electron/service/leases/limits';

const chance = (byte: number) => ({ bytes: (count: number) => new Uint8Array(count).fill(byte) });

test('1, 2, 4 … 30 s, a fifth less to a fifth more, and for ever', () => {
  const attempts = [1, 2, 3, 4, 5, 6, 7, 20, 21, 22, 1_000];
  expect(attempts.map((n) => backoffMs(n, chance(0)) / 800)).toEqual([1, 2, 4, 8, 16, 30, 30, 30, 30, 30, 30]);
  const most = [1.2, 2.4, 4.8, 9.6, 19.2, 30, 30, 30, 30, 30, 30];
  expect(attempts.map((n) => backoffMs(n, chance(255)) / 1_000)).toEqual(most);
  expect(backoffMs(1, chance(51))).toBe(880);
});

test('whole milliseconds; a first try counts as one; without any chance the least', () => {
  expect(backoffMs(1, chance(1))).toBe(802);
  expect([0, -5].map((n) => backoffMs(n, chance(0)))).toEqual([800, 800]);
  expect(backoffMs(1, { bytes: () => new Uint8Array(0) })).toBe(800);
});

test('limits: a call ends before its claim, removals are tried for ever, everything is looked at every five minutes', () => {
  const seconds = Object.fromEntries(
    Object.entries(limits).flatMap(([name, value]) =>
      name.endsWith('_MS') && typeof value === 'number' ? [[name, value / 1_000]] : [],
    ),
  );
  expect(seconds).toEqual({
    TICK_MS: 1,
    PROBE_FIRST_MS: 1,
    PROBE_MAX_MS: 4,
    CREATE_TIMEOUT_MS: 10,
    END_TIMEOUT_MS: 10,
    DEADLINE_TIMEOUT_MS: 5,
    CLEAN_UP_TIMEOUT_MS: 10,
    LIST_TIMEOUT_MS: 10,
    CLAIM_MS: 15,
    RETRY_FIRST_MS: 1,
    RETRY_MAX_MS: 30,
    RESIDUE_RETRY_MS: 60,
    RECONCILE_MS: 300,
  });
  expect(limits.CAPACITY).toEqual({ workers: 48, perTarget: 8 });
});
