/**
 * Small state files of our own: read through a zod schema, written whole (temp file, fsync, rename, 0600).
 * A file that can't be read as what it should be is kept aside under another name and reported, never overwritten.
 * A crash while writing leaves the old file, or the new one, and perhaps a temporary one, which goes at the next reading.
 */
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { z } from 'zod';
import type { UserError } from '../../../shared/contract/ipc';
import { isProcessAlive } from './system';

export type JsonRead<T> =
  | { readonly kind: 'none' }
  | { readonly kind: 'read'; readonly value: T }
  | { readonly kind: 'corrupt'; readonly keptAs: string | null };

const MAX_STATE_BYTES = 16 * 1024 * 1024;

/** Reads and checks a file; a corrupt one is renamed to `<name>.corrupt-<epoch ms>`. */
export function readJsonFile<S extends z.ZodType>(file: string, schema: S, nowMs: number): JsonRead<z.output<S>> {
  clearLeftovers(file);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return { kind: 'none' };
    if (code === 'EISDIR') return { kind: 'corrupt', keptAs: keepAside(file, nowMs) };
    throw cause; // it may be right and only out of reach: what is written next must not take its place
  }
  try {
    if (text.length > MAX_STATE_BYTES) throw new RangeError('too large');
    return { kind: 'read', value: schema.parse(JSON.parse(text)) };
  } catch {
    return { kind: 'corrupt', keptAs: keepAside(file, nowMs) };
  }
}

/** Renames a file out of the way; null when not even that works (read-only home). */
export function keepAside(file: string, nowMs: number): string | null {
  const aside = `${file}.corrupt-${nowMs}`;
  try {
    renameSync(file, aside);
    return aside;
  } catch {
    return null;
  }
}

const tempPrefixOf = (file: string): string => `.${basename(file)}.`;

/** What processes that were killed while they wrote have left. That of a living one is its own business. */
function clearLeftovers(file: string): void {
  try {
    for (const name of readdirSync(dirname(file))) {
      if (!name.startsWith(tempPrefixOf(file)) || !name.endsWith('.tmp')) continue;
      const pid = Number(name.slice(tempPrefixOf(file).length, -'.tmp'.length));
      if (Number.isInteger(pid) && pid > 0 && !isProcessAlive(pid)) rmSync(join(dirname(file), name), { force: true });
    }
  } catch {
    // no such folder, or one that can't be written: reading the file says so
  }
}
export function writeJsonFile(file: string, value: unknown): void {
  const folder = dirname(file);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const temp = join(folder, `${tempPrefixOf(file)}${process.pid}.tmp`);
  try {
    const descriptor = openSync(temp, 'w', 0o600);
    try {
      // Not writeSync: on a disk that is nearly full it writes a part and says so only by its number.
      writeFileSync(descriptor, `${JSON.stringify(value)}\n`);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(temp, file);
  } catch (cause) {
    rmSync(temp, { force: true });
    throw cause;
  }
}

/** What the user is told when a file was kept aside. */
export function keptAsideNotice(what: string, consequence: string, keptAs: string | null): UserError {
  return {
    code: 'file-kept-aside',
    what: `The ${what} could not be read.`,
    safe: consequence,
    next:
      keptAs === null
        ? 'The file could not be moved away; check its permissions.'
        : `The old file is kept as ${keptAs}.`,
    detail: null,
  };
}
