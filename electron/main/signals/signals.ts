/**
 * Ends access on this desktop when a sign comes that its settings or the policy name: the screen is locked, the machine slept
 * too long or changed its network, the ticket was closed, the command that used it ended. What a grant lives under is the
 * stricter of the two (shared/domain/end-signals.ts).
 * Nothing here is a promise against the person at the machine, who can stop this program; the deadline on the target is.
 * Not here: the ending itself (sync/grant-flow.ts).
 */
import type { NetworkInterfaceInfo } from 'node:os';
import type { LocalInjection } from '../../../shared/contract/ipc';
import {
  type DeviceSignal,
  type EndOn,
  type EndSignal,
  endsOn,
  NOTHING_ENDS,
  type Sign,
  stricterEndOn,
} from '../../../shared/domain/end-signals';
import type { Log } from '../lifecycle/log';
import { hasMoved, networksOf } from './network';
import type { LockWatch } from './screen-lock';
import { createSleepMeter, type SleepClocks } from './sleep';

/** Networks, and sleeps that nobody announced, are looked at this often. */
const LOOK_EVERY_MS = 5_000;

export interface Unwatched {
  readonly signal: DeviceSignal;
  readonly reason: string;
}
export interface Signals {
  /** Begins to listen. What is asked before waits for it. */
  start(): Promise<void>;
  /** A sign for every grant here, or for one of them (its command has ended). */
  happened(sign: Sign, grantId?: string): void;
  /** The system's word on sleep and lock. */
  power(what: 'suspend' | 'resume' | 'lock' | 'unlock' | 'shutdown'): void;
  /** Signals that this desktop can't notice; resolves when that is known. */
  unwatched(): Promise<readonly Unwatched[]>;
  /** Those of them that would have to end access given under `endOn`. */
  missing(endOn: EndOn): Promise<readonly Unwatched[]>;
  /** Signs that would end access given here under `endOn`, and that are there already: the screen is locked. */
  standing(endOn: EndOn): Promise<readonly EndSignal[]>;
  /** Access has begun here: a sign that came between the last look and now ends it. */
  begun(grantId: string): Promise<void>;
  stop(): void;
}

const DEAF: LockWatch = {
  unwatched: () => 'The screen lock could not be listened to.',
  isLocked: async () => null,
  stop: () => undefined,
};

export function createSignals(deps: {
  readonly clocks: SleepClocks;
  readonly interfaces: () => NodeJS.Dict<NetworkInterfaceInfo[]>;
  readonly every: (lengthMs: number, callback: () => void) => () => void;
  readonly watchLock: (onLock: () => void) => Promise<LockWatch>;
  readonly settings: () => EndOn;
  readonly injections: () => readonly LocalInjection[];
  /** Ends it here at once and tells the service. */
  readonly end: (grantId: string, signal: EndSignal) => Promise<void>;
  readonly log: Log;
}): Signals {
  const sleep = createSleepMeter(deps.clocks);
  /** The networks each grant began on. */
  const begunOn = new Map<string, ReadonlySet<string>>();
  let listening: (lock: LockWatch) => void = () => undefined;
  const listened = new Promise<LockWatch>((resolve) => {
    listening = resolve;
  });
  let stopLook: () => void = () => undefined;
  let stopLock: () => void = () => undefined;
  const unwatched = async (): Promise<readonly Unwatched[]> => {
    const reason = (await listened).unwatched();
    return reason === null ? [] : [{ signal: 'screen_lock', reason }];
  };

  const here = () => deps.injections().filter(({ state }) => state === 'injected' || state === 'writing');
  const endOnOf = (local: LocalInjection) => stricterEndOn(local.endOn ?? NOTHING_ENDS, deps.settings());
  function happened(sign: Sign, grantId?: string): void {
    for (const local of here()) {
      if ((grantId !== undefined && local.grantId !== grantId) || !endsOn(endOnOf(local), sign)) continue;
      deps.log('info', 'access ends early', { grantId: local.grantId, signal: sign.signal });
      void deps
        .end(local.grantId, sign.signal)
        .catch((cause: unknown) =>
          deps.log('error', 'access could not be ended early', { grantId: local.grantId, cause }),
        );
    }
  }
  function look(when: 'now and then' | 'at wake-up' = 'now and then'): void {
    const sleptMs = sleep.sleptMs(when);
    if (sleptMs > 0) happened({ signal: 'sleep', lengthMs: sleptMs });
    const now = networksOf(deps.interfaces());
    const live = new Set(here().map(({ grantId }) => grantId));
    for (const grantId of [...begunOn.keys()]) if (!live.has(grantId)) begunOn.delete(grantId);
    for (const grantId of live) {
      const before = begunOn.get(grantId);
      if (before === undefined) begunOn.set(grantId, now);
      else if (hasMoved(before, now)) {
        begunOn.set(grantId, new Set([...before, ...now])); // said once for each move
        happened({ signal: 'network_change' }, grantId);
      }
    }
  }
  return {
    async start() {
      stopLook = deps.every(LOOK_EVERY_MS, () => look());
      look();
      try {
        const lock = await deps.watchLock(() => happened({ signal: 'screen_lock' }));
        stopLock = lock.stop;
        listening(lock);
      } catch (cause) {
        deps.log('warn', 'the screen lock can’t be listened to', { cause });
        listening(DEAF);
      }
    },
    happened,
    power(what) {
      if (what === 'suspend') sleep.fallAsleep();
      else if (what === 'lock') happened({ signal: 'screen_lock' });
      else look(what === 'resume' ? 'at wake-up' : 'now and then');
    },
    unwatched,
    async missing(endOn) {
      if (!endOn.screenLock) return []; // nothing asked: nobody waits for a bus that may be slow
      const list = await unwatched();
      if (list.length > 0 || (await (await listened).isLocked()) !== null) return list;
      return [{ signal: 'screen_lock', reason: 'This desktop does not say whether its screen is locked.' }];
    },
    async standing(endOn) {
      if (!stricterEndOn(endOn, deps.settings()).screenLock) return [];
      return (await (await listened).isLocked()) === true ? ['screen_lock'] : [];
    },
    async begun(grantId) {
      const local = here().find((each) => each.grantId === grantId);
      if (local === undefined || !endOnOf(local).screenLock) return;
      if ((await (await listened).isLocked()) === true) happened({ signal: 'screen_lock' }, grantId);
    },
    stop() {
      stopLook();
      stopLock();
    },
  };
}
