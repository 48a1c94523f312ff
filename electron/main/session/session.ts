/**
 * Who we are and which service we use, from the first-run choice to a live connection; and in which phase that is, for the page.
 * One object, because the phases are one story: profile → service (if it is ours) → keys → transport → sync.
 */
import { createHash, randomBytes } from 'node:crypto';
import type { SessionState, SetupChoice, ShareChoice, UserError } from '../../../shared/contract/ipc';
import type { ServiceReady } from '../../../shared/contract/process';
import type { Random } from '../../../shared/domain/instant';
import { keptAsideNotice, readJsonFile, writeJsonFile } from '../lifecycle/json-file';
import type { Log } from '../lifecycle/log';
import type { AppPaths } from '../lifecycle/paths';
import { toUserError, UserFacingError } from '../lifecycle/user-error';
import type { Sync, SyncStatus } from '../sync/sync';
import type { WitnessState } from '../sync/witness';
import { createDeviceKeyStore, type DeviceKeyring, type DeviceKeyStore, loadDataKey } from './device-keys';
import { WrongPassphrase } from './passphrase';
import { Profile } from './profile';
import type { SystemKeyStore } from './safe-storage';
import { carryOutChoice } from './setup';
import { shareService } from './share';
import { signedTransport } from './sign-in';
import { portOf, type Supervisor } from './supervisor';
import { type Call, pinnedTransport, ServiceAway, socketTransport, type Transport } from './transport';

export interface Identity {
  readonly personId: string;
  readonly deviceId: string;
}
export interface Session {
  /**
   * Reads the profile, starts the service if it is ours, unlocks what can be unlocked without asking.
   * `firstChoice` answers the first-run questions in the person's place (the sample); without it they are asked.
   */
  start(firstChoice?: FirstChoice | null): Promise<void>;
  /** `--sweep`: only the service, nothing is unlocked. False when this desktop hosts none. */
  startServiceOnly(): Promise<boolean>;
  choose(choice: SetupChoice): Promise<void>;
  /** From `alone` to `host`, when it is alone. */
  share(choice: ShareChoice): Promise<void>;
  /** An invite link was opened: the first-run screen begins with it. False when this desktop is set up already. */
  offerJoin(link: string): boolean;
  unlock(passphrase: string): Promise<void>;
  retry(): Promise<void>;
  state(): SessionState;
  onState(listener: (state: SessionState) => void): () => void;
  /** The signed way to the service; rejects with ServiceAway while there is none. */
  readonly transport: Transport;
  identity(): Identity | null;
  keyring(): DeviceKeyring | null;
  profile(): Profile | null;
  deviceName(): string;
  sync(): Sync | null;
  /** Called by whoever owns sync and witness, so that the phase can be worked out anew. */
  refresh(): void;
  notices(): readonly UserError[];
  stop(): Promise<void>;
}

export type FirstChoice = (keyStorage: 'system' | 'passphrase') => SetupChoice;

export interface SessionDeps {
  readonly paths: AppPaths;
  readonly system: SystemKeyStore;
  readonly supervisor: Supervisor;
  readonly random: Random;
  readonly now: () => number;
  readonly socketPath: () => string;
  readonly deviceName: string;
  readonly serviceId: () => string | null;
  readonly makeSync: (transport: Transport) => Sync;
  readonly witness: () => WitnessState;
  readonly clock: () => { offsetMs: number; trusted: boolean };
  readonly log: Log;
}
/** The service may be restarted this often before the page says that it does not come up. */
const PATIENT_RESTARTS = 2;

export function createSession(deps: SessionDeps): Session {
  const { paths, supervisor, log } = deps;
  const listeners = new Set<(state: SessionState) => void>();
  const notices: UserError[] = [];
  const launchToken = randomBytes(32).toString('base64url');
  let keys: DeviceKeyStore | null = null;
  let profile: Profile | null = null;
  let keyring: DeviceKeyring | null = null;
  let keyStorage: 'system' | 'passphrase' = 'system';
  let ready: ServiceReady | null = null;
  let transport: Transport | null = null;
  let sync: Sync | null = null;
  let failure: UserError | null = null;
  let looked: 'no' | 'yes' = 'no';
  let last = '';
  let joinLink: string | null = null;

  const keyStore = (): DeviceKeyStore => {
    if (keys === null) {
      keys = createDeviceKeyStore({
        file: paths.deviceKeysFile,
        system: deps.system,
        random: deps.random,
        nowMs: deps.now,
      });
      notices.push(...keys.notices);
    }
    return keys;
  };
  const identity = (): Identity | null => {
    if (profile?.mode === 'join') return { personId: profile.personId, deviceId: profile.deviceId };
    return ready === null ? null : { personId: ready.personId, deviceId: ready.deviceId };
  };

  function state(): SessionState {
    if (failure !== null) return { phase: 'failed', error: failure, canRetry: true };
    if (looked === 'no') return { phase: 'starting' };
    if (profile === null) return { phase: 'first-run', keyStorage, joinLink };
    if (keyring === null) return keyStorage === 'passphrase' ? { phase: 'locked' } : { phase: 'starting' };
    const service = supervisor.state();
    if (profile.mode !== 'join' && ready === null)
      return service.kind === 'down' && service.attempts >= PATIENT_RESTARTS
        ? { phase: 'failed', error: service.error, canRetry: true }
        : { phase: 'starting' };
    const me = identity();
    const status = sync?.status();
    if (me === null || status === undefined) return { phase: 'starting' };
    return readyState(me, status, keyring);
  }
  function readyState(me: Identity, status: SyncStatus, own: DeviceKeyring): SessionState {
    if (profile === null) return { phase: 'starting' };
    if (status.refusedWith === 'device-pending')
      return {
        phase: 'pending-confirmation',
        fingerprint: own.fingerprint,
        serviceName: status.me?.service.name ?? addressOf(profile) ?? 'the service',
      };
    if (status.refusedWith === 'device-revoked') return { phase: 'failed', error: REVOKED, canRetry: true };
    if (status.me === null && status.offlineSince === null) return { phase: 'starting' };
    const clock = deps.clock();
    return {
      phase: 'ready',
      mode: profile.mode,
      online: status.online,
      offlineSince: status.offlineSince,
      reason: status.reason,
      ...me,
      deviceName: profile.deviceName,
      fingerprint: own.fingerprint,
      keyStorage,
      serviceAddress: profile.mode === 'join' ? addressOf(profile) : (ready?.tcpUrl ?? null),
      clockOffsetMs: Math.round(clock.offsetMs),
      clockTrusted: clock.trusted,
      witness: deps.witness(),
    };
  }
  function refresh(): void {
    const now = state();
    const text = JSON.stringify(now);
    if (text === last) return;
    last = text;
    for (const listener of listeners) listener(now);
  }

  /** What is wired once and asks for the present transport at each call, so that a page's proxy never holds an old one. */
  const current: Transport = {
    get address() {
      return transport?.address ?? null;
    },
    send: (call: Call) =>
      transport === null
        ? Promise.reject(new ServiceAway('unreachable', 'The service is not connected yet.'))
        : transport.send(call),
    close: () => transport?.close(),
  };

  async function startService(own: Profile): Promise<void> {
    const stored = keyStore().stored();
    if (own.mode === 'join' || stored === null) return;
    const dataKey = await loadDataKey({
      file: paths.dataKeyFile,
      system: deps.system,
      random: deps.random,
      nowMs: deps.now,
    });
    supervisor.start({
      kind: 'start',
      dataDir: paths.serviceDir,
      socketPath: deps.socketPath(),
      launchToken,
      dataKey,
      serviceName: own.mode === 'host' ? own.teamName : `${own.displayName} on ${own.deviceName}`,
      owner: {
        displayName: own.displayName,
        deviceName: own.deviceName,
        signingKey: stored.keys.signingKey,
        sealingKey: stored.keys.sealingKey,
      },
      tcp: own.mode === 'host' ? { host: own.address, port: own.port } : null,
      storeUrl: null,
    });
  }
  /** Members and open invites name the port: when any free one was asked for, the first one stays. */
  function keepPort({ tcpUrl }: ServiceReady): void {
    if (profile?.mode !== 'host' || profile.port !== 0 || tcpUrl === null) return;
    profile = { ...profile, port: portOf(tcpUrl) };
    try {
      writeJsonFile(paths.profileFile, profile);
    } catch (cause) {
      log('error', 'the port could not be kept; members may not find this service after a restart', { cause });
    }
  }
  supervisor.onState((service) => {
    if (service.kind === 'ready') {
      ready = service.ready;
      keepPort(service.ready);
      if (service.ready.modeReason !== null)
        log('warn', 'the service is in revoke-only mode', { reason: service.ready.modeReason });
      connect();
      sync?.nudge();
    }
    refresh();
  });

  function connect(): void {
    if (sync !== null || profile === null || keyring === null) return;
    if (profile.mode === 'join') transport = joinedTransport(profile, keyring);
    else if (ready === null) return;
    else transport = socketTransport(deps.socketPath(), launchToken);
    sync = deps.makeSync(current);
    sync.start();
    refresh();
  }
  function joinedTransport(own: Extract<Profile, { mode: 'join' }>, signer: DeviceKeyring): Transport {
    return signedTransport({
      transport: pinnedTransport(own.address, own.pin),
      deviceId: own.deviceId,
      keys: signer,
      serviceId: deps.serviceId,
      now: () => deps.now() + deps.clock().offsetMs,
      random: deps.random,
    });
  }

  async function choose(choice: SetupChoice): Promise<void> {
    if (profile !== null)
      throw new UserFacingError({
        code: 'already-set-up',
        what: 'Hallpass is set up already.',
        next: 'Remove this device in People first.',
      });
    const made = await carryOutChoice(choice, { keys: keyStore(), system: deps.system, deviceName: deps.deviceName });
    writeJsonFile(paths.profileFile, made.profile);
    ({ profile, keyring } = made);
    keyStorage = choice.passphrase === undefined ? 'system' : 'passphrase';
    looked = 'yes';
    await startService(made.profile);
    connect();
    refresh();
  }

  async function start(firstChoice: FirstChoice | null = null): Promise<void> {
    failure = null;
    try {
      const read = readJsonFile(paths.profileFile, Profile, deps.now());
      if (read.kind === 'corrupt')
        notices.push(keptAsideNotice('profile', 'Choose again how you use Hallpass.', read.keptAs));
      profile = read.kind === 'read' ? read.value : null;
      const stored = keyStore().stored();
      if (profile !== null && stored === null) profile = null; // keys are gone: this device has to be set up again
      keyStorage =
        profile === null || stored === null
          ? (await deps.system.kind()) === 'system'
            ? 'system'
            : 'passphrase'
          : stored.storage;
      if (profile === null) {
        if (firstChoice !== null) await choose(firstChoice(keyStorage));
        looked = 'yes';
        return;
      }
      looked = 'yes';
      await startService(profile);
      if (stored?.storage === 'system') {
        keyring = await keyStore().unlock(null);
        connect();
      }
    } catch (cause) {
      looked = 'yes';
      log('error', 'the session could not start', { cause });
      failure =
        cause instanceof UserFacingError
          ? cause.userError
          : {
              ...toUserError(cause),
              code: 'start-failed',
              what: 'Hallpass could not open its keys.',
              next: 'Unlock the system’s key store, then try again.',
            };
    } finally {
      refresh();
    }
  }

  return {
    start,
    async startServiceOnly() {
      const read = readJsonFile(paths.profileFile, Profile, deps.now());
      if (read.kind !== 'read' || read.value.mode === 'join' || keyStore().stored() === null) return false;
      profile = read.value;
      await startService(profile);
      return true;
    },
    choose,
    async share(choice) {
      if (profile?.mode !== 'alone')
        throw new UserFacingError({
          code: 'not-alone',
          what:
            profile?.mode === 'host' ? 'This service is shared already.' : 'The service does not run on this machine.',
          safe: 'Nothing was changed.',
        });
      profile = await shareService(profile, choice, {
        supervisor,
        start: startService,
        save: (next) => writeJsonFile(paths.profileFile, next),
      });
      if (ready !== null) keepPort(ready);
      refresh();
    },
    offerJoin(link) {
      if (profile !== null) return false;
      joinLink = link;
      refresh();
      return true;
    },
    async unlock(passphrase) {
      try {
        keyring = await keyStore().unlock(passphrase);
      } catch (cause) {
        if (!(cause instanceof WrongPassphrase)) throw cause;
        throw new UserFacingError({
          code: 'wrong-passphrase',
          what: 'That passphrase does not fit.',
          safe: 'Live access still ends on time.',
          next: 'Try again. It can’t be recovered; without it this device must be set up anew.',
        });
      }
      connect();
      refresh();
    },
    async retry() {
      if (failure !== null || looked === 'no') await start();
      else if (sync?.status().refusedWith === 'device-revoked') {
        sync.stop();
        sync = null;
        connect();
      } else {
        supervisor.retry();
        sync?.nudge();
      }
      refresh();
    },
    state,
    onState(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    transport: current,
    identity,
    keyring: () => keyring,
    profile: () => profile,
    deviceName: () => profile?.deviceName ?? deps.deviceName,
    sync: () => sync,
    refresh,
    notices: () => notices,
    async stop() {
      sync?.stop();
      transport?.close();
      await supervisor.stop();
    },
  };
}

const addressOf = (profile: Profile): string | null => (profile.mode === 'join' ? `https://${profile.address}` : null);
const REVOKED: UserError = {
  code: 'device-revoked',
  what: 'This device was revoked.',
  safe: 'It can open no new access, and its live access is ended.',
  next: 'Ask an administrator for a new invite.',
  detail: null,
};

/** A device's name as others read it: the host's name, one line, never empty. */
export function deviceNameOf(hostname: string): string {
  const name = hostname
    .replace(/[^\p{L}\p{N} ._-]/gu, '')
    .trim()
    .slice(0, 64);
  return name === '' ? `device ${createHash('sha256').update(hostname).digest('hex').slice(0, 6)}` : name;
}
