/** Opening at log-in. On Linux Electron's call does nothing, so we keep our own file in ~/.config/autostart. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { app } from 'electron';
import { desktopEntryText } from './desktop-entry';
import type { Log } from './log';
import { selfCommand } from './protocol-client';

/** The switch with which log-in starts us: tray only, no window. */
export const HIDDEN_SWITCH = '--hidden';

export function applyAutostart(setting: { readonly openAtLogin: boolean }, log: Log): void {
  if (process.platform !== 'linux') {
    app.setLoginItemSettings({ openAtLogin: setting.openAtLogin, args: [HIDDEN_SWITCH] });
    return;
  }
  const folder = join(process.env.XDG_CONFIG_HOME ?? join(homedir(), '.config'), 'autostart');
  const file = join(folder, 'hallpass.desktop');
  try {
    if (!setting.openAtLogin) {
      rmSync(file, { force: true });
      return;
    }
    mkdirSync(folder, { recursive: true });
    const keys = { 'X-GNOME-Autostart-enabled': 'true' };
    writeFileSync(file, desktopEntryText({ name: 'Hallpass', command: [...selfCommand(), HIDDEN_SWITCH], keys }));
  } catch (cause) {
    log('warn', 'opening at log-in could not be changed', { cause });
  }
}
