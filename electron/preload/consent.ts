/** `window.consent`: what the consent page may do, and nothing else. */
import { contextBridge, ipcRenderer } from 'electron';
import type { ConsentBridge, ConsentChannel, ConsentState, UserError } from '../../shared/contract/ipc';

type Envelope = { ok: true; value: unknown } | { ok: false; error: UserError };
async function call(channel: ConsentChannel, ...args: unknown[]): Promise<unknown> {
  const answer = (await ipcRenderer.invoke(`consent:${channel}`, ...args)) as Envelope;
  if (!answer.ok) throw answer.error;
  return answer.value;
}
const bridge: ConsentBridge = {
  state: async () => (await call('consent.state')) as ConsentState,
  decide: async (decision) => (await call('consent.decide', decision)) as ConsentState,
  close: async () => void (await call('consent.close')),
  height: async (px) => void (await call('consent.height', px)),
  key: async (key) => void (await call('consent.key', key)),
  onState(listener) {
    const heard = (_event: unknown, state: ConsentState) => listener(state);
    ipcRenderer.on('consent:changed', heard);
    return () => ipcRenderer.off('consent:changed', heard);
  },
};
contextBridge.exposeInMainWorld('consent', bridge);
