import { mkdtemp, readFile, readlink, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { crc32, deflateRawSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { checkDigest } from '../../../electron/dev/electron-runtime.mjs';
import { extractZip } from '../../../electron/dev/zip.mjs';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'zip-'));
});
afterEach(() => rm(folder, { recursive: true }));

interface Entry {
  readonly name: string;
  readonly content: string;
  readonly mode?: number;
  readonly packing?: 'stored' | 'deflated';
  /** Written instead of the true one. */
  readonly crc?: number;
  readonly flags?: number;
}

/** A zip archive as the format says, written by hand so that it can also be wrong. */
function zipOf(entries: readonly Entry[]): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const entry of entries) {
    const raw = Buffer.from(entry.content);
    const packed = entry.packing === 'stored' ? raw : deflateRawSync(raw);
    const name = Buffer.from(entry.name);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(entry.flags ?? 0, 2);
    common.writeUInt16LE(entry.packing === 'stored' ? 0 : 8, 4);
    common.writeUInt32LE(entry.crc ?? crc32(raw), 10);
    common.writeUInt32LE(packed.length, 14);
    common.writeUInt32LE(raw.length, 18);
    common.writeUInt16LE(name.length, 22);
    const local = Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), common, name, packed]);
    const after = Buffer.alloc(14);
    after.writeUInt32LE(((entry.mode ?? 0o100644) << 16) >>> 0, 6);
    after.writeUInt32LE(offset, 10);
    directory.push(Buffer.concat([Buffer.from('PK\x01\x02\x14\x03', 'latin1'), common, after, name]));
    parts.push(local);
    offset += local.length;
  }
  const listing = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(listing.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, listing, end]);
}

async function unpack(entries: readonly Entry[], rename?: (name: string) => string | null): Promise<string> {
  const archive = path.join(folder, 'a.zip');
  await writeFile(archive, zipOf(entries));
  const out = path.join(folder, 'out');
  await extractZip(archive, out, rename ? { rename } : {});
  return out;
}

describe('an archive is unpacked', () => {
  test('with its folders, contents, modes and links', async () => {
    const out = await unpack([
      { name: 'app/', content: '', packing: 'stored', mode: 0o40755 },
      { name: 'app/run', content: 'x'.repeat(100_000), mode: 0o100755 },
      { name: 'app/plain', content: 'stored text', packing: 'stored' },
      { name: 'app/empty', content: '', packing: 'stored' },
      { name: 'app/link', content: 'plain', mode: 0o120777 },
    ]);
    expect((await readFile(path.join(out, 'app/run'), 'utf8')).length).toBe(100_000);
    expect((await stat(path.join(out, 'app/run'))).mode & 0o777).toBe(0o755);
    expect(await readFile(path.join(out, 'app/plain'), 'utf8')).toBe('stored text');
    expect(await readFile(path.join(out, 'app/empty'), 'utf8')).toBe('');
    expect(await readlink(path.join(out, 'app/link'))).toBe('plain');
  });

  test('without what the caller leaves out, under the names it gives', async () => {
    const rename = (name: string) => (name.startsWith('Other/') ? name.replace('Other/', '') : null);
    const out = await unpack(
      [
        { name: 'Other/a', content: 'a' },
        { name: 'secret', content: 'b' },
      ],
      rename,
    );
    expect(await readFile(path.join(out, 'a'), 'utf8')).toBe('a');
    await expect(stat(path.join(out, 'secret'))).rejects.toThrow('ENOENT');
  });
});

describe('an archive is refused', () => {
  test('when it names a path outside the folder', async () => {
    await expect(unpack([{ name: '../evil', content: 'x' }])).rejects.toThrow('outside');
    await expect(stat(path.join(folder, 'evil'))).rejects.toThrow('ENOENT');
  });

  test('when a link points outside the folder', async () => {
    await expect(unpack([{ name: 'link', content: '../../etc', mode: 0o120777 }])).rejects.toThrow('outside');
  });

  test('when a content does not match its checksum', async () => {
    await expect(unpack([{ name: 'a', content: 'true', crc: 1 }])).rejects.toThrow('does not match its checksum');
  });

  test('when it is encrypted', async () => {
    await expect(unpack([{ name: 'a', content: 'x', flags: 1 }])).rejects.toThrow('encrypted');
  });

  test('when it is cut off', async () => {
    const archive = path.join(folder, 'cut.zip');
    const whole = zipOf([{ name: 'a', content: 'x'.repeat(1000) }]);
    await writeFile(archive, whole.subarray(0, whole.length - 30));
    await expect(extractZip(archive, path.join(folder, 'out'))).rejects.toThrow('not a zip archive');
  });
});

test('a download that is not the expected file is refused with both digests named', async () => {
  const file = path.join(folder, 'download');
  await writeFile(file, 'something else');
  await expect(checkDigest(file, 'sha256', '00', 'hex')).rejects.toThrow(/expected 00.*not used/);
});
