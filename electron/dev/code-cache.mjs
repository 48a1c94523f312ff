/**
 * V8's compiled form of the bundles, made by the Electron that will run them (electron/boot). Part of every build that has an
 * Electron; without one, or when it can't be made, the app starts a little slower and is otherwise the same.
 */
import { existsSync } from 'node:fs';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import { presentElectronRuntime } from './electron-runtime.mjs';
import { say } from './progress.mjs';
import { PROJECT_FOLDER, run } from './run.mjs';

const FOLDER = path.join(PROJECT_FOLDER, 'out', 'main');
const STAMP = path.join(FOLDER, '.code-cache');
const SUFFIX = '.cache';

/**
 * Makes the caches anew unless they are there for this build and this Electron.
 * @param {string} buildHash
 */
export async function makeCodeCache(buildHash) {
  const electron = await presentElectronRuntime();
  if (electron === null) return;
  const wanted = `${buildHash} ${electron.version}`;
  const found = await readFile(STAMP, 'utf8').catch(() => '');
  if (found === wanted) return;
  await dropCodeCache();
  // No window is made, and where this runs there may be no display.
  const headless = process.platform === 'linux' ? ['--ozone-platform=headless'] : [];
  const root = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  const script = path.join(FOLDER, 'make-cache.cjs');
  const result = await run(electron.path, [...root, ...headless, '--disable-gpu', '--log-level=3', script], {
    env: process.env,
  });
  if (result.code === 0) await writeFile(STAMP, wanted);
  else {
    await dropCodeCache();
    say(`The code cache could not be made; the app starts without it.\n${result.stderr.slice(-1000)}`);
  }
}

/** Caches of another build would only be refused. */
export async function dropCodeCache() {
  if (!existsSync(FOLDER)) return;
  for (const name of await readdir(FOLDER))
    if (name.endsWith(SUFFIX) || name === path.basename(STAMP)) await rm(path.join(FOLDER, name));
}
