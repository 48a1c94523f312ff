/**
 * Test projects by what they need: `unit` (and `unit-apart`) nothing, `model` (and `simulator`) patience, `integration` real
 * servers, `e2e` a real Electron on the headless desktop. `npm test` runs them one after the other; `npx vitest run --config
 * test/vitest.config.ts --project 'unit*'` runs some.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const root = fileURLToPath(new URL('..', import.meta.url));

/** One project; time-outs are for hangs only, no test may depend on how fast the machine is. */
function project(
  name: string,
  timeoutMs: number,
  more: {
    fileParallelism?: boolean;
    include?: string[];
    exclude?: string[];
    isolate?: boolean;
    sequence?: { groupOrder: number };
  } = {},
) {
  return {
    root,
    test: {
      name,
      include: [`test/${name}/**/*.test.{ts,tsx}`],
      testTimeout: timeoutMs,
      hookTimeout: 2 * timeoutMs,
      teardownTimeout: timeoutMs,
      ...more,
    },
  };
}

/** Unit tests that put something else in a module's place: no other file may see that, so they get modules of their own. */
const APART = readdirSync(path.join(root, 'test/unit'), { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.test\.tsx?$/.test(name))
  .map((name) => path.posix.join('test/unit', name.replaceAll(path.sep, '/')))
  .filter((file) => /\bvi\.(mock|doMock)\(/.test(readFileSync(path.join(root, file), 'utf8')));

const SIMULATOR = 'test/model/sim.test.ts';

export default defineConfig({
  root,
  test: {
    // Tests wait for servers and disks most of the time; Vitest would leave a machine of two cores with one worker.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    projects: [
      // Modules are loaded once for all of them: fresh ones for each file took longer than the tests.
      project('unit', 20_000, { isolate: false, exclude: APART }),
      project('unit-apart', 20_000, { include: APART }),
      project('model', 300_000, { exclude: [SIMULATOR] }),
      // By itself, after the others: it has a process for each core, and says how long its million steps took.
      project('simulator', 300_000, { include: [SIMULATOR], sequence: { groupOrder: 1 } }),
      project('integration', 120_000),
      project('e2e', 120_000, { fileParallelism: false }),
      project('package', 120_000, { include: ['test/e2e/package.smoke.ts'] }),
    ],
  },
});
