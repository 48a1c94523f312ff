/** The main window as the rest of the shell knows it: it may not exist yet, be hidden, or be gone, and is made again on demand. */
import type { BrowserWindow } from 'electron';
import type { z } from 'zod';
import { type EventChannel, IPC_EVENT } from '../../../shared/contract/ipc';
import type { Log } from '../lifecycle/log';
import { bringForward } from '../windows/main-window';

const LONGEST_ROUTE = 200;

export interface WindowHost {
  current(): BrowserWindow | null;
  /** Makes or finds the window; resolves once it can be shown. */
  ensure(): Promise<BrowserWindow>;
  show(): void;
  /** Shows the window at a route. */
  open(to: string): void;
  /** Tells the page; nothing happens without one. What its screen does not listen to yet waits in the preload script. */
  send<C extends EventChannel>(channel: C, payload: z.input<(typeof IPC_EVENT)[C]>): void;
}

export function createWindowHost(deps: {
  make: () => BrowserWindow;
  onMade: (window: BrowserWindow) => void;
  log: Log;
}): WindowHost {
  let window: BrowserWindow | null = null;
  let opening: Promise<BrowserWindow> | null = null;
  const current = () => (window === null || window.isDestroyed() ? null : window);

  function ensure(): Promise<BrowserWindow> {
    if (current() !== null && opening !== null) return opening;
    const made = deps.make();
    window = made;
    deps.onMade(made);
    opening = new Promise((resolve) => {
      const done = () => {
        if (!made.isDestroyed() && !made.isVisible()) made.show();
        deps.log('info', 'the window can be shown');
        resolve(made);
      };
      made.once('ready-to-show', done);
      made.webContents.once('did-fail-load', done);
    });
    return opening;
  }
  function show(): void {
    const known = current();
    if (known === null) void ensure();
    else bringForward(known);
  }
  function send<C extends EventChannel>(channel: C, payload: z.input<(typeof IPC_EVENT)[C]>): void {
    current()?.webContents.send('hallpass:event', channel, IPC_EVENT[channel].parse(payload));
  }
  return {
    current,
    ensure,
    show,
    open(to) {
      show();
      if (to !== '/') void ensure().then(() => send('navigate', { to: to.slice(0, LONGEST_ROUTE) }));
    },
    send,
  };
}
