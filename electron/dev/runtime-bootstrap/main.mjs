/**
 * Runs the app folder that is named on the command line, as Electron's own default app does (`electron .`).
 * It is copied into `resources/app` of an Electron distribution that comes without a default app.
 * ESM with top-level await on purpose: Electron holds `ready` back until the entry module is done, so the app may still
 * register schemes and take the single-instance lock while it loads. With a CommonJS entry an ESM app would load too late.
 */
import { existsSync, readFileSync } from 'node:fs';
import { Module } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { app } from 'electron';

const { folder, preloads } = readArguments(process.argv.slice(1));
if (preloads.length > 0) Reflect.get(Module, '_preloadModules').call(Module, preloads);
if (folder === null) {
  console.error('usage: electron [switches] [-r module] <app folder> [arguments of the app]');
  process.exit(2);
}
Object.defineProperty(process, 'defaultApp', { value: true, enumerable: true });
try {
  await import(pathToFileURL(adopt(path.resolve(folder))).href);
} catch (error) {
  console.error('The app threw an error while it loaded');
  console.error(error);
  process.exit(1);
}

/** @param {string[]} argv */
function readArguments(argv) {
  /** @type {string[]} */
  const preloads = [];
  for (let index = 0; index < argv.length; index += 1) {
    const word = argv[index] ?? '';
    if (word === '-r' || word === '--require') {
      index += 1;
      preloads.push(argv[index] ?? '');
    } else if (word === '-v' || word === '--version') {
      console.log(`v${process.versions.electron}`);
      process.exit(0);
    } else if (!word.startsWith('-')) {
      return { folder: word, preloads };
    }
  }
  return { folder: null, preloads };
}

/**
 * Takes over the app's name, version and folder, as a packaged app would have them.
 * @param {string} folder
 * @returns {string} the module to run
 */
function adopt(folder) {
  const main = Reflect.get(Module, '_resolveFilename').call(Module, folder, null, true);
  const manifest = path.join(folder, 'package.json');
  if (!existsSync(manifest)) {
    Reflect.get(app, 'setAppPath').call(app, path.dirname(main));
    return main;
  }
  const { version, productName, name, desktopName } = JSON.parse(readFileSync(manifest, 'utf8'));
  if (version) Reflect.get(app, 'setVersion').call(app, version);
  app.name = productName || name || app.name;
  Reflect.get(app, 'setDesktopName').call(app, desktopName || `${app.name}.desktop`);
  Reflect.get(app, 'setAppPath').call(app, folder);
  return main;
}
