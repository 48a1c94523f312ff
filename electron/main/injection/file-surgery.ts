/**
 * Replaces a file that belongs to the user, in one step, leaving mode, owner and links as they are.
 * The way: resolve links → lock → read → edit → temp file beside it (0600, exclusive) → fsync → read again (did somebody
 * else write meanwhile? then from the start) → rename → fsync the folder.
 * What a crash leaves: before the rename the file as it was, after it the file as it should be; besides, a temp file
 * (0600) and a lock, which the next edit clears away. Nothing here is ever truncated or written in place.
 * What can't be closed: a writer that takes no lock and writes between our last look and the rename (microseconds) loses its
 * write. Extended attributes and access lists are not carried over (Node can't read them).
 * Not here: which lines (marked-blocks.ts).
 */
import { basename, dirname, join } from 'node:path';
import { errorCode, InjectionError, reasonOf } from './errors';
import type { FileFacts, FilePort } from './files';
import { createWhole, PRIVATE_FILE_MODE, unlinkIfThere } from './private-files';
import type { Queue } from './queue';

/** No edit makes a file larger than this: such a one is not what we think it is. */
export const MAX_SHARED_FILE_BYTES = 1024 * 1024;
/** Taking our lines out goes on in a file that grew meanwhile, up to here. */
const MAX_READ_BYTES = 4 * MAX_SHARED_FILE_BYTES;
/** How often we start anew because somebody else wrote meanwhile. */
const MAX_ROUNDS = 20;
const LOCK_PAUSE_MS = 20;
/** We hold it for milliseconds; an older one was left by a crash. */
const LOCK_STALE_MS = 5_000;
const LOCK_WAIT_MS = 10_000;

export interface SurgeryDeps {
  readonly files: FilePort;
  readonly queue: Queue;
  readonly now: () => number;
  readonly random: { bytes(count: number): Uint8Array };
  readonly pause: (lengthMs: number) => Promise<void>;
  /** This process, and whether another one lives: the lock of a dead one is stale at once. */
  readonly processId: number;
  readonly isAlive: (processId: number) => boolean;
}
/** New content; `delete` when the file is wholly ours; `same` when there is nothing to do. */
export type Edit =
  | { readonly kind: 'write'; readonly bytes: Buffer }
  | { readonly kind: 'delete' }
  | { readonly kind: 'same' };

const TEMP_MARK = '.hallpass-';
const lockOf = (path: string): string => join(dirname(path), `.${basename(path)}.hallpass.lock`);
const tempPrefixOf = (path: string): string => `.${basename(path)}${TEMP_MARK}`;

const refuse = (path: string, what: string, next: string): InjectionError =>
  new InjectionError({ code: 'service-file-unusable', what: `${path} ${what}`, safe: 'It was not touched.', next });

/** The real path to work on: links resolved, the last part may be missing. @throws InjectionError for what is no usable file */
export async function realTarget(files: FilePort, path: string): Promise<{ path: string; facts: FileFacts | null }> {
  const folder = dirname(path);
  let real: string;
  try {
    real = (await files.facts(path)) ? await files.resolve(path) : join(await files.resolve(folder), basename(path));
  } catch (error) {
    if (errorCode(error) === 'ELOOP') throw refuse(path, 'is a link that leads back to itself.', 'Mend the link.');
    if (errorCode(error) !== 'ENOENT' && errorCode(error) !== 'ENOTDIR') throw error;
    const isLink = (await files.facts(path))?.kind === 'link';
    throw isLink
      ? refuse(path, 'is a link to a file that does not exist.', 'Mend or remove the link.')
      : refuse(path, 'can’t be made: its folder does not exist.', `Run: mkdir -p "${folder}"`);
  }
  const facts = await files.facts(real);
  if (facts) checkUsable(files, path, facts);
  return { path: real, facts };
}

function checkUsable(files: FilePort, path: string, facts: FileFacts): void {
  const uid = files.userId();
  if (facts.kind === 'folder') throw refuse(path, 'is a folder.', 'Move it away, or name another file in Settings.');
  if (facts.kind !== 'file') throw refuse(path, 'is not a regular file.', 'Move it away, or name another in Settings.');
  if (facts.linkCount > 1)
    throw refuse(
      path,
      'has a second name (hard link), which an edit would cut off.',
      'Make it a symbolic link instead.',
    );
  if ((facts.mode & 0o200) === 0)
    throw refuse(path, 'is read-only.', `To let Hallpass edit it, run: chmod u+w "${path}"`);
  if (uid !== null && uid !== 0 && facts.uid !== uid)
    throw refuse(path, 'belongs to another user.', 'Name a file of your own in Settings.');
  if (facts.size > MAX_READ_BYTES) throw refuse(path, 'is larger than 1 MB.', 'Name another file in Settings.');
}

async function readOrNull(files: FilePort, path: string): Promise<Buffer | null> {
  try {
    return await files.read(path);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return null;
    throw error;
  }
}
const sameBytes = (a: Buffer | null, b: Buffer | null): boolean => (a === null || b === null ? a === b : a.equals(b));

/** Locks whose holder is this very process but no edit of ours is under way were left by an earlier life. */
async function isStale(deps: SurgeryDeps, lock: string): Promise<boolean> {
  const facts = await deps.files.facts(lock);
  if (!facts) return false;
  const holder = Number((await readOrNull(deps.files, lock).catch(() => null))?.toString('utf8') || Number.NaN);
  if (Number.isInteger(holder) && (holder === deps.processId || !deps.isAlive(holder))) return true;
  return Math.abs(deps.now() - facts.modifiedAtMs) > LOCK_STALE_MS;
}

async function takeLock(deps: SurgeryDeps, path: string): Promise<string> {
  const lock = lockOf(path);
  for (let waitedMs = 0; ; waitedMs += LOCK_PAUSE_MS) {
    try {
      await createWhole(deps.files, lock, Buffer.from(String(deps.processId)));
      return lock;
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') {
        await unlinkIfThere(deps.files, lock).catch(() => undefined); // made, but could not be filled
        throw error;
      }
    }
    if (await isStale(deps, lock)) await unlinkIfThere(deps.files, lock);
    else if (waitedMs >= LOCK_WAIT_MS)
      throw refuse(path, 'is being edited by another program that does not finish.', `If none runs, remove ${lock}`);
    else await deps.pause(LOCK_PAUSE_MS);
  }
}

/** Temp files of a life that crashed. Only under the lock: nobody else can have a live one. */
async function clearLeftovers(files: FilePort, path: string): Promise<void> {
  const folder = dirname(path);
  const prefix = tempPrefixOf(path);
  for (const name of await files.readFolder(folder))
    if (name.startsWith(prefix)) await unlinkIfThere(files, join(folder, name));
}

async function hasLeftovers(files: FilePort, path: string): Promise<boolean> {
  const lock = basename(lockOf(path));
  const prefix = tempPrefixOf(path);
  return (await files.readFolder(dirname(path))).some((name) => name === lock || name.startsWith(prefix));
}

/** One round: false when somebody else wrote meanwhile. */
async function tryOnce(deps: SurgeryDeps, path: string, edit: (before: Buffer | null) => Edit): Promise<boolean> {
  const { files } = deps;
  const facts = await files.facts(path);
  if (facts) checkUsable(files, path, facts);
  const before = await readOrNull(files, path);
  const wanted = edit(before);
  if (wanted.kind === 'same') return true;
  if (wanted.kind === 'delete') {
    if (!sameBytes(before, await readOrNull(files, path))) return false;
    await unlinkIfThere(files, path);
    await files.syncFolder(dirname(path));
    return true;
  }
  const isGrowing = wanted.bytes.length > (before?.length ?? 0);
  if (isGrowing && wanted.bytes.length > MAX_SHARED_FILE_BYTES)
    throw refuse(path, 'is larger than 1 MB.', 'Name another file in Settings.');
  const temp = join(dirname(path), `${tempPrefixOf(path)}${Buffer.from(deps.random.bytes(6)).toString('hex')}`);
  try {
    const finish = facts && { mode: facts.mode, uid: facts.uid, gid: facts.gid };
    await createWhole(files, temp, wanted.bytes, finish ?? { ...KEEP_IDS, mode: PRIVATE_FILE_MODE });
    if (!sameBytes(before, await readOrNull(files, path))) {
      await unlinkIfThere(files, temp);
      return false;
    }
    await files.rename(temp, path);
  } catch (error) {
    await unlinkIfThere(files, temp).catch(() => undefined); // the first error is the one to tell
    throw error;
  }
  await files.syncFolder(dirname(path));
  return true;
}
/** −1 means: leave as it is. */
const KEEP_IDS = { uid: -1, gid: -1 };

/**
 * Edits the file whole. `edit` may be called several times and must be pure.
 * @throws InjectionError when it could not be edited; the file is then whole, old or new: read it back.
 */
export async function editShared(
  deps: SurgeryDeps,
  path: string,
  edit: (before: Buffer | null) => Edit,
): Promise<void> {
  try {
    const target = await realTarget(deps.files, path);
    await deps.queue.run(target.path, async () => {
      const isSame = edit(await readOrNull(deps.files, target.path)).kind === 'same';
      if (isSame && !(await hasLeftovers(deps.files, target.path))) return; // no lock for nothing
      const lock = await takeLock(deps, target.path);
      try {
        await clearLeftovers(deps.files, target.path);
        for (let round = 0; round < MAX_ROUNDS; round++) if (await tryOnce(deps, target.path, edit)) return;
        throw refuse(path, 'is being rewritten all the time by another program.', 'Stop that program and try again.');
      } finally {
        await unlinkIfThere(deps.files, lock).catch(() => undefined); // a lock that stays is stale at once: our own pid
      }
    });
  } catch (error) {
    if (error instanceof InjectionError) throw error;
    throw new InjectionError(
      {
        code: 'service-file-failed',
        what: `${path} could not be edited.`,
        safe: 'It is whole: as it was, or as it should be.',
        next: 'Check that the disk is not full and that you may write there.',
        detail: reasonOf(error),
      },
      { cause: error },
    );
  }
}

/** Content now, links followed; null when there is none. @throws when it can't be read, which is not the same as gone */
export async function readShared(files: FilePort, path: string): Promise<Buffer | null> {
  if (!(await files.facts(path))) return null;
  const target = await realTarget(files, path);
  return readOrNull(files, target.path);
}
