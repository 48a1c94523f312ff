/**
 * Test projects by what they need: `unit` nothing, `model` patience, `integration` real servers, `e2e` a real Electron on
 * the headless desktop. `npm test` runs them one after the other; `npx vitest run --config test/vitest.config.ts --project
 * unit` runs one.
 */
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const root = fileURLToPath(new URL('..', import.meta.url));

/** One project; time-outs are for hangs only, no test may depend on how fast the machine is. */
function project(name: string, timeoutMs: number, more: { fileParallelism?: boolean; include?: string[] } = {}) {
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

export default defineConfig({
  root,
  test: {
    // Tests wait for servers and disks most of the time; Vitest would leave a machine of two cores with one worker.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    projects: [
      project('unit', 20_000),
      project('model', 300_000),
      project('integration', 120_000),
      project('e2e', 120_000, { fileParallelism: false }),
      project('package', 120_000, { include: ['test/e2e/package.smoke.ts'] }),
    ],
  },
});
