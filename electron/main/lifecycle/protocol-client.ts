/**
 * Registers `hallpass://`. A package's installer does it with its own .desktop file; run from source on Linux we write
 * one into the user's applications folder, because xdg-settings (what Electron calls) answers wrongly on several desktops.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { app } from 'electron';
import { desktopEntryText } from './desktop-entry';
import type { Log } from './log';

/** The command that starts this very app again, without any link. */
export function selfCommand(): string[] {
  const sandboxSwitch = process.argv.includes('--no-sandbox') ? ['--no-sandbox'] : [];
  return app.isPackaged ? [process.execPath, ...sandboxSwitch] : [process.execPath, ...sandboxSwitch, app.getAppPath()];
}

export function registerProtocolClient(log: Log): void {
  if (process.platform !== 'linux' || app.isPackaged) {
    if (!app.isPackaged) app.setAsDefaultProtocolClient('hallpass', process.execPath, [app.getAppPath()]);
    else if (process.platform !== 'linux') app.setAsDefaultProtocolClient('hallpass');
    return;
  }
  const folder = join(process.env.XDG_DATA_HOME ?? join(homedir(), '.local', 'share'), 'applications');
  const file = join(folder, 'hallpass.desktop');
  const text = desktopEntryText({
    name: 'Hallpass',
    command: selfCommand(),
    linkCode: '%u',
    mimeType: 'x-scheme-handler/hallpass',
    hidden: 'NoDisplay',
    keys: { StartupWMClass: 'hallpass' },
  });
  try {
    if (existsSync(file) && readFileSync(file, 'utf8') === text) return;
    mkdirSync(folder, { recursive: true });
    writeFileSync(file, text, { mode: 0o644 });
    const refresh = spawn('update-desktop-database', [folder], { stdio: 'ignore' });
    refresh.on('error', () => log('info', 'update-desktop-database is not installed; links may need a new log-in'));
    refresh.unref();
  } catch (cause) {
    log('warn', 'hallpass:// links could not be registered', { cause });
  }
}
