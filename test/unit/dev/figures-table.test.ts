import { expect, test } from 'vitest';
import { figuresTable, withFigures } from '../../../electron/dev/figures-table.mjs';

const spread = { min: 12.3456, p50: 20, max: 900, runs: 40 };
const one = { name: 'approve → usable', value: 245.678, unit: 'ms', statistic: 'p95', spread, goal: 200, ok: false };

test('the table says what was measured, how often, and that a goal was missed', () => {
  const table = figuresTable([{ ...one, goalIs: 'at most' }], 'On a quiet machine.');
  expect(table).toContain('| approve → usable | p95 246 ms | 12.3 ms … 20 ms … 900 ms | 40 | ≤ 200 ms **missed** |');
  expect(table.startsWith('On a quiet machine.\n')).toBe(true);
});

test('it takes the place of the last one and of nothing else', () => {
  const readme = 'a\n<!-- figures:begin (x) -->\nold\n<!-- figures:end -->\nb $& $1\n';
  const once = withFigures(readme, 'new $&\n');
  expect(once).toBe('a\n<!-- figures:begin (x) -->\nnew $&\n<!-- figures:end -->\nb $& $1\n');
  expect(withFigures(once, 'old\n')).toBe(readme);
  expect(() => withFigures('nothing', '')).toThrow('no place');
});
