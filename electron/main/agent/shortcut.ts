/** The shortcut that opens the palette from anywhere. It may belong to another program; then the tray is the way. */
import { globalShortcut } from 'electron';
import type { Log } from '../lifecycle/log';

export interface PaletteShortcut {
  /** Takes this shortcut instead of the present one; the empty text takes none. */
  bind(wanted: string): void;
  /** The one that works now. */
  bound(): string | null;
  release(): void;
}

export function createPaletteShortcut(deps: { press: () => void; log: Log }): PaletteShortcut {
  let bound: string | null = null;
  return {
    bound: () => bound,
    bind(wanted) {
      if (wanted === bound) return;
      if (bound !== null) globalShortcut.unregister(bound);
      bound = null;
      if (wanted === '') return;
      try {
        if (globalShortcut.register(wanted, deps.press)) bound = wanted;
        else deps.log('info', 'the shortcut for the palette belongs to somebody else', { wanted });
      } catch (cause) {
        deps.log('warn', 'that shortcut can’t be used', { wanted, cause });
      }
    },
    release: () => globalShortcut.unregisterAll(),
  };
}
