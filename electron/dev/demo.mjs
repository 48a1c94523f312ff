/**
 * `npm run demo [-- --json FILE]`: plays the main job for real and leaves pictures.
 * `npm run demo -- --all-targets`: create → use → end on every kind of target that this machine can run.
 */
import process from 'node:process';
import { build } from './build.mjs';
import { describeRuntime } from './electron-runtime.mjs';
import { say } from './progress.mjs';
import { handOver, tsxCommand } from './run.mjs';
import { runCommand, setUp } from './set-up.mjs';

runCommand(async () => {
  const args = process.argv.slice(2);
  const last = args.includes('--all-targets') ? 'targets' : 'pictures';
  const { electron } = await setUp({ packages: ['app', 'bed', last], electron: 'needed' });
  await build();
  if (electron) say(`Electron: ${describeRuntime(electron)}`);
  const demo = tsxCommand('test/demo/demo.ts', args);
  return handOver(demo.command, demo.args);
});
