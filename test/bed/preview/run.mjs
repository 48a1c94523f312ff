/**
 * Pictures of the screens, from fixtures, in the real Electron runtime:
 *   node test/bed/preview/run.mjs [scene…] [--theme light|dark] [--narrow|--wide] [--out DIR] [--axe]
 * Scenes are in scenes/ and kinds/; without names all are taken. Needs Xvfb when there is no display.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { build } from 'vite';
import { electronRuntime } from '../../../electron/dev/electron-runtime.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.resolve(here, '../../..');
const args = process.argv.slice(2);
/** @param {string} flag @param {string | undefined} otherwise */
const valueAfter = (flag, otherwise) => (args.includes(flag) ? args[args.indexOf(flag) + 1] : otherwise);
const out = valueAfter('--out', undefined) ?? path.join(tmpdir(), 'preview');
const theme = valueAfter('--theme', undefined);
const flagValues = new Set([out, theme]);
const wanted = args.filter((arg) => !arg.startsWith('--') && !flagValues.has(arg));
const themes = theme ? [theme] : ['light', 'dark'];
const sizes = [
  ...(args.includes('--narrow') ? [] : [{ width: 1280, height: 800 }]),
  ...(args.includes('--wide') ? [] : [{ width: 900, height: 600 }]),
];

// --axe: also says what a screen reader or a weak eye would stumble over
const axeFile = args.includes('--axe') ? path.join(root, 'node_modules/axe-core/axe.min.js') : null;

const work = mkdtempSync(path.join(tmpdir(), 'hallpass-preview-'));
try {
  await build({
    root,
    configFile: false,
    logLevel: 'warn',
    plugins: [react()],
    build: {
      target: 'chrome130',
      assetsInlineLimit: 0,
      outDir: path.join(work, 'built'),
      emptyOutDir: true,
      rolldownOptions: { input: path.join(here, 'index.html') },
      chunkSizeWarningLimit: 5000,
    },
  });
  writeFileSync(
    path.join(work, 'plan.json'),
    JSON.stringify({ built: path.join(work, 'built'), out, wanted, themes, sizes, axeFile }),
  );
  const { path: electron } = await electronRuntime();
  const electronArgs = [
    ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
    '--disable-gpu',
    '--force-device-scale-factor=1',
    `--user-data-dir=${work}/profile`,
    path.join(here, 'electron-main.mjs'),
  ];
  const [command, commandArgs] = process.env.DISPLAY
    ? [electron, electronArgs]
    : ['xvfb-run', ['-a', '-s', '-screen 0 1600x1000x24', electron, ...electronArgs]];
  const env = { ...process.env, PREVIEW_PLAN: path.join(work, 'plan.json') };
  const child = spawn(command, commandArgs, { detached: true, stdio: ['ignore', 'inherit', 'ignore'], env });
  // a group of its own, so that nothing is left behind when we are stopped
  const stop = () => child.pid !== undefined && process.kill(-child.pid, 'SIGTERM');
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, stop);
  process.exitCode = await new Promise((done) => child.on('exit', (code) => done(code ?? 1)));
} finally {
  rmSync(work, { recursive: true, force: true });
}
