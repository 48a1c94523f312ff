/** Files and folders of our own: private from their first moment, durable before we go on. */
import { dirname } from 'node:path';
import { errorCode, InjectionError } from './errors';
import type { FilePort } from './files';

export const PRIVATE_FILE_MODE = 0o600;
export const PRIVATE_FOLDER_MODE = 0o700;
/** A write that makes no progress this often is given up. */
const MAX_EMPTY_WRITES = 3;

/** Writes a new file whole and durable. A crash leaves nothing or a part of it, 0600 in either case. @throws EEXIST */
export async function createWhole(
  files: FilePort,
  path: string,
  bytes: Uint8Array,
  finish: { mode: number; uid: number; gid: number } | null = null,
): Promise<void> {
  const file = await files.create(path, PRIVATE_FILE_MODE);
  try {
    let done = 0;
    for (let empty = 0; done < bytes.length; ) {
      const count = await file.write(bytes.subarray(done));
      empty = count > 0 ? 0 : empty + 1;
      if (empty >= MAX_EMPTY_WRITES) throw new Error(`ENOSPC: the disk took no more bytes, write '${path}'`);
      done += count;
    }
    if (finish) {
      await file.chown(finish.uid, finish.gid);
      await file.chmod(finish.mode);
    }
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Replaces one of our own files in one step: readers see the old or the new one, whole. */
export async function replaceOwn(files: FilePort, path: string, bytes: Uint8Array, name: string): Promise<void> {
  const temporary = `${path}.new-${name}`;
  try {
    await createWhole(files, temporary, bytes);
    await files.rename(temporary, path);
  } catch (error) {
    await unlinkIfThere(files, temporary).catch(() => undefined); // the first error is the one to tell
    throw error;
  }
  await files.syncFolder(dirname(path));
}

/** Fine to call on something already gone. */
export async function unlinkIfThere(files: FilePort, path: string): Promise<void> {
  try {
    await files.unlink(path);
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
  }
}

/** True when the folder is a real one, ours, and closed to others. */
export async function isPrivateFolder(files: FilePort, path: string, platform: NodeJS.Platform): Promise<boolean> {
  const facts = await files.facts(path);
  if (facts?.kind !== 'folder') return false;
  if (platform === 'win32') return true; // the profile folder's access list protects it
  const uid = files.userId();
  return (uid === null || facts.uid === uid) && (facts.mode & 0o077) === 0;
}

/** Makes the folder 0700 if it is missing. @throws InjectionError when something else is there, or others may enter. */
export async function ensurePrivateFolder(files: FilePort, path: string, platform: NodeJS.Platform): Promise<void> {
  try {
    await files.makeFolder(path, PRIVATE_FOLDER_MODE);
    await files.syncFolder(dirname(path));
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error;
  }
  if (await isPrivateFolder(files, path, platform)) return;
  throw new InjectionError({
    code: 'credential-folder-open',
    what: `${path} is not a private folder of yours.`,
    safe: 'Nothing was written.',
    next: `Move it away, or run: chmod 700 "${path}"`,
  });
}
