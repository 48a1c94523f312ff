/** One file of a program and all it needs, so that starting it two hundred times costs a fraction of a second each. */
import { mkdtempSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

const PROJECT = fileURLToPath(new URL('../../..', import.meta.url));

export interface Bundle {
  readonly file: string;
  remove(): void;
}
export async function bundle(entry: string): Promise<Bundle> {
  // Inside the project, so that it finds the packages that stay outside.
  const outDir = mkdtempSync(join(PROJECT, 'node_modules', '.hallpass-proof-'));
  const name = `${basename(entry, '.ts')}.mjs`;
  await build({
    configFile: false,
    root: PROJECT,
    logLevel: 'error',
    ssr: { noExternal: true, external: ['@photostructure/sqlite', '@node-rs/argon2'] },
    build: {
      ssr: entry,
      outDir,
      minify: false,
      target: 'node20',
      rollupOptions: { output: { entryFileNames: name, format: 'es' } },
    },
  });
  return { file: join(outDir, name), remove: () => rmSync(outDir, { recursive: true, force: true }) };
}
