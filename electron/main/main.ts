/**
 * Start here. The desktop agent, in the order it wakes up; each line says why it stands where it stands.
 * Before `ready`: what Chromium reads once. At `ready` the service begins to load on another core. Then local files that
 * outlived their time, before anything is unlocked; then the window, and keys once it can be shown: asking a key store stops
 * this process. Tray and notifications come last: nobody sees them sooner than the window.
 */
import './lifecycle/small-heap';
import './lifecycle/native-crypto';
import { join } from 'node:path';
import { app, dialog, protocol } from 'electron';
import type { Agent } from './agent/agent';
import { HIDDEN_SWITCH } from './lifecycle/autostart';
import { hardenApp } from './lifecycle/hardening';
import { isAnotherRunning } from './lifecycle/instance';
import { linkInArgv } from './lifecycle/links';
import { createLog } from './lifecycle/log';
import { appPaths } from './lifecycle/paths';
import { onPowerEvent } from './lifecycle/power';
import { selfCommand } from './lifecycle/protocol-client';
import type { Sample } from './sample/sample';
import { forkService, readLastWords } from './session/fork-service';
import { systemKeyStore } from './session/safe-storage';
import { createSupervisor, type Supervisor } from './session/supervisor';
import type { AppProtocol } from './windows/app-protocol';
import { bareMainWindow } from './windows/main-window';

/** The keeper starts us so after it had to take a credential away itself: end what is overdue on targets, show nothing. */
const SWEEP_SWITCH = '--sweep';
/** Longest a sweep without window may run. */
const SWEEP_PATIENCE_MS = 60_000;
/** Longest that keys wait for the window. */
const KEYS_PATIENCE_MS = 1_000;
/** Longest that tray and notifications wait for a service that does not come up. */
const SETTLE_PATIENCE_MS = 2_000;
/** From a service that answers to a page that has drawn what it said. */
const FIRST_DATA_MS = 250;
const OUT = join(__dirname, '..');

const paths = appPaths(app.getPath('userData'));
const log = createLog(paths.logFile, Date.now);

protocol.registerSchemesAsPrivileged([
  { scheme: 'app', privileges: { standard: true, secure: true, supportFetchAPI: true, stream: true, codeCache: true } },
  { scheme: 'consent', privileges: { standard: true, secure: true } },
  { scheme: 'reveal', privileges: { standard: true, secure: true } },
]);
hardenApp(log);
chooseKeyStore();
process.on('uncaughtException', (cause) => log('error', 'uncaught', { cause }));
process.on('unhandledRejection', (cause) => log('error', 'unhandled rejection', { cause }));

if (!app.requestSingleInstanceLock()) {
  if (isAnotherRunning(paths.userData)) app.exit(0);
  else
    void app
      .whenReady()
      .then(() =>
        cannotStart(
          new Error(`Nothing can be written to ${paths.userData}. Is the disk full, or the folder read-only?`),
        ),
      );
} else if (process.argv.includes(SWEEP_SWITCH)) void sweepOnly();
else void run().catch(cannotStart);

async function run(): Promise<void> {
  const links = collectLinks();
  const rooms = loadRooms(); // while Chromium still starts
  await app.whenReady();
  const supervisor = superviseService();
  supervisor.warmUp();
  const hidden = process.argv.includes(HIDDEN_SWITCH);
  const pages = lateAnswers();
  const preload = join(OUT, 'preload', 'app.cjs');
  const firstWindow = hidden ? null : bareMainWindow(preload); // its process starts while ours goes on
  const { openSettings, createAgent, createAppProtocol, createShell } = await rooms;
  const { store: settings, notices } = openSettings(paths.userData, Date.now());
  const agent = createAgent({
    paths,
    settings,
    supervisor,
    system: systemKeyStore(),
    sweepCommand: sweepCommand(),
    log,
  });
  const swept = agent.sweep(); // local files first; nothing is unlocked yet
  const appProtocol = createAppProtocol({
    root: join(OUT, 'renderer'),
    upstream: () => (agent.session.state().phase === 'ready' ? agent.session.transport : null),
    log,
  });
  const sample = await sampleToPlay();
  const early = [...notices];
  const workspace = sample === null ? 'own' : 'sample';
  const surroundings = { paths, appProtocol, outDir: OUT, preload, firstWindow, workspace } as const;
  const shell = createShell({ agent, settings, ...surroundings, notices: early, log });
  pages.answerWith(appProtocol); // only now: what the page asks over IPC is answered too
  const opening = hidden ? null : shell.openMain();
  early.push(...(await swept).notices);
  if (opening !== null) await within(KEYS_PATIENCE_MS, opening); // asking the key store stops this process, which draws the window
  await agent.session.start(sample?.firstChoice); // from here on the key store may ask the user
  await opening;
  if (opening !== null) await quietMoment(agent);
  await shell.settleIn();
  agent.injector.warmUp();
  links.deliver((link) => (link === null ? shell.show() : shell.follow(link)));
  onPowerEvent(agent.onPower);
  void agent.signals.start();
  if (sample !== null) return sample.play({ agent, shell, settings, log }); // a throw-away workspace leaves links and log-in as they are
  const { registerProtocolClient } = await import('./lifecycle/protocol-client');
  registerProtocolClient(log);
}

/** `app:` from the first moment on; a page that asks early waits for its answer. */
function lateAnswers(): { answerWith(appProtocol: AppProtocol): void } {
  let answerWith: (appProtocol: AppProtocol) => void = () => {};
  const there = new Promise<AppProtocol>((resolve) => {
    answerWith = resolve;
  });
  protocol.handle('app', async (request) => (await there).handle(request));
  return { answerWith };
}

/** Resolves with `work`, or without it when it takes longer. */
function within(lengthMs: number, work: Promise<unknown>): Promise<void> {
  return new Promise((resolve) => {
    const patience = setTimeout(resolve, lengthMs);
    void work.finally(() => {
      clearTimeout(patience);
      resolve();
    });
  });
}

/** Until the page has its first data, or can't have any yet: what comes next would only take the processor from it. */
function quietMoment({ session }: Agent): Promise<void> {
  return new Promise((resolve) => {
    const patience = setTimeout(done, SETTLE_PATIENCE_MS);
    const stop = session.onState(look);
    look();
    function look() {
      if (session.state().phase !== 'starting') setTimeout(done, FIRST_DATA_MS);
    }
    function done() {
      clearTimeout(patience);
      stop();
      resolve();
    }
  });
}

/** The larger rooms, loaded side by side instead of one after the other. */
async function loadRooms() {
  const [settings, agent, appProtocol, shell] = await Promise.all([
    import('./lifecycle/settings'),
    import('./agent/agent'),
    import('./windows/app-protocol'),
    import('./agent/shell'),
  ]);
  return { ...settings, ...agent, ...appProtocol, ...shell };
}

/** The sample workspace, when `npm start -- --sample` names one. A release has none: nobody else ever decides in the owner's stead. */
async function sampleToPlay(): Promise<Sample | null> {
  const file = process.env.HALLPASS_SAMPLE_FILE;
  if (file === undefined || app.isPackaged) return null;
  const { createSample } = await import('./sample/sample');
  return createSample(file);
}

/** A process without a window that nobody can find is the worst answer: say it, and end. Deadlines are the keeper's meanwhile. */
function cannotStart(cause: unknown): void {
  log('error', 'the app could not start', { cause });
  const why = cause instanceof Error ? cause.message : String(cause);
  process.stderr.write(`Hallpass could not start: ${why}\n`); // for whoever started it without a desktop to show it on
  dialog.showErrorBox(
    'Hallpass could not start',
    `${why}\n\nAccess on this machine still ends on time. Log: ${paths.logFile}`,
  );
  app.exit(1);
}

/** No window, nothing of the device unlocked: the bundled service starts, ends what is overdue, and everything quits. */
async function sweepOnly(): Promise<void> {
  await app.whenReady();
  const stop = setTimeout(() => app.exit(1), SWEEP_PATIENCE_MS);
  let agent: Agent | null = null;
  try {
    const supervisor = superviseService();
    const { openSettings } = await import('./lifecycle/settings');
    const { createAgent } = await import('./agent/agent');
    const settings = openSettings(paths.userData, Date.now()).store;
    agent = createAgent({ paths, settings, supervisor, system: systemKeyStore(), sweepCommand: null, log });
    await agent.sweep();
    if (await agent.session.startServiceOnly()) {
      await readyOf(supervisor);
      const report = await supervisor.sweep();
      log('info', 'swept without a window', { ...report });
    }
  } catch (cause) {
    log('error', 'the sweep failed', { cause });
  } finally {
    clearTimeout(stop);
    await agent?.stop().catch(() => undefined);
    app.exit(0);
  }
}

function superviseService(): Supervisor {
  return createSupervisor({
    fork: () => forkService(join(__dirname, 'service.cjs')),
    lastWords: () => readLastWords(paths.serviceDir),
    now: Date.now,
    log,
    after(lengthMs, callback) {
      const timer = setTimeout(callback, lengthMs);
      return () => clearTimeout(timer);
    },
  });
}

function readyOf(supervisor: Supervisor): Promise<void> {
  return new Promise((resolve, reject) => {
    const look = () => {
      const state = supervisor.state();
      if (state.kind === 'ready') resolve();
      else if (state.kind === 'down' && state.attempts > 1) reject(new Error(state.error.what));
    };
    supervisor.onState(look);
    look();
  });
}

/** Links may come before there is anything to show them: at a cold start, from a second instance, from open-url on macOS. */
function collectLinks(): { deliver(follow: (link: string | null) => void): void } {
  const first = linkInArgv(process.argv);
  let waiting: (string | null)[] = first === undefined ? [] : [first];
  let follow: ((link: string | null) => void) | null = null;
  const take = (link: string | null) => {
    if (follow === null) waiting.push(link);
    else follow(link);
  };
  app.on('second-instance', (_event, argv) => {
    if (!argv.includes(SWEEP_SWITCH)) take(linkInArgv(argv) ?? null); // we enforce deadlines ourselves while we run
  });
  app.on('open-url', (event, url) => {
    event.preventDefault();
    take(url);
  });
  app.on('activate', () => take(null));
  return {
    deliver(next) {
      follow = next;
      for (const link of waiting) next(link);
      waiting = [];
    },
  };
}

/** How a keeper starts us again; null on systems where it can't. The keeper's environment is nearly empty, so what a desktop start needs is named. */
function sweepCommand(): { file: string; args: readonly string[]; env: Readonly<Record<string, string>> } | null {
  const [file, ...args] = selfCommand();
  if (file === undefined || process.platform === 'win32') return null;
  const names = [
    'HOME',
    'PATH',
    'DISPLAY',
    'WAYLAND_DISPLAY',
    'XAUTHORITY',
    'XDG_RUNTIME_DIR',
    'XDG_CONFIG_HOME',
    'XDG_CURRENT_DESKTOP',
    'DBUS_SESSION_BUS_ADDRESS',
    'LANG',
  ];
  const env = Object.fromEntries(
    names.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
  );
  const ours = process.argv.filter((arg) => /^--(password-store|user-data-dir)=/.test(arg));
  return { file, args: [...args, ...ours, SWEEP_SWITCH], env };
}

/** Chromium takes the key store from the desktop's name; on a Linux desktop it does not know, it would take none. */
function chooseKeyStore(): void {
  if (process.platform !== 'linux' || app.commandLine.hasSwitch('password-store')) return;
  const desktop = process.env.XDG_CURRENT_DESKTOP ?? '';
  if (!/kde|gnome|unity|xfce|cinnamon|deepin|pantheon|ukui|lxqt/i.test(desktop))
    app.commandLine.appendSwitch('password-store', 'gnome-libsecret');
}
