/**
 * The one door from pages into the main process. A call counts only from the right page, its main frame and its own origin;
 * arguments and results pass through the contract's schemas; every failure travels as a UserError.
 */
import { type IpcMainInvokeEvent, ipcMain, type WebContents } from 'electron';
import { z } from 'zod';
import {
  CONSENT_INVOKE,
  type ConsentChannel,
  type InvokeChannel,
  IPC_INVOKE,
  type UserError,
} from '../../../shared/contract/ipc';
import { originOf } from '../lifecycle/hardening';
import type { Log } from '../lifecycle/log';
import { toUserError, UserFacingError } from '../lifecycle/user-error';

export type Envelope =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly error: UserError };
export type Handlers = {
  readonly [C in InvokeChannel]: (
    ...args: z.output<(typeof IPC_INVOKE)[C]['args']>
  ) => Promise<z.input<(typeof IPC_INVOKE)[C]['result']>> | z.input<(typeof IPC_INVOKE)[C]['result']>;
};
export type ConsentHandlers = {
  readonly [C in ConsentChannel]: (
    sender: WebContents,
    ...args: z.output<(typeof CONSENT_INVOKE)[C]['args']>
  ) => Promise<z.input<(typeof CONSENT_INVOKE)[C]['result']>> | z.input<(typeof CONSENT_INVOKE)[C]['result']>;
};

export interface Sender {
  readonly contentsId: number;
  readonly frame: 'main' | 'sub' | 'gone';
  readonly origin: string | undefined;
}
/** Is this the page that may call? Pure. */
export const isFrom = (sender: Sender, wanted: { contentsIds: readonly number[]; origin: string }): boolean =>
  sender.frame === 'main' && sender.origin === wanted.origin && wanted.contentsIds.includes(sender.contentsId);

export function senderOf(event: Pick<IpcMainInvokeEvent, 'sender' | 'senderFrame'>): Sender {
  const frame = event.senderFrame;
  if (frame === null) return { contentsId: event.sender.id, frame: 'gone', origin: undefined };
  return {
    contentsId: event.sender.id,
    frame: frame === event.sender.mainFrame ? 'main' : 'sub',
    origin: originOf(frame.url),
  };
}

const NOT_ALLOWED = new UserFacingError({
  code: 'not-allowed',
  what: 'That page may not ask this.',
  safe: 'Nothing was done.',
});

/** Checks arguments, runs, checks the result. Never rejects. */
export async function answer(
  schemas: { readonly args: z.ZodType; readonly result: z.ZodType },
  args: readonly unknown[],
  run: (args: never) => unknown,
  onBug: (cause: unknown) => void,
): Promise<Envelope> {
  const parsed = schemas.args.safeParse(args);
  if (!parsed.success) return { ok: false, error: invalidInput(parsed.error) };
  try {
    return { ok: true, value: schemas.result.parse(await run(parsed.data as never)) };
  } catch (cause) {
    const own = errorIn(cause);
    if (own === null) onBug(cause);
    return { ok: false, error: own ?? toUserError(cause) };
  }
}
/** Errors made for people, of whichever room. */
function errorIn(cause: unknown): UserError | null {
  if (cause instanceof UserFacingError) return cause.userError;
  const carried = (cause as { userError?: unknown } | null)?.userError;
  return typeof carried === 'object' && carried !== null ? (carried as UserError) : null;
}
const invalidInput = (error: z.ZodError): UserError => ({
  code: 'invalid-input',
  what: 'Something in that is not right.',
  safe: 'Nothing was done.',
  next: 'Check what you entered.',
  detail: z.prettifyError(error).slice(0, 500),
});

export function registerIpc(deps: {
  handlers: Handlers;
  consent: ConsentHandlers;
  mainContents: () => WebContents | null;
  isConsentPage: (contents: WebContents) => boolean;
  log: Log;
}): void {
  const bug = (channel: string) => (cause: unknown) =>
    deps.log('error', 'a call from a page failed', { channel, cause });
  const refuse = (channel: string, event: IpcMainInvokeEvent): Envelope => {
    deps.log('warn', 'a call from the wrong page was refused', { channel, origin: senderOf(event).origin ?? 'none' });
    return { ok: false, error: NOT_ALLOWED.userError };
  };
  for (const channel of Object.keys(IPC_INVOKE) as InvokeChannel[]) {
    const run = deps.handlers[channel] as (...args: unknown[]) => unknown;
    ipcMain.handle(`hallpass:${channel}`, (event, ...args: unknown[]) => {
      const main = deps.mainContents();
      if (main === null || !isFrom(senderOf(event), { contentsIds: [main.id], origin: 'app://hallpass' }))
        return refuse(channel, event);
      return answer(IPC_INVOKE[channel], args, (parsed: unknown[]) => run(...parsed), bug(channel));
    });
  }
  for (const channel of Object.keys(CONSENT_INVOKE) as ConsentChannel[]) {
    const run = deps.consent[channel] as (sender: WebContents, ...args: unknown[]) => unknown;
    ipcMain.handle(`consent:${channel}`, (event, ...args: unknown[]) => {
      const ids = deps.isConsentPage(event.sender) ? [event.sender.id] : [];
      if (!isFrom(senderOf(event), { contentsIds: ids, origin: 'consent://card' })) return refuse(channel, event);
      return answer(CONSENT_INVOKE[channel], args, (parsed: unknown[]) => run(event.sender, ...parsed), bug(channel));
    });
  }
}
