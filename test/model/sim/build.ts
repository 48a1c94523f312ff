/**
 * Bundles the simulator into one file, with the curves of Node's own crypto in place of the portable ones: a million steps
 * are some ten thousand signatures and sealed credentials. Nothing else of the product is exchanged.
 */

import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

/** Path of the program. */
export async function buildSimulator(outDir: string): Promise<string> {
  await build({
    configFile: false,
    root: fileURLToPath(new URL('../../..', import.meta.url)),
    logLevel: 'error',
    resolve: {
      alias: { '@noble/curves/ed25519.js': fileURLToPath(new URL('native-curves.ts', import.meta.url)) },
    },
    ssr: { noExternal: true, external: ['@photostructure/sqlite', '@node-rs/argon2', 'axios'] },
    build: {
      ssr: fileURLToPath(new URL('main.ts', import.meta.url)),
      outDir,
      emptyOutDir: false,
      minify: false,
      sourcemap: 'inline',
      target: 'node20',
      rollupOptions: { output: { entryFileNames: 'simulator.mjs', format: 'es', codeSplitting: false } },
    },
  });
  return join(outDir, 'simulator.mjs');
}
