import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { arcOf, litTicks, RING_TICKS, ringPaths } from '../../../renderer/ui/geometry/ring';
import { sealPath, sealShape } from '../../../renderer/ui/geometry/seal';

const ticksIn = (path: string) => path.split('M').length - 1;

describe('ring', () => {
  test('is full at the start, and its last tick goes out only at the end', () => {
    expect(litTicks(3_600_000, 3_600_000)).toBe(RING_TICKS);
    expect(litTicks(1, 3_600_000)).toBe(1);
    expect(litTicks(0, 3_600_000)).toBe(0);
    expect(litTicks(-5, 3_600_000)).toBe(0);
    expect(litTicks(Number.NaN, 3_600_000)).toBe(0);
    expect(litTicks(5, 0)).toBe(0);
  });
  test('never lights more as time passes', () => {
    fc.assert(
      fc.property(fc.nat(10_000_000), fc.nat(10_000_000), fc.integer({ min: 1, max: 10_000_000 }), (a, b, total) => {
        expect(litTicks(Math.min(a, b), total)).toBeLessThanOrEqual(litTicks(Math.max(a, b), total));
      }),
    );
  });
  test('always has sixty ticks, lit or dark', () => {
    for (const lit of [0, 1, 42, 60]) {
      const paths = ringPaths(lit, 78);
      expect([ticksIn(paths.lit), ticksIn(paths.dim)]).toEqual([lit, RING_TICKS - lit]);
    }
  });
  test('a plain arc is empty only at nothing, and never more than a circle', () => {
    expect(arcOf(0, 28).dash).toBe('0 62.83');
    expect(arcOf(0.001, 28).dash).not.toBe('0 62.83');
    expect(arcOf(7, 28)).toEqual(arcOf(1, 28));
  });
});

describe('seal', () => {
  const fingerprint = '8f3a 61c0 2be4 97d1';
  test('the same key draws the same seal, however it is written', () => {
    expect(sealPath(fingerprint)).toBe(sealPath('8F3A61C02BE497D1'));
  });
  test('one changed digit draws another seal', () => {
    const changed = [...'0123456789abcdef']
      .filter((digit) => digit !== '1')
      .map((digit) => fingerprint.slice(0, -1) + digit);
    for (const other of changed) expect(sealShape(other)).not.toEqual(sealShape(fingerprint));
  });
  test('stays within its frame and small enough to draw in a list', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 64 }), (key) => {
        const path = sealPath(key);
        const numbers = path.match(/-?\d+(\.\d+)?/g)?.map(Number) ?? [];
        expect(Math.min(...numbers)).toBeGreaterThanOrEqual(0);
        expect(Math.max(...numbers)).toBeLessThanOrEqual(120);
        expect(path.length).toBeLessThan(45_000);
      }),
      { numRuns: 60 },
    );
  });
});
