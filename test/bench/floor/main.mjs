/**
 * The floor: the least an Electron app can be, one window with a data: URL, or (`--no-window`) none at all. What our own app
 * costs above this is ours; the rest is Electron's.
 */
import process from 'node:process';
import { app, BrowserWindow } from 'electron';

/** @param {string} what */
const say = (what) => process.stdout.write(`${what} ${Date.now()}\n`);

void app.whenReady().then(() => {
  if (process.argv.includes('--no-window')) return say('ready');
  const window = new BrowserWindow({ show: false, width: 1280, height: 800, webPreferences: { sandbox: true } });
  window.once('ready-to-show', () => {
    window.show();
    say('ready-to-show');
  });
  void window.loadURL('data:text/html,<title>floor</title><h1>floor</h1>');
});
app.on('window-all-closed', () => app.quit());
