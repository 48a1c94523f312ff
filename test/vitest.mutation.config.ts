/** The tests that mutation testing runs: quick ones without servers, whose facts are about what is mutated. */
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  root: fileURLToPath(new URL('..', import.meta.url)),
  test: {
    include: [
      'test/unit/access/**/*.test.ts',
      'test/unit/leases/**/*.test.ts',
      'test/unit/injection/{injector,marked-blocks}.test.ts',
    ],
    testTimeout: 20_000,
  },
});
