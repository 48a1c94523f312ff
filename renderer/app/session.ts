/** State that the main process owns and this window follows: session, settings, injections, facts about the app. */
import { useQuery } from '@tanstack/react-query';
import { useSyncExternalStore } from 'react';
import type { LocalInjection, SessionState } from '../../shared/contract/ipc';
import type { Settings } from '../../shared/contract/settings';
import { invoke, listen } from './bridge';
import { ticker } from './clock';
import { prefetchHome, queryClient } from './queries';

let session: SessionState | undefined;
const listeners = new Set<() => void>();
function setSession(next: SessionState): void {
  const before = session;
  session = next;
  if (next.phase === 'ready') ticker().setOffset(next.clockOffsetMs);
  // back online, or somebody else: what is cached may be old or not ours
  if (next.phase === 'ready' && (before?.phase !== 'ready' || (next.online && !before.online)))
    void queryClient.invalidateQueries();
  if (next.phase === 'ready' && before?.phase !== 'ready') prefetchHome();
  for (const listener of listeners) listener();
}
const subscribe = (listener: () => void) => {
  listeners.add(listener);
  return () => void listeners.delete(listener);
};
/** Undefined until the main process answered once. */
export const useSession = (): SessionState | undefined => useSyncExternalStore(subscribe, () => session);
export type ReadySession = Extract<SessionState, { phase: 'ready' }>;
/** The session inside of the shell, where it is ready. */
export function useReady(): ReadySession {
  const state = useSession();
  if (state?.phase !== 'ready') throw new Error(`useReady outside of the shell (phase ${state?.phase})`);
  return state;
}

const SETTINGS = ['ipc', 'settings'];
const INJECTIONS = ['ipc', 'injections'];
export const useSettings = () =>
  useQuery<Settings>({
    queryKey: SETTINGS,
    queryFn: () => invoke('settings.get'),
    staleTime: Number.POSITIVE_INFINITY,
  });
/** The settings, fetched when they are not known yet. */
export const currentSettings = (): Promise<Settings> =>
  queryClient.ensureQueryData({ queryKey: SETTINGS, queryFn: () => invoke('settings.get') });
/** Changes settings of this desktop. Rejects with a UserError. */
export async function changeSettings(change: Partial<Settings>): Promise<void> {
  queryClient.setQueryData(SETTINGS, await invoke('settings.set', change));
}
/** Credentials on this machine: where, how to use them, what is wrong with them. No secret among it. */
export const useInjections = () =>
  useQuery<LocalInjection[]>({
    queryKey: INJECTIONS,
    queryFn: () => invoke('injection.list'),
    staleTime: Number.POSITIVE_INFINITY,
  });
export const useAppInfo = () =>
  useQuery({ queryKey: ['ipc', 'info'], queryFn: () => invoke('app.info'), staleTime: Number.POSITIVE_INFINITY });

/** Starts following the main process. Returns its unsubscribe. */
export function followMain(): () => void {
  const offs = [
    listen('session.changed', setSession),
    listen('settings.changed', (settings) => queryClient.setQueryData(SETTINGS, settings)),
    listen('injection.changed', (injections) => queryClient.setQueryData(INJECTIONS, injections)),
  ];
  invoke('session.state').then(
    (state) => session ?? setSession(state),
    (error: unknown) =>
      setSession({
        phase: 'failed',
        canRetry: true,
        error: {
          code: 'session-unknown',
          what: 'The app could not say who you are here.',
          safe: 'Access on this machine still ends on time.',
          next: 'Try again, or restart the app.',
          detail: error instanceof Error ? error.message : String(error),
        },
      }),
  );
  return () => {
    for (const off of offs) off();
  };
}
