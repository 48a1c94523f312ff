/**
 * The simulator as a program of its own: `main.js <first seed> <steps in all> <steps of a world>`. Plays seed after seed
 * until the steps are done; prints one JSON line. Exit code 1: an invariant is broken, with seed and story on stderr.
 */
import process from 'node:process';
import { play } from './run';
import { merge, type Worst } from './worst';

const [first = 1, total = 20_000, each = 20_000] = process.argv.slice(2).map(Number);
const counts: Record<string, number> = {};
let steps = 0;
let looked = 0;
const worst: Worst = {};
let seed = first;
try {
  for (; steps < total; seed++) {
    const played = await play(seed, each);
    steps += played.steps;
    looked += played.looked;
    merge(worst, played.worst);
    if (process.env.HALLPASS_SIM_TRACE) process.stderr.write(`seed ${seed}: ${played.steps} steps\n`);
    for (const [what, count] of Object.entries(played.counts)) counts[what] = (counts[what] ?? 0) + count;
  }
  const { user, system } = process.cpuUsage();
  process.stdout.write(
    `${JSON.stringify({ seeds: [first, seed - 1], steps, looked, counts, worst, cpuMs: Math.round((user + system) / 1_000) })}\n`,
  );
} catch (cause) {
  process.stderr.write(`${cause instanceof Error ? cause.message : String(cause)}\n`);
  if (cause instanceof Error && cause.cause instanceof Error) process.stderr.write(`${cause.cause.stack}\n`);
  process.exitCode = 1;
}
