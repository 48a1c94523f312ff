/** `npm run bench [-- --json FILE]`: the figures, measured on the built app. */
import process from 'node:process';
import { build } from './build.mjs';
import { handOver, tsxCommand } from './run.mjs';
import { runCommand, setUp } from './set-up.mjs';

runCommand(async () => {
  await setUp({ packages: ['app', 'bed'], electron: 'needed' });
  await build();
  const bench = tsxCommand('test/bench/bench.ts', process.argv.slice(2));
  return handOver(bench.command, bench.args);
});
