/**
 * The folder of one service: private to its user, used by one process at a time, with the data key where nobody gives one.
 * Why a database file as lock: its lock is the operating system's and ends with the process, however that ends. A lock file
 * with a pid in it outlives a crash and needs guessing.
 */
import {
  chmodSync,
  closeSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fromBase64url, toBase64url } from '../../shared/crypto/bytes';
import type { Random } from '../../shared/domain/instant';
import { errnoOf, StartError } from './start-error';
import { openRaw, sqliteCodeOf } from './store/sqlite-binding';

const KEY_BYTES = 32;
const SQLITE_BUSY = 5;
const posix = process.platform !== 'win32';

/** Makes the folder, or checks that it is ours and closes it to others. Throws StartError. */
export function openDataFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    const found = lstatSync(path);
    if (!found.isDirectory()) throw new Error('it is not a folder');
    if (posix && process.getuid?.() !== found.uid) throw new Error('it belongs to another user');
    if (posix && (found.mode & 0o077) !== 0) chmodSync(path, 0o700);
  } catch (error) {
    throw new StartError(
      'data-folder',
      `The data folder ${path} can not be used: ${(error as Error).message}.`,
      'Choose a folder that you own, on a disk that is not full.',
      { cause: error },
    );
  }
}

/** Holds the folder until released or the process ends. Throws StartError `already-running` when another service has it. */
export function lockDataFolder(path: string): { release(): void } {
  const file = join(path, 'service.lock');
  let lock: ReturnType<typeof openRaw> | undefined;
  try {
    lock = openRaw(file, 0);
    lock.exec('PRAGMA journal_mode=DELETE; BEGIN EXCLUSIVE');
  } catch (error) {
    lock?.close();
    if (sqliteCodeOf(error) === SQLITE_BUSY || /locked/i.test((error as Error).message))
      throw new StartError(
        'already-running',
        `Another service is using the data folder ${path}.`,
        'Stop it first, or give this one a folder of its own.',
        { cause: error },
      );
    throw new StartError(
      'data-folder',
      `The lock file ${file} can not be used: ${(error as Error).message}.`,
      'Check the rights of the folder and the space on its disk; the lock file holds nothing and may be deleted.',
      { cause: error },
    );
  }
  const held = lock;
  if (posix) chmodSync(file, 0o600);
  return {
    release() {
      held.exec('ROLLBACK');
      held.close();
    },
  };
}

/**
 * The data key in `data.key` (0600), made at the first start. It is on disk before anything is sealed with it: a crash
 * leaves no file, or a whole one. Throws StartError when it is damaged; a new key would make everything sealed unreadable for good.
 */
export function ownDataKey(path: string, random: Random): Uint8Array {
  const file = join(path, 'data.key');
  try {
    const key = fromBase64url(readFileSync(file, 'utf8').trim());
    if (key.length !== KEY_BYTES) throw new RangeError('it has the wrong length');
    if (posix) chmodSync(file, 0o600);
    return key;
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT')
      throw new StartError(
        'data-key',
        `The data key ${file} can not be read: ${(error as Error).message}.`,
        'Restore it from your backup. Without it the manager credentials in the database can not be opened.',
        { cause: error },
      );
  }
  const key = random.bytes(KEY_BYTES);
  writePrivateFile(file, `${toBase64url(key)}\n`);
  return key;
}

/** Whole and durable, or not at all: temporary file 0600, fsync, rename, fsync of the folder. */
export function writePrivateFile(file: string, text: string): void {
  const temporary = `${file}.new`;
  const handle = openSync(temporary, 'w', 0o600);
  try {
    if (posix) chmodSync(temporary, 0o600);
    writeSync(handle, text);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
  renameSync(temporary, file);
  if (!posix) return;
  const folder = openSync(dirname(file), 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
