/**
 * Bundles the simulator into one file, with the curves of Node's own crypto in place of the portable ones: a million steps
 * are some ten thousand signatures and sealed credentials. Nothing else of the product is exchanged.
 */

import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Plugin } from 'vite';

const beside = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/** Kysely freezes each node of a query it builds, against whoever would change one: a tenth of what a statement costs here. */
const plainNodes: Plugin = {
  name: 'plain-query-nodes',
  transform(code, id) {
    if (!id.endsWith('kysely/dist/esm/util/object-utils.js')) return undefined;
    const plain = code.replace('return Object.freeze(obj)', 'return obj');
    if (plain === code) throw new Error('Kysely freezes its nodes in another place now');
    return { code: plain, map: null };
  },
};

/** Path of the program. */
export async function buildSimulator(outDir: string): Promise<string> {
  await build({
    configFile: false,
    root: fileURLToPath(new URL('../../..', import.meta.url)),
    logLevel: 'error',
    resolve: {
      alias: {
        '@noble/curves/ed25519.js': beside('native-curves.ts'),
        'node:async_hooks': beside('plain-scope.ts'),
      },
    },
    plugins: [plainNodes],
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
