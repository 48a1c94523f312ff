/** `npm run demo [-- --json FILE]`: plays the main job for real and leaves pictures. */
import process from 'node:process';
import { build } from './build.mjs';
import { describeRuntime } from './electron-runtime.mjs';
import { say } from './progress.mjs';
import { handOver, tsxCommand } from './run.mjs';
import { runCommand, setUp } from './set-up.mjs';

runCommand(async () => {
  const { electron } = await setUp({ packages: ['app', 'bed', 'pictures'], electron: 'needed' });
  await build();
  if (electron) say(`Electron: ${describeRuntime(electron)}`);
  const demo = tsxCommand('test/demo/demo.ts', process.argv.slice(2));
  return handOver(demo.command, demo.args);
});
