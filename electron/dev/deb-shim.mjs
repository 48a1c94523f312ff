#!/usr/bin/env node
/**
 * Makes a Debian package with dpkg-deb where electron-builder wants to call fpm.
 * Why: electron-builder downloads fpm at build time, which is not possible everywhere, and dpkg-deb is all it takes.
 * Understands the options that electron-builder passes for `-s dir -t deb`; an unknown option ends it, so that nothing is
 * silently left out of a package.
 */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

/** Options with one value, and those that may come again. */
const SINGLE = [
  '-s',
  '-t',
  '-p',
  '--architecture',
  '--after-install',
  '--after-remove',
  '--before-install',
  '--before-remove',
  '--category',
  '--deb-compression',
  '--deb-priority',
  '--description',
  '--iteration',
  '--license',
  '--maintainer',
  '--name',
  '--package',
  '--url',
  '--vendor',
  '--version',
];
const REPEATED = ['--depends', '-d', '--deb-recommends', '--conflicts', '--provides', '--replaces', '--deb-suggests'];
const FLAGS = ['--force', '-f', '--no-auto-depends'];
/** Maintainer scripts by option. */
const SCRIPTS = {
  '--after-install': 'postinst',
  '--after-remove': 'postrm',
  '--before-install': 'preinst',
  '--before-remove': 'prerm',
};

/**
 * @typedef {object} PackageOptions
 * @property {Record<string, string>} single
 * @property {Record<string, string[]>} repeated
 * @property {{ from: string, to: string }[]} contents `to` is the place on the user's machine
 */

/**
 * @param {readonly string[]} argv
 * @returns {PackageOptions}
 * @throws {Error} for an option that is not known here
 */
export function readOptions(argv) {
  /** @type {PackageOptions} */
  const options = { single: {}, repeated: {}, contents: [] };
  for (let index = 0; index < argv.length; index += 1) {
    const word = argv[index] ?? '';
    if (!word.startsWith('-')) {
      const split = word.indexOf('=');
      if (split < 0) throw new Error(`no target is given for ${word}`);
      options.contents.push({ from: word.slice(0, split), to: word.slice(split + 1) });
      continue;
    }
    const equals = word.startsWith('--') ? word.indexOf('=') : -1;
    const name = equals > 0 ? word.slice(0, equals) : word;
    if (FLAGS.includes(name)) continue;
    let value = equals > 0 ? word.slice(equals + 1) : undefined;
    if (value === undefined) {
      index += 1;
      value = argv[index] ?? '';
    }
    if (SINGLE.includes(name)) options.single[name] = value;
    else if (REPEATED.includes(name)) options.repeated[name] = [...(options.repeated[name] ?? []), value];
    else throw new Error(`the option ${name} is not supported`);
  }
  return options;
}

/**
 * The control file of the package.
 * @param {PackageOptions} options
 * @param {number} installedKilobytes
 */
export function controlFile(options, installedKilobytes) {
  const { single, repeated } = options;
  /** @param {...string} names */
  const list = (...names) => names.flatMap((name) => repeated[name] ?? []).join(', ');
  const description = (single['--description'] ?? '')
    .trim()
    .split('\n')
    .map((line, index) => (index === 0 ? line.trim() : ` ${line.trim() || '.'}`))
    .join('\n');
  const fields = {
    Package: single['--name'],
    Version: [single['--version'], single['--iteration']].filter(Boolean).join('-'),
    Architecture: single['--architecture'],
    Maintainer: single['--maintainer'],
    Vendor: single['--vendor'],
    Homepage: single['--url'],
    'Installed-Size': String(installedKilobytes),
    Section: single['--category'] ?? 'utils',
    Priority: single['--deb-priority'] ?? 'optional',
    Depends: list('--depends', '-d'),
    Recommends: list('--deb-recommends'),
    Suggests: list('--deb-suggests'),
    Conflicts: list('--conflicts'),
    Provides: list('--provides'),
    Replaces: list('--replaces'),
    Description: description,
  };
  const lines = Object.entries(fields).flatMap(([name, value]) => (value ? [`${name}: ${value}`] : []));
  return `${lines.join('\n')}\n`;
}

/** @param {readonly string[]} argv */
export function makePackage(argv) {
  const options = readOptions(argv);
  const root = mkdtempSync(path.join(tmpdir(), 'hallpass-deb-'));
  try {
    chmodSync(root, 0o755);
    for (const { from, to } of options.contents) {
      const target = path.join(root, to);
      const isFolder = statSync(from).isDirectory();
      mkdirSync(isFolder ? target : path.dirname(target), { recursive: true });
      if (isFolder) cpSync(from, target, { recursive: true, verbatimSymlinks: true });
      else copyFileSync(from, target);
    }
    const kilobytes = Number(execFileSync('du', ['-sk', root], { encoding: 'utf8' }).split('\t')[0]);
    const control = path.join(root, 'DEBIAN');
    mkdirSync(control);
    writeFileSync(path.join(control, 'control'), controlFile(options, kilobytes));
    for (const [option, name] of Object.entries(SCRIPTS)) {
      const script = options.single[option];
      if (!script) continue;
      copyFileSync(script, path.join(control, name));
      chmodSync(path.join(control, name), 0o755);
    }
    const asked = options.single['--deb-compression'] ?? 'xz';
    const compression = asked === 'gz' ? 'gzip' : asked; // fpm's word, dpkg's word
    const output = options.single['--package'] ?? options.single['-p'] ?? 'package.deb';
    execFileSync('dpkg-deb', ['--root-owner-group', `-Z${compression}`, '--build', root, output], { stdio: 'inherit' });
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url))
  makePackage(process.argv.slice(2));
