/**
 * `npm run mutation [-- [--survivors] PIECE or FILE …]`: breaks the code in small ways, one at a time, and says which breaks no test
 * notices. Piece by piece (mutation-pieces.mjs), since each has tests of its own; a run of some files keeps the results of
 * the others. `--survivors`: only what no test noticed the last time. In the end the table of docs/mutation.md is written
 * (mutation-table.mjs).
 */
import { mkdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import { PIECES } from './mutation-pieces.mjs';
import { keepResults, results, survivorRanges, writeTable } from './mutation-table.mjs';
import { say } from './progress.mjs';
import { handOver, PROJECT_FOLDER } from './run.mjs';
import { runCommand, setUp } from './set-up.mjs';

const REPORT = path.join(PROJECT_FOLDER, 'out/mutation/report.json');
const STRYKER = path.join(PROJECT_FOLDER, 'node_modules/@stryker-mutator/core/bin/stryker.js');

/** @param {string} file @param {string} pattern which may have one star */
const fits = (file, pattern) => {
  const [start = '', end] = pattern.split('*');
  return end === undefined ? file === pattern : file.startsWith(start) && file.endsWith(end);
};

/**
 * @param {readonly string[]} wanted names of pieces or files of theirs; none: everything
 * @returns {{ name: string, mutate: readonly string[] }[]}
 */
function runsFor(wanted) {
  if (wanted.length === 0) return PIECES.map(({ name, mutate }) => ({ name, mutate }));
  const lost = wanted.filter((one) => !PIECES.some((p) => p.name === one || p.mutate.some((m) => fits(one, m))));
  if (lost.length > 0) throw new Error(`not under mutation: ${lost.join(', ')}`);
  return PIECES.flatMap(({ name, mutate }) => {
    if (wanted.includes(name)) return [{ name, mutate }];
    const files = wanted.filter((file) => mutate.some((pattern) => fits(file, pattern)));
    return files.length === 0 ? [] : [{ name, mutate: files }];
  });
}

/** @param {readonly string[]} mutate files or patterns */
async function survivorsOf(mutate) {
  const known = await results();
  return known.filter(({ name }) => mutate.some((pattern) => fits(name, pattern))).flatMap(survivorRanges);
}

runCommand(async () => {
  await setUp({ packages: [], electron: 'not-needed' });
  const words = process.argv.slice(2);
  const again = words.includes('--survivors');
  for (const { name, mutate } of runsFor(words.filter((word) => word !== '--survivors'))) {
    const places = again ? await survivorsOf(mutate) : mutate;
    if (places.length === 0) continue;
    await rm(REPORT, { force: true });
    await mkdir(path.dirname(REPORT), { recursive: true });
    const args = [STRYKER, 'run', 'test/stryker.config.json', '--mutate', places.join(',')];
    const code = await handOver(process.execPath, args, { ...process.env, HALLPASS_MUTATION_PIECE: name });
    if (code !== 0) return code;
    await keepResults(JSON.parse(await readFile(REPORT, 'utf8')));
  }
  say(await writeTable());
  return 0;
});
