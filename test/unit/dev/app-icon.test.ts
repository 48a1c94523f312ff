import { readFileSync } from 'node:fs';
import { inflateSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { drawAppIcon } from '../../../electron/main/tray/icon';

const SIZE_PX = 1024;

/** The rows of an unfiltered RGBA file as `encodePng` writes them, and its side. */
function decodePng(file: Buffer): { sizePx: number; rows: Buffer } {
  let rows = Buffer.alloc(0);
  for (let at = 8; at < file.length; ) {
    const length = file.readUInt32BE(at);
    if (file.toString('latin1', at + 4, at + 8) === 'IDAT') rows = inflateSync(file.subarray(at + 8, at + 8 + length));
    at += length + 12;
  }
  return { sizePx: file.readUInt32BE(16), rows };
}

test('the package carries the very icon that the app draws, in the size macOS wants', () => {
  const file = readFileSync(new URL('../../../electron/dev/package/icon.png', import.meta.url));
  const { sizePx, rows } = decodePng(file);
  expect(sizePx).toBe(SIZE_PX);
  const drawn = drawAppIcon(SIZE_PX);
  const rowBytes = SIZE_PX * 4;
  const differing = Array.from({ length: SIZE_PX }, (_, row) => row).filter(
    (row) =>
      !rows
        .subarray(row * (rowBytes + 1) + 1, (row + 1) * (rowBytes + 1))
        .equals(drawn.subarray(row * rowBytes, (row + 1) * rowBytes)),
  );
  expect(differing, 'rows that differ: run `npx tsx electron/dev/app-icon.ts`').toEqual([]);
});

test('its corners are clear and its ticket is paper on stamped green', () => {
  const pixels = drawAppIcon(64);
  const at = (x: number, y: number) => [...pixels.subarray((y * 64 + x) * 4, (y * 64 + x) * 4 + 4)];
  expect(at(0, 0)[3]).toBe(0);
  expect(at(32, 6)).toEqual([28, 91, 62, 255]);
  expect(at(20, 34)).toEqual([252, 250, 245, 255]);
});
