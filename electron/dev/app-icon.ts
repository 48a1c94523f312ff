/**
 * Draws the icons that a release carries, into package/: `npx tsx electron/dev/app-icon.ts`. The shapes are those of the
 * running app (electron/main/tray/icon.ts), so that package, window and notification show the same pass. Run it after
 * changing them; a test compares the files with the shapes.
 * Why all three forms: from a single picture electron-builder would make them with a tool that it downloads.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import process from 'node:process';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { drawAppIcon, encodePng } from '../main/tray/icon';

/** Sizes of icon themes on Linux. */
export const LINUX_SIZES_PX = [16, 24, 32, 48, 64, 128, 256, 512];
/** Windows takes 256 at most. */
const WINDOWS_SIZES_PX = [16, 24, 32, 48, 64, 128, 256];
/** Types of macOS icons that hold a PNG, with their size in pixels. */
const MAC_TYPES = { ic07: 128, ic08: 256, ic09: 512, ic10: 1024, ic11: 32, ic12: 64, ic13: 256, ic14: 512 };

type Png = (sizePx: number) => Buffer;

/** https://learn.microsoft.com/en-us/previous-versions/ms997538(v=msdn.10), with PNG pictures, as Windows reads them since Vista. */
function windowsIcon(png: Png): Buffer {
  const pictures = WINDOWS_SIZES_PX.map((sizePx) => ({ sizePx, bytes: png(sizePx) }));
  const header = Buffer.alloc(6 + 16 * pictures.length);
  header.writeUInt16LE(1, 2); // an icon, not a cursor
  header.writeUInt16LE(pictures.length, 4);
  let offset = header.length;
  pictures.forEach(({ sizePx, bytes }, index) => {
    const at = 6 + 16 * index;
    header.set([sizePx % 256, sizePx % 256], at); // 0 stands for 256
    header.writeUInt16LE(1, at + 4); // colour planes
    header.writeUInt16LE(32, at + 6); // bits a pixel
    header.writeUInt32LE(bytes.length, at + 8);
    header.writeUInt32LE(offset, at + 12);
    offset += bytes.length;
  });
  return Buffer.concat([header, ...pictures.map(({ bytes }) => bytes)]);
}

function macIcon(png: Png): Buffer {
  const framed = (type: string, body: Buffer) => {
    const head = Buffer.alloc(8);
    head.write(type, 'latin1');
    head.writeUInt32BE(body.length + 8, 4);
    return Buffer.concat([head, body]);
  };
  return framed('icns', Buffer.concat(Object.entries(MAC_TYPES).map(([type, sizePx]) => framed(type, png(sizePx)))));
}

/** Every file of package/, by its path there. */
export function iconFiles(): Map<string, Buffer> {
  const drawn = new Map<number, Buffer>();
  const png: Png = (sizePx) => {
    const made = drawn.get(sizePx) ?? encodePng(drawAppIcon(sizePx), sizePx);
    drawn.set(sizePx, made);
    return made;
  };
  return new Map([
    ...LINUX_SIZES_PX.map((sizePx) => [`icons/${sizePx}x${sizePx}.png`, png(sizePx)] as const),
    ['icon.ico', windowsIcon(png)],
    ['icon.icns', macIcon(png)],
  ]);
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const folder = fileURLToPath(new URL('package/', import.meta.url));
  mkdirSync(`${folder}icons`, { recursive: true });
  for (const [name, bytes] of iconFiles()) writeFileSync(`${folder}${name}`, bytes);
}
