/**
 * Hears that the screen was locked, and says whether it is. Electron says it on macOS and Windows only. On Linux several voices are
 * listened to, whichever there are: logind's Lock and LockedHint of our own session (system bus), and the desktop's screen saver
 * (session bus). Buses and services may come later, go away and come back: each is looked for again, and on each return it is asked
 * what happened meanwhile. A desktop with no voice tells nobody; then that is said, and access that has to end with the lock is
 * not given here.
 */
import type { BusCall, SessionBus } from '../lifecycle/session-bus';

/** A bus that is not there is looked for again this often. */
const RETRY_MS = 5_000;

export interface LockWatch {
  /** Why this desktop can't tell at this moment; null: it can. */
  unwatched(): string | null;
  /** Whether the screen is locked at this moment; null when nobody says. */
  isLocked(): Promise<boolean | null>;
  stop(): void;
}
export interface LockDeps {
  readonly platform: NodeJS.Platform;
  /** Null when there is none; the connection is ours to close. */
  readonly connect: (bus: 'system' | 'session') => Promise<SessionBus | null>;
  readonly processId: number;
  readonly sessionId: string | undefined;
  /** What the system itself says where it does: macOS and Windows. */
  readonly systemSaysLocked: () => boolean | null;
  readonly every: (lengthMs: number, callback: () => void) => () => void;
  readonly onLock: () => void;
}
/** Somebody on a bus who knows. */
interface Voice {
  /** Whether it is there and would tell us. */
  isHeard(): boolean;
  /** Null: it does not say. */
  isLocked(): Promise<boolean | null>;
}
const LOGIND = 'org.freedesktop.login1';
const MANAGER = { destination: LOGIND, path: '/org/freedesktop/login1', interface: `${LOGIND}.Manager` } as const;
const SESSION = `${LOGIND}.Session`;
const PROPERTIES = 'org.freedesktop.DBus.Properties';
/** Name and interface, and the paths at which it may answer. */
const SAVERS: readonly (readonly [name: string, ...paths: string[]])[] = [
  ['org.gnome.ScreenSaver', '/org/gnome/ScreenSaver'],
  ['org.freedesktop.ScreenSaver', '/org/freedesktop/ScreenSaver', '/ScreenSaver'],
  ['org.cinnamon.ScreenSaver', '/org/cinnamon/ScreenSaver'],
  ['org.mate.ScreenSaver', '/org/mate/ScreenSaver', '/'],
];

/** Starts listening. On macOS and Windows the power monitor speaks (signals.ts); here there is nothing to hear, only to ask. */
export async function watchScreenLock(deps: LockDeps): Promise<LockWatch> {
  if (deps.platform !== 'linux') {
    if (deps.systemSaysLocked() === true) deps.onLock();
    return { unwatched: () => null, isLocked: async () => deps.systemSaysLocked(), stop: () => undefined };
  }
  const lines = [keepListening('system', listenToLogind, deps), keepListening('session', listenToSavers, deps)];
  await Promise.all(lines.map((line) => line.look()));
  const stopLooking = deps.every(RETRY_MS, () => {
    for (const line of lines) void line.look();
  });
  const heard = () => lines.map((line) => line.voice()).filter((voice) => voice?.isHeard() === true);
  return {
    unwatched: () => (heard().length > 0 ? null : 'This desktop tells nobody when its screen is locked.'),
    async isLocked() {
      const said = await Promise.all(heard().map((voice) => voice?.isLocked()));
      return anyLocked(said);
    },
    stop() {
      stopLooking();
      for (const line of lines) line.stop();
    },
  };
}

interface Line {
  /** Connects when nothing is connected. */
  look(): Promise<void>;
  voice(): Voice | null;
  stop(): void;
}
function keepListening(
  name: 'system' | 'session',
  listen: (bus: SessionBus, deps: LockDeps) => Promise<Voice>,
  deps: LockDeps,
): Line {
  let bus: SessionBus | null = null;
  let voice: Voice | null = null;
  let looking = false;
  let stopped = false;
  async function connected(found: SessionBus): Promise<void> {
    bus = found;
    found.onLost(() => {
      if (bus === found) [bus, voice] = [null, null];
      found.close();
    });
    const next = await listen(found, deps).catch(() => null);
    if (bus !== found) return; // lost meanwhile
    if (next === null) {
      bus = null;
      found.close();
    } else voice = next;
  }
  return {
    async look() {
      if (looking || stopped || bus !== null) return;
      looking = true;
      const found = await deps.connect(name).catch(() => null);
      if (found !== null && stopped) found.close();
      else if (found !== null) await connected(found);
      looking = false;
    },
    voice: () => voice,
    stop() {
      stopped = true;
      bus?.close();
      [bus, voice] = [null, null];
    },
  };
}

/** The answer to one call, null when none came. */
const asked = (bus: SessionBus, call: BusCall): Promise<unknown> =>
  bus
    .call(call)
    .then(([value]) => value)
    .catch(() => null);

/** logind keeps its sessions when it is started anew, and its signals then come from another owner of the name. */
async function listenToLogind(bus: SessionBus, deps: LockDeps): Promise<Voice> {
  let owner: string | null = null;
  let path: string | null = null;
  const isLocked = async (): Promise<boolean | null> => {
    if (owner === null || path === null) return null;
    const hint = await asked(bus, {
      ...{ destination: owner, path, interface: PROPERTIES, member: 'Get', signature: 'ss' },
      body: [SESSION, 'LockedHint'],
    });
    const value = (hint as { value?: unknown } | null)?.value;
    return typeof value === 'boolean' ? value : null;
  };
  async function arrived(next: string | null): Promise<void> {
    owner = next;
    path = null;
    if (next === null) return;
    const found = await ownSession(bus, deps);
    if (owner !== next) return;
    path = found;
    if ((await isLocked()) === true) deps.onLock(); // locked while nobody listened
  }
  await bus.onSignal(`type='signal',sender='${LOGIND}',interface='${SESSION}',member='Lock'`, (signal) => {
    if (signal.sender === owner && signal.path === path && signal.interface === SESSION && signal.member === 'Lock')
      deps.onLock();
  });
  const changes = `type='signal',sender='${LOGIND}',interface='${PROPERTIES}',member='PropertiesChanged',arg0='${SESSION}'`;
  await bus.onSignal(changes, (signal) => {
    if (signal.sender !== owner || signal.path !== path || signal.member !== 'PropertiesChanged') return;
    if (signal.interface !== PROPERTIES || signal.body[0] !== SESSION) return;
    const changed = signal.body[1] as Readonly<Record<string, { value?: unknown } | undefined>> | undefined;
    if (changed?.LockedHint?.value === true) deps.onLock();
  });
  let first: Promise<void> | null = null;
  await bus.watchOwner(LOGIND, (next) => {
    const done = arrived(next);
    first ??= done;
  });
  await first;
  return { isHeard: () => owner !== null && path !== null, isLocked };
}
/** The session this process is in, else the one its user sits at ("auto"); null when logind knows none. */
async function ownSession(bus: SessionBus, { processId, sessionId }: LockDeps): Promise<string | null> {
  const asks = [
    { ...MANAGER, member: 'GetSessionByPID', signature: 'u', body: [processId] },
    ...(sessionId === undefined ? [] : [{ ...MANAGER, member: 'GetSession', signature: 's', body: [sessionId] }]),
    { ...MANAGER, member: 'GetSession', signature: 's', body: ['auto'] },
  ];
  for (const ask of asks) {
    const path = await asked(bus, ask);
    if (typeof path === 'string' && /^\/[\w/]+$/.test(path)) return path;
  }
  return null;
}

async function listenToSavers(bus: SessionBus, { onLock }: LockDeps): Promise<Voice> {
  const owners = new Map<string, string>();
  /** Some desktops own a saver's name only to be asked not to lock, and say nothing here. */
  const isActive = async ([name, ...paths]: (typeof SAVERS)[number]): Promise<boolean | null> => {
    const owner = owners.get(name);
    if (owner === undefined) return null;
    for (const path of paths) {
      const said = await asked(bus, { destination: owner, path, interface: name, member: 'GetActive' });
      if (typeof said === 'boolean') return said;
    }
    return null;
  };
  for (const saver of SAVERS) {
    const [name] = saver;
    await bus.onSignal(`type='signal',sender='${name}',interface='${name}',member='ActiveChanged'`, (signal) => {
      const isTheirs = signal.sender === owners.get(name) && signal.interface === name;
      if (isTheirs && signal.member === 'ActiveChanged' && signal.body[0] === true) onLock();
    });
    await bus.watchOwner(name, (owner) => {
      if (owner === null) return void owners.delete(name);
      owners.set(name, owner);
      void isActive(saver).then((active) => active === true && onLock()); // locked while nobody listened
    });
  }
  return {
    isHeard: () => owners.size > 0,
    async isLocked() {
      const said = await Promise.all(SAVERS.map(isActive));
      return anyLocked(said);
    },
  };
}

/** Locked if one says so; null when nobody knows. */
const anyLocked = (said: readonly (boolean | null | undefined)[]): boolean | null =>
  said.includes(true) ? true : said.includes(false) ? false : null;
