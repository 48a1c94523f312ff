/**
 * Puts the licences of what was bundled beside the bundle: almost every licence asks that its text goes with the code, and a
 * bundle leaves the packages' own files behind. Taken from the bundle itself, so nothing is named that is not in it.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Plugin } from 'vite';

export const LICENCES_FILE = 'third-party-licences.txt';
const LICENCE_NAME = /^(?:licen[cs]e|copying|notice|ofl)/i;
const PACKAGE_FOLDER = /^(.*[/\\]node_modules[/\\](?:@[^/\\]+[/\\])?[^/\\]+)[/\\]/;

/** The folder of the package that a file belongs to; undefined for our own files. A virtual module's `\0` and query don't count. */
export function packageFolderOf(file: string): string | undefined {
  return PACKAGE_FOLDER.exec(file.replace(/^\0/, '').replace(/\?.*$/, ''))?.[1];
}

/** Name, version, licence and its text. @throws when a package says nothing about its licence: it may not be shipped then */
export function licenceOf(folder: string): string {
  const about = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'));
  const texts = readdirSync(folder)
    .filter((name) => LICENCE_NAME.test(name))
    .sort()
    .map((name) => readFileSync(path.join(folder, name), 'utf8').trim());
  const licence = typeof about.license === 'string' ? about.license : undefined;
  if (licence === undefined && texts.length === 0) throw new Error(`${about.name} does not say its licence`);
  const author = typeof about.author === 'string' ? about.author : about.author?.name;
  const said = [licence && `Licence: ${licence}`, author && `Author: ${author}`].filter(Boolean);
  return [`${about.name} ${about.version}`, ...said, ...texts.map((text) => `\n${text}`)].join('\n');
}

/** Emits the file, unless the bundle holds nothing but our own code. */
export function thirdPartyLicences(): Plugin {
  return {
    name: 'hallpass-third-party-licences',
    apply: 'build',
    generateBundle(_options, bundle) {
      const folders = new Set<string>();
      for (const part of Object.values(bundle)) {
        const files = part.type === 'chunk' ? Object.keys(part.modules) : part.originalFileNames;
        for (const file of files) {
          const folder = packageFolderOf(
            path.isAbsolute(file) ? file : path.resolve(this.environment.config.root, file),
          );
          if (folder !== undefined && existsSync(path.join(folder, 'package.json'))) folders.add(folder);
        }
      }
      if (folders.size === 0) return;
      const source = `${[...folders]
        .map(licenceOf)
        .sort()
        .join(`\n\n${'─'.repeat(80)}\n\n`)}\n`;
      this.emitFile({ type: 'asset', fileName: LICENCES_FILE, source });
    },
  };
}
