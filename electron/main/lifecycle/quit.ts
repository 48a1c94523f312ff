/**
 * Quitting. Two questions the user may have to answer: closing the window for the first time (stay in the tray?), and
 * quitting while this desktop hosts live grants (nobody could end them on the target until it runs again).
 */
import type { Settings } from '../../../shared/contract/settings';

export type CloseAnswer = 'hide' | 'ask' | 'quit' | 'minimize';
/** What closing the main window means. Without a tray a hidden window could never be found again. Pure. */
export function onWindowClose(setting: Settings['closeToTray'], tray: 'present' | 'absent'): CloseAnswer {
  if (setting === 'quit') return 'quit';
  if (tray === 'absent') return setting === 'tray' ? 'minimize' : 'ask';
  return setting === 'tray' ? 'hide' : 'ask';
}

export type QuitAnswer = 'quit' | 'ask' | 'stay' | 'end-then-quit';
/** What quitting means with this many live grants in the care of the bundled service. Pure. */
export function onQuit(state: {
  setting: Settings['quitWithGrants'];
  mode: 'alone' | 'host' | 'join' | null;
  liveGrants: number;
}): QuitAnswer {
  if (state.liveGrants === 0 || state.mode === null || state.mode === 'join') return 'quit';
  switch (state.setting) {
    case 'ask':
      return 'ask';
    case 'stay':
      return 'stay';
    case 'end':
      return 'end-then-quit';
  }
}

export const closeQuestion = (tray: 'present' | 'absent') => ({
  message: tray === 'present' ? 'Keep Hallpass in the tray?' : 'Keep Hallpass running?',
  detail:
    tray === 'present'
      ? 'In the tray it goes on counting down, warns you before access ends and brings requests that wait for you.'
      : 'This desktop shows no tray. Hallpass can stay as a minimised window, and goes on counting down and warning you.',
  buttons: [tray === 'present' ? 'Keep in the tray' : 'Minimise', 'Quit', 'Cancel'],
});

export const quitQuestion = (liveGrants: number) => ({
  message: liveGrants === 1 ? 'One access is still live.' : `${liveGrants} accesses are still live.`,
  detail:
    'This desktop hosts the service that ends them on their targets. If it stops now, no new log-in works after the deadline, but a session that is open may stay open until Hallpass runs again.',
  buttons: ['Stay in the tray', 'End them and quit', 'Cancel'],
});
