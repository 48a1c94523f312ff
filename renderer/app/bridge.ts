/** The only door from this page to the main process: `window.hallpass`, made by the preload script. */
import type { z } from 'zod';
import {
  type EventChannel,
  type HallpassBridge,
  type IPC_EVENT,
  type UserError,
  UserError as UserErrorSchema,
} from '../../shared/contract/ipc';

declare global {
  interface Window {
    readonly hallpass?: HallpassBridge;
  }
}

/** The bridge. Throws when the page was opened outside of the app. */
export function bridge(): HallpassBridge {
  if (window.hallpass === undefined) throw new Error('This page works only inside the Hallpass app.');
  return window.hallpass;
}
/** Calls the main process. Rejects with what `toUserError` understands. */
export const invoke: HallpassBridge['invoke'] = (channel, ...args) => bridge().invoke(channel, ...args);
/** Listens to the main process; returns its unsubscribe. */
export const listen = <C extends EventChannel>(
  channel: C,
  listener: (payload: z.output<(typeof IPC_EVENT)[C]>) => void,
) => bridge().on(channel, listener);

/** Anything thrown, as the three parts a person reads. */
export function toUserError(thrown: unknown): UserError {
  const known = UserErrorSchema.safeParse(thrown);
  if (known.success) return known.data;
  return {
    code: 'unexpected',
    what: 'Something went wrong in this window.',
    safe: 'Running access is not affected; it still ends on time.',
    next: 'Try again. If it stays, restart the app.',
    detail: thrown instanceof Error ? thrown.message : String(thrown),
  };
}
