import { expect, test } from 'vitest';
import { PIECES, pieceNamed } from '../../../electron/dev/mutation-pieces.mjs';
import {
  mergeResults,
  mutationTable,
  survivorRanges,
  tally,
  withMutationTable,
} from '../../../electron/dev/mutation-table.mjs';

const mutants = (...statuses: Parameters<typeof tally>[0][number]['status'][]) => ({
  mutants: statuses.map((status) => ({ status })),
});

test('what no test runs counts as survived, what could not run counts neither way', () => {
  expect(tally(mutants('Killed', 'Timeout', 'Survived', 'NoCoverage', 'CompileError', 'Ignored').mutants)).toEqual({
    all: 4,
    killed: 1,
    timeout: 1,
    survived: 2,
    score: 50,
  });
  expect(tally([])).toMatchObject({ all: 0, score: 100 });
});

test('the table has each file below the sum of its folder, and the sum of all', () => {
  const table = mutationTable({
    'b/two.ts': mutants('Survived'),
    'a/one.ts': mutants('Killed', 'Killed', 'Timeout', 'NoCoverage'),
    'a/other.ts': mutants('Killed'),
  });
  expect(table.split('\n').slice(2)).toEqual([
    '| **a** | 5 | 3 | 1 | 1 | **80.0 %** |',
    '| `one.ts` | 4 | 2 | 1 | 1 | 75.0 % |',
    '| `other.ts` | 1 | 1 | 0 | 0 | 100.0 % |',
    '| **b** | 1 | 0 | 0 | 1 | **0.0 %** |',
    '| `two.ts` | 1 | 0 | 0 | 1 | 0.0 % |',
    '| **all** | 6 | 3 | 1 | 2 | **66.7 %** |',
    '',
  ]);
});

test('what was not run is said below it', () => {
  const table = mutationTable({ 'a/one.ts': mutants('Killed') }, ['a/other.ts', 'b/two.ts']);
  expect(
    table.endsWith('| **all** | 1 | 1 | 0 | 0 | **100.0 %** |\n\nNot run yet, so in no sum: `other.ts`, `two.ts`.\n'),
  ).toBe(true);
});

test('it takes the place of the last one and of nothing else', () => {
  const page = 'a\n<!-- mutation:begin (x) -->\nold\n<!-- mutation:end -->\nb $& $1\n';
  const once = withMutationTable(page, 'new $&\n');
  expect(once).toBe('a\n<!-- mutation:begin (x) -->\nnew $&\n<!-- mutation:end -->\nb $& $1\n');
  expect(withMutationTable(once, 'old\n')).toBe(page);
  expect(() => withMutationTable('nothing', '')).toThrow('no place');
});

test('a run that is about no piece is refused, so that no configuration runs nothing and calls it well', () => {
  for (const piece of PIECES) expect(pieceNamed(piece.name)).toBe(piece);
  expect(() => pieceNamed(undefined)).toThrow('HALLPASS_MUTATION_PIECE');
});

test('a run of some mutants keeps the results of the others, as long as the code is the same', () => {
  const mutant = (line: number, status: 'Killed' | 'Survived' | 'NoCoverage') => ({
    mutatorName: 'BooleanLiteral',
    replacement: 'true',
    status,
    location: { start: { line, column: 5 }, end: { line, column: 9 } },
  });
  const before = {
    name: 'a.ts',
    source: 'x',
    mutants: [mutant(1, 'Killed'), mutant(2, 'Survived'), mutant(3, 'NoCoverage')],
  };
  expect(survivorRanges(before)).toEqual(['a.ts:2:4-2:8', 'a.ts:3:4-3:8']);
  const again = { name: 'a.ts', source: 'x', mutants: [mutant(2, 'Killed')] };
  expect(mergeResults(before, again).mutants.map(({ status }) => status)).toEqual(['Killed', 'NoCoverage', 'Killed']);
  expect(mergeResults(before, { ...again, source: 'y' }).mutants).toEqual(again.mutants);
  expect(mergeResults(undefined, again)).toEqual(again);
});
