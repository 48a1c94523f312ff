/**
 * Writes the results of mutation testing into docs/mutation.md: `node electron/dev/mutation-table.mjs`. Results are kept by file
 * below out/mutation/results, so that runs of single files add up. No number in that page is typed by hand.
 */
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import { PIECES } from './mutation-pieces.mjs';
import { say } from './progress.mjs';
import { PROJECT_FOLDER } from './run.mjs';
import { runCommand } from './set-up.mjs';

const RESULTS = path.join(PROJECT_FOLDER, 'out/mutation/results');
const PAGE = path.join(PROJECT_FOLDER, 'docs/mutation.md');
const PLACE = /(<!-- mutation:begin[^>]*-->\n)[\s\S]*?(<!-- mutation:end -->)/;

/**
 * @typedef {object} Mutant as the mutation testing report schema has it; the rest of its fields is not used here
 * @property {string} mutatorName
 * @property {string} [replacement]
 * @property {'Killed' | 'Survived' | 'NoCoverage' | 'Timeout' | 'CompileError' | 'RuntimeError' | 'Ignored' | 'Pending'} status
 * @property {{ start: Place, end: Place }} location
 * @typedef {{ line: number, column: number }} Place both count from 1
 * @typedef {{ name: string, source: string, mutants: readonly Mutant[] }} Result of one file
 * @typedef {Record<string, { mutants: readonly Pick<Mutant, 'status'>[] }>} Files
 */

/**
 * Mutants that no test could have an opinion on (they did not run at all) count neither way.
 * @param {readonly Pick<Mutant, 'status'>[]} mutants
 */
export function tally(mutants) {
  /** @param {...Mutant['status']} wanted */
  const count = (...wanted) => mutants.filter(({ status }) => wanted.includes(status)).length;
  const killed = count('Killed');
  const timeout = count('Timeout');
  const survived = count('Survived', 'NoCoverage');
  const all = killed + timeout + survived;
  return { all, killed, timeout, survived, score: all === 0 ? 100 : (100 * (killed + timeout)) / all };
}

/**
 * @param {Files} files
 * @param {readonly string[]} notRun files that belong here and have no results
 * @returns {string} a Markdown table: each file, each folder, and all together; below it what is not in it
 */
export function mutationTable(files, notRun = []) {
  /** @param {string} name @param {readonly Pick<Mutant, 'status'>[]} mutants @param {string} mark */
  const row = (name, mutants, mark = '') => {
    const { all, killed, timeout, survived, score } = tally(mutants);
    return `| ${mark}${name}${mark} | ${all} | ${killed} | ${timeout} | ${survived} | ${mark}${score.toFixed(1)} %${mark} |`;
  };
  const names = Object.keys(files).sort();
  const folders = [...new Set(names.map((name) => path.posix.dirname(name)))];
  /** @param {readonly string[]} of */
  const mutantsOf = (of) => of.flatMap((name) => files[name]?.mutants ?? []);
  const rows = folders.flatMap((folder) => {
    const inside = names.filter((name) => path.posix.dirname(name) === folder);
    const own = inside.map((name) => row(`\`${path.posix.basename(name)}\``, mutantsOf([name])));
    return [row(folder, mutantsOf(inside), '**'), ...own];
  });
  const head = ['| code | mutants | killed | timed out | survived | score |', '|---|---:|---:|---:|---:|---:|'];
  const rest = notRun.map((name) => `\`${path.posix.basename(name)}\``).join(', ');
  const below = rest === '' ? [] : ['', `Not run yet, so in no sum: ${rest}.`];
  return [...head, ...rows, row('all', mutantsOf(names), '**'), ...below, ''].join('\n');
}

/**
 * @param {string} page
 * @param {string} table
 * @throws {Error} when the place for it is missing
 */
export function withMutationTable(page, table) {
  if (!PLACE.test(page)) throw new Error('docs/mutation.md has no place for the table.');
  return page.replace(PLACE, (_, begin, end) => `${begin}${table}${end}`);
}

/**
 * New results in place of older ones. Where the code is the same, what was not tried again keeps its result: tests are added, and a
 * mutant that was killed stays killed.
 * @param {Result | undefined} before
 * @param {Result} after
 * @returns {Result}
 */
export function mergeResults(before, after) {
  if (before?.source !== after.source) return after;
  /** @param {Mutant} mutant */
  const keyOf = ({ mutatorName, replacement, location }) => JSON.stringify([mutatorName, replacement, location]);
  const tried = new Map(after.mutants.map((mutant) => [keyOf(mutant), mutant]));
  return { ...after, mutants: [...before.mutants.filter((mutant) => !tried.has(keyOf(mutant))), ...after.mutants] };
}

/** @param {string} name */
const fileOf = (name) => path.join(RESULTS, `${name.replaceAll('/', '~')}.json`);

/**
 * @param {{ files: Record<string, Omit<Result, 'name'>> }} report of one run
 */
export async function keepResults({ files }) {
  await mkdir(RESULTS, { recursive: true });
  const known = await results();
  for (const [name, { source, mutants }] of Object.entries(files)) {
    const before = known.find((one) => one.name === name);
    await writeFile(
      fileOf(name),
      JSON.stringify(mergeResults(before, { name, source, mutants: mutants.map(essence) })),
    );
  }
}
/** @param {Mutant} mutant @returns {Mutant} */
const essence = ({ mutatorName, replacement, status, location }) => ({ mutatorName, replacement, status, location });

/** @returns {Promise<Result[]>} of every file that was run */
export async function results() {
  if (!existsSync(RESULTS)) return [];
  const entries = await readdir(RESULTS);
  return Promise.all(entries.map(async (entry) => JSON.parse(await readFile(path.join(RESULTS, entry), 'utf8'))));
}

/**
 * Where mutants survived, as Stryker takes it on its command line: lines count from 1, columns from 0.
 * @param {Result} result
 */
export function survivorRanges({ name, mutants }) {
  const left = mutants.filter(({ status }) => status === 'Survived' || status === 'NoCoverage');
  const ranges = left.map(
    ({ location: { start, end } }) => `${name}:${start.line}:${start.column - 1}-${end.line}:${end.column - 1}`,
  );
  return [...new Set(ranges)];
}

/** @returns {Promise<string>} what was written */
export async function writeTable() {
  const all = await results();
  const wanted = PIECES.flatMap(({ mutate }) => mutate).filter((name) => !all.some((one) => one.name === name));
  const table = mutationTable(Object.fromEntries(all.map(({ name, mutants }) => [name, { mutants }])), wanted);
  await writeFile(PAGE, withMutationTable(await readFile(PAGE, 'utf8'), table));
  return `The results of ${all.length} files written into docs/mutation.md.`;
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href)
  runCommand(async () => {
    say(await writeTable());
    return 0;
  });
