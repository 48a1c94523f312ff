/** Sleep, wake, lock and clock: each means "look at the deadlines now". Linux fires suspend and resume twice, so listeners are idempotent. */
import { powerMonitor } from 'electron';

export type PowerEvent = 'resume' | 'lock' | 'unlock' | 'shutdown' | 'suspend';
/** Calls back on every sign that time may have jumped, and where Electron hears it, on the screen's lock. Returns its unsubscribe. */
export function onPowerEvent(listener: (why: PowerEvent) => void): () => void {
  const handlers = {
    suspend: () => listener('suspend'),
    resume: () => listener('resume'),
    'lock-screen': () => listener('lock'),
    'unlock-screen': () => listener('unlock'),
    shutdown: () => listener('shutdown'),
  };
  powerMonitor.on('suspend', handlers.suspend);
  powerMonitor.on('resume', handlers.resume);
  powerMonitor.on('lock-screen', handlers['lock-screen']);
  powerMonitor.on('unlock-screen', handlers['unlock-screen']);
  powerMonitor.on('shutdown', handlers.shutdown);
  return () => {
    powerMonitor.off('suspend', handlers.suspend);
    powerMonitor.off('resume', handlers.resume);
    powerMonitor.off('lock-screen', handlers['lock-screen']);
    powerMonitor.off('unlock-screen', handlers['unlock-screen']);
    powerMonitor.off('shutdown', handlers.shutdown);
  };
}

/** Whether the screen is locked at this moment; null where the system does not say, and on Linux, where others are asked (signals/). */
export function systemSaysLocked(): boolean | null {
  if (process.platform === 'linux') return null;
  const state = powerMonitor.getSystemIdleState(1);
  return state === 'unknown' ? null : state === 'locked';
}
