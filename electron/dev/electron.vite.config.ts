/**
 * How the three kinds of code are bundled: main and service for Node, preloads for the sandbox, pages for Chromium.
 * The targets are those of the oldest Electron we run on (33: Node 20.18, Chromium 130), not those of the pinned one,
 * so both run the same build. Only `dependencies` of package.json stay external (two native modules); the rest is bundled,
 * because a bundled service is ready in half the time.
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'electron-vite';
import { thirdPartyLicences } from './third-party';

const at = (file: string) => fileURLToPath(new URL(`../../${file}`, import.meta.url));

/** Every entry must be there: a page or process that is silently missing would only be noticed by a user. */
function entries(files: Readonly<Record<string, string>>): Record<string, string> {
  const missing = Object.values(files).filter((file) => !existsSync(at(file)));
  if (missing.length > 0) throw new Error(`Entry files are missing: ${missing.join(', ')}`);
  return Object.fromEntries(Object.entries(files).map(([name, file]) => [name, at(file)]));
}

export default defineConfig({
  main: {
    plugins: [thirdPartyLicences()],
    build: {
      target: 'node20.18',
      outDir: at('out/main'),
      minify: true,
      reportCompressedSize: false,
      rolldownOptions: {
        input: entries({
          index: 'electron/boot/main.ts',
          service: 'electron/boot/service.ts',
          'make-cache': 'electron/boot/make-cache.ts',
          'make-service-cache': 'electron/boot/make-service-cache.ts',
          'service-cli': 'electron/service/entry-standalone.ts',
        }),
        // CommonJS, because V8's compiled form can be kept of it (electron/boot); one folder, so that __dirname is the same for all.
        output: { format: 'cjs', entryFileNames: '[name].cjs', chunkFileNames: '[name]-[hash].cjs' },
      },
    },
  },
  preload: {
    plugins: [thirdPartyLicences()],
    build: {
      target: 'node20.18',
      outDir: at('out/preload'),
      minify: true,
      reportCompressedSize: false,
      // A sandboxed preload must be one CommonJS file: it cannot load chunks or packages.
      externalizeDeps: false,
      isolatedEntries: true,
      rolldownOptions: {
        input: entries({ app: 'electron/preload/app.ts', consent: 'electron/preload/consent.ts' }),
        output: { format: 'cjs', entryFileNames: '[name].cjs' },
      },
    },
  },
  renderer: {
    root: at('renderer'),
    plugins: [react(), thirdPartyLicences()],
    build: {
      target: 'chrome130',
      outDir: at('out/renderer'),
      minify: true,
      reportCompressedSize: false,
      // The page's policy allows no data: addresses, and every Chromium we run on knows modulepreload.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      // The consent page must share no chunk with the app page.
      isolatedEntries: true,
      rolldownOptions: {
        input: entries({ app: 'renderer/app/index.html', consent: 'renderer/consent/index.html' }),
        // An index that lists all parts must not make the first screen load what only later ones use.
        treeshake: { moduleSideEffects: (id) => !/\/renderer\/(ui|features)\/.*\.tsx?$/.test(id) },
      },
    },
  },
});
