/**
 * The tests that mutation testing runs for one piece (electron/dev/mutation-pieces.mjs): quick ones, without servers. Each file
 * is bundled with all that it imports: a mutant costs a fresh worker, and fetching some hundred modules into it took
 * longer than the tests.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { defineConfig } from 'vitest/config';
import { pieceNamed } from '../electron/dev/mutation-pieces.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = 'out/mutation-tests';
const { tests } = pieceNamed(process.env.HALLPASS_MUTATION_PIECE);

await build({
  root,
  configFile: false,
  logLevel: 'error',
  // As for the simulator: keys of a world by Node's own crypto, the same bytes in a fraction of the time.
  resolve: { alias: { '@noble/curves/ed25519.js': path.join(root, 'test/model/sim/native-curves.ts') } },
  // Vitest is the worker's own; the rest is native code, or not used by these tests.
  ssr: { noExternal: true, external: ['vitest', '@photostructure/sqlite', '@node-rs/argon2', 'pg', 'electron'] },
  build: {
    ssr: true,
    outDir: folder,
    minify: false,
    rolldownOptions: {
      input: Object.fromEntries(tests.map((file) => [path.basename(file, '.ts'), file])),
      output: { entryFileNames: '[name].mjs' },
    },
  },
});

export default defineConfig({
  root,
  test: {
    include: [`${folder}/*.test.mjs`],
    isolate: false,
    // A broken engine often waits for ever; what is not here by then will not come.
    env: { HALLPASS_PATIENCE_MS: '3000', ...(existsSync('/dev/shm') ? { TMPDIR: '/dev/shm' } : {}) },
    testTimeout: 10_000,
  },
});
