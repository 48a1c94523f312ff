/**
 * The main job, played for real: ask from the tray, approve from a desktop notification, a temporary PostgreSQL login where
 * psql looks for it, a countdown, and at the end it is gone from the machine and from the database, with sessions cut.
 * Two apps with a home each, a real PostgreSQL 18, real psql. Every step is asserted against the real thing.
 * `npm run demo -- [--json FILE] [--pictures DIR]`; exit code 0 only if all steps held.
 * With `--all-targets [--only KIND,KIND]` it plays create → use → end on every kind of target instead (all-targets.ts).
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { playAllTargets } from './all-targets';
import { playDemo } from './play';
import { Timeline } from './timeline';

const { values } = parseArgs({
  args: process.argv.slice(2),
  options: {
    json: { type: 'string' },
    pictures: { type: 'string' },
    'all-targets': { type: 'boolean' },
    only: { type: 'string' },
  },
});
const pictures = path.resolve(values.pictures ?? path.join(tmpdir(), 'hallpass-demo'));
await mkdir(pictures, { recursive: true });

const timeline = new Timeline((line) => process.stdout.write(`${line}\n`));
try {
  const only = values.only === undefined ? {} : { only: values.only.split(',') };
  if (values['all-targets']) await playAllTargets(timeline, only);
  else await playDemo(timeline, pictures);
} catch (error) {
  process.stderr.write(
    `The demo stopped: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
  if (error instanceof Error && error.cause) process.stderr.write(`because: ${String(error.cause)}\n`);
}
const report = timeline.report();
if (values.json) await writeFile(values.json, `${JSON.stringify(report, null, 2)}\n`);
for (const { name, file } of report.pictures) process.stdout.write(`picture: ${name}: ${file}\n`);
for (const { name, why } of report.skipped) process.stdout.write(`skipped: ${name}: ${why}\n`);
process.stdout.write(report.ok ? `All ${report.steps.length} steps held.\n` : 'Not all steps held.\n');
process.exit(report.ok ? 0 : 1);
