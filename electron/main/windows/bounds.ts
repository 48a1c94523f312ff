/** Where the main window stands. Pure: saved bounds are trusted only as far as a present display shows them. */
export interface Rect {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}
export const MIN_WINDOW = { width: 720, height: 520 } as const;
export const DEFAULT_WINDOW = { width: 1280, height: 800 } as const;
/** This much of the title bar must be on a display, or nobody could grab the window. */
const MIN_VISIBLE_PX = 64;

/** Bounds to open with: the saved ones if a display still shows them, fitted; else a default size, centred by the system. */
export function openingBounds(
  saved: Rect | null,
  displays: readonly Rect[],
): Partial<Rect> & { width: number; height: number } {
  const home = displays[0] ?? { x: 0, y: 0, ...DEFAULT_WINDOW };
  if (saved === null) return fitted(DEFAULT_WINDOW, home);
  const on = displays.find(
    (display) =>
      saved.x + MIN_VISIBLE_PX <= display.x + display.width &&
      saved.x + saved.width - MIN_VISIBLE_PX >= display.x &&
      saved.y >= display.y &&
      saved.y + MIN_VISIBLE_PX <= display.y + display.height,
  );
  if (on === undefined) return fitted(saved, home);
  return { x: saved.x, y: saved.y, ...fitted(saved, on) };
}

const fitted = (wanted: { width: number; height: number }, display: Rect) => ({
  width: Math.max(MIN_WINDOW.width, Math.min(wanted.width, display.width)),
  height: Math.max(MIN_WINDOW.height, Math.min(wanted.height, display.height)),
});

/** The rectangle for the consent view, kept inside the window's content. */
export function placeInside(wanted: Rect, content: { width: number; height: number }): Rect {
  const x = Math.min(Math.max(0, wanted.x), content.width);
  const y = Math.min(Math.max(0, wanted.y), content.height);
  return {
    x,
    y,
    width: Math.min(wanted.width, content.width - x),
    height: Math.min(wanted.height, content.height - y),
  };
}

/** A card smaller than this can't be read, and a cut-out of it could show a button without what it decides. */
export const MIN_READABLE_CARD = { width: 280, height: 240 } as const;
export const isReadable = (card: Rect): boolean =>
  card.width >= MIN_READABLE_CARD.width && card.height >= MIN_READABLE_CARD.height;
export const sameRect = (a: Rect, b: Rect): boolean =>
  a.x === b.x && a.y === b.y && a.width === b.width && a.height === b.height;
