/** `npm run verify -- FILE [--checkpoint FILE]`: checks an exported audit log or an evidence file, offline. */
import process from 'node:process';
import { handOver, tsxCommand } from './run.mjs';
import { runCommand, setUp } from './set-up.mjs';

runCommand(async () => {
  await setUp({ packages: [], electron: 'not-needed' });
  const verify = tsxCommand('electron/dev/verify-cli.ts', process.argv.slice(2));
  return handOver(verify.command, verify.args);
});
