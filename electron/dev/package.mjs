/**
 * `npm run package`: builds the app for this machine into dist/, with the fuses of a release.
 * `npm run package -- --deb` also makes a Debian package. A release is made with the pinned Electron; where only the
 * stand-in could be had, that one is taken and the output says so.
 */
import { existsSync } from 'node:fs';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { build } from './build.mjs';
import { describeRuntime } from './electron-runtime.mjs';
import { say, startStep } from './progress.mjs';
import { PROJECT_FOLDER, run } from './run.mjs';
import { runCommand, setUp } from './set-up.mjs';

runCommand(async () => {
  const args = process.argv.slice(2);
  const unknown = args.filter((word) => word !== '--deb');
  if (unknown.length > 0) throw new Error(`Unknown: ${unknown.join(' ')}. There is only --deb.`);
  const { electron } = await setUp({ packages: ['app'], electron: 'needed' });
  if (!electron) throw new Error('There is no Electron to package.');
  await build();
  say(`Packaging with ${describeRuntime(electron)}.`);
  if (electron.source === 'stand-in') say('This is good for tests. A release needs the pinned Electron.');
  const folder = await mkdtemp(path.join(tmpdir(), 'hallpass-package-'));
  try {
    const dist = await bareDistribution(distributionOf(electron.path), folder);
    return await runBuilder(dist, electron.version, args.includes('--deb') ? ['dir', 'deb'] : ['dir']);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

/** @param {string} executable */
function distributionOf(executable) {
  const folder = path.dirname(executable);
  // Inside a macOS bundle the distribution is the folder that holds the bundle.
  return process.platform === 'darwin' ? path.resolve(folder, '..', '..', '..') : folder;
}

/**
 * The distribution without the app that runs folders named on the command line: a release must not have it.
 * @param {string} dist
 * @param {string} folder
 */
async function bareDistribution(dist, folder) {
  if (!existsSync(path.join(dist, 'resources', 'app'))) return dist;
  const bare = path.join(folder, 'electron');
  const skipped = path.join(dist, 'resources', 'app');
  await cp(dist, bare, { recursive: true, filter: (source) => source !== skipped });
  return bare;
}

/**
 * @param {string} dist
 * @param {string} version
 * @param {readonly string[]} targets
 * @returns {Promise<number>}
 */
async function runBuilder(dist, version, targets) {
  const step = startStep(`electron-builder (${targets.join(', ')})`);
  const cli = path.join(PROJECT_FOLDER, 'node_modules', 'electron-builder', 'cli.js');
  const platform = { linux: '--linux', darwin: '--mac', win32: '--win' }[/** @type {'linux'} */ (process.platform)];
  const config = [`-c.electronDist=${dist}`, `-c.electronVersion=${version}`];
  const shim = fileURLToPath(new URL('deb-shim.mjs', import.meta.url));
  const env = { ...process.env, CUSTOM_FPM_PATH: shim, ELECTRON_BUILDER_OFFLINE: 'true' };
  const args = [cli, platform, ...targets, '--publish', 'never', ...config];
  const result = await run(process.execPath, args, { env });
  if (result.code !== 0) {
    step.done('failed');
    // electron-builder pads its lines so wide that little of what it says would be left.
    say(`${result.stdout.replace(/ {3,}/g, ' ').slice(-4000)}\n${result.stderr.replace(/ {3,}/g, ' ')}`);
    return 1;
  }
  step.done();
  say(
    `Made dist/${process.platform === 'linux' ? 'linux-unpacked/hallpass' : ''}${targets.includes('deb') ? ' and a .deb' : ''}`,
  );
  return 0;
}
