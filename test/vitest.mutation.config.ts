/** The tests that mutation testing runs for one piece (electron/dev/mutation-pieces.mjs): quick ones, without servers. */
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { pieceNamed } from '../electron/dev/mutation-pieces.mjs';

export default defineConfig({
  root: fileURLToPath(new URL('..', import.meta.url)),
  test: {
    include: [...pieceNamed(process.env.HALLPASS_MUTATION_PIECE).tests],
    // A broken engine often waits for ever; what is not here by then will not come.
    testTimeout: 10_000,
  },
});
