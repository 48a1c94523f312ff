/**
 * Builds the app into out/, unless it is built from the same sources already.
 * Why a hash of contents and not file times: a fresh clone or a branch switch changes every time stamp.
 * Run: `npm run build` (add `-- --force` to build anyway).
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import { makeCodeCache } from './code-cache.mjs';
import { say, startStep } from './progress.mjs';
import { PROJECT_FOLDER, run } from './run.mjs';

/** What the build reads. */
const SOURCES = [
  'electron/boot',
  'electron/main',
  'electron/preload',
  'electron/service',
  'electron/dev/electron.vite.config.ts',
  'renderer',
  'shared',
  'package.json',
  'package-lock.json',
];
/** What must be there afterwards. */
const OUTPUTS = [
  'out/main/index.cjs',
  'out/main/service.cjs',
  'out/main/service-cli.cjs',
  'out/preload/app.cjs',
  'out/preload/consent.cjs',
  'out/renderer/app/index.html',
  'out/renderer/consent/index.html',
];
const STAMP = 'out/.built-from';

/**
 * @param {{ when?: 'changed' | 'always' }} [options]
 * @returns {Promise<'built' | 'unchanged'>}
 * @throws {Error} with the bundler's own words when the sources do not build
 */
export async function build(options = {}) {
  const hash = await hashOf(SOURCES);
  if (options.when !== 'always' && (await isBuiltFrom(hash))) {
    await makeCodeCache(hash);
    return 'unchanged';
  }
  const step = startStep('Building');
  await rm(path.join(PROJECT_FOLDER, STAMP), { force: true });
  const cli = path.join(PROJECT_FOLDER, 'node_modules', 'electron-vite', 'bin', 'electron-vite.js');
  const result = await run(process.execPath, [cli, 'build', '-c', 'electron/dev/electron.vite.config.ts'], {
    env: { ...process.env, NO_COLOR: '1' },
  });
  if (result.code !== 0) {
    step.done('failed');
    throw new Error(`The build failed:\n${result.stdout.slice(-2000)}\n${result.stderr}`);
  }
  await mkdir(path.join(PROJECT_FOLDER, 'out'), { recursive: true });
  await writeFile(path.join(PROJECT_FOLDER, STAMP), `${hash}\n`);
  await makeCodeCache(hash);
  step.done();
  return 'built';
}

/** @param {string} hash */
async function isBuiltFrom(hash) {
  if (OUTPUTS.some((file) => !existsSync(path.join(PROJECT_FOLDER, file)))) return false;
  const stamp = await readFile(path.join(PROJECT_FOLDER, STAMP), 'utf8').catch(() => '');
  return stamp.trim() === hash;
}

/**
 * A digest of names and contents, in a fixed order.
 * @param {readonly string[]} sources files and folders, relative to the checkout
 */
export async function hashOf(sources) {
  const files = (await Promise.all(sources.map((source) => filesOf(source)))).flat().sort();
  const hash = createHash('sha256');
  for (const file of files) {
    const content = await readFile(path.join(PROJECT_FOLDER, file));
    hash.update(`${file}\0${content.length}\0`).update(content);
  }
  return hash.digest('hex');
}

/**
 * @param {string} source
 * @returns {Promise<string[]>}
 */
async function filesOf(source) {
  const found = await readdir(path.join(PROJECT_FOLDER, source), { recursive: true, withFileTypes: true }).catch(
    (error) => {
      if (error.code === 'ENOTDIR') return null;
      if (error.code === 'ENOENT') return [];
      throw error;
    },
  );
  if (found === null) return [source];
  return found
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.tsbuildinfo') && !entry.name.endsWith('.md'))
    .map((entry) => path.relative(PROJECT_FOLDER, path.join(entry.parentPath, entry.name)));
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  build({ when: process.argv.includes('--force') ? 'always' : 'changed' }).then(
    (what) => say(what === 'built' ? 'Built into out/.' : 'Nothing changed since the last build.'),
    (error) => {
      say(error.message);
      process.exitCode = 1;
    },
  );
}
