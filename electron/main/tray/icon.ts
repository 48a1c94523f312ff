/**
 * The tray icons, drawn from shapes: a pass with its stub. Idle is an outline, waiting has a dot, active is filled,
 * ending soon has its stub torn off; so no state rests on colour alone. Middle tones, legible on light and on dark panels
 * (3:1 against both). Pure: shapes in, PNG bytes out, so there are no picture files to keep in step.
 */
import { deflateSync } from 'node:zlib';
import type { TrayIcon } from './model';

type Rgb = readonly [number, number, number];
/** Negative inside, positive outside, in units of the 16×16 drawing. */
type Shape = (x: number, y: number) => number;
interface Layer {
  readonly shape: Shape;
  readonly colour: Rgb;
}

const GREY: Rgb = [128, 125, 118];
const GREEN: Rgb = [46, 150, 98];
const AMBER: Rgb = [205, 124, 24];
const RED: Rgb = [214, 82, 52];
const BLACK: Rgb = [0, 0, 0];

const rect =
  (x0: number, y0: number, x1: number, y1: number): Shape =>
  (x, y) =>
    Math.max(x0 - x, x - x1, y0 - y, y - y1);
const rounded =
  (x0: number, y0: number, x1: number, y1: number, radius: number): Shape =>
  (x, y) => {
    const [dx, dy] = [Math.max(x0 + radius - x, x - x1 + radius, 0), Math.max(y0 + radius - y, y - y1 + radius, 0)];
    return dx > 0 && dy > 0 ? Math.hypot(dx, dy) - radius : rect(x0, y0, x1, y1)(x, y);
  };
const circle =
  (cx: number, cy: number, radius: number): Shape =>
  (x, y) =>
    Math.hypot(x - cx, y - cy) - radius;
const minus =
  (shape: Shape, ...holes: readonly Shape[]): Shape =>
  (x, y) =>
    Math.max(shape(x, y), ...holes.map((hole) => -hole(x, y)));
const either =
  (...shapes: readonly Shape[]): Shape =>
  (x, y) =>
    Math.min(...shapes.map((shape) => shape(x, y)));
const outline =
  (shape: Shape, width: number): Shape =>
  (x, y) =>
    Math.abs(shape(x, y)) - width / 2;
const turned = (shape: Shape, degrees: number, cx: number, cy: number): Shape => {
  const [sin, cos] = [Math.sin((-degrees * Math.PI) / 180), Math.cos((-degrees * Math.PI) / 180)];
  return (x, y) => shape(cx + (x - cx) * cos - (y - cy) * sin, cy + (x - cx) * sin + (y - cy) * cos);
};

const ticket = minus(rect(1, 3.7, 15, 12.3), circle(9.6, 3.7, 1.3), circle(9.6, 12.3, 1.3));
const dashes = either(rect(9, 6.4, 10.2, 7.6), rect(9, 8.6, 10.2, 9.8));
const emptyPass = either(outline(ticket, 1.4), dashes);
const fullPass = minus(rect(0.4, 3, 15.6, 13), circle(9.6, 3, 1.4), circle(9.6, 13, 1.4), dashes);
const dot = circle(12.5, 3.7, 3.1);
const tornPass = rect(0.4, 3, 8.6, 13);
const stub = turned(outline(rect(11.2, 3.7, 14.4, 12.3), 1.3), 12, 12.8, 8);

const LAYERS: Record<TrayIcon, readonly Layer[]> = {
  idle: [{ shape: emptyPass, colour: GREY }],
  waiting: [
    { shape: minus(emptyPass, circle(12.5, 3.7, 4.2)), colour: GREY },
    { shape: dot, colour: AMBER },
  ],
  active: [{ shape: fullPass, colour: GREEN }],
  ending: [
    { shape: tornPass, colour: RED },
    { shape: stub, colour: RED },
  ],
};

const SAMPLES = 4;

/** RGBA pixels, straight alpha. `template` is black, for macOS to tint. */
export function drawIcon(icon: TrayIcon, sizePx: number, look: 'coloured' | 'template' = 'coloured'): Buffer {
  const pixels = Buffer.alloc(sizePx * sizePx * 4);
  for (let row = 0; row < sizePx; row++)
    for (let column = 0; column < sizePx; column++) {
      for (const layer of LAYERS[icon]) {
        const alpha = coverage(layer.shape, column, row, sizePx);
        if (alpha === 0) continue;
        const at = (row * sizePx + column) * 4;
        if (alpha * 255 <= (pixels[at + 3] ?? 0)) continue;
        const [red, green, blue] = look === 'template' ? BLACK : layer.colour;
        pixels.set([red, green, blue, Math.round(alpha * 255)], at);
      }
    }
  return pixels;
}

function coverage(shape: Shape, column: number, row: number, sizePx: number): number {
  // No shape grows faster than one unit a unit, so far from an edge one look is as good as sixteen.
  const pixel = 16 / sizePx;
  const middle = shape((column + 0.5) * pixel, (row + 0.5) * pixel);
  if (Math.abs(middle) > pixel * Math.SQRT1_2) return middle <= 0 ? 1 : 0;
  let inside = 0;
  for (let i = 0; i < SAMPLES; i++)
    for (let j = 0; j < SAMPLES; j++) {
      const x = ((column + (i + 0.5) / SAMPLES) / sizePx) * 16;
      const y = ((row + (j + 0.5) / SAMPLES) / sizePx) * 16;
      if (shape(x, y) <= 0) inside += 1;
    }
  return inside / (SAMPLES * SAMPLES);
}

/** The app icon: the pass on stamped green. RGBA, straight alpha. */
export function drawAppIcon(sizePx: number): Buffer {
  const field = rounded(0.5, 0.5, 15.5, 15.5, 3.4);
  const pass = turned(
    minus(
      rounded(2.2, 4.2, 13.8, 11.8, 0.4),
      circle(9.45, 4.2, 1.15),
      circle(9.45, 11.8, 1.15),
      rect(8.95, 6.2, 9.95, 7.4),
      rect(8.95, 8.6, 9.95, 9.8),
    ),
    -9,
    8,
    8,
  );
  const pixels = Buffer.alloc(sizePx * sizePx * 4);
  for (let row = 0; row < sizePx; row++)
    for (let column = 0; column < sizePx; column++) {
      const [back, front] = [coverage(field, column, row, sizePx), coverage(pass, column, row, sizePx)];
      const mix = (paper: number, green: number) => Math.round(paper * front + green * (1 - front));
      pixels.set([mix(252, 28), mix(250, 91), mix(245, 62), Math.round(back * 255)], (row * sizePx + column) * 4);
    }
  return pixels;
}
/** RGBA pixels as a PNG file. */
export function encodePng(rgba: Buffer, sizePx: number): Buffer {
  const rows = Buffer.alloc(sizePx * (sizePx * 4 + 1));
  for (let row = 0; row < sizePx; row++)
    rgba.copy(rows, row * (sizePx * 4 + 1) + 1, row * sizePx * 4, (row + 1) * sizePx * 4);
  const header = Buffer.alloc(13);
  header.writeUInt32BE(sizePx, 0);
  header.writeUInt32BE(sizePx, 4);
  header.set([8, 6, 0, 0, 0], 8); // 8 bits, RGBA, deflate, no filter type, no interlace
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(rows, { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function chunk(name: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(name, 'latin1'), data]);
  const framed = Buffer.alloc(body.length + 8);
  framed.writeUInt32BE(data.length, 0);
  body.copy(framed, 4);
  framed.writeUInt32BE(crc32(body), body.length + 4);
  return framed;
}
/** CRC-32 as PNG wants it (Node 20.18 has none in zlib). */
function crc32(bytes: Buffer): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}
