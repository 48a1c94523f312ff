/** The door of this room: the injector, and its usual parts on this machine. */
import { randomBytes } from 'node:crypto';
import { homedir } from 'node:os';
import { isProcessAlive } from '../lifecycle/system';
import { systemBootClock } from './boot-clock';
import { nodeFiles } from './files';
import { systemKeeper } from './keeper';
import { systemLoginShell } from './login-shell';
import type { DesktopInjectorOptions, InjectorDeps } from './types';

export { InjectionError } from './errors';
export { createInjector } from './injector';
export type * from './types';

/** Real files, clocks, login shell and keepers. */
export function desktopInjectorDeps(options: DesktopInjectorOptions): InjectorDeps {
  const env = options.env ?? process.env;
  return {
    ...options,
    homeDir: options.homeDir ?? homedir(),
    platform: process.platform,
    env,
    files: nodeFiles(),
    now: () => Date.now(),
    bootClock: systemBootClock(),
    random: { bytes: (count) => new Uint8Array(randomBytes(count)) },
    loginShell: systemLoginShell({ env }),
    keeper: systemKeeper(options.sweepCommand),
    after: (lengthMs, callback) => {
      const timer = setTimeout(callback, lengthMs);
      return () => clearTimeout(timer);
    },
    pause: (lengthMs) => new Promise((done) => setTimeout(done, lengthMs)),
    processId: process.pid,
    isAlive: isProcessAlive,
  };
}
