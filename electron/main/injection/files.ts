/**
 * The few file-system calls this room makes, as a port, so that tests can make each of them fail, half-succeed or be the
 * last one before a crash. `nodeFiles()` is the real one; it adds no policy of its own.
 * Why not fs/promises directly: with thirty methods nobody could enumerate the faults.
 */
import { constants } from 'node:fs';
import * as fs from 'node:fs/promises';

export type EntryKind = 'file' | 'folder' | 'link' | 'other';
export interface FileFacts {
  readonly kind: EntryKind;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly linkCount: number;
  readonly size: number;
  readonly modifiedAtMs: number;
}
/** A file that we created ourselves and nobody else has open. */
export interface NewFile {
  /** Writes at the current end; may write less than given, and says how much. */
  write(bytes: Uint8Array): Promise<number>;
  chmod(mode: number): Promise<void>;
  chown(uid: number, gid: number): Promise<void>;
  sync(): Promise<void>;
  close(): Promise<void>;
}
export interface FilePort {
  /** Facts of the entry itself (links are not followed); null when there is none. */
  facts(path: string): Promise<FileFacts | null>;
  /** The path with every link resolved. @throws ENOENT */
  resolve(path: string): Promise<string>;
  /** Whole content of a regular file; never follows a final link, never blocks on a FIFO. @throws ENOENT, ELOOP, EISDIR */
  read(path: string): Promise<Buffer>;
  readFolder(path: string): Promise<string[]>;
  /** Fails if anything is there already, a dangling link included. @throws EEXIST */
  create(path: string, mode: number): Promise<NewFile>;
  rename(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
  makeFolder(path: string, mode: number): Promise<void>;
  removeFolder(path: string): Promise<void>;
  /** Makes renames and unlinks in this folder durable. */
  syncFolder(path: string): Promise<void>;
  /** True when the path lies in memory (tmpfs, ramfs). */
  inMemory(path: string): Promise<boolean>;
  /** User id of this process; null where there is none (Windows). */
  userId(): number | null;
}

const TMPFS_MAGIC = 0x01021994;
const RAMFS_MAGIC = 0x858458f6;
const noFollow = constants.O_NOFOLLOW ?? 0;
const nonBlock = constants.O_NONBLOCK ?? 0;
const RENAME_TRIES = 10;
const RENAME_PAUSE_MS = 50;

const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');

async function facts(path: string): Promise<FileFacts | null> {
  try {
    const found = await fs.lstat(path);
    return {
      kind: found.isFile() ? 'file' : found.isDirectory() ? 'folder' : found.isSymbolicLink() ? 'link' : 'other',
      mode: found.mode & 0o7777,
      uid: found.uid,
      gid: found.gid,
      linkCount: found.nlink,
      size: found.size,
      modifiedAtMs: found.mtimeMs,
    };
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

async function read(path: string): Promise<Buffer> {
  const handle = await fs.open(path, constants.O_RDONLY | noFollow | nonBlock);
  try {
    if (!(await handle.stat()).isFile())
      throw Object.assign(new Error(`EISDIR: not a regular file, read '${path}'`), { code: 'EISDIR' });
    return await handle.readFile();
  } finally {
    await handle.close();
  }
}

async function create(path: string, mode: number): Promise<NewFile> {
  const handle = await fs.open(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | noFollow, mode);
  return {
    write: async (bytes) => (await handle.write(bytes)).bytesWritten,
    chmod: (wanted) => handle.chmod(wanted),
    chown: (uid, gid) => handle.chown(uid, gid),
    sync: () => handle.sync(),
    close: () => handle.close(),
  };
}

/** On Windows a virus scanner or indexer may hold the file for a moment: try again for half a second. */
async function rename(from: string, to: string): Promise<void> {
  for (let tryCount = 1; ; tryCount++) {
    try {
      return await fs.rename(from, to);
    } catch (error) {
      const busy =
        error instanceof Error && 'code' in error && ['EPERM', 'EBUSY', 'EACCES'].includes(String(error.code));
      if (process.platform !== 'win32' || !busy || tryCount >= RENAME_TRIES) throw error;
      await new Promise((done) => setTimeout(done, RENAME_PAUSE_MS));
    }
  }
}

async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return; // NTFS journals renames; a folder can't be opened for sync
  const handle = await fs.open(path, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** The real file system. */
export function nodeFiles(): FilePort {
  return {
    facts,
    resolve: (path) => fs.realpath(path),
    read,
    readFolder: async (path) => {
      try {
        return (await fs.readdir(path)).sort();
      } catch (error) {
        if (isMissing(error)) return [];
        throw error;
      }
    },
    create,
    rename,
    unlink: (path) => fs.unlink(path),
    makeFolder: async (path, mode) => {
      await fs.mkdir(path, { mode });
    },
    removeFolder: (path) => fs.rmdir(path),
    syncFolder,
    inMemory: async (path) => {
      if (process.platform !== 'linux') return false;
      const { type } = await fs.statfs(path);
      return type === TMPFS_MAGIC || type === RAMFS_MAGIC;
    },
    userId: () => process.getuid?.() ?? null,
  };
}
