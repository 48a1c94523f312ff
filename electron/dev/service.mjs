/** `npm run service -- --data DIR --listen HOST:PORT [--ready-json]`: the sync service alone, on plain Node. */
import process from 'node:process';
import { build } from './build.mjs';
import { handOver } from './run.mjs';
import { runCommand, setUp } from './set-up.mjs';

runCommand(async () => {
  await setUp({ packages: [], electron: 'not-needed' });
  await build();
  return handOver(process.execPath, ['out/main/service-cli.cjs', ...process.argv.slice(2)]);
});
