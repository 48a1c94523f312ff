/**
 * Completes package-lock.json after a dependency was added or changed: `node electron/dev/complete-lock.mjs`.
 * Why: npm leaves a platform's package out of the lockfile when the registry it asks does not carry that one, and `npm ci`
 * then refuses the whole lockfile, on every machine. Each optional package that is missing gets an entry with the version its
 * parent names and the platform its name says; npm installs it on that platform only. Its integrity is filled in by
 * the first `npm install` that can see it.
 */
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import { say } from './progress.mjs';
import { PROJECT_FOLDER } from './run.mjs';

/**
 * @typedef {object} LockEntry
 * @property {string} [version]
 * @property {string} [license]
 * @property {boolean} [dev]
 * @property {boolean} [optional]
 * @property {string[]} [os]
 * @property {string[]} [cpu]
 * @property {string[]} [libc]
 * @property {Record<string, string>} [engines]
 * @property {Record<string, string>} [optionalDependencies]
 */

const SYSTEMS = ['aix', 'android', 'darwin', 'freebsd', 'linux', 'netbsd', 'openbsd', 'openharmony', 'sunos', 'win32'];
const PROCESSORS = ['arm', 'arm64', 'ia32', 'loong64', 'mips64el', 'ppc64', 'riscv64', 's390x', 'wasm32', 'x64'];

/**
 * Adds what is missing.
 * @param {Record<string, LockEntry>} packages the `packages` of a lockfile; changed in place
 * @returns {string[]} the places that were added
 */
export function completeLock(packages) {
  /** @type {string[]} */
  const added = [];
  for (const [place, entry] of Object.entries(packages)) {
    for (const [name, range] of Object.entries(entry.optionalDependencies ?? {})) {
      const platform = platformOf(name);
      if (platform === null) continue; // an ordinary package: npm's to judge
      // Packages of a platform are released together with their parent; "^1.2.3" means 1.2.3 here.
      const version = range.replace(/^[\^~]/, '');
      const found = lookUp(packages, place, name);
      if (found !== undefined && packages[found]?.version === version) continue;
      const target = found === undefined ? `node_modules/${name}` : `${place}/node_modules/${name}`;
      const licence = entry.license === undefined ? {} : { license: entry.license };
      const dev = entry.dev === true ? { dev: true } : {};
      const engines = entry.engines === undefined ? {} : { engines: entry.engines };
      packages[target] = { version, ...platform, ...dev, ...licence, optional: true, ...engines };
      added.push(target);
    }
  }
  return added;
}

/**
 * Where a package in `place` finds `name`, as Node looks for it; undefined when nowhere.
 * @param {Record<string, LockEntry>} packages
 * @param {string} place
 * @param {string} name
 */
function lookUp(packages, place, name) {
  const candidates = [];
  for (
    let folder = place;
    folder !== '';
    folder = folder.slice(0, Math.max(0, folder.lastIndexOf('node_modules/') - 1))
  )
    candidates.push(`${folder}/node_modules/${name}`);
  candidates.push(`node_modules/${name}`);
  return candidates.find((candidate) => packages[candidate] !== undefined); // the innermost counts
}

/**
 * "…/binding-linux-arm64-musl" → linux, arm64, musl. Null for a name without a platform.
 * @param {string} name
 */
function platformOf(name) {
  const words = name.toLowerCase().replace('windows', 'win32').split(/[/.-]/);
  const system = words.find((word) => SYSTEMS.includes(word));
  const processor = words.find((word) => PROCESSORS.includes(word));
  if (processor === 'wasm32') return { cpu: [processor] };
  if (system === undefined || processor === undefined) return null;
  const libc = system !== 'linux' ? undefined : words.find((word) => /^(?:gnu|musl)/.test(word));
  const spoken = libc === undefined ? {} : { libc: [libc.startsWith('musl') ? 'musl' : 'glibc'] };
  return { os: [system], cpu: [processor], ...spoken };
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const file = path.join(PROJECT_FOLDER, 'package-lock.json');
  const lock = JSON.parse(await readFile(file, 'utf8'));
  const added = completeLock(lock.packages);
  const inOrder = Object.entries(lock.packages).sort(([a], [b]) => a.localeCompare(b, 'en'));
  lock.packages = Object.fromEntries(inOrder);
  if (added.length > 0) await writeFile(file, `${JSON.stringify(lock, null, 2)}\n`);
  say(added.length === 0 ? 'The lockfile names every platform.' : `Added to package-lock.json:\n${added.join('\n')}`);
}
