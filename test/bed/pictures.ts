/**
 * Pictures of the bed for documents and demos.
 * The tray menu and the notification are drawn by programs that people really use, from what the app put on the bus (see
 * panel.ts); where they are not installed, no picture is taken and the answer says why. Nothing is painted by us.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { type Bus, call } from './bus';
import type { NotificationDaemon, ShownNotification } from './notifications';
import { missingForPictures, startNotificationStage, startPanel } from './panel';
import type { Program } from './processes';
import type { TrayItem, TrayMenuItem, TrayWatcher } from './tray';
import { until } from './until';

/** So many equal pictures in a row mean that the panel has put its icons in place; an early click gets the panel's own menu. */
const SETTLED_PICTURE_COUNT = 12;
/** Space around what is shown, in pixels. */
const MARGIN = 12;

export type PictureResult =
  | { readonly taken: true; readonly file: string; readonly drawnBy: string }
  | { readonly taken: false; readonly why: string };

export interface PicturePlace {
  readonly env: Record<string, string>;
  readonly bus: Bus;
  readonly tray: TrayWatcher;
  readonly notifications: NotificationDaemon;
  readonly screen: { readonly width: number; readonly height: number };
  /** Tells the bed to end the program with everything else. */
  readonly started: (program: Program) => Program;
}

interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export class Pictures {
  private panel: Promise<void> | null = null;

  constructor(private readonly place: PicturePlace) {}

  /** Everything on the display. */
  async desktop(file: string): Promise<void> {
    await mkdir(path.dirname(file), { recursive: true });
    await this.tool('scrot', ['-o', file]);
  }

  /**
   * The app's icon in a real panel with its real menu open.
   * @param open labels of the submenus to open on the way, from the top
   */
  async trayMenu(
    app: { readonly processId: number; tray(): Promise<TrayItem> },
    file: string,
    open: readonly string[] = [],
  ): Promise<PictureResult> {
    const missing = missingForPictures();
    if (missing) return { taken: false, why: missing };
    const item = await app.tray();
    const restore = await this.place.tray.showOnly(item.busName);
    try {
      this.panel ??= this.startPanel();
      await this.panel;
      const [panel] = await until('the panel', () => this.windows('^xfce4-panel$', 8));
      const icon = panel as Box;
      await this.shootWhenStill(file, [icon], SETTLED_PICTURE_COUNT);
      await this.tool('xdotool', ['mousemove', String(icon.x + icon.width / 2), String(icon.y + icon.height / 2)]);
      const menus = await until('the open menu', async () => {
        const shown = await this.menus();
        if (shown.length === 0) await this.tool('xdotool', ['click', '3']);
        return shown.length > 0 ? shown : until('the menu', () => this.menus(), 1_000).catch(() => null);
      });
      await this.openSubmenus(await item.menu(), open, menus.length);
      await this.shootWhenStill(file, [icon, ...(await this.menus())]);
      return { taken: true, file, drawnBy: 'xfce4-panel' };
    } finally {
      await this.tool('xdotool', ['key', ...Array<string>(open.length + 1).fill('Escape')]);
      restore();
    }
  }

  /** A notification as a real daemon shows it; the newest open one when none is named. */
  async notification(file: string, which?: ShownNotification): Promise<PictureResult> {
    const missing = missingForPictures();
    if (missing) return { taken: false, why: missing };
    const shown = which ?? this.place.notifications.open().at(-1);
    if (!shown) return { taken: false, why: 'no notification is shown' };
    const stage = await startNotificationStage(this.place.env);
    try {
      await call(stage.bus, {
        destination: 'org.freedesktop.Notifications',
        path: '/org/freedesktop/Notifications',
        interface: 'org.freedesktop.Notifications',
        member: 'Notify',
        signature: 'susssasa{sv}i',
        body: this.place.notifications.asSent(shown),
      });
      const boxes = await until('the notification', () => this.windows('^xfce4-notifyd$', 50));
      await this.shootWhenStill(file, boxes);
      return { taken: true, file, drawnBy: 'xfce4-notifyd' };
    } finally {
      await stage.stop();
    }
  }

  private async startPanel(): Promise<void> {
    for (const program of await startPanel(this.place.bus, this.place.env)) this.place.started(program);
  }

  /** Open menus of the panel; the panel's icons live in small windows of the same class. */
  private async menus(): Promise<readonly Box[]> {
    return (await this.windows('^wrapper-2.0$', 50)) ?? [];
  }

  /** Walks down with the keyboard, as the menu's own rules skip separators and greyed-out lines. */
  private async openSubmenus(items: readonly TrayMenuItem[], open: readonly string[], openCount: number) {
    const [label, ...rest] = open;
    if (label === undefined) return;
    const reachable = items.filter(({ kind, enabled, visible }) => kind !== 'separator' && enabled && visible);
    const index = reachable.findIndex((item) => item.label === label && item.kind === 'submenu');
    const found = reachable[index];
    if (!found) throw new Error(`The tray menu has no submenu "${label}" to open.`);
    // A submenu opens with its first line chosen, the menu itself with none.
    const steps = openCount === 1 ? index + 1 : index;
    await this.tool('xdotool', ['key', ...Array<string>(steps).fill('Down'), 'Right']);
    await until(`the submenu ${label}`, async () => (await this.menus()).length > openCount);
    await this.openSubmenus(found.children, rest, openCount + 1);
  }

  /** Visible windows of a class that are at least so wide; null when there is none. */
  private async windows(windowClass: string, minWidth: number): Promise<Box[] | null> {
    const found = await this.tool('xdotool', ['search', '--onlyvisible', '--class', windowClass]).catch(() => '');
    const ids = found.split('\n').filter((line) => /^\d+$/.test(line));
    const boxes = await Promise.all(
      ids.map(async (id) => {
        const text = await this.tool('xdotool', ['getwindowgeometry', '--shell', id]).catch(() => '');
        const read = (name: string) => Number(new RegExp(`^${name}=(-?\\d+)$`, 'm').exec(text)?.[1] ?? Number.NaN);
        return { x: read('X'), y: read('Y'), width: read('WIDTH'), height: read('HEIGHT') };
      }),
    );
    const real = boxes.filter(({ x, y, width }) => x >= 0 && y >= 0 && width >= minWidth);
    return real.length > 0 ? real : null;
  }

  /** Takes the picture again until some in a row are the same, so nothing is caught half drawn. */
  private async shootWhenStill(file: string, boxes: readonly Box[], equalCount = 2): Promise<void> {
    await mkdir(path.dirname(file), { recursive: true });
    const area = around(boxes, this.place.screen);
    let before = '';
    let equal = 0;
    await until('a still picture', async () => {
      await this.tool('scrot', ['-o', '-a', area, file]);
      const digest = createHash('sha256')
        .update(await readFile(file))
        .digest('hex');
      equal = digest === before ? equal + 1 : 1;
      before = digest;
      return equal >= equalCount;
    });
  }

  private tool(command: string, args: readonly string[]): Promise<string> {
    return runTool(command, args, this.place.env);
  }
}

/** The area that holds all boxes and a margin, as scrot wants it: x,y,width,height. */
function around(boxes: readonly Box[], screen: { readonly width: number; readonly height: number }): string {
  const left = Math.max(0, Math.min(...boxes.map(({ x }) => x)) - MARGIN);
  const top = Math.max(0, Math.min(...boxes.map(({ y }) => y)) - MARGIN);
  const right = Math.min(screen.width, Math.max(...boxes.map(({ x, width }) => x + width)) + MARGIN);
  const bottom = Math.min(screen.height, Math.max(...boxes.map(({ y, height }) => y + height)) + MARGIN);
  return [left, top, right - left, bottom - top].join(',');
}

/** Runs a small program to its end and gives its output. */
function runTool(command: string, args: readonly string[], env: Record<string, string>): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    const keep = (chunk: Buffer) => {
      output += chunk.toString('utf8');
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve(output);
      else reject(new Error(`${command} ${args.join(' ')}: ${output.trim()}`));
    });
  });
}
