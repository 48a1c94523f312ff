/**
 * The headless desktop: a display, a window manager, private session and system buses, a tray, a notification daemon, a
 * logind and a real keyring. All of it is private to one bed, so beds run side by side and nothing of the machine's own
 * desktop is touched. `startBed` reads top to bottom in the order a desktop comes up.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type BedApp, foldersOf, type LaunchOptions, launchApp, type PersonFolders } from './app';
import { askBus, type Bus, connect, startBusDaemon } from './bus';
import { Logind } from './logind';
import { type NotificationAbility, NotificationDaemon } from './notifications';
import { Pictures } from './pictures';
import { type Program, startProgram } from './processes';
import { TrayWatcher } from './tray';
import { until } from './until';

/** How often clean-up tries again: helpers of Chromium may still write for some milliseconds after the app is gone. */
const REMOVE_TRIES = 60;
const REMOVE_PAUSE_MS = 50;
/** Variables of the developer's own desktop that must not leak into the bed. */
const FOREIGN_VARIABLES = [
  'ELECTRON_RUN_AS_NODE',
  'NODE_OPTIONS',
  'WAYLAND_DISPLAY',
  'XAUTHORITY',
  'XDG_CONFIG_HOME',
  'XDG_DATA_HOME',
  'XDG_STATE_HOME',
  'XDG_CACHE_HOME',
  'PGSERVICEFILE',
  'PGPASSFILE',
  'PGSERVICE',
  'PGPASSWORD',
  'AWS_CONFIG_FILE',
  'AWS_SHARED_CREDENTIALS_FILE',
  'AWS_PROFILE',
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'KUBECONFIG',
  'MYSQL_HOME',
  'MYSQL_PWD',
  'REDISCLI_AUTH',
  'SSH_AUTH_SOCK',
];

export interface BedOptions {
  /** `locked`: the keyring is there but can't be opened. Default `unlocked`. */
  readonly keyring?: 'unlocked' | 'locked' | 'absent';
  /** `absent`: start it later with `bed.tray.start()`. Default `present`. */
  readonly tray?: 'present' | 'absent';
  /** Default `with-actions`. */
  readonly notifications?: NotificationAbility;
  /** `own`: a virtual display. `present`: draw on the display that DISPLAY names. Default `own`. */
  readonly display?: 'own' | 'present';
  /** Size of the virtual display in pixels. */
  readonly screen?: { readonly width: number; readonly height: number };
}

export interface Bed {
  /** Everything the bed writes lies under this folder; it goes away with the bed. */
  readonly folder: string;
  readonly tray: TrayWatcher;
  readonly notifications: NotificationDaemon;
  readonly logind: Logind;
  readonly pictures: Pictures;
  /** Our own connection to the bed's session bus. */
  readonly bus: Bus;
  readonly sessionBusAddress: string;
  readonly display: string;
  launchApp(options?: LaunchOptions): Promise<BedApp>;
  /** Home and runtime folder of a person, before or without launching. */
  folders(person: string): Promise<PersonFolders>;
  /** The environment a program of this person would have on the bed. */
  environment(person: string): Promise<Record<string, string>>;
  /** Closes what runs, ends every program we started, waits for them, removes the folder. */
  stop(): Promise<void>;
}

export async function startBed(options: BedOptions = {}): Promise<Bed> {
  const folder = await mkdtemp(path.join(tmpdir(), 'bed-'));
  const programs: Program[] = [];
  const buses: Bus[] = [];
  const apps: BedApp[] = [];
  const started = (program: Program) => {
    programs.unshift(program);
    return program;
  };
  const stop = async () => {
    await Promise.all(apps.map((app) => app.close()));
    for (const bus of buses) bus.disconnect();
    for (const program of programs) await program.stop();
    await removeFolder(folder);
  };
  try {
    const sessionDaemon = await startBusDaemon();
    started(sessionDaemon.program);
    const systemDaemon = await startBusDaemon();
    started(systemDaemon.program);
    const screen = options.screen ?? { width: 1440, height: 900 };
    const display = options.display === 'present' ? presentDisplay() : await startDisplay(started, screen);
    const environmentFor = (folders: PersonFolders) => ({
      ...inheritedEnvironment(),
      HOME: folders.home,
      XDG_RUNTIME_DIR: folders.runtime,
      DISPLAY: display,
      DBUS_SESSION_BUS_ADDRESS: sessionDaemon.address,
      DBUS_SYSTEM_BUS_ADDRESS: systemDaemon.address,
      XDG_CURRENT_DESKTOP: 'X-Generic',
      NO_AT_BRIDGE: '1',
    });
    const ownFolders = await foldersOf(folder, 'desk');
    const env = environmentFor(ownFolders);
    if (options.display !== 'present') started(startProgram('openbox', [], { env }));
    const bus = await connect(sessionDaemon.address);
    const systemBus = await connect(systemDaemon.address);
    buses.push(bus, systemBus);
    const tray = new TrayWatcher(bus);
    if (options.tray !== 'absent') await tray.start();
    const notifications = new NotificationDaemon(bus);
    const ability = options.notifications ?? 'with-actions';
    if (ability !== 'absent') await notifications.start(ability);
    const logind = await Logind.start(systemBus);
    if (options.keyring !== 'absent') await startKeyring(started, bus, env, options.keyring ?? 'unlocked');
    const place = { environmentFor, folder, watcher: tray, hasKeyring: () => options.keyring !== 'absent' };
    return {
      folder,
      tray,
      notifications,
      logind,
      pictures: new Pictures({ env, bus, tray, notifications, screen, started }),
      bus,
      sessionBusAddress: sessionDaemon.address,
      display,
      async launchApp(launch = {}) {
        const app = await launchApp(place, launch);
        apps.push(app);
        return app;
      },
      folders: (person) => foldersOf(folder, person),
      environment: async (person) => environmentFor(await foldersOf(folder, person)),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** @throws {Error} when there is no display to use */
function presentDisplay(): string {
  const { DISPLAY } = process.env;
  if (!DISPLAY) throw new Error('There is no display here (DISPLAY is not set).');
  return DISPLAY;
}

async function startDisplay(
  started: (program: Program) => Program,
  screen: { readonly width: number; readonly height: number },
): Promise<string> {
  const size = `${screen.width}x${screen.height}x24`;
  const xvfb = started(startProgram('Xvfb', ['-displayfd', '3', '-screen', '0', size, '-nolisten', 'tcp']));
  return `:${await xvfb.firstLine('fd3')}`;
}

async function startKeyring(
  started: (program: Program) => Program,
  bus: Bus,
  env: Record<string, string>,
  state: 'unlocked' | 'locked',
): Promise<void> {
  const args = ['--components=secrets', '--foreground', ...(state === 'unlocked' ? ['--unlock'] : [])];
  // The password of a keyring that lives as long as the bed; --unlock makes the keyring with it.
  started(startProgram('gnome-keyring-daemon', args, { env, input: state === 'unlocked' ? 'bed' : '' }));
  await until('the keyring on the bus', async () => {
    const [owned] = await askBus(bus, 'NameHasOwner', 's', ['org.freedesktop.secrets']);
    return owned === true;
  });
}

function inheritedEnvironment(): Record<string, string> {
  const entries = Object.entries(process.env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && !FOREIGN_VARIABLES.includes(entry[0]),
  );
  return Object.fromEntries(entries);
}

async function removeFolder(folder: string): Promise<void> {
  for (let left = REMOVE_TRIES; left > 0; left -= 1) {
    try {
      await rm(folder, { recursive: true, force: true });
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, REMOVE_PAUSE_MS));
    }
  }
  await writeFile(path.join(folder, 'LEFT-BEHIND'), 'A program of the bed still writes here.\n').catch(() => undefined);
}
