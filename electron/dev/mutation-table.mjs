/**
 * Writes the results of mutation testing into docs/mutation.md: `node electron/dev/mutation-table.mjs`. Results are kept by file
 * below out/mutation/results, so that runs of single files add up. No number in that page is typed by hand.
 */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import { say } from './progress.mjs';
import { PROJECT_FOLDER } from './run.mjs';
import { runCommand } from './set-up.mjs';

const RESULTS = path.join(PROJECT_FOLDER, 'out/mutation/results');
const PAGE = path.join(PROJECT_FOLDER, 'docs/mutation.md');
const PLACE = /(<!-- mutation:begin[^>]*-->\n)[\s\S]*?(<!-- mutation:end -->)/;

/**
 * @typedef {object} Mutant as the mutation testing report schema has it; the rest of its fields is not used here
 * @property {'Killed' | 'Survived' | 'NoCoverage' | 'Timeout' | 'CompileError' | 'RuntimeError' | 'Ignored' | 'Pending'} status
 * @typedef {Record<string, { mutants: readonly Mutant[] }>} Files
 */

/**
 * Mutants that no test could have an opinion on (they did not run at all) count neither way.
 * @param {readonly Mutant[]} mutants
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
 * @returns {string} a Markdown table: each file, each folder, and all together
 */
export function mutationTable(files) {
  /** @param {string} name @param {readonly Mutant[]} mutants @param {string} mark */
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
  return [...head, ...rows, row('all', mutantsOf(names), '**'), ''].join('\n');
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
 * Keeps the results of one run, in place of older ones of the same files.
 * @param {{ files: Files }} report
 */
export async function keepResults({ files }) {
  await mkdir(RESULTS, { recursive: true });
  for (const [name, { mutants }] of Object.entries(files))
    await writeFile(path.join(RESULTS, `${name.replaceAll('/', '~')}.json`), JSON.stringify({ name, mutants }));
}

/** @returns {Promise<string>} what was written */
export async function writeTable() {
  /** @type {Files} */
  const files = {};
  for (const entry of await readdir(RESULTS)) {
    const { name, mutants } = JSON.parse(await readFile(path.join(RESULTS, entry), 'utf8'));
    files[name] = { mutants };
  }
  await writeFile(PAGE, withMutationTable(await readFile(PAGE, 'utf8'), mutationTable(files)));
  return `The results of ${Object.keys(files).length} files written into docs/mutation.md.`;
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href)
  runCommand(async () => {
    say(await writeTable());
    return 0;
  });
