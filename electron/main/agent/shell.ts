/**
 * The pixels: main window, cards, tray, notifications, shortcut and theme, and how they follow the agent.
 * Everything here may be absent (no window yet, no tray on this desktop, no notification daemon) and the agent goes on.
 * Read `createShell` first: each line makes one part; the functions below it say how that part is wired.
 */

import { join } from 'node:path';
import { app, type BrowserWindow, clipboard, dialog, type NativeImage, nativeTheme } from 'electron';
import type { UserError } from '../../../shared/contract/ipc';
import { fromBase64url, toHex } from '../../../shared/crypto/bytes';
import { consentHandlers } from '../ipc/consent-handlers';
import { mainHandlers } from '../ipc/handlers';
import { registerIpc } from '../ipc/register';
import { applyAutostart } from '../lifecycle/autostart';
import { debuggerCouldDecide } from '../lifecycle/hardening';
import { readLink } from '../lifecycle/links';
import type { Log } from '../lifecycle/log';
import type { AppPaths } from '../lifecycle/paths';
import { createQuitFlow, type QuitFlow } from '../lifecycle/quit-flow';
import { connectSessionBus, type SessionBus } from '../lifecycle/session-bus';
import type { SettingsStore } from '../lifecycle/settings';
import type { NotificationAdapter } from '../notifications/adapter';
import { createFreedesktopAdapter } from '../notifications/freedesktop';
import { createNativeAdapter, noNotifications } from '../notifications/native';
import { createNotifier, type Notifier } from '../notifications/notifier';
import { drawAppIcon } from '../tray/icon';
import { trayModel } from '../tray/model';
import { appIcon, createTray, type TrayView } from '../tray/tray';
import type { AppProtocol } from '../windows/app-protocol';
import { createSecretClipboard, type SecretClipboard } from '../windows/clipboard';
import { type ConsentPlaces, createConsentPlaces } from '../windows/consent';
import { backgroundOf, bareMainWindow, currentTheme, furnishMainWindow } from '../windows/main-window';
import { openReveal } from '../windows/reveal';
import type { Agent } from './agent';
import { type Commands, createCommands, endLiveGrants } from './commands';
import { createPaletteShortcut, type PaletteShortcut } from './shortcut';
import { createWindowHost, type WindowHost } from './window-host';

/** The tray's minutes are looked at this often; it is drawn only when something changed. */
const TRAY_EVERY_MS = 5_000;
/** As large as daemons show it, on dense screens too. */
const NOTICE_ICON_PX = 96;

export interface ShellDeps {
  readonly agent: Agent;
  readonly settings: SettingsStore;
  readonly paths: AppPaths;
  readonly appProtocol: AppProtocol;
  readonly outDir: string;
  readonly preload: string;
  /** Made before there was a shell, so that its process starts meanwhile; null for a start without a window. */
  readonly firstWindow: BrowserWindow | null;
  readonly notices: readonly UserError[];
  /** Whether this start shows the sample workspace. */
  readonly workspace: 'own' | 'sample';
  readonly log: Log;
}
export interface Shell {
  /** Makes or shows the main window; resolves with it once it can be shown. */
  openMain(): Promise<BrowserWindow>;
  follow(linkText: string): void;
  show(): void;
  /** Tray, notifications, shortcut: after the first window, they need the session bus. */
  settleIn(): Promise<void>;
  /** Says for a moment, in the window, what goes on. */
  news(title: string, about: string | null): void;
  /** Says what went wrong, where the person looks. */
  tell(error: UserError): void;
}
/** What the parts of the shell share. */
interface Parts {
  readonly deps: ShellDeps;
  readonly host: WindowHost;
  readonly places: ConsentPlaces;
  readonly commands: Commands;
  readonly tray: TrayView;
  readonly shortcut: PaletteShortcut;
  readonly secretClipboard: SecretClipboard;
  readonly quit: QuitFlow;
  readonly late: Late;
  readonly tell: (error: UserError) => void;
}
/** What is there only after `settleIn`. */
interface Late {
  bus: SessionBus | null;
  notifier: Notifier | null;
  readonly settled: Promise<void>;
  readonly settle: () => void;
}
function settling(): Pick<Late, 'settled' | 'settle'> {
  let settle = () => {};
  const settled = new Promise<void>((resolve) => {
    settle = resolve;
  });
  return { settled, settle };
}

const after = (lengthMs: number, callback: () => void) => {
  const timer = setTimeout(callback, lengthMs);
  return () => clearTimeout(timer);
};
const drawnOnce = <T>(draw: () => T): (() => T) => {
  let drawn: T | undefined;
  return () => {
    drawn ??= draw();
    return drawn;
  };
};
const copyText = (text: string) => clipboard.writeText(text);
const DEBUGGER_REFUSAL: UserError = {
  code: 'debugger',
  what: 'Decisions are switched off in this start.',
  safe: 'Nothing was decided.',
  next: 'Hallpass was started with a debugging switch, with which another program could press Approve. Quit and start it without.',
  detail: null,
};
const refusal = () =>
  debuggerCouldDecide(process.argv, app.isPackaged ? 'release' : 'development') ? DEBUGGER_REFUSAL : null;

export function createShell(deps: ShellDeps): Shell {
  const { agent, settings, log } = deps;
  const icon = drawnOnce(appIcon);
  const late: Late = { bus: null, notifier: null, ...settling() };
  let first = deps.firstWindow;
  const host = createWindowHost({
    make() {
      const made = first === null || first.isDestroyed() ? bareMainWindow(deps.preload) : first;
      first = null;
      return furnishMainWindow(made, settings);
    },
    onMade(window) {
      quit.guard(window);
      void late.settled.then(() => window.isDestroyed() || window.setIcon(icon())); // drawing it would delay the first data
    },
    log,
  });
  const tell = (error: UserError) => {
    host.send('notice', error);
    if (host.current()?.isVisible() !== true)
      late.notifier?.failed(`notice:${error.code}`, error.what, error.next, host.show);
  };
  const secretClipboard = createSecretClipboard(clipboard, after);
  const places = consentPlaces(deps, host, icon);
  const commands = createCommands({
    agent,
    settings,
    log,
    surfaces: {
      open: host.open,
      tell,
      copyText,
      refusal,
      openCard: (id) => void places.openWindow(id),
      quit: () => quit.requestQuit(),
    },
  });
  const tray = createTray({ run: commands.run, onClick: host.show });
  const press = () => {
    host.show();
    host.send('palette.open', {});
  };
  const shortcut = createPaletteShortcut({ press, log });
  const quit = quitFlow({ deps, host, tray, shortcut, secretClipboard, late });
  const parts: Parts = { deps, host, places, commands, tray, shortcut, secretClipboard, quit, late, tell };
  answerPages(parts);
  followAgent(parts);
  return {
    openMain: host.ensure,
    show: host.show,
    settleIn: () => settleIn(parts),
    news: (title, about) => host.send('news', { title, about }),
    tell,
    follow(text) {
      host.show();
      void host.ensure().then(() => follow(parts, text));
    },
  };
}

function follow({ deps: { log }, commands, host }: Parts, text: string): void {
  const outcome = readLink(text);
  if (outcome.kind === 'open') {
    commands.follow(outcome.link, text);
    return;
  }
  log('warn', 'a link was refused', { what: outcome.notice.what });
  host.send('notice', outcome.notice);
}

function consentPlaces({ agent, outDir }: ShellDeps, host: WindowHost, icon: () => NativeImage): ConsentPlaces {
  return createConsentPlaces({
    root: join(outDir, 'renderer'),
    preload: join(outDir, 'preload', 'consent.cjs'),
    icon,
    mainWindow: host.current,
    ports: {
      facts: agent.decider.facts,
      seen: agent.decider.seen,
      decide: agent.decider.decide,
      refusal,
      theme: currentTheme,
      after,
      identity() {
        const keys = agent.session.keyring();
        return {
          seal: keys === null ? '' : toHex(fromBase64url(keys.signingKey)),
          deviceName: agent.session.deviceName(),
          fingerprint: keys?.fingerprint ?? '',
        };
      },
      done: (requestId) => host.send('consent.done', { requestId }),
    },
  });
}

function quitFlow(parts: Pick<Parts, 'deps' | 'host' | 'tray' | 'shortcut' | 'secretClipboard' | 'late'>): QuitFlow {
  const { agent, settings } = parts.deps;
  const pause = (lengthMs: number) => new Promise<void>((resolve) => after(lengthMs, resolve));
  return createQuitFlow({
    settings,
    mainWindow: parts.host.current,
    tray: () => (parts.tray.available() ? 'present' : 'absent'),
    liveGrants: () => ({
      mode: agent.session.profile()?.mode ?? null,
      count: agent.cache.grants().filter((grant) => grant.state === 'active' || grant.state === 'provisioning').length,
    }),
    endGrants: (patienceMs) => endLiveGrants(agent, patienceMs, pause, Date.now),
    async shutDown() {
      await parts.secretClipboard.clearNow();
      parts.shortcut.release();
      parts.tray.destroy();
      await agent.stop();
      parts.late.bus?.close();
    },
  });
}

/** What the pages may ask, and who answers. */
function answerPages({ deps, host, places, commands, tray, shortcut, secretClipboard, quit, late }: Parts): void {
  const { agent, settings, log } = deps;
  registerIpc({
    log,
    mainContents: () => host.current()?.webContents ?? null,
    isConsentPage: (contents) => places.surfaceOf(contents) !== undefined,
    consent: consentHandlers(() => places, {
      key(key) {
        host.current()?.webContents.focus();
        host.send('consent.key', { key });
      },
    }),
    handlers: mainHandlers({
      agent,
      commands,
      settings,
      copyText,
      clipboard: secretClipboard,
      reveal: (title, facts) => void openReveal(title, facts, host.current()),
      place: places.place,
      focusPane: places.focusPane,
      cancelProxied: deps.appProtocol.cancel,
      quit: quit.requestQuit,
      askPath: (suggested) => askPath(host.current(), suggested),
      info: async () => ({
        version: app.getVersion(),
        platform: process.platform,
        electron: process.versions.electron ?? '',
        sample: deps.workspace === 'sample',
        trayAvailable: tray.available(),
        notifications: (await late.notifier?.abilities()) ?? NOT_ASKED_YET,
        notices: [...deps.notices, ...agent.session.notices()],
        unwatched: [...(await agent.signals.unwatched())],
        shortcuts: { palette: shortcut.bound() },
        dataDir: deps.paths.userData,
        logFile: deps.paths.logFile,
      }),
    }),
  });
}
const NOT_ASKED_YET = { available: false, actions: false, reason: 'Not asked yet.' };

async function askPath(window: BrowserWindow | null, suggested: string): Promise<string | null> {
  const options = { title: 'Save', defaultPath: join(app.getPath('documents'), suggested) };
  const answer = window === null ? await dialog.showSaveDialog(options) : await dialog.showSaveDialog(window, options);
  return answer.canceled ? null : answer.filePath;
}

function drawTray({ deps: { agent, settings }, tray }: Parts): void {
  const session = agent.session.state();
  tray.show(
    trayModel({
      phase: session.phase,
      online: session.phase === 'ready' && session.online,
      grants: agent.cache.grants(),
      waiting: agent.cache.inbox(),
      catalog: agent.catalog(),
      injections: agent.injector.list(),
      settings: settings.get(),
      remainingMs: (grantId) => agent.clock.remainingMs(grantId),
    }),
  );
}

/** Whatever changes in the agent, the settings or the theme is shown. */
function followAgent(parts: Parts): void {
  const { host, places, commands, late, shortcut } = parts;
  const { agent, settings, log } = parts.deps;
  const draw = () => drawTray(parts);
  agent.session.onState((state) => {
    host.send('session.changed', state);
    draw();
  });
  agent.injector.onChange((all) => {
    host.send('injection.changed', all);
    draw();
  });
  agent.listen({
    event(event) {
      host.send('service.event', event);
      late.notifier?.onEvent(event);
      if ('request' in event.data) places.refresh(event.data.request);
    },
    resync: () => host.send('service.resync', {}),
    changed: draw,
    loaded: () => late.notifier?.announce(agent.cache.inbox()),
    warn: (grant, minutes) => late.notifier?.warn(grant, minutes),
    active: (grant, command) => late.notifier?.active(grant, command),
    injectionFailed: (grant, what, next) =>
      late.notifier?.failed(`grant:${grant.id}`, what, next, () => commands.openGrant(grant.id)),
  });
  settings.onChange((next) => {
    nativeTheme.themeSource = next.theme;
    host.send('settings.changed', next);
    if (parts.deps.workspace === 'own') applyAutostart(next, log);
    shortcut.bind(next.paletteShortcut);
    draw();
  });
  nativeTheme.on('updated', () => {
    host.current()?.setBackgroundColor(backgroundOf(currentTheme()));
    places.redraw();
  });
}

async function settleIn(parts: Parts): Promise<void> {
  const { tray, host, late, commands, shortcut } = parts;
  const { agent, settings, log } = parts.deps;
  const unkept = await settings.keep();
  if (unkept !== null) parts.tell(unkept);
  late.bus = await connectSessionBus(process.env.DBUS_SESSION_BUS_ADDRESS).catch(() => null);
  drawTray(parts);
  await tray.watch(late.bus);
  tray.onAvailability((state) => {
    if (state === 'absent' && host.current()?.isVisible() === false) host.current()?.minimize(); // never out of reach
    log('info', 'the tray is', { state });
  });
  late.notifier = createNotifier({
    adapter: await notificationAdapter(late.bus),
    me: () => agent.session.identity(),
    isAdmin: () => agent.session.sync()?.status().me?.person.roles.includes('admin') ?? false,
    enabled: () => settings.get().notifications,
    log,
    actions: {
      decide: (request, decision) => void commands.decide(request, decision, 'notification'),
      openRequest: (request) => commands.openRequest(request.id),
      openGrant: commands.openGrant,
      extend: (grant) => void commands.extend(grant),
      copyCommand: commands.copyCommand,
    },
  });
  late.notifier.announce(agent.cache.inbox());
  shortcut.bind(settings.get().paletteShortcut);
  setInterval(() => drawTray(parts), TRAY_EVERY_MS).unref();
  late.settle();
}

async function notificationAdapter(bus: SessionBus | null): Promise<NotificationAdapter> {
  if (process.platform !== 'linux') return createNativeAdapter();
  if (bus === null) return noNotifications('There is no session bus on this desktop.');
  const icon = drawnOnce(() => ({ sizePx: NOTICE_ICON_PX, rgba: drawAppIcon(NOTICE_ICON_PX) }));
  return createFreedesktopAdapter({ bus, appName: 'Hallpass', icon, now: Date.now });
}
