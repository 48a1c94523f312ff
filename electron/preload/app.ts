/**
 * `window.hallpass`: the main renderer's only way to the main process. Channels are an allow-list; events that come before the
 * page listens wait here, so that a link that opens the app is not lost while the page loads.
 * A refused call rejects with the plain UserError (contextBridge would strip an Error of all but its message).
 */
import { contextBridge, ipcRenderer } from 'electron';
import type { EventChannel, HallpassBridge, InvokeChannel, UserError } from '../../shared/contract/ipc';

const INVOKE: Record<InvokeChannel, true> = {
  'app.info': true,
  'session.state': true,
  'setup.choose': true,
  'setup.retry': true,
  'setup.share': true,
  'setup.unlock': true,
  'setup.addresses': true,
  'settings.get': true,
  'settings.set': true,
  'injection.list': true,
  'credential.reveal': true,
  'credential.copy': true,
  'command.copy': true,
  'grant.return': true,
  'audit.prove': true,
  'audit.save': true,
  'consent.place': true,
  'consent.focus': true,
  'proxy.cancel': true,
  'text.copy': true,
  'app.quit': true,
};
const EVENTS: Record<EventChannel, true> = {
  'session.changed': true,
  'service.event': true,
  'service.resync': true,
  'injection.changed': true,
  'settings.changed': true,
  navigate: true,
  'palette.open': true,
  notice: true,
  news: true,
  'consent.done': true,
  'consent.key': true,
};
const MAX_WAITING = 20;
type Envelope = { ok: true; value: unknown } | { ok: false; error: UserError };

const listeners = new Map<string, Set<(payload: never) => void>>();
const waiting = new Map<string, unknown[]>();
ipcRenderer.on('hallpass:event', (_event, channel: string, payload: unknown) => {
  const heard = listeners.get(channel);
  if (heard !== undefined && heard.size > 0) for (const listener of [...heard]) listener(payload as never);
  else waiting.set(channel, [...(waiting.get(channel) ?? []), payload].slice(-MAX_WAITING));
});

const bridge: HallpassBridge = {
  async invoke(channel, ...args) {
    if (!Object.hasOwn(INVOKE, channel)) throw new TypeError(`unknown channel ${String(channel)}`);
    const answer = (await ipcRenderer.invoke(`hallpass:${channel}`, ...args)) as Envelope;
    if (!answer.ok) throw answer.error;
    return answer.value as never;
  },
  on(channel, listener) {
    if (!Object.hasOwn(EVENTS, channel)) throw new TypeError(`unknown channel ${String(channel)}`);
    const heard = listeners.get(channel) ?? new Set();
    listeners.set(channel, heard);
    heard.add(listener as (payload: never) => void);
    for (const payload of waiting.get(channel) ?? []) listener(payload as never);
    waiting.delete(channel);
    return () => {
      heard.delete(listener as (payload: never) => void);
    };
  },
};
contextBridge.exposeInMainWorld('hallpass', bridge);
