/**
 * The parts that work without any window, and how they know each other. No decisions here: each part's own file has them.
 */
import { randomUUID } from 'node:crypto';
import { hostname, networkInterfaces } from 'node:os';
import type { ServiceEvent } from '../../../shared/contract/events';
import type { GrantView } from '../../../shared/contract/grants';
import type { CatalogEntry } from '../../../shared/contract/resources';
import { openCredential } from '../../../shared/crypto/seal';
import { createGrantClock, type GrantClock, systemClocks } from '../grants/clock';
import { createInjector, desktopInjectorDeps, type Injector, type SweepReport } from '../injection';
import type { Log } from '../lifecycle/log';
import { type AppPaths, prepareSocketPath } from '../lifecycle/paths';
import { type PowerEvent, systemSaysLocked } from '../lifecycle/power';
import { connectSessionBus } from '../lifecycle/session-bus';
import type { SettingsStore } from '../lifecycle/settings';
import { systemRandom } from '../lifecycle/system';
import { type CallApi, createCallApi } from '../session/api-client';
import { createDecider, type Decider } from '../session/decisions';
import { createReturnQueue, type ReturnQueue } from '../session/return-queue';
import type { SystemKeyStore } from '../session/safe-storage';
import { createSession, deviceNameOf, type Session } from '../session/session';
import type { Supervisor } from '../session/supervisor';
import { watchScreenLock } from '../signals/screen-lock';
import { createSignals, type Signals } from '../signals/signals';
import { ticketClosed } from '../signals/ticket';
import { type Cache, createCache } from '../sync/cache';
import { createGrantFlow, type GrantFlow } from '../sync/grant-flow';
import { openSyncMemory } from '../sync/memory';
import { createSync } from '../sync/sync';
import { createWitness, type Witness } from '../sync/witness';

export interface AgentEvents {
  event(event: ServiceEvent): void;
  resync(): void;
  /** Grants, requests or the catalog changed: tray and counters. */
  changed(): void;
  loaded(): void;
  warn(grant: GrantView, minutes: 15 | 5 | 1): void;
  active(grant: GrantView, command: string | null): void;
  injectionFailed(grant: GrantView, what: string, next: string | null): void;
}
export interface Agent {
  readonly injector: Injector;
  readonly clock: GrantClock;
  readonly session: Session;
  readonly callApi: CallApi;
  readonly cache: Cache;
  readonly witness: Witness;
  readonly decider: Decider;
  readonly grants: GrantFlow;
  readonly queue: ReturnQueue;
  catalog(): readonly CatalogEntry[];
  /** Set once by the shell; before that, events go nowhere, and helpers are not answered. */
  listen(events: AgentEvents): void;
  /** Local files: what expired while nobody looked goes first, before anything is unlocked. */
  sweep(): Promise<SweepReport>;
  readonly signals: Signals;
  /** Time may have jumped, or the screen was locked. */
  onPower(why: PowerEvent): void;
  stop(): Promise<void>;
}

const after = (lengthMs: number, callback: () => void) => {
  const timer = setTimeout(callback, lengthMs);
  return () => clearTimeout(timer);
};
const monotonicMs = () => Number(process.hrtime.bigint() / 1_000_000n);
const SILENT: AgentEvents = {
  event: () => {},
  resync: () => {},
  changed: () => {},
  loaded: () => {},
  warn: () => {},
  active: () => {},
  injectionFailed: () => {},
};

export function createAgent(deps: {
  paths: AppPaths;
  settings: SettingsStore;
  supervisor: Supervisor;
  system: SystemKeyStore;
  sweepCommand: { file: string; args: readonly string[]; env: Readonly<Record<string, string>> } | null;
  log: Log;
}): Agent {
  const { paths, settings, log } = deps;
  let events = SILENT;
  let catalog: readonly CatalogEntry[] = [];
  const nowMs = () => Date.now();

  const clock: GrantClock = createGrantClock({
    ...systemClocks(),
    onWarn(grantId, minutes) {
      const grant = cache.grant(grantId);
      if (grant !== undefined) events.warn(grant, minutes);
    },
    onDeadline: (grantId) =>
      void grants
        .onDeadline(grantId)
        .catch((cause: unknown) => log('error', 'removal at the deadline failed', { grantId, cause })),
    onClockDoubt(doubt) {
      log('warn', 'the clock can’t be trusted', { doubt });
      session.refresh();
      void session
        .sync()
        ?.askTime()
        .then(
          () => session.refresh(),
          () => undefined,
        );
    },
  });
  const serverNow = () => Date.now() + clock.offsetMs();
  const injector = createInjector(
    desktopInjectorDeps({
      userDataDir: paths.userData,
      clockOffsetMs: () => clock.offsetMs(),
      pgServiceFile: () => settings.get().pgServiceFile,
      kubeconfigPlace: () => settings.get().kubeconfigPlace,
      awsCredentials: () => settings.get().awsCredentials,
      sshPlace: () => settings.get().sshPlace,
      envFileOf: (resource) => settings.get().envFiles.find((one) => one.resource === resource)?.path ?? null,
      sweepCommand: deps.sweepCommand,
      log,
    }),
  );
  const memory = openSyncMemory({ file: paths.syncFile, nowMs, after, log });
  const cache = createCache();
  const callApi = createCallApi(() => session.transport);
  const queue = createReturnQueue({ file: paths.returnsFile, callApi, nowMs, newKey: randomUUID, log });
  const witness = createWitness({ callApi, memory: memory.witness, onChange: () => session.refresh(), log });
  const grants = createGrantFlow({
    injector,
    clock,
    queue,
    callApi,
    deviceId: () => session.identity()?.deviceId ?? null,
    open(sealed, grantId) {
      const [keys, me] = [session.keyring(), session.identity()];
      if (keys === null || me === null) throw new Error('this device is locked');
      return openCredential(sealed, { grantId, deviceId: me.deviceId, sealingSecretKey: keys.sealingSecretKey });
    },
    serverNow,
    missingSignals: (endOn) => signals.missing(endOn),
    standingSignals: (endOn) => signals.standing(endOn),
    onBegun: (grantId) => signals.begun(grantId),
    onActive: (grant, injection) => events.active(grant, injection?.command ?? null),
    onFailed: (grant, what, next) => events.injectionFailed(grant, what, next),
    log,
  });
  const signals = createSignals({
    clocks: systemClocks(),
    interfaces: networkInterfaces,
    every: systemClocks().every,
    watchLock: (onLock) =>
      watchScreenLock({
        platform: process.platform,
        connect: (bus) => connectSessionBus(busAddress(bus)),
        processId: process.pid,
        sessionId: process.env.XDG_SESSION_ID,
        systemSaysLocked,
        every: systemClocks().every,
        onLock,
      }),
    settings: () => settings.get().endOn,
    injections: () => injector.list(),
    end: (grantId, signal) => grants.giveBack(grantId, signal),
    log,
  });
  const uid = process.getuid?.() ?? 0;
  const socketPlace = {
    platform: process.platform,
    runtimeDir: process.env.XDG_RUNTIME_DIR,
    userData: paths.userData,
    uid,
  };
  /** Loaded beside the rest: nobody asks before something is injected. */
  const helpers = once(async () => {
    const [{ createHelpers }, { HELPER_TEXTS }] = await Promise.all([import('../helpers'), import('../helpers/texts')]);
    return createHelpers({
      injector,
      userData: paths.userData,
      texts: HELPER_TEXTS,
      socketPath: () => prepareSocketPath({ ...socketPlace, name: 'h' }),
      platform: process.platform,
      uid,
      now: nowMs,
      monotonicMs,
      random: systemRandom,
      onExit: (grantId) => signals.happened({ signal: 'exit' }, grantId),
      log,
    });
  });
  let stopHelpers = async (): Promise<void> => undefined;
  const startHelpers = async () => {
    const room = await helpers();
    stopHelpers = () => room.stop();
    await room.start();
  };
  const onTicketClosed = (ticket: string) =>
    ticketClosed(ticket, {
      settings: settings.get().endOn,
      deviceId: session.identity()?.deviceId ?? null,
      grants: cache.grants(),
      requests: cache.requests(),
      happened: (grantId) => signals.happened({ signal: 'ticket_closed' }, grantId),
      giveBack: (grantId) =>
        void grants
          .giveBack(grantId, 'ticket_closed')
          .catch((cause: unknown) => log('error', 'access could not be given back', { grantId, cause })),
      withdraw: (id) =>
        void callApi('requests.withdraw', { params: { id } }).catch((cause: unknown) =>
          log('warn', 'a request for a closed ticket could not be withdrawn', { id, cause }),
        ),
    });
  const session = createSession({
    paths,
    system: deps.system,
    supervisor: deps.supervisor,
    random: systemRandom,
    now: nowMs,
    socketPath: once(() => prepareSocketPath(socketPlace)),
    deviceName: deviceNameOf(hostname()),
    serviceId: memory.serviceId,
    witness: () => witness.state(),
    clock: () => ({ offsetMs: clock.offsetMs(), trusted: clock.trusted() }),
    log,
    makeSync: (transport) =>
      createSync({
        transport,
        callApi,
        memory,
        cache,
        witness,
        grants,
        clock,
        queue,
        now: nowMs,
        monotonicMs,
        spread: Math.random,
        after,
        log,
        onStatus() {
          session.refresh();
          events.changed();
        },
        onEvent(event) {
          if (event.type === 'ticket.closed') onTicketClosed(event.data.ticket);
          events.event(event);
          events.changed();
        },
        onResync: () => events.resync(),
        onLoaded(next) {
          catalog = next;
          events.loaded();
          events.changed();
        },
      }),
  });
  const decider = createDecider({
    callApi,
    identity() {
      const [keys, me] = [session.keyring(), session.identity()];
      if (keys === null || me === null) throw new Error('this device is locked');
      return { deviceId: me.deviceId, signingSecretKey: keys.signingSecretKey };
    },
    serverNow,
  });

  return {
    injector,
    clock,
    session,
    callApi,
    cache,
    witness,
    decider,
    grants,
    queue,
    catalog: () => catalog,
    listen(next) {
      events = next;
      void startHelpers();
    },
    async sweep() {
      const report = await injector.sweep();
      for (const live of report.resumed)
        if (live.expiresAt !== null) {
          // A wall clock that was set back while the app was closed prolongs nothing.
          const atMostMs = injector.remainingMs(live.grantId) ?? 0;
          clock.watch({ grantId: live.grantId, expiresAt: live.expiresAt, atMostMs });
        }
      if (report.removed.length + report.failed.length > 0)
        log('info', 'swept local files', { removed: report.removed.length, failed: report.failed.length });
      return { ...report, notices: [...report.notices, ...queue.notices, ...memory.notices] };
    },
    signals,
    onPower(why) {
      signals.power(why);
      clock.check();
      session.sync()?.nudge();
      void session
        .sync()
        ?.askTime()
        .catch(() => undefined);
    },
    async stop() {
      signals.stop();
      await stopHelpers();
      await session.stop();
      clock.stop();
      await injector.stop();
    },
  };
}

const SYSTEM_BUS = 'unix:path=/run/dbus/system_bus_socket';
const busAddress = (bus: 'system' | 'session'): string | undefined =>
  bus === 'session'
    ? process.env.DBUS_SESSION_BUS_ADDRESS
    : (process.env.DBUS_SYSTEM_BUS_ADDRESS ?? (process.platform === 'linux' ? SYSTEM_BUS : undefined));

function once<T>(make: () => T): () => T {
  let made: { value: T } | null = null;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
