/** Opens the palette from anywhere in the window, without knowing the shell. */
const listeners = new Set<() => void>();
export const openPalette = (): void => {
  for (const listener of listeners) listener();
};
export const onOpenPalette = (listener: () => void): (() => void) => {
  listeners.add(listener);
  return () => void listeners.delete(listener);
};
