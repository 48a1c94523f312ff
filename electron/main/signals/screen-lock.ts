/**
 * Hears that the screen was locked. Electron says it on macOS and Windows only. On Linux three voices are listened to, whichever
 * there are: logind's Lock and LockedHint of our own session (system bus), and the desktop's screen saver (session bus).
 * A desktop with none of them tells nobody; then that is said, and access that has to end with the lock is not given here.
 */
import type { SessionBus } from '../lifecycle/session-bus';

export interface LockWatch {
  /** Why this desktop can't tell; null: it can. */
  readonly unwatched: string | null;
  stop(): void;
}
export interface LockDeps {
  readonly platform: NodeJS.Platform;
  /** Null when there is none; the connection is ours to close. */
  readonly connect: (bus: 'system' | 'session') => Promise<SessionBus | null>;
  readonly processId: number;
  readonly sessionId: string | undefined;
  readonly onLock: () => void;
}
const LOGIND = 'org.freedesktop.login1';
const MANAGER = { destination: LOGIND, path: '/org/freedesktop/login1', interface: `${LOGIND}.Manager` } as const;
const SESSION = `${LOGIND}.Session`;
const SAVERS = [
  'org.gnome.ScreenSaver',
  'org.freedesktop.ScreenSaver',
  'org.cinnamon.ScreenSaver',
  'org.mate.ScreenSaver',
];

/** Starts listening. On macOS and Windows the power monitor speaks (signals.ts); here there is nothing to do. */
export async function watchScreenLock(deps: LockDeps): Promise<LockWatch> {
  if (deps.platform !== 'linux') return { unwatched: null, stop: () => undefined };
  const buses: SessionBus[] = [];
  const heard: boolean[] = [];
  for (const [name, listen] of [
    ['system', listenToLogind],
    ['session', listenToSavers],
  ] as const) {
    const bus = await deps.connect(name).catch(() => null);
    if (bus === null) continue;
    buses.push(bus);
    heard.push(await listen(bus, deps).catch(() => false));
  }
  return {
    unwatched: heard.includes(true) ? null : 'This desktop tells nobody when its screen is locked.',
    stop() {
      for (const bus of buses) bus.close();
    },
  };
}

async function listenToLogind(bus: SessionBus, deps: LockDeps): Promise<boolean> {
  const path = await ownSession(bus, deps);
  if (path === null) return false;
  const owner = await bus.ownerOf(LOGIND);
  const from = `type='signal',sender='${LOGIND}',path='${path}'`;
  await bus.onSignal(`${from},interface='${SESSION}',member='Lock'`, (signal) => {
    if (signal.sender === owner && signal.interface === SESSION && signal.member === 'Lock') deps.onLock();
  });
  await bus.onSignal(`${from},interface='org.freedesktop.DBus.Properties',member='PropertiesChanged'`, (signal) => {
    if (signal.sender !== owner || signal.member !== 'PropertiesChanged' || signal.body[0] !== SESSION) return;
    const changed = signal.body[1] as Readonly<Record<string, { value?: unknown } | undefined>> | undefined;
    if (changed?.LockedHint?.value === true) deps.onLock();
  });
  return true;
}
/** The session this process is in; null when logind knows none. */
async function ownSession(bus: SessionBus, { processId, sessionId }: LockDeps): Promise<string | null> {
  const asks = [
    { ...MANAGER, member: 'GetSessionByPID', signature: 'u', body: [processId] },
    ...(sessionId === undefined ? [] : [{ ...MANAGER, member: 'GetSession', signature: 's', body: [sessionId] }]),
  ];
  for (const ask of asks) {
    const [path] = await bus.call(ask).catch(() => []);
    if (typeof path === 'string' && /^\/[\w/]+$/.test(path)) return path;
  }
  return null;
}

async function listenToSavers(bus: SessionBus, { onLock }: LockDeps): Promise<boolean> {
  let present = false;
  for (const name of SAVERS) {
    let owner: string | null = null;
    await bus.watchOwner(name, (next) => {
      owner = next;
    });
    present ||= owner !== null;
    await bus.onSignal(`type='signal',sender='${name}',interface='${name}',member='ActiveChanged'`, (signal) => {
      if (
        signal.sender === owner &&
        signal.interface === name &&
        signal.member === 'ActiveChanged' &&
        signal.body[0] === true
      )
        onLock();
    });
  }
  return present;
}
