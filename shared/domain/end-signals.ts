/**
 * Signs that access is no longer needed where it was given: each may end it before its time. Which do is a setting of the
 * desktop, and the policy may require more; the stricter of the two counts, and no setting softens a policy. Pure.
 * Not here: who notices a sign (electron/main/signals, the ticket hook), and what ending means.
 */
import { assertNever } from './assert-never';
import { wordDuration } from './duration';

export const END_SIGNALS = ['screen_lock', 'sleep', 'network_change', 'ticket_closed', 'exit'] as const;
export type EndSignal = (typeof END_SIGNALS)[number];
/** Signs that only the desktop can notice. */
export const DEVICE_SIGNALS = [
  'screen_lock',
  'sleep',
  'network_change',
  'exit',
] as const satisfies readonly EndSignal[];
export type DeviceSignal = (typeof DEVICE_SIGNALS)[number];

/** What ends one grant, or all of a desktop, before its time. */
export interface EndOn {
  readonly screenLock: boolean;
  /** The longest sleep that access outlives, in milliseconds (0: none). Null: sleep ends nothing. */
  readonly sleepMs: number | null;
  readonly networkChange: boolean;
  /** The ticket that the request names was closed. */
  readonly ticketClosed: boolean;
  /** The command or shell that was started with the credential has ended. */
  readonly exit: boolean;
}
export const NOTHING_ENDS: EndOn = {
  screenLock: false,
  sleepMs: null,
  networkChange: false,
  ticketClosed: false,
  exit: false,
};

/** What happened. A sleep has a length. */
export type Sign =
  | { readonly signal: Exclude<EndSignal, 'sleep'> }
  | { readonly signal: 'sleep'; readonly lengthMs: number };

const lesser = (a: number | null, b: number | null): number | null =>
  a === null ? b : b === null ? a : Math.min(a, b);
/** Whatever ends under either ends under this. */
export const stricterEndOn = (a: EndOn, b: EndOn): EndOn => ({
  screenLock: a.screenLock || b.screenLock,
  sleepMs: lesser(a.sleepMs, b.sleepMs),
  networkChange: a.networkChange || b.networkChange,
  ticketClosed: a.ticketClosed || b.ticketClosed,
  exit: a.exit || b.exit,
});

/** Does this sign end what lives under `endOn`? */
export function endsOn(endOn: EndOn, sign: Sign): boolean {
  switch (sign.signal) {
    case 'screen_lock':
      return endOn.screenLock;
    case 'sleep':
      return endOn.sleepMs !== null && sign.lengthMs > endOn.sleepMs;
    case 'network_change':
      return endOn.networkChange;
    case 'ticket_closed':
      return endOn.ticketClosed;
    case 'exit':
      return endOn.exit;
    default:
      return assertNever(sign);
  }
}

/** The signals that end something, in their usual order. */
export const signalsOf = (endOn: EndOn): EndSignal[] => END_SIGNALS.filter((signal) => isWatched(endOn, signal));
const isWatched = (endOn: EndOn, signal: EndSignal): boolean =>
  signal === 'sleep' ? endOn.sleepMs !== null : endsOn(endOn, { signal });

/** "the screen is locked": after "It ends when …". */
export function wordCondition(endOn: EndOn, signal: EndSignal): string {
  switch (signal) {
    case 'screen_lock':
      return 'the screen is locked';
    case 'sleep':
      return endOn.sleepMs === null || endOn.sleepMs === 0
        ? 'the machine sleeps'
        : `the machine sleeps longer than ${wordDuration(endOn.sleepMs)}`;
    case 'network_change':
      return 'the machine changes its network';
    case 'ticket_closed':
      return 'its ticket is closed';
    case 'exit':
      return 'the command that uses it ends';
    default:
      return assertNever(signal);
  }
}
/** "The screen was locked.": why something ended. */
export const SIGNAL_HAPPENED: Record<EndSignal, string> = {
  screen_lock: 'The screen was locked.',
  sleep: 'The machine slept longer than allowed.',
  network_change: 'The machine changed its network.',
  ticket_closed: 'The ticket was closed.',
  exit: 'The command that used it ended.',
};
