/**
 * The programs of a real Linux desktop (XFCE's panel and notification daemon) that draw what an app put on the bus.
 * The panel joins the bed's own bus as a second host beside the bed's tray. The notification daemon gets a bus of its own
 * and is shown a copy of the recorded Notify, so taking a picture never takes part in what the app experiences.
 */
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { askBus, type Bus, connect, startBusDaemon } from './bus';
import { type Program, startProgram } from './processes';
import { until } from './until';

const LIBRARY_FOLDERS = [
  '/usr/lib/x86_64-linux-gnu/xfce4',
  '/usr/lib/aarch64-linux-gnu/xfce4',
  '/usr/lib/xfce4',
  '/usr/lib64/xfce4',
];
const PANEL = '/usr/bin/xfce4-panel';
/** One panel in the corner that is no wider than the icons in it. */
const PANEL_SETTINGS = `<?xml version="1.0" encoding="UTF-8"?>
<channel name="xfce4-panel" version="1.0">
  <property name="configver" type="int" value="2"/>
  <property name="panels" type="array">
    <value type="int" value="1"/>
    <property name="panel-1" type="empty">
      <property name="position" type="string" value="p=2;x=0;y=0"/>
      <property name="position-locked" type="bool" value="true"/>
      <property name="length" type="uint" value="1"/>
      <property name="length-adjust" type="bool" value="true"/>
      <property name="size" type="uint" value="32"/>
      <property name="plugin-ids" type="array"><value type="int" value="1"/></property>
    </property>
  </property>
  <property name="plugins" type="empty">
    <property name="plugin-1" type="string" value="systray">
      <property name="square-icons" type="bool" value="true"/>
      <property name="icon-size" type="int" value="22"/>
    </property>
  </property>
</channel>
`;
/** No transparency: there is no compositor on the bed, and pictures should be readable. */
const NOTIFICATION_SETTINGS = `<?xml version="1.0" encoding="UTF-8"?>
<channel name="xfce4-notifyd" version="1.0">
  <property name="initial-opacity" type="double" value="1.0"/>
  <property name="do-fadeout" type="bool" value="false"/>
  <property name="do-slideout" type="bool" value="false"/>
</channel>
`;

/** A program of XFCE's library folders, or null when it is not installed. */
function libraryProgram(name: string): string | null {
  return LIBRARY_FOLDERS.map((folder) => path.join(folder, name)).find((file) => existsSync(file)) ?? null;
}

/** What is missing for pictures, in words; null when nothing is. */
export function missingForPictures(): string | null {
  const missing = [
    ...(existsSync(PANEL) ? [] : ['xfce4-panel']),
    ...(libraryProgram('notifyd/xfce4-notifyd') ? [] : ['xfce4-notifyd']),
    ...(existsSync('/usr/bin/xdotool') ? [] : ['xdotool']),
    ...(existsSync('/usr/bin/scrot') ? [] : ['scrot']),
  ];
  return missing.length === 0 ? null : `not installed: ${missing.join(', ')}`;
}

/** Starts the panel on the bed's session bus. */
export async function startPanel(bus: Bus, env: Record<string, string>): Promise<readonly Program[]> {
  await writeSettings(env, 'xfce4-panel.xml', PANEL_SETTINGS);
  const settings = await startSettings(bus, env);
  return [startProgram(PANEL, ['--disable-wm-check'], { env }), settings];
}

/** A notification daemon on a bus of its own. */
export interface NotificationStage {
  readonly bus: Bus;
  stop(): Promise<void>;
}

export async function startNotificationStage(env: Record<string, string>): Promise<NotificationStage> {
  const daemon = await startBusDaemon();
  const ownEnv = { ...env, DBUS_SESSION_BUS_ADDRESS: daemon.address };
  const bus = await connect(daemon.address);
  await writeSettings(ownEnv, 'xfce4-notifyd.xml', NOTIFICATION_SETTINGS);
  const settings = await startSettings(bus, ownEnv);
  const shower = startProgram(libraryProgram('notifyd/xfce4-notifyd') ?? '', [], { env: ownEnv });
  await nameOwned(bus, 'org.freedesktop.Notifications');
  return {
    bus,
    async stop() {
      bus.disconnect();
      await shower.stop();
      await settings.stop();
      await daemon.program.stop();
    },
  };
}

async function startSettings(bus: Bus, env: Record<string, string>): Promise<Program> {
  const program = startProgram(libraryProgram('xfconf/xfconfd') ?? '', [], { env });
  await nameOwned(bus, 'org.xfce.Xfconf');
  return program;
}

async function writeSettings(env: Record<string, string>, name: string, text: string): Promise<void> {
  const folder = path.join(env.HOME ?? '', '.config', 'xfce4', 'xfconf', 'xfce-perchannel-xml');
  await mkdir(folder, { recursive: true });
  await writeFile(path.join(folder, name), text);
}

async function nameOwned(bus: Bus, name: string): Promise<void> {
  await until(`${name} on the bus`, async () => (await askBus(bus, 'NameHasOwner', 's', [name]))[0] === true);
}
