/** The window people keep open. It shows app://hallpass and nothing else; everything it knows it asks over IPC or its own origin. */
import { BrowserWindow, nativeTheme, screen } from 'electron';
import type { SettingsStore } from '../lifecycle/settings';
import { MIN_WINDOW, openingBounds } from './bounds';

/** Preferences of every page of ours. A test reads them back from a running window. */
export const SAFE_PREFERENCES = {
  sandbox: true,
  contextIsolation: true,
  nodeIntegration: false,
  nodeIntegrationInWorker: false,
  nodeIntegrationInSubFrames: false,
  webSecurity: true,
  allowRunningInsecureContent: false,
  webviewTag: false,
  navigateOnDragDrop: false,
  spellcheck: false,
} as const;

/** Paper and ink, so that nothing flashes before the page has drawn. */
export const backgroundOf = (theme: 'light' | 'dark') => (theme === 'dark' ? '#171512' : '#f6f3ec');
export const currentTheme = (): 'light' | 'dark' => (nativeTheme.shouldUseDarkColors ? 'dark' : 'light');

/**
 * The window with nothing of this desktop's settings yet: its process starts and asks for the page, which whoever answers
 * `app:` may hold back until the rest is there.
 */
export function bareMainWindow(preload: string): BrowserWindow {
  const window = new BrowserWindow({
    ...{ width: MIN_WINDOW.width, height: MIN_WINDOW.height },
    minWidth: MIN_WINDOW.width,
    minHeight: MIN_WINDOW.height,
    show: false,
    title: 'Hallpass',
    autoHideMenuBar: true,
    webPreferences: { ...SAFE_PREFERENCES, preload, backgroundThrottling: true },
  });
  window.removeMenu();
  void window.loadURL('app://hallpass/').catch(() => undefined); // an aborted load is retried by whoever shows the window
  return window;
}

/** Gives it the theme and the place that were chosen; before it is shown. */
export function furnishMainWindow(window: BrowserWindow, settings: SettingsStore): BrowserWindow {
  nativeTheme.themeSource = settings.get().theme;
  window.setBackgroundColor(backgroundOf(currentTheme()));
  const bounds = openingBounds(
    settings.get().windowBounds,
    screen.getAllDisplays().map((display) => display.workArea),
  );
  window.setBounds(bounds);
  if (bounds.x === undefined) window.center();
  rememberBounds(window, settings);
  return window;
}

function rememberBounds(window: BrowserWindow, settings: SettingsStore): void {
  let timer: NodeJS.Timeout | undefined;
  const save = () => {
    clearTimeout(timer);
    if (window.isDestroyed() || window.isMinimized() || window.isFullScreen()) return;
    const { x, y, width, height } = window.getNormalBounds();
    settings.set({ windowBounds: { x, y, width, height } });
  };
  const later = () => {
    clearTimeout(timer);
    timer = setTimeout(save, 500);
  };
  window.on('resize', later);
  window.on('move', later);
  window.on('close', save);
}

/** Brings a window to the front, also when it was hidden or minimised. */
export function bringForward(window: BrowserWindow): void {
  if (window.isMinimized()) window.restore();
  window.show();
  window.focus();
}
