/**
 * Shows the tray model with Electron's Tray.
 * Linux: an icon made while no watcher is on the bus never registers, so it is made anew whenever one appears; and without
 * any watcher there is no tray, which the rest of the app must know, or a hidden window could never be found again.
 */
import { Menu, type MenuItemConstructorOptions, type NativeImage, nativeImage, Tray } from 'electron';
import type { SessionBus } from '../lifecycle/session-bus';
import { drawAppIcon, drawIcon, encodePng } from './icon';
import type { TrayCommand, TrayIcon, TrayItem, TrayModel } from './model';

export const WATCHER = 'org.kde.StatusNotifierWatcher';
const BASE_PX = process.platform === 'linux' ? 22 : 16;

function picture(icon: TrayIcon): NativeImage {
  const look = process.platform === 'darwin' ? 'template' : 'coloured';
  const image = nativeImage.createEmpty();
  for (const scaleFactor of [1, 2]) {
    const size = BASE_PX * scaleFactor;
    image.addRepresentation({
      scaleFactor,
      width: size,
      height: size,
      buffer: encodePng(drawIcon(icon, size, look), size),
    });
  }
  if (look === 'template') image.setTemplateImage(true);
  return image;
}

/** For windows and the task bar. */
export const appIcon = (): NativeImage => nativeImage.createFromBuffer(encodePng(drawAppIcon(128), 128));

export interface TrayView {
  show(model: TrayModel): void;
  available(): boolean;
  onAvailability(listener: (state: 'present' | 'absent') => void): void;
  destroy(): void;
  /** Follows the desktop's watcher; without a bus there is none. */
  watch(bus: SessionBus | null): Promise<void>;
}

export function createTray(deps: { run: (command: TrayCommand) => void; onClick: () => void }): TrayView {
  let tray: Tray | null = null;
  let model: TrayModel | null = null;
  let drawn = { icon: '', tooltip: '', menu: '' };
  let present = process.platform !== 'linux';
  const pictures = new Map<TrayIcon, NativeImage>();
  const listeners = new Set<(state: 'present' | 'absent') => void>();

  const pictureOf = (icon: TrayIcon): NativeImage => {
    const made = pictures.get(icon) ?? picture(icon);
    pictures.set(icon, made);
    return made;
  };
  function remake(): void {
    if (tray !== null && !tray.isDestroyed()) tray.destroy();
    tray = null;
    drawn = { icon: '', tooltip: '', menu: '' };
    if (!present || model === null) return;
    tray = new Tray(pictureOf(model.icon));
    tray.on('click', deps.onClick);
    draw();
  }
  function draw(): void {
    if (model === null) return;
    if (tray === null || tray.isDestroyed()) {
      if (present) remake();
      return;
    }
    const next = { icon: model.icon, tooltip: model.tooltip, menu: JSON.stringify(model.items) };
    if (next.icon !== drawn.icon) tray.setImage(pictureOf(model.icon));
    if (next.tooltip !== drawn.tooltip) tray.setToolTip(model.tooltip);
    if (next.menu !== drawn.menu)
      tray.setContextMenu(Menu.buildFromTemplate(model.items.map((item) => template(item, deps.run))));
    drawn = next;
  }
  const setPresent = (now: boolean) => {
    const changed = now !== present;
    present = now;
    remake(); // a watcher that came back knows nothing of the old icon
    if (changed) for (const listener of listeners) listener(now ? 'present' : 'absent');
  };

  return {
    show(next) {
      model = next;
      draw();
    },
    available: () => present,
    onAvailability: (listener) => void listeners.add(listener),
    async watch(bus) {
      if (process.platform !== 'linux' || bus === null) return;
      let owner: string | null | undefined;
      await bus.watchOwner(WATCHER, (next) => {
        if (next === owner) return;
        owner = next;
        setPresent(next !== null);
      });
      bus.onLost(() => setPresent(false));
    },
    destroy() {
      if (tray !== null && !tray.isDestroyed()) tray.destroy();
      tray = null;
      model = null;
    },
  };
}

/** Labels are other people's text: `&` would mark an access key. */
const plainLabel = (label: string) => label.replaceAll('&', '&&');

function template(item: TrayItem, run: (command: TrayCommand) => void): MenuItemConstructorOptions {
  switch (item.kind) {
    case 'separator':
      return { type: 'separator' };
    case 'label':
      return { label: plainLabel(item.label), enabled: false };
    case 'action':
      return { label: plainLabel(item.label), click: () => run(item.command) };
    case 'menu':
      return { label: plainLabel(item.label), submenu: item.items.map((each) => template(each, run)) };
  }
}
