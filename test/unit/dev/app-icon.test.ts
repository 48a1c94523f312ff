import { readFileSync } from 'node:fs';
import { inflateSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { iconFiles } from '../../../electron/dev/app-icon';
import { drawAppIcon } from '../../../electron/main/tray/icon';

const PACKAGE = new URL('../../../electron/dev/package/', import.meta.url);

/** The pixels of a picture as `encodePng` writes it: zlib may pack the same rows differently elsewhere. */
function pixelsOf(png: Buffer): Buffer {
  for (let at = 8; at < png.length; at += png.readUInt32BE(at) + 12)
    if (png.toString('latin1', at + 4, at + 8) === 'IDAT')
      return inflateSync(png.subarray(at + 8, at + 8 + png.readUInt32BE(at)));
  throw new Error('no pixels');
}
/** Every picture inside a file of any of the three forms. */
function picturesIn(file: Buffer): Buffer[] {
  const found: Buffer[] = [];
  for (let at = file.indexOf('\x89PNG', 0, 'latin1'); at >= 0; ) {
    const end = file.indexOf('IEND', at, 'latin1') + 8;
    found.push(file.subarray(at, end));
    at = file.indexOf('\x89PNG', end, 'latin1');
  }
  return found;
}

test('the package carries the very icons that the app draws', () => {
  for (const [name, drawn] of iconFiles()) {
    const carried = picturesIn(readFileSync(new URL(name, PACKAGE))).map(pixelsOf);
    const expected = picturesIn(drawn).map(pixelsOf);
    expect(carried.length, name).toBeGreaterThan(0);
    const same = carried.length === expected.length && carried.every((each, i) => each.equals(expected[i] as Buffer));
    expect(same, `${name}: run \`npx tsx electron/dev/app-icon.ts\``).toBe(true);
  }
});

test('Windows and macOS find every size at the place that the file names', () => {
  const windows = readFileSync(new URL('icon.ico', PACKAGE));
  for (let i = 0; i < windows.readUInt16LE(4); i++) {
    const at = 6 + 16 * i;
    const png = windows.subarray(
      windows.readUInt32LE(at + 12),
      windows.readUInt32LE(at + 12) + windows.readUInt32LE(at + 8),
    );
    expect(png.readUInt32BE(16)).toBe(windows[at] || 256);
  }
  const mac = readFileSync(new URL('icon.icns', PACKAGE));
  expect(mac.readUInt32BE(4)).toBe(mac.length);
  expect(picturesIn(mac).map((png) => png.readUInt32BE(16))).toContain(1024);
});

test('its corners are clear and its ticket is paper on stamped green', () => {
  const pixels = drawAppIcon(64);
  const at = (x: number, y: number) => [...pixels.subarray((y * 64 + x) * 4, (y * 64 + x) * 4 + 4)];
  expect(at(0, 0)[3]).toBe(0);
  expect(at(32, 6)).toEqual([28, 91, 62, 255]);
  expect(at(20, 34)).toEqual([252, 250, 245, 255]);
});
