/**
 * `npm start`: sets up what is missing, builds what changed, opens the app with its bundled service.
 * `npm start -- --sample` opens it with a sample workspace. Other arguments reach the app as they are.
 */
import process from 'node:process';
import { build } from './build.mjs';
import { describeRuntime } from './electron-runtime.mjs';
import { say } from './progress.mjs';
import { handOver, PROJECT_FOLDER, tsxCommand } from './run.mjs';
import { runCommand, setUp } from './set-up.mjs';

runCommand(async () => {
  const args = process.argv.slice(2);
  const { electron } = await setUp({ packages: ['app'], electron: 'needed' });
  if (!electron) throw new Error('There is no Electron to run with.');
  await build();
  if (!hasDisplay()) {
    say('There is no display here (neither DISPLAY nor WAYLAND_DISPLAY is set), so no window can open.');
    say('To see the main job played on a virtual display, with pictures: npm run demo');
    return 2;
  }
  say(`Opening Hallpass on ${describeRuntime(electron)}.`);
  const command = electronCommand(electron.path, args);
  if (!args.includes('--sample')) return handOver(command[0] ?? '', command.slice(1));
  const sample = tsxCommand('electron/dev/sample/start-sample.ts', [
    '--',
    ...command.filter((word) => word !== '--sample'),
  ]);
  return handOver(sample.command, sample.args);
});

function hasDisplay() {
  if (process.platform !== 'linux') return true;
  return Boolean(process.env.DISPLAY || process.env.WAYLAND_DISPLAY);
}

/**
 * Chromium refuses to run sandboxed as root; only then the sandbox is left out, and the user is told.
 * @param {string} executable
 * @param {readonly string[]} args
 */
function electronCommand(executable, args) {
  const asRoot = process.platform === 'linux' && process.getuid?.() === 0;
  if (asRoot) say('You are root: Chromium runs without its sandbox. Better run Hallpass as a normal user.');
  return [executable, ...(asRoot ? ['--no-sandbox'] : []), '--log-level=3', PROJECT_FOLDER, ...args];
}
