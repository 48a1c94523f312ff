/**
 * Writes the figures of a bench run into README.md: `npm run bench -- --json FILE`, then
 * `node electron/dev/figures-table.mjs FILE "what it ran on"`. No number in the README is typed by hand, and a missed goal stays visible.
 */
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import { say } from './progress.mjs';
import { PROJECT_FOLDER } from './run.mjs';
import { runCommand } from './set-up.mjs';

const PLACE = /(<!-- figures:begin[^>]*-->\n)[\s\S]*?(<!-- figures:end -->)/;

/**
 * @typedef {object} Figure as test/bench/figure.ts makes it
 * @property {string} name
 * @property {number} value
 * @property {string} unit
 * @property {string} statistic
 * @property {{ min: number, p50: number, max: number, runs: number }} spread
 * @property {number | null} goal
 * @property {'at most' | 'at least'} goalIs
 * @property {boolean} ok
 */

/**
 * @param {readonly Figure[]} figures
 * @param {string} ranOn
 * @returns {string} a Markdown table with the line that says what it ran on
 */
export function figuresTable(figures, ranOn) {
  /** @param {number} value @param {string} unit */
  const word = (value, unit) =>
    `${Number(value.toPrecision(3))}${unit === 'ratio' ? ' ×' : unit === 'count' ? '' : ` ${unit}`}`;
  const rows = figures.map(({ name, value, unit, statistic, spread, goal, goalIs, ok }) => {
    const wanted =
      goal === null ? '' : `${goalIs === 'at most' ? '≤' : '≥'} ${word(goal, unit)}${ok ? '' : ' **missed**'}`;
    const range = `${word(spread.min, unit)} … ${word(spread.p50, unit)} … ${word(spread.max, unit)}`;
    return `| ${name} | ${statistic} ${word(value, unit)} | ${range} | ${spread.runs} | ${wanted} |`;
  });
  const head = ['| figure | value | smallest … median … largest | runs | goal |', '|---|---|---|---|---|'];
  return [`${ranOn.trim()}`, '', ...head, ...rows, ''].join('\n');
}

/**
 * @param {string} readme
 * @param {string} table
 * @throws {Error} when the place for it is missing
 */
export function withFigures(readme, table) {
  if (!PLACE.test(readme)) throw new Error('README.md has no place for the figures.');
  return readme.replace(PLACE, (_, begin, end) => `${begin}${table}${end}`);
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href)
  runCommand(async () => {
    const [file, ranOn] = process.argv.slice(2);
    if (!file || !ranOn) throw new Error('usage: node electron/dev/figures-table.mjs FILE "what it ran on"');
    const { figures } = JSON.parse(await readFile(file, 'utf8'));
    const readme = path.join(PROJECT_FOLDER, 'README.md');
    await writeFile(readme, withFigures(await readFile(readme, 'utf8'), figuresTable(figures, ranOn)));
    say(`${figures.length} figures written into README.md.`);
    return 0;
  });
