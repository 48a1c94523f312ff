/** A thin client of the D-Bus session bus, over raw messages: notifications and the tray's watcher need a handful of calls. */
import type { EventEmitter } from 'node:events';
import type { Message as BusMessage } from '@jellybrick/dbus-next';

const BUS = 'org.freedesktop.DBus';
const BUS_PATH = '/org/freedesktop/DBus';
/** `type` of a signal message. */
const SIGNAL = 4;
export const CALL_TIMEOUT_MS = 3_000;

export interface BusCall {
  readonly destination: string;
  readonly path: string;
  readonly interface: string;
  readonly member: string;
  readonly signature?: string;
  readonly body?: unknown[];
}
export interface BusSignal {
  readonly sender: string;
  readonly path: string;
  readonly interface: string;
  readonly member: string;
  readonly body: unknown[];
}
export interface SessionBus {
  /** Rejects with the daemon's error, or when no answer came in time. */
  call(call: BusCall): Promise<unknown[]>;
  variant(signature: string, value: unknown): unknown;
  /** Unique name of who owns `name` now; null when nobody does. */
  ownerOf(name: string): Promise<string | null>;
  /** Follows the owner of a name, beginning with the present one. */
  watchOwner(name: string, listener: (owner: string | null) => void): Promise<void>;
  /** Asks the daemon for signals that match, and calls back for all that arrive; check `sender` yourself. */
  onSignal(match: string, listener: (signal: BusSignal) => void): Promise<void>;
  /** The daemon went away, or the line to it broke; not after our own `close`. */
  onLost(listener: () => void): void;
  close(): void;
}

/** Connects; null when there is no session bus here (another system, or a bare console). */
export async function connectSessionBus(address: string | undefined): Promise<SessionBus | null> {
  if (address === undefined || address === '') return null;
  const dbus = await import('@jellybrick/dbus-next');
  const bus = dbus.sessionBus({ busAddress: address });
  const lost = new Set<() => void>();
  let alive = true;
  const die = () => {
    if (!alive) return;
    alive = false;
    for (const listener of lost) listener();
  };
  const emitter = bus as unknown as EventEmitter; // its types know no 'error'
  emitter.on('error', die);
  // A daemon that goes away is told by the line below only; without it nobody would notice that no signal can come any more.
  (bus as unknown as { readonly _connection?: EventEmitter })._connection?.on('end', die);

  async function call(wanted: BusCall): Promise<unknown[]> {
    if (!alive) throw new Error('the session bus is gone');
    const answer = bus.call(new dbus.Message({ signature: '', body: [], ...wanted }));
    let timer: NodeJS.Timeout | undefined;
    let onDeath = () => {};
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`${wanted.member}: no answer on the session bus`)), CALL_TIMEOUT_MS);
      onDeath = () => reject(new Error('the session bus is gone'));
      lost.add(onDeath);
    });
    try {
      return ((await Promise.race([answer, late])) as BusMessage | null)?.body ?? [];
    } finally {
      clearTimeout(timer);
      lost.delete(onDeath);
    }
  }
  const ask = (member: string, signature: string, body: unknown[]) =>
    call({ destination: BUS, path: BUS_PATH, interface: BUS, member, signature, body });

  const made: SessionBus = {
    call,
    variant: (signature, value) => new dbus.Variant(signature, value),
    async ownerOf(name) {
      const [owner] = await ask('GetNameOwner', 's', [name]).catch(() => [null]);
      return typeof owner === 'string' ? owner : null;
    },
    async watchOwner(name, listener) {
      await made.onSignal(`type='signal',sender='${BUS}',member='NameOwnerChanged',arg0='${name}'`, (signal) => {
        if (signal.sender !== BUS || signal.member !== 'NameOwnerChanged' || signal.body[0] !== name) return;
        listener(typeof signal.body[2] === 'string' && signal.body[2] !== '' ? signal.body[2] : null);
      });
      listener(await made.ownerOf(name));
    },
    async onSignal(match, listener) {
      emitter.on('message', (message: BusMessage) => {
        if ((message.type as number) !== SIGNAL) return;
        listener({
          sender: message.sender ?? '',
          path: message.path ?? '',
          interface: message.interface ?? '',
          member: message.member ?? '',
          body: message.body ?? [],
        });
      });
      await ask('AddMatch', 's', [match]);
    },
    onLost: (listener) => void lost.add(listener),
    close() {
      alive = false;
      bus.disconnect();
    },
  };
  try {
    await ask('GetId', '', []);
    return made;
  } catch {
    made.close();
    return null;
  }
}
