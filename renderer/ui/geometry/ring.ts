/**
 * Geometry of the ring: 60 ticks that go out one after another, clockwise from the top.
 * Pure and free of imports, so that the consent page and the tray's pictures can draw the same ring.
 */
export const RING_TICKS = 60;
/** Below this size (CSS pixels) ticks run together; a plain arc is drawn. */
export const PLAIN_ARC_BELOW_PX = 30;

/** How many ticks are lit. One stays lit until the very end, so that an empty ring always means "over". */
export function litTicks(remainingMs: number, totalMs: number): number {
  if (!(remainingMs > 0) || !(totalMs > 0)) return 0;
  return Math.min(RING_TICKS, Math.max(1, Math.ceil((remainingMs / totalMs) * RING_TICKS)));
}

const round = (n: number): number => Math.round(n * 100) / 100;

function tick(index: number, center: number, outer: number, inner: number): string {
  const angle = (index / RING_TICKS) * 2 * Math.PI - Math.PI / 2;
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  return `M${round(center + outer * cos)} ${round(center + outer * sin)}L${round(center + inner * cos)} ${round(center + inner * sin)}`;
}

/** SVG path data of the lit and the dark ticks of a ring that is `sizePx` wide. */
export function ringPaths(lit: number, sizePx: number): { readonly lit: string; readonly dim: string } {
  const center = sizePx / 2;
  const outer = center - 3.5;
  const long = sizePx * 0.1;
  let litPath = '';
  let dimPath = '';
  for (let i = 0; i < RING_TICKS; i++) {
    if (i >= RING_TICKS - lit) litPath += tick(i, center, outer, outer - long);
    else dimPath += tick(i, center, outer, outer - long * 0.56);
  }
  return { lit: litPath, dim: dimPath };
}

/** Stroke dash of the plain arc: what is left, ending at the top. `fraction` is clamped to 0…1. */
export function arcOf(
  fraction: number,
  sizePx: number,
): { readonly radius: number; readonly dash: string; readonly turn: number } {
  const left = fraction > 0 ? Math.min(1, Math.max(0.06, fraction)) : 0;
  const radius = round((sizePx - 8) / 2);
  const around = 2 * Math.PI * radius;
  return { radius, dash: `${round(around * left)} ${round(around)}`, turn: round(-360 * left - 90) };
}
