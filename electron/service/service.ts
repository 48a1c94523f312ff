/**
 * Start here. Each step is one part of the service, in the order it wakes up; what a step needs was made above it.
 * Stopping goes the other way. When a step fails, everything before it is stopped again, so that a retry finds a clean place.
 */
import './native-crypto';
import { hostname, networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { version } from '../../package.json';
import { toHex } from '../../shared/crypto/bytes';
import { type Clock, type Random, SECOND_MS } from '../../shared/domain/instant';
import { inviteLink } from '../../shared/domain/links';
import { createAccessCases, createHookCases, createLifecycle, installDefaultPolicy } from './access';
import { createResourceCases } from './access/resources';
import { createAuditCases, createAuditStreams } from './audit';
import { systemClock, systemRandom } from './clock';
import { lockDataFolder, openDataFolder, ownDataKey } from './data-folder';
import { createHttpApp } from './http/app';
import { createAuthenticator } from './http/authenticate';
import { createDpopGuard } from './http/dpop-guard';
import { DEFAULT_STREAM_LIMITS, type StreamLimits, startEventHub } from './http/event-hub';
import { allowedHosts, isLoopback, reachableAddress } from './http/hosts';
import { createIdempotency } from './http/idempotency';
import { type Listener, listenLocally, listenOnTcp } from './http/listeners';
import { type Certificate, pinOf } from './http/pin';
import { createPresence } from './http/presence';
import { DEFAULT_RATE_LIMITS, type RateLimits } from './http/rate-limit';
import { startLeases } from './leases/engine';
import { createLog, type Logger } from './log';
import { ownCertificate, ownKeys, ownServiceId } from './own-secrets';
import { createOpenCases, createPeopleCases } from './people';
import type { PeopleDeps } from './people/deps';
import { issueOwnerInvite } from './people/invites';
import { ensureOwner, type LocalIdentity, type OwnerConfig } from './people/owner';
import { createTokens } from './people/tokens';
import { createProvisioners } from './provisioners';
import { errnoOf, StartError } from './start-error';
import { stack, within } from './stopping';
import { ForeignDataKey, openStore } from './store/open';
import { createSecretBox } from './store/secret-box';
import type { Store } from './store/store';
import { startUpkeep } from './upkeep';
import type { UseCases } from './use-cases';

export interface TcpConfig {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** `host:port` by which others reach it, where that differs (a name, a forwarded port). */
  readonly publicAddress: string | null;
  /** Given: used as it is. Null: a self-signed one of our own. */
  readonly certificate: Certificate | null;
  /** Whether a loopback address also answers without TLS. Other addresses never do. */
  readonly plain: 'refused' | 'served';
}
export interface LocalConfig {
  readonly socketPath: string;
  /** Speaks for the owner on the local socket; made anew by whoever starts the service. */
  readonly launchToken: string;
  readonly owner: OwnerConfig;
}
export interface ServiceConfig {
  readonly dataDir: string;
  /** 32 bytes, unwrapped by the caller. Null: the service keeps its own in a 0600 file of the data folder. */
  readonly dataKey: Uint8Array | null;
  readonly serviceName: string;
  /** `postgres://…`; null: SQLite in the data folder. */
  readonly storeUrl: string | null;
  readonly local: LocalConfig | null;
  readonly tcp: TcpConfig | null;
  /** Called when the first owner of a standalone service has joined: the code of their invite is worthless now. */
  readonly onOwnerJoined?: () => void;
  readonly log?: Logger;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly rateLimits?: Partial<RateLimits>;
  readonly streamLimits?: StreamLimits;
}
export interface Service {
  readonly serviceId: string;
  /** Whom the launch token speaks for; null without a local socket. */
  readonly identity: LocalIdentity | null;
  /** For scripts: `http` on loopback where that is served, else `https`. Null without TCP. */
  readonly url: string | null;
  /** `https://host:port` and hex SHA-256 of its certificate. */
  readonly tcp: { readonly url: string; readonly pin: string } | null;
  /** On a service that starts alone and has nobody: how its owner joins. */
  readonly ownerInvite: { readonly link: string; readonly code: string } | null;
  readonly mode: Store['mode'];
  /** All lease work that is due now. */
  drain(): Promise<void>;
  /** Ends what is over and what has no grant on the targets. */
  sweep(): Promise<SweepResult>;
  /** Forgets what is kept for a time only; happens every hour by itself. */
  upkeep(): Promise<void>;
  stop(): Promise<void>;
}
export interface SweepResult {
  readonly ended: number;
  readonly left: number;
}

/** Work that is due at the start may take this long before the service answers; it goes on afterwards. */
const OVERDUE_PATIENCE_MS = 5 * SECOND_MS;
const FINISH_PATIENCE_MS = 3 * SECOND_MS;
const STOP_PATIENCE_MS = 10 * SECOND_MS;

/** Starts everything. Throws StartError with what to do, with nothing left running. */
export async function startService(config: ServiceConfig): Promise<Service> {
  const stopping = stack(config.log ?? createLog());
  try {
    const core = await startCore(config, stopping);
    return await serve(config, core, stopping);
  } catch (error) {
    await stopping.run();
    throw error;
  }
}

/** For a hosting app that was killed: ends what is over, serves nobody. Throws StartError. */
export async function sweepOnce(config: ServiceConfig): Promise<SweepResult> {
  const stopping = stack(config.log ?? createLog());
  try {
    let endedBefore = 0;
    const core = await startCore(config, stopping, async (store) => {
      endedBefore = await endedCount(store);
    });
    const { left } = await core.leases.sweep();
    return { ended: (await endedCount(core.store)) - endedBefore, left }; // the start itself ends what it can
  } finally {
    await stopping.run();
  }
}

type Stopping = ReturnType<typeof stack>;
type Core = Awaited<ReturnType<typeof startCore>>;

const endedCount = async ({ db }: Store): Promise<number> => {
  const { count } = await db
    .selectFrom('grants')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('state', '=', 'ended')
    .executeTakeFirstOrThrow();
  return Number(count);
};

/** Everything that ends access, and nothing that lets anybody in. `beforeLeases` sees the store as it was left. */
async function startCore(config: ServiceConfig, stopping: Stopping, beforeLeases?: (store: Store) => Promise<void>) {
  const { clock = systemClock(), random = systemRandom, log = createLog() } = config;
  openDataFolder(config.dataDir);
  const lock = lockDataFolder(config.dataDir);
  stopping.push('data folder', async () => lock.release());
  const secretBox = createSecretBox(config.dataKey ?? ownDataKey(config.dataDir, random), random);
  if (config.dataKey === null)
    log.warn({}, 'secrets are sealed with a key in a file of the data folder: keep that folder private');
  const store = await openStoreAt(config, { clock, random, log, secretBox });
  stopping.push('store', () => store.close());

  const serviceId = await ownServiceId(store, random);
  const keys = await ownKeys({ store, secretBox, random, log });
  const presence = createPresence();
  const provisioners = createProvisioners({
    random,
    now: () => clock.now(),
    rotatorsDir: join(config.dataDir, 'rotators'),
  });
  stopping.push('provisioners', async () => {
    await Promise.all([...provisioners.values()].map((provisioner) => provisioner.close()));
  });
  const lifecycle = createLifecycle({ clock, random, presence });
  if (store.mode().mode === 'normal') await installDefaultPolicy(store, { clock, random, presence });

  await beforeLeases?.(store);
  const instanceId = toHex(random.bytes(8));
  const leases = startLeases({ store, clock, random, provisioners, secretBox, presence, instanceId, log });
  stopping.push('leases', () => within(clock, STOP_PATIENCE_MS, leases.stop()));
  // Before anybody is served: the machine may have slept past an expiry. A target that doesn't answer must not keep us from starting.
  await within(clock, OVERDUE_PATIENCE_MS, leases.drain());
  return { clock, random, log, secretBox, store, serviceId, keys, presence, provisioners, lifecycle, leases };
}

function openStoreAt(
  config: ServiceConfig,
  deps: { clock: Clock; random: Random; log: Logger; secretBox: ReturnType<typeof createSecretBox> },
): Promise<Store> {
  const where =
    config.storeUrl === null
      ? ({ kind: 'sqlite', file: join(config.dataDir, 'hallpass.db') } as const)
      : ({ kind: 'postgres', url: config.storeUrl } as const);
  return openStore({ ...where, ...deps, vaultFile: join(config.dataDir, 'live-leases.sealed') }).catch((cause) => {
    if (cause instanceof ForeignDataKey)
      throw new StartError(
        'data-key',
        'The team’s store was made under another data key.',
        'All services of a team share one: copy data.key from the data folder of the first to this one.',
        { cause },
      );
    throw new StartError(
      'store',
      `The store can not be opened (${errnoOf(cause) ?? 'see the log'}).`,
      config.storeUrl === null
        ? 'Check that nothing else uses its file.'
        : 'Check the address, the user and the password in the store URL file.',
      { cause },
    );
  });
}

/** Lets people in: sign-in, routes, events, listeners. */
async function serve(config: ServiceConfig, core: Core, stopping: Stopping): Promise<Service> {
  const { clock, random, log, store, serviceId, keys, presence, lifecycle, leases } = core;
  let tcp: { listener: Listener; pin: string; address: string; hosts: ReadonlySet<string> } | null = null;
  let ownerInvite: Service['ownerInvite'] = null;
  const people: PeopleDeps = {
    ...{ store, clock, random, presence, lifecycle, log },
    inviteKey: keys.inviteKey,
    reach: () => tcp && { address: tcp.address, pin: tcp.pin },
    onOwnerJoined: () => {
      ownerInvite = null;
      config.onOwnerJoined?.();
    },
  };
  const identity = config.local === null ? null : await ensureOwner(people, config.local.owner);
  const tokens = createTokens({ clock, tokenKey: keys.tokenKey, serviceId });
  const shared = store.dialect === 'postgres';
  const dpop = createDpopGuard({
    store,
    clock,
    nonceKey: shared ? keys.nonceKey : random.bytes(32),
    memory: shared ? 'store' : 'process',
  });
  const hub = await startEventHub({
    store,
    clock,
    presence,
    log,
    limits: config.streamLimits ?? DEFAULT_STREAM_LIMITS,
  });
  const hooks = createHookCases({ store, clock, random, presence, secretBox: core.secretBox });
  const app = await createHttpApp({
    ...{ store, clock, log, version, dpop, hub },
    authenticator: createAuthenticator({
      ...{ store, tokens, dpop },
      localOwner: config.local && identity && { launchToken: config.local.launchToken, deviceId: identity.deviceId },
    }),
    idempotency: createIdempotency({ store, clock, fingerprintKey: keys.fingerprintKey }),
    useCases: { ...allUseCases(config, core, people), ...hooks.admin },
    streams: createAuditStreams({ store, clock }),
    open: createOpenCases(people, { tokens, serviceId }),
    hooks,
    rateLimits: { ...DEFAULT_RATE_LIMITS, ...config.rateLimits },
    allowedHosts: () => tcp?.hosts ?? new Set(),
  });
  const listeners: Listener[] = [];
  stopping.push('http', async () => {
    for (const listener of listeners) listener.quiesce();
    hub.close();
    await within(clock, FINISH_PATIENCE_MS, app.idle());
    await Promise.all(listeners.map((listener) => listener.close()));
    await app.close();
  });
  if (config.tcp !== null) {
    const certificate = config.tcp.certificate ?? (await ownCertificate(core, new Date(clock.now())));
    const listener = await listenOnTcp(app, config.tcp, certificate, config.tcp.plain);
    listeners.push(listener);
    const names = { ...config.tcp, port: listener.port, hostname: hostname(), interfaces: networkInterfaces() };
    tcp = {
      listener,
      pin: pinOf(certificate.certificatePem),
      address: reachableAddress(names),
      hosts: allowedHosts(names),
    };
  }
  if (config.local !== null) listeners.push(await listenLocally(app, config.local.socketPath));
  if (config.local === null && tcp !== null) {
    const issued = await issueOwnerInvite(people);
    ownerInvite = issued && {
      link: inviteLink({ address: tcp.address, pin: tcp.pin, inviteId: issued.inviteId }),
      code: issued.code,
    };
  }
  const upkeep = startUpkeep({ store, clock, log });
  stopping.push('upkeep', upkeep.stop);
  const plain = config.tcp !== null && config.tcp.plain === 'served' && isLoopback(config.tcp.host);
  log.info({ serviceId, mode: store.mode().mode, tcp: tcp?.address ?? null, local: config.local !== null }, 'serving');
  return {
    serviceId,
    identity,
    url: tcp && `${plain ? 'http' : 'https'}://${tcp.address}`,
    tcp: tcp && { url: `https://${tcp.address}`, pin: tcp.pin },
    get ownerInvite() {
      return ownerInvite;
    },
    mode: store.mode,
    drain: () => leases.drain(),
    sweep: () => leases.sweep(),
    upkeep: upkeep.run,
    stop: () => stopping.run(),
  };
}

function allUseCases(
  config: ServiceConfig,
  core: Core,
  people: PeopleDeps,
): Omit<UseCases, `hooks.${'get' | 'renew' | 'remove'}`> {
  const { store, clock, random, presence, provisioners, secretBox, lifecycle, serviceId } = core;
  return {
    ...createPeopleCases(people, {
      id: serviceId,
      name: config.serviceName,
      version,
      secretStorage: config.dataKey === null ? 'key-file' : 'wrapped',
    }),
    ...createAccessCases({ store, clock, random, presence, provisioners }),
    ...createResourceCases({ store, clock, random, secretBox, provisioners, lifecycle }),
    ...createAuditCases({ store }),
  };
}
