/**
 * Unpacks zip archives with Node's own modules.
 * Why not `unzip` or a package: set-up runs before anything is installed, and Debian's minimal image has no `unzip`.
 * Streams entry by entry (an Electron archive holds files of 200 MB), keeps modes and symbolic links (macOS bundles need
 * them), checks every CRC where Node has one, and refuses entries that would land outside the folder.
 * Not here: encrypted and split archives; Electron's are neither, and both are refused by name.
 */
import { createReadStream, createWriteStream } from 'node:fs';
import { chmod, mkdir, open, symlink } from 'node:fs/promises';
import path from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import * as zlib from 'node:zlib';

const END_OF_DIRECTORY = 0x06054b50;
const ZIP64_LOCATOR = 0x07064b50;
const ZIP64_END = 0x06064b50;
const DIRECTORY_ENTRY = 0x02014b50;
const LOCAL_ENTRY = 0x04034b50;
/** The end record is 22 bytes, followed by a comment of at most 65,535. */
const MAX_END_BYTES = 22 + 0xffff;
const MAX_DIRECTORY_BYTES = 64 * 1024 * 1024;
const FILE_TYPE_MASK = 0o170000;
const SYMBOLIC_LINK = 0o120000;

/**
 * @typedef {object} ZipEntry
 * @property {string} name forward slashes; ends in a slash for folders
 * @property {number} mode Unix mode with file type bits, 0 when the archive has none
 * @property {number} method 0 stored, 8 deflated
 * @property {number} crc
 * @property {number} packedBytes
 * @property {number} bytes
 * @property {number} offset of the local header
 */

/**
 * Unpacks `archive` into `folder`.
 * @param {string} archive
 * @param {string} folder made when missing
 * @param {object} [options]
 * @param {(name: string) => string | null} [options.rename] new relative path of an entry, or null to leave it out
 * @param {(doneBytes: number, totalBytes: number) => void} [options.onProgress] packed bytes read so far
 * @returns {Promise<number>} how many files and links were written
 * @throws {Error} when the archive is damaged, encrypted, or names a path outside the folder
 */
export async function extractZip(archive, folder, options = {}) {
  const rename = options.rename ?? ((name) => name);
  const file = await open(archive, 'r');
  try {
    const entries = await readDirectory(file, archive);
    const wanted = entries.flatMap((entry) => {
      const target = rename(entry.name);
      return target === null ? [] : [{ entry, target: inside(folder, target, archive) }];
    });
    const totalBytes = wanted.reduce((sum, { entry }) => sum + entry.packedBytes, 0);
    let doneBytes = 0;
    let written = 0;
    await mkdir(folder, { recursive: true });
    for (const { entry, target } of wanted) {
      if (entry.name.endsWith('/')) {
        await mkdir(target, { recursive: true });
        continue;
      }
      await mkdir(path.dirname(target), { recursive: true });
      await writeEntry(file, entry, target, folder, archive);
      doneBytes += entry.packedBytes;
      written += 1;
      options.onProgress?.(doneBytes, totalBytes);
    }
    return written;
  } finally {
    await file.close();
  }
}

/**
 * @param {string} folder
 * @param {string} name
 * @param {string} archive
 */
function inside(folder, name, archive) {
  const root = path.resolve(folder);
  const target = path.resolve(root, name);
  if (target !== root && !target.startsWith(root + path.sep)) {
    throw new Error(`${archive} names a path outside its folder: ${JSON.stringify(name)}`);
  }
  return target;
}

/**
 * @param {import('node:fs/promises').FileHandle} file
 * @param {number} position
 * @param {number} length
 */
async function readAt(file, position, length) {
  const buffer = Buffer.alloc(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file.read(buffer, filled, length - filled, position + filled);
    if (bytesRead === 0) throw new Error('the archive ends too early');
    filled += bytesRead;
  }
  return buffer;
}

/**
 * @param {import('node:fs/promises').FileHandle} file
 * @param {string} archive
 * @returns {Promise<ZipEntry[]>}
 */
async function readDirectory(file, archive) {
  const { size } = await file.stat();
  const tailAt = Math.max(0, size - MAX_END_BYTES);
  const tail = await readAt(file, tailAt, size - tailAt);
  let end = tail.length - 22;
  while (end >= 0 && tail.readUInt32LE(end) !== END_OF_DIRECTORY) end -= 1;
  if (end < 0) throw new Error(`${archive} is not a zip archive, or it was cut off`);
  let entryCount = tail.readUInt16LE(end + 10);
  let directoryBytes = tail.readUInt32LE(end + 12);
  let directoryAt = tail.readUInt32LE(end + 16);
  const locator = end - 20;
  if (locator >= 0 && tail.readUInt32LE(locator) === ZIP64_LOCATOR) {
    const large = await readAt(file, Number(tail.readBigUInt64LE(locator + 8)), 56);
    if (large.readUInt32LE(0) !== ZIP64_END) throw new Error(`${archive} has a damaged directory`);
    entryCount = Number(large.readBigUInt64LE(32));
    directoryBytes = Number(large.readBigUInt64LE(40));
    directoryAt = Number(large.readBigUInt64LE(48));
  }
  if (directoryBytes > MAX_DIRECTORY_BYTES || directoryAt + directoryBytes > size) {
    throw new Error(`${archive} has a damaged directory`);
  }
  const directory = await readAt(file, directoryAt, directoryBytes);
  /** @type {ZipEntry[]} */
  const entries = [];
  let at = 0;
  for (let index = 0; index < entryCount; index += 1) {
    if (at + 46 > directory.length || directory.readUInt32LE(at) !== DIRECTORY_ENTRY) {
      throw new Error(`${archive} has a damaged directory`);
    }
    const nameBytes = directory.readUInt16LE(at + 28);
    const extraBytes = directory.readUInt16LE(at + 30);
    const commentBytes = directory.readUInt16LE(at + 32);
    entries.push(readEntry(directory, at, nameBytes, extraBytes, archive));
    at += 46 + nameBytes + extraBytes + commentBytes;
  }
  return entries;
}

/**
 * @param {Buffer} directory
 * @param {number} at
 * @param {number} nameBytes
 * @param {number} extraBytes
 * @param {string} archive
 * @returns {ZipEntry}
 */
function readEntry(directory, at, nameBytes, extraBytes, archive) {
  const name = directory.toString('utf8', at + 46, at + 46 + nameBytes);
  const entry = {
    name,
    mode: directory.readUInt32LE(at + 38) >>> 16,
    method: directory.readUInt16LE(at + 10),
    crc: directory.readUInt32LE(at + 16),
    packedBytes: directory.readUInt32LE(at + 20),
    bytes: directory.readUInt32LE(at + 24),
    offset: directory.readUInt32LE(at + 42),
  };
  if ((directory.readUInt16LE(at + 8) & 1) !== 0) throw new Error(`${archive} is encrypted: ${name}`);
  if (entry.method !== 0 && entry.method !== 8) {
    throw new Error(`${archive} packs ${name} with method ${entry.method}, which is not supported`);
  }
  // Numbers that do not fit 32 bits are written as all ones and moved to the extra field, in this order.
  let extra = at + 46 + nameBytes;
  const extraEnd = extra + extraBytes;
  while (extra + 4 <= extraEnd) {
    const kind = directory.readUInt16LE(extra);
    const length = directory.readUInt16LE(extra + 2);
    if (kind === 1) {
      let field = extra + 4;
      for (const key of /** @type {const} */ (['bytes', 'packedBytes', 'offset'])) {
        if (entry[key] !== 0xffffffff) continue;
        entry[key] = Number(directory.readBigUInt64LE(field));
        field += 8;
      }
    }
    extra += 4 + length;
  }
  return entry;
}

/**
 * @param {import('node:fs/promises').FileHandle} file
 * @param {ZipEntry} entry
 * @param {string} target
 * @param {string} folder
 * @param {string} archive
 */
async function writeEntry(file, entry, target, folder, archive) {
  const local = await readAt(file, entry.offset, 30);
  if (local.readUInt32LE(0) !== LOCAL_ENTRY) throw new Error(`${archive} is damaged at ${entry.name}`);
  const start = entry.offset + 30 + local.readUInt16LE(26) + local.readUInt16LE(28);
  /** @type {Readable} */
  let content =
    entry.packedBytes === 0
      ? Readable.from([])
      : createReadStream(archive, { start, end: start + entry.packedBytes - 1, highWaterMark: 1 << 20 });
  if (entry.method === 8) {
    const packed = content;
    const inflate = zlib.createInflateRaw({ chunkSize: 1 << 20 });
    packed.on('error', (error) => inflate.destroy(error));
    content = packed.pipe(inflate);
  }
  const checked = checkingStream(entry, archive);
  if ((entry.mode & FILE_TYPE_MASK) === SYMBOLIC_LINK) {
    /** @type {Buffer[]} */
    const chunks = [];
    await pipeline(content, checked, async (source) => {
      for await (const chunk of source) chunks.push(chunk);
    });
    const destination = Buffer.concat(chunks).toString('utf8');
    inside(folder, path.relative(folder, path.resolve(path.dirname(target), destination)), archive);
    await symlink(destination, target);
    return;
  }
  await pipeline(content, checked, createWriteStream(target, { flags: 'wx' }));
  if ((entry.mode & 0o777) !== 0) await chmod(target, entry.mode & 0o777);
}

/**
 * Passes bytes through and fails at the end when their count or CRC is not the one of the directory.
 * @param {ZipEntry} entry
 * @param {string} archive
 */
function checkingStream(entry, archive) {
  /** Node has it from 20.15 and 22.2 on; without it the byte count alone is checked. @type {unknown} */
  const candidate = Reflect.get(zlib, 'crc32');
  const crc32 =
    typeof candidate === 'function' ? /** @type {(data: Buffer, value: number) => number} */ (candidate) : null;
  let crc = 0;
  let bytes = 0;
  return new Transform({
    transform(chunk, _encoding, done) {
      bytes += chunk.length;
      if (crc32) crc = crc32(chunk, crc);
      done(null, chunk);
    },
    flush(done) {
      const intact = bytes === entry.bytes && (!crc32 || crc === entry.crc);
      done(intact ? null : new Error(`${archive} is damaged: ${entry.name} does not match its checksum`));
    },
  });
}
