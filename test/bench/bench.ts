/**
 * The bench: every figure the product promises, measured on the real parts.
 * `npm run bench -- [--json FILE] [--only NAME[,NAME]] [--quick]`. Timing belongs here, never in a test.
 */
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { describeFigure, type Figure } from './figure';
import { FIGURES } from './figures';

const { values } = parseArgs({
  args: process.argv.slice(2),
  options: { json: { type: 'string' }, only: { type: 'string' }, quick: { type: 'boolean', default: false } },
});

const wanted = values.only?.split(',');
const unknown = wanted?.filter((name) => !(name in FIGURES));
if (unknown && unknown.length > 0) {
  process.stderr.write(`No figure is called ${unknown.join(', ')}. There are: ${Object.keys(FIGURES).join(', ')}.\n`);
  process.exit(2);
}

const figures: Figure[] = [];
const broken: string[] = [];
for (const [name, measure] of Object.entries(FIGURES)) {
  if (wanted && !wanted.includes(name)) continue;
  process.stdout.write(`${name} …\n`);
  const startedAt = performance.now();
  try {
    for (const figure of await measure({ quick: values.quick })) {
      figures.push(figure);
      process.stdout.write(`${describeFigure(figure)}\n`);
    }
  } catch (error) {
    // the other groups are measured all the same; a group without figures is said, and fails the run
    broken.push(name);
    process.stderr.write(`${name} could not be measured: ${error instanceof Error ? error.stack : String(error)}\n`);
  }
  process.stdout.write(`  took ${((performance.now() - startedAt) / 1000).toFixed(1)} s\n`);
}
if (values.json) await writeFile(values.json, `${JSON.stringify({ figures }, null, 2)}\n`);
const missed = figures.filter((f) => !f.ok);
process.stdout.write(`\n${figures.length - missed.length} of ${figures.length} figures reach their goal.\n`);
if (broken.length > 0) {
  process.stdout.write(`Not measured: ${broken.join(', ')}.\n`);
  process.exitCode = 1;
}
