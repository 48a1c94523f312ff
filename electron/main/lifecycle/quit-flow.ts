/** Asks the two questions of `quit.ts` and carries out the answers. The window is hidden, minimised or closed; the app quits once. */
import { app, type BrowserWindow, dialog } from 'electron';
import { closeQuestion, onQuit, onWindowClose, quitQuestion } from './quit';
import type { SettingsStore } from './settings';

/** Longest wait for grants to end on their targets before quitting anyway; the keeper and the target's own limits hold then. */
export const END_GRANTS_PATIENCE_MS = 20_000;

export interface QuitFlow {
  /** To be called for each main window. */
  guard(window: BrowserWindow): void;
  requestQuit(): void;
  isQuitting(): boolean;
}

export function createQuitFlow(deps: {
  settings: SettingsStore;
  tray: () => 'present' | 'absent';
  liveGrants: () => { mode: 'alone' | 'host' | 'join' | null; count: number };
  endGrants: (patienceMs: number) => Promise<void>;
  /** Stops everything in order; resolves when the process may go. */
  shutDown: () => Promise<void>;
  mainWindow: () => BrowserWindow | null;
}): QuitFlow {
  let phase: 'running' | 'asking' | 'stopping' | 'stopped' = 'running';

  async function ask(question: { message: string; detail: string; buttons: string[] }): Promise<number> {
    const options = {
      type: 'question' as const,
      title: 'Hallpass',
      defaultId: 0,
      cancelId: 2,
      noLink: true,
      ...question,
    };
    const parent = deps.mainWindow();
    const shown = parent?.isVisible()
      ? await dialog.showMessageBox(parent, options)
      : await dialog.showMessageBox(options);
    return shown.response;
  }

  async function quit(): Promise<void> {
    if (phase !== 'running') return;
    phase = 'asking';
    const { mode, count } = deps.liveGrants();
    const answer = onQuit({ setting: deps.settings.get().quitWithGrants, mode, liveGrants: count });
    let chosen =
      answer === 'ask' ? (['stay', 'end-then-quit', 'cancel'] as const)[await ask(quitQuestion(count))] : answer;
    if (chosen === 'stay' && deps.tray() === 'absent') {
      deps.mainWindow()?.minimize();
      chosen = 'cancel';
    }
    if (chosen === 'stay') deps.mainWindow()?.hide();
    if (chosen === 'stay' || chosen === 'cancel') {
      phase = 'running';
      return;
    }
    if (chosen === 'end-then-quit') await deps.endGrants(END_GRANTS_PATIENCE_MS).catch(() => undefined);
    phase = 'stopping';
    await deps.shutDown().catch(() => undefined);
    phase = 'stopped';
    app.quit();
  }

  async function close(window: BrowserWindow): Promise<void> {
    const tray = deps.tray();
    let answer = onWindowClose(deps.settings.get().closeToTray, tray);
    if (answer === 'ask') {
      const chosen = await ask(closeQuestion(tray));
      if (chosen === 2) return;
      deps.settings.set({ closeToTray: chosen === 0 ? 'tray' : 'quit' });
      answer = chosen === 0 ? (tray === 'present' ? 'hide' : 'minimize') : 'quit';
    }
    if (answer === 'hide') window.hide();
    else if (answer === 'minimize') window.minimize();
    else void quit();
  }

  app.on('before-quit', (event) => {
    if (phase === 'stopped') return;
    event.preventDefault();
    void quit();
  });
  app.on('window-all-closed', () => {}); // the tray, the clock and the service live on without a window

  return {
    guard(window) {
      let closing = false;
      window.on('close', (event) => {
        if (phase === 'stopped') return;
        event.preventDefault();
        if (closing || phase !== 'running') return;
        closing = true;
        void close(window).finally(() => {
          closing = false;
        });
      });
    },
    requestQuit: () => void quit(),
    isQuitting: () => phase === 'stopping' || phase === 'stopped',
  };
}
