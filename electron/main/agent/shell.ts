/**
 * The pixels: main window, cards, tray, notifications, shortcut and theme, and how they follow the agent.
 * Everything here may be absent (no window yet, no tray on this desktop, no notification daemon) and the agent goes on.
 */

import { join } from 'node:path';
import { app, type BrowserWindow, clipboard, dialog, globalShortcut, nativeTheme } from 'electron';
import type { z } from 'zod';
import { type EventChannel, IPC_EVENT, type UserError } from '../../../shared/contract/ipc';
import { fromBase64url, toHex } from '../../../shared/crypto/bytes';
import { consentHandlers } from '../ipc/consent-handlers';
import { mainHandlers } from '../ipc/handlers';
import { registerIpc } from '../ipc/register';
import { applyAutostart } from '../lifecycle/autostart';
import { debuggerCouldDecide } from '../lifecycle/hardening';
import { type LinkOutcome, readLink } from '../lifecycle/links';
import type { Log } from '../lifecycle/log';
import type { AppPaths } from '../lifecycle/paths';
import { createQuitFlow } from '../lifecycle/quit-flow';
import { connectSessionBus, type SessionBus } from '../lifecycle/session-bus';
import type { SettingsStore } from '../lifecycle/settings';
import type { NotificationAdapter } from '../notifications/adapter';
import { createFreedesktopAdapter } from '../notifications/freedesktop';
import { createNativeAdapter, noNotifications } from '../notifications/native';
import { createNotifier, type Notifier } from '../notifications/notifier';
import { type TrayState, trayModel } from '../tray/model';
import { appIcon, createTray } from '../tray/tray';
import type { AppProtocol } from '../windows/app-protocol';
import { createSecretClipboard } from '../windows/clipboard';
import { createConsentPlaces } from '../windows/consent';
import { backgroundOf, bringForward, createMainWindow, currentTheme } from '../windows/main-window';
import { openReveal } from '../windows/reveal';
import type { Agent } from './agent';
import { createCommands, endLiveGrants } from './commands';

/** The tray's minutes are looked at this often; it is drawn only when something changed. */
const TRAY_EVERY_MS = 5_000;

export interface ShellDeps {
  readonly agent: Agent;
  readonly settings: SettingsStore;
  readonly paths: AppPaths;
  readonly appProtocol: AppProtocol;
  readonly outDir: string;
  readonly notices: readonly UserError[];
  readonly log: Log;
}
export interface Shell {
  /** Makes or shows the main window; resolves with it once it can be shown. */
  openMain(): Promise<BrowserWindow>;
  follow(linkText: string): void;
  show(): void;
  /** Tray, notifications, shortcut: after the first window, they need the session bus. */
  settleIn(): Promise<void>;
}

const after = (lengthMs: number, callback: () => void) => {
  const timer = setTimeout(callback, lengthMs);
  return () => clearTimeout(timer);
};
const DEBUGGER_REFUSAL: UserError = {
  code: 'debugger',
  what: 'Decisions are switched off in this start.',
  safe: 'Nothing was decided.',
  next: 'Hallpass was started with a debugging switch, with which another program could press Approve. Quit and start it without.',
  detail: null,
};

export function createShell(deps: ShellDeps): Shell {
  const { agent, settings, log } = deps;
  const icon = appIcon();
  let main: BrowserWindow | null = null;
  let bus: SessionBus | null = null;
  let notifier: Notifier | null = null;
  let shortcut: string | null = null;
  const mainWindow = () => (main === null || main.isDestroyed() ? null : main);

  function send<C extends EventChannel>(channel: C, payload: z.input<(typeof IPC_EVENT)[C]>): void {
    const window = mainWindow();
    if (window !== null) window.webContents.send('hallpass:event', channel, IPC_EVENT[channel].parse(payload));
  }
  const open = (to: string) => {
    show();
    if (to !== '/') send('navigate', { to: to.slice(0, 200) });
  };
  const tell = (error: UserError) => {
    send('notice', error);
    if (mainWindow()?.isVisible() !== true)
      notifier?.failed(`notice:${error.code}`, error.what, error.next, () => show());
  };
  const refusal = () =>
    debuggerCouldDecide(process.argv, app.isPackaged ? 'release' : 'development') ? DEBUGGER_REFUSAL : null;
  const secretClipboard = createSecretClipboard(clipboard, after);
  const copyText = (text: string) => clipboard.writeText(text);

  const places = createConsentPlaces({
    root: join(deps.outDir, 'renderer'),
    preload: join(deps.outDir, 'preload', 'consent.cjs'),
    icon,
    mainWindow,
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
      done: (requestId) => send('consent.done', { requestId }),
    },
  });
  const commands = createCommands({
    agent,
    settings,
    log,
    surfaces: {
      open,
      tell,
      copyText,
      refusal,
      openCard: (id) => void places.openWindow(id),
      quit: () => quit.requestQuit(),
    },
  });
  const tray = createTray({ run: commands.run, onClick: () => show() });
  const quit = createQuitFlow({
    settings,
    mainWindow,
    tray: () => (tray.available() ? 'present' : 'absent'),
    liveGrants: () => ({
      mode: agent.session.profile()?.mode ?? null,
      count: agent.cache.grants().filter((grant) => grant.state === 'active' || grant.state === 'provisioning').length,
    }),
    endGrants: (patienceMs) =>
      endLiveGrants(
        agent,
        patienceMs,
        (lengthMs) => new Promise((resolve) => after(lengthMs, () => resolve())),
        Date.now,
      ),
    async shutDown() {
      await secretClipboard.clearNow();
      globalShortcut.unregisterAll();
      tray.destroy();
      await agent.stop();
      bus?.close();
    },
  });

  registerIpc({
    log,
    mainContents: () => mainWindow()?.webContents ?? null,
    isConsentPage: (contents) => places.surfaceOf(contents) !== undefined,
    consent: consentHandlers(() => places, {
      key(key) {
        mainWindow()?.webContents.focus();
        send('consent.key', { key });
      },
    }),
    handlers: mainHandlers({
      agent,
      commands,
      settings,
      copyText,
      clipboard: secretClipboard,
      reveal: (title, credential) => void openReveal(title, credential, mainWindow()),
      place: places.place,
      focusPane: places.focusPane,
      cancelProxied: deps.appProtocol.cancel,
      quit: () => quit.requestQuit(),
      async askPath(suggested) {
        const window = mainWindow();
        const options = { title: 'Save', defaultPath: join(app.getPath('documents'), suggested) };
        const answer =
          window === null ? await dialog.showSaveDialog(options) : await dialog.showSaveDialog(window, options);
        return answer.canceled ? null : answer.filePath;
      },
      info: async () => ({
        version: app.getVersion(),
        platform: process.platform,
        electron: process.versions.electron ?? '',
        sample: process.env.HALLPASS_SAMPLE_FILE !== undefined,
        trayAvailable: tray.available(),
        notifications: (await notifier?.abilities()) ?? { available: false, actions: false, reason: 'Not asked yet.' },
        notices: [...deps.notices, ...agent.session.notices()],
        shortcuts: { palette: shortcut },
        dataDir: deps.paths.userData,
        logFile: deps.paths.logFile,
      }),
    }),
  });

  function drawTray(): void {
    const session = agent.session.state();
    const state: TrayState = {
      phase: session.phase,
      online: session.phase === 'ready' && session.online,
      grants: agent.cache.grants(),
      waiting: agent.cache.inbox(),
      catalog: agent.catalog(),
      injections: agent.injector.list(),
      settings: settings.get(),
      remainingMs: (grantId) => agent.clock.remainingMs(grantId),
    };
    tray.show(trayModel(state));
  }

  function show(): void {
    const window = mainWindow();
    if (window === null) void openMain();
    else bringForward(window);
  }
  function openMain(): Promise<BrowserWindow> {
    const known = mainWindow();
    if (known !== null) return Promise.resolve(known);
    const window = createMainWindow({ preload: join(deps.outDir, 'preload', 'app.cjs'), settings, icon });
    main = window;
    quit.guard(window);
    return new Promise((resolve) => {
      const done = () => {
        if (!window.isDestroyed() && !window.isVisible()) window.show();
        log('info', 'the window can be shown');
        resolve(window);
      };
      window.once('ready-to-show', done);
      window.webContents.once('did-fail-load', done);
    });
  }

  function bindShortcut(): void {
    const wanted = settings.get().paletteShortcut;
    if (wanted === shortcut) return;
    if (shortcut !== null) globalShortcut.unregister(shortcut);
    shortcut = null;
    if (wanted === '') return;
    try {
      const bound = globalShortcut.register(wanted, () => {
        show();
        send('palette.open', {});
      });
      if (bound) shortcut = wanted;
      else log('info', 'the shortcut for the palette belongs to somebody else', { wanted });
    } catch (cause) {
      log('warn', 'that shortcut can’t be used', { wanted, cause });
    }
  }

  agent.session.onState((state) => {
    send('session.changed', state);
    drawTray();
  });
  agent.injector.onChange((all) => {
    send('injection.changed', all);
    drawTray();
  });
  agent.listen({
    event(event) {
      send('service.event', event);
      notifier?.onEvent(event);
      if ('request' in event.data) places.refresh(event.data.request);
    },
    resync: () => send('service.resync', {}),
    changed: drawTray,
    loaded: () => notifier?.announce(agent.cache.inbox()),
    warn: (grant, minutes) => notifier?.warn(grant, minutes),
    active: (grant, command) => notifier?.active(grant, command),
    injectionFailed: (grant, what, next) =>
      notifier?.failed(`grant:${grant.id}`, what, next, () => commands.openGrant(grant.id)),
  });
  settings.onChange((next) => {
    nativeTheme.themeSource = next.theme;
    send('settings.changed', next);
    applyAutostart(next, log);
    bindShortcut();
    drawTray();
  });
  nativeTheme.on('updated', () => {
    mainWindow()?.setBackgroundColor(backgroundOf(currentTheme()));
    places.redraw();
  });

  async function notificationAdapter(): Promise<NotificationAdapter> {
    if (process.platform !== 'linux') return createNativeAdapter();
    if (bus === null) return noNotifications('There is no session bus on this desktop.');
    return createFreedesktopAdapter({ bus, appName: 'Hallpass', now: Date.now });
  }
  async function settleIn(): Promise<void> {
    bus = await connectSessionBus(process.env.DBUS_SESSION_BUS_ADDRESS).catch(() => null);
    drawTray();
    await tray.watch(bus);
    tray.onAvailability((state) => {
      if (state === 'absent' && mainWindow()?.isVisible() === false) mainWindow()?.minimize(); // never out of reach
      log('info', 'the tray is', { state });
    });
    const adapter = await notificationAdapter();
    notifier = createNotifier({
      adapter,
      me: () => agent.session.identity(),
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
    notifier.announce(agent.cache.inbox());
    bindShortcut();
    setInterval(drawTray, TRAY_EVERY_MS).unref();
  }

  return {
    openMain,
    show,
    settleIn,
    follow(text) {
      const outcome: LinkOutcome = readLink(text);
      show();
      if (outcome.kind === 'open') commands.follow(outcome.link);
      else {
        log('warn', 'a link was refused', { what: outcome.notice.what });
        send('notice', outcome.notice);
      }
    },
  };
}
