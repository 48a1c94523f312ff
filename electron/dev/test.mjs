/**
 * `npm test`: everything that must hold, in the order in which it is cheapest to fail: lint, types, import rules, unit,
 * model, integration, end-to-end. `npm test -- unit types` runs only these; `npm test -- all package` also builds the
 * unpacked package and starts it.
 * Goes on after a red stage, so one run shows all that is wrong; prints what was skipped and why and, once more, what
 * failed; the last line is the sum.
 */
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { build } from './build.mjs';
import { checkProject } from './import-rules.mjs';
import { say } from './progress.mjs';
import { PROJECT_FOLDER, run } from './run.mjs';
import { runCommand, setUp } from './set-up.mjs';

/**
 * @typedef {object} StageResult
 * @property {number} passed
 * @property {number} failed
 * @property {string[]} skipped what was left out and why, one line each
 * @property {string[]} [broken] what failed and how, a few lines each: said once more at the end, where it is looked for
 */
/**
 * @typedef {object} Stage
 * @property {string} name
 * @property {() => Promise<StageResult>} run
 */

/** @type {readonly Stage[]} */
const STAGES = [
  { name: 'lint', run: () => program('node_modules/@biomejs/biome/bin/biome', ['ci', '.']) },
  { name: 'types', run: () => program('node_modules/typescript/bin/tsc', ['-b']) },
  { name: 'rules', run: importRules },
  { name: 'unit', run: () => vitest('unit', ['--project', 'unit-apart']) },
  { name: 'model', run: () => vitest('model', ['--project', 'simulator']) },
  { name: 'integration', run: () => vitest('integration', ['--maxWorkers=2']) },
  { name: 'e2e', run: endToEnd },
  { name: 'package', run: packaged },
];
/** Packaging takes a while and writes dist/, so it runs only when it is asked for. */
const ON_REQUEST = ['package'];

runCommand(async () => {
  const wanted = process.argv.slice(2);
  const unknown = wanted.filter((name) => name !== 'all' && !STAGES.some((stage) => stage.name === name));
  if (unknown.length > 0) {
    throw new Error(
      `There is no stage ${unknown.join(', ')}. There are: ${STAGES.map(({ name }) => name).join(', ')}.`,
    );
  }
  const all = wanted.length === 0 || wanted.includes('all');
  const stages = STAGES.filter(({ name }) => wanted.includes(name) || (all && !ON_REQUEST.includes(name)));
  const needsBed = stages.some(({ name }) => name === 'e2e' || name === 'package');
  await setUp({ packages: needsBed ? ['app', 'bed'] : [], electron: needsBed ? 'needed' : 'not-needed' });
  return report(await runStages(stages));
});

/**
 * @param {readonly Stage[]} stages
 * @returns {Promise<{ name: string, seconds: number, result: StageResult }[]>}
 */
async function runStages(stages) {
  const results = [];
  for (const stage of stages) {
    say(`\n── ${stage.name}`);
    const startedAt = Date.now();
    const result = await stage.run().catch((error) => {
      const message = error instanceof Error ? error.message : String(error);
      say(message);
      return { passed: 0, failed: 1, skipped: [], broken: [message] };
    });
    results.push({ name: stage.name, seconds: Math.round((Date.now() - startedAt) / 1000), result });
  }
  return results;
}

/**
 * @param {readonly { name: string, seconds: number, result: StageResult }[]} results
 * @returns {number} the exit code
 */
function report(results) {
  const out = ['', 'Stage         passed  failed  skipped  seconds'];
  const sum = { passed: 0, failed: 0, skipped: 0 };
  for (const { name, seconds, result } of results) {
    const cells = [result.passed, result.failed, result.skipped.length, seconds];
    out.push(
      `${name.padEnd(12)}${cells.map((cell, i) => String(cell).padStart(i === 0 ? 8 : i === 2 ? 9 : 8)).join('')}`,
    );
    sum.passed += result.passed;
    sum.failed += result.failed;
    sum.skipped += result.skipped.length;
  }
  const skipped = results.flatMap(({ name, result }) => result.skipped.map((line) => `  ${name}: ${line}`));
  if (skipped.length > 0) out.push('', 'Skipped:', ...skipped);
  const broken = results
    .filter(({ result }) => result.failed > 0)
    .flatMap(({ name, result }) => (result.broken ?? ['as a whole, see above']).map((text) => `  ${name}: ${text}`));
  if (broken.length > 0) out.push('', 'Failed:', ...broken);
  const tail = sum.skipped > 0 ? `, ${sum.skipped} skipped` : '';
  out.push('', `${sum.passed} passed, ${sum.failed} failed${tail}`);
  process.stdout.write(`${out.join('\n')}\n`);
  return sum.failed === 0 ? 0 : 1;
}

/**
 * A program that passes or fails as a whole.
 * @param {string} script
 * @param {readonly string[]} args
 * @returns {Promise<StageResult>}
 */
async function program(script, args) {
  const { code } = await run(process.execPath, [path.join(PROJECT_FOLDER, script), ...args], { show: 'everything' });
  return { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: [] };
}

/** @returns {Promise<StageResult>} */
async function importRules() {
  const { fileCount, wrong } = await checkProject();
  for (const line of wrong) say(line);
  if (wrong.length === 0) say(`${fileCount} files import only what their room may.`);
  return { passed: wrong.length === 0 ? 1 : 0, failed: wrong.length === 0 ? 0 : 1, skipped: [] };
}

/** @returns {Promise<StageResult>} */
async function endToEnd() {
  const missing = ['Xvfb', 'openbox', 'dbus-daemon', 'gnome-keyring-daemon', 'scrot'].filter((name) => !onPath(name));
  if (process.platform !== 'linux') {
    return { passed: 0, failed: 0, skipped: ['all of it: the headless desktop is made of Linux programs'] };
  }
  if (missing.length > 0) {
    return {
      passed: 0,
      failed: 0,
      skipped: [`all of it: not installed: ${missing.join(', ')} (npm test says how above)`],
    };
  }
  await build();
  return vitest('e2e');
}

/** Builds the unpacked package and starts it. @returns {Promise<StageResult>} */
async function packaged() {
  if (process.platform !== 'linux') {
    return {
      passed: 0,
      failed: 0,
      skipped: ['all of it: the packaged app is started on the headless desktop of Linux'],
    };
  }
  const made = await run(process.execPath, [path.join(PROJECT_FOLDER, 'electron/dev/package.mjs')], {
    show: 'everything',
  });
  if (made.code !== 0) return { passed: 0, failed: 1, skipped: [] };
  return vitest('package');
}

/** @param {string} name */
function onPath(name) {
  return (process.env.PATH ?? '').split(path.delimiter).some((folder) => existsSync(path.join(folder, name)));
}

/**
 * Runs one test project and counts from its report, never from its exit code alone.
 * @param {string} project
 * @param {readonly string[]} [more]
 * @returns {Promise<StageResult>}
 */
async function vitest(project, more = []) {
  const folder = await mkdtemp(path.join(tmpdir(), 'hallpass-test-'));
  const report = path.join(folder, 'report.json');
  try {
    const cli = path.join(PROJECT_FOLDER, 'node_modules', 'vitest', 'vitest.mjs');
    const args = ['run', '--config', 'test/vitest.config.ts', '--project', project, ...more];
    const reporters = ['default', 'json', './electron/dev/outside-errors.mjs'].map((name) => `--reporter=${name}`);
    reporters.push(`--outputFile.json=${report}`);
    const outside = path.join(folder, 'outside.json');
    const env = { ...process.env, HALLPASS_OUTSIDE_ERRORS: outside };
    const { code } = await run(process.execPath, [cli, ...args, ...reporters], { show: 'everything', env });
    const text = await readFile(report, 'utf8').catch(() => null);
    if (text === null) return { passed: 0, failed: code === 0 ? 0 : 1, skipped: [] };
    const errors = JSON.parse(await readFile(outside, 'utf8').catch(() => '[]'));
    return countReport(JSON.parse(text), errors, code);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * @param {any} report vitest's JSON report
 * @param {readonly string[]} outside errors that no test was asked about, which fail the run too
 * @param {number} code exit code
 * @returns {StageResult}
 */
function countReport(report, outside, code) {
  const files = report.testResults ?? [];
  const tests = files.flatMap((/** @type {any} */ file) => file.assertionResults ?? []);
  /** @param {string} status */
  const count = (status) => tests.filter((/** @type {any} */ test) => test.status === status).length;
  const passed = count('passed');
  // A file that can't even be loaded has no tests to fail; a run that ends badly with none failed had an error outside.
  const brokenFiles = files.filter(
    (/** @type {any} */ file) => file.status === 'failed' && !file.assertionResults?.length,
  );
  const failed = count('failed') + brokenFiles.length + outside.length;
  const skipped = tests
    .filter((/** @type {any} */ test) => !['passed', 'failed'].includes(test.status))
    .map((/** @type {any} */ test) => `${test.fullName} (${test.meta?.note ?? test.status})`);
  const broken = [
    ...outside.map((message) => describeFailure('', 'an error outside of tests', message)),
    ...brokenFiles.map((/** @type {any} */ file) => describeFailure(file.name, '', file.message)),
    ...files.flatMap((/** @type {any} */ file) =>
      (file.assertionResults ?? [])
        .filter((/** @type {any} */ test) => test.status === 'failed')
        .map((/** @type {any} */ test) => describeFailure(file.name, test.fullName, test.failureMessages?.join('\n'))),
    ),
  ];
  if (failed === 0 && code !== 0)
    return { passed, failed: 1, skipped, broken: ['it ended badly after its last test, see above'] };
  return { passed, failed, skipped, broken };
}

/** The first lines of a failure: which test, and what was found instead. */
const FAILURE_LINES = 12;

/**
 * @param {string} file absolute; '' when it is not known
 * @param {string} test '' when the file could not be loaded
 * @param {string | undefined} message
 */
function describeFailure(file, test, message) {
  const title = [file && path.relative(PROJECT_FOLDER, file), test].filter((part) => part !== '').join(' › ');
  const lines = (message ?? '').split('\n').slice(0, FAILURE_LINES);
  return [title, ...lines.map((line) => `      ${line}`)].join('\n');
}
