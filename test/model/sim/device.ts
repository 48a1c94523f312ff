/**
 * A desktop: the real injection room, grant clock, grant flow and return queue on a disk in memory, with a line to the
 * service that may be cut, keepers that follow the script of electron/main/injection/keeper.ts, and a person who works on it.
 * The app may be killed, the machine put to sleep or restarted, its clock set; the disk stays.
 */
import { join } from 'node:path';
import { createGrantClock, type GrantClock } from '../../../electron/main/grants/clock';
import { createInjector, type Injector } from '../../../electron/main/injection';
import { KEEPER_GRACE_SECONDS, LEASE_FILE } from '../../../electron/main/injection/keeper';
import type { CallApi } from '../../../electron/main/session/api-client';
import { ApiProblem } from '../../../electron/main/session/api-problem';
import { createReturnQueue, type ReturnQueue } from '../../../electron/main/session/return-queue';
import { ServiceAway } from '../../../electron/main/session/transport';
import { createGrantFlow, type GrantFlow } from '../../../electron/main/sync/grant-flow';
import { AppError } from '../../../electron/service/errors';
import { PROBLEM_STATUS } from '../../../electron/service/http/problems';
import { openCredential } from '../../../shared/crypto/seal';
import { Disk } from './disk';
import { type Kernel, Process } from './kernel';
import { Mailbox } from './mailbox';
import type { SimService } from './service';
import type { Member } from './workspace';

export const HOME = '/home/me';
const DATA = `${HOME}/data`;
export const SERVICE_FILE = `${HOME}/.pg_service.conf`;
export const CREDENTIALS = `${DATA}/credentials`;
const RECONNECT_MS = [1_000, 5_000] as const;
const BEAT_MS = 15_000;
const HALF_OPEN_MS = 30_000;

export interface App {
  readonly process: Process;
  readonly injector: Injector;
  readonly clock: GrantClock;
  readonly queue: ReturnQueue;
  readonly flow: GrantFlow;
  readonly callApi: CallApi;
  online: boolean;
  swept: boolean;
}

/** Deadlines in whole seconds since boot and by the wall clock. */
export interface Keeper {
  readonly folder: string;
  readonly process: Process;
  boot: number;
  wall: number;
}

export class Device {
  readonly disk: Disk;
  app: App | null = null;
  /** Wall clock minus true time. */
  skewMs: number;
  network: 'up' | 'cut' | 'half-open' = 'up';
  bootedAt: number;
  bootId = 'boot-1';
  asleepUntil = 0;
  /** Last time something kept removal from happening: sleep, no program running, a disk that failed. */
  hinderedAt = 0;
  clockTouchedAt = 0;
  keepers: Keeper[] = [];
  /** Programs say "gone" here: what they claimed is compared with the disk. */
  onRemoved: (grantId: string) => void = () => undefined;
  private boots = 1;
  private apps = 0;
  private keys = 0;

  constructor(
    private readonly kernel: Kernel,
    readonly member: Member,
    private readonly service: SimService,
    private readonly folder: string,
  ) {
    this.skewMs = kernel.between(-600_000, 600_000);
    this.bootedAt = kernel.now - kernel.between(60_000, 10_000_000);
    this.disk = new Disk(kernel, () => this.wallMs());
    this.disk.folder(DATA);
  }
  wallMs(): number {
    return this.kernel.now + this.skewMs;
  }
  uptimeMs(): number {
    return this.kernel.now - this.bootedAt;
  }

  /** Starts the app: first what an earlier life left, then the line to the service. */
  async start(): Promise<void> {
    if (this.app !== null) return;
    const process = new Process(`${this.member.name} app ${++this.apps}`);
    process.asleepUntil = this.asleepUntil;
    const app = this.build(process);
    this.app = app;
    this.hinderedAt = this.kernel.now;
    const report = await app.injector.sweep();
    for (const live of report.resumed)
      if (live.expiresAt !== null) {
        const atMostMs = app.injector.remainingMs(live.grantId) ?? 0;
        app.clock.watch({ grantId: live.grantId, expiresAt: live.expiresAt, atMostMs });
      }
    app.swept = true;
    this.hinderedAt = this.kernel.now;
    void this.connect(app);
  }
  kill(): void {
    if (this.app === null) return;
    this.kernel.trace(`FAULT ${this.member.name}: the app is killed`);
    this.app.process.die();
    this.service.disconnect(this.member.caller.deviceId);
    this.app = null;
  }
  /** Everything stops; the disk stays; the clock counts from zero. */
  reboot(): void {
    this.kill();
    for (const keeper of this.keepers.splice(0)) keeper.process.die();
    this.asleepUntil = 0;
    this.bootedAt = this.kernel.now;
    this.bootId = `boot-${++this.boots}`;
    this.hinderedAt = this.kernel.now;
  }
  sleep(lengthMs: number): void {
    if (this.isAsleep()) return;
    this.asleepUntil = this.kernel.now + lengthMs;
    for (const { process } of [...this.keepers, ...(this.app === null ? [] : [this.app])])
      process.asleepUntil = this.asleepUntil;
    this.service.disconnect(this.member.caller.deviceId);
    if (this.app !== null) this.app.online = false;
    this.hinderedAt = this.asleepUntil;
  }
  /** Somebody opens the lid. */
  wake(): void {
    if (!this.isAsleep()) return;
    this.asleepUntil = this.kernel.now;
    this.hinderedAt = this.kernel.now;
    for (const { process } of [...this.keepers, ...(this.app === null ? [] : [this.app])]) this.kernel.wake(process);
  }
  isAsleep(): boolean {
    return this.asleepUntil > this.kernel.now;
  }

  private build(process: Process): App {
    const { kernel, disk, member } = this;
    const boot = { read: () => ({ bootId: this.bootId, uptimeMs: this.uptimeMs() }) };
    const log = () => undefined;
    const clock = createGrantClock({
      now: () => this.wallMs(),
      monotonicMs: () => this.uptimeMs(),
      boot: boot.read,
      every: (lengthMs, callback) => kernel.every(process, 'clock', lengthMs, callback),
      after: (lengthMs, callback) => kernel.after(process, 'precise timer', lengthMs, callback, true),
      onWarn: () => undefined,
      onDeadline: (grantId) => void flow.onDeadline(grantId).catch(() => undefined),
      onClockDoubt: () => void this.askTime(process, clock).catch(() => undefined),
    });
    const injector = createInjector({
      userDataDir: DATA,
      homeDir: HOME,
      platform: 'linux',
      env: {},
      files: disk.port(process),
      now: () => this.wallMs(),
      bootClock: boot,
      clockOffsetMs: () => clock.offsetMs(),
      random: kernel.chance,
      loginShell: { environment: async () => ({ asked: true, values: {}, problem: null }), forget: () => undefined },
      keeper: { start: async ({ folder, name, deadline }) => this.keep(folder, name, deadline) },
      pgServiceFile: () => null,
      after: (lengthMs, callback) => kernel.after(process, 'retry', lengthMs, callback),
      pause: (lengthMs) => kernel.pause(process, 'wait for a lock', lengthMs),
      processId: 1_000 + this.apps,
      isAlive: (processId) => processId === 1_000 + this.apps,
      log,
    });
    const callApi = this.callApi(process);
    const queue = createReturnQueue({
      file: join(this.folder, `${member.name}.returns.json`),
      callApi,
      nowMs: () => this.wallMs(),
      newKey: () => `${member.name}-${++this.keys}`,
      log,
    });
    const flow: GrantFlow = createGrantFlow({
      injector,
      clock,
      queue,
      callApi,
      deviceId: () => member.caller.deviceId,
      open: (sealed, grantId) =>
        openCredential(sealed, {
          grantId,
          deviceId: member.caller.deviceId,
          sealingSecretKey: member.sealing.secretKey,
        }),
      serverNow: () => this.wallMs() + clock.offsetMs(),
      missingSignals: async () => [],
      standingSignals: async () => [],
      onBegun: async () => {},
      onActive: () => undefined,
      onFailed: () => undefined,
      log,
    });
    injector.onChange((all) => {
      for (const { grantId, state } of all) if (state === 'removed') this.onRemoved(grantId);
    });
    return { process, injector, clock, queue, flow, callApi, online: false, swept: false };
  }

  /** A call over the network: it may not arrive, and its answer may not come back. */
  private callApi(process: Process): CallApi {
    const { kernel, member } = this;
    return (async (name: string, options: { params?: unknown; query?: unknown; body?: unknown } = {}) => {
      await kernel.pause(process, `asks ${name}`, kernel.between(1, 60));
      if (this.network === 'half-open') await kernel.pause(process, `${name}: no answer`, HALF_OPEN_MS);
      const { life } = this.service;
      if (life === null || this.network !== 'up') throw new ServiceAway('unreachable', 'The service does not answer.');
      const cases = life.access as unknown as Record<string, (caller: unknown, input: unknown) => Promise<unknown>>;
      const input = { query: undefined, body: undefined, params: undefined, ...options };
      const died = new Promise<never>((_, reject) =>
        life.process.onDeath(() => reject(new ServiceAway('unreachable', 'The connection broke.'))),
      );
      const work = (cases[name] as (caller: unknown, input: unknown) => Promise<unknown>)(member.caller, input);
      const answer = await Promise.race([work, died]).catch((cause: unknown) => {
        if (cause instanceof ServiceAway) throw cause;
        const code = cause instanceof AppError ? cause.code : 'internal';
        if (code === 'internal' && !/disk is full/.test(String((cause as Error).message))) throw cause;
        const status = PROBLEM_STATUS[code];
        throw new ApiProblem({ type: `https://hallpass.example/problems/${code}`, title: String(cause), status, code });
      });
      await kernel.pause(process, `${name}: answer`, kernel.between(1, 60));
      if (this.network !== 'up' || kernel.happens(0.01))
        throw new ServiceAway('unreachable', 'The answer was lost on its way.');
      return answer;
    }) as CallApi;
  }
  private async askTime(process: Process, clock: GrantClock): Promise<void> {
    const askedAt = this.uptimeMs();
    await this.kernel.pause(process, 'asks the time', this.kernel.between(1, 60));
    const { life } = this.service;
    if (life === null || this.network !== 'up') return;
    const told = life.clock.now();
    await this.kernel.pause(process, 'the time', this.kernel.between(1, 60));
    clock.serverTime(told, this.uptimeMs() - askedAt);
  }

  /** The event stream: hello, lists, then events in order; again after each break. */
  private async connect(app: App): Promise<void> {
    const { kernel, member, service } = this;
    for (;;) {
      await kernel.pause(app.process, 'connects', kernel.between(...RECONNECT_MS));
      const { life } = service;
      if (life === null || this.network !== 'up' || this.isAsleep()) continue;
      try {
        await this.askTime(app.process, app.clock);
        if (service.life !== life) continue;
        app.online = true;
        const mailbox = new Mailbox();
        service.connect(member.caller.deviceId, mailbox);
        const { items } = await app.callApi('grants.list', { query: { scope: 'mine', limit: 200 } });
        await app.flow.reconcile(items);
        await app.queue.flush();
        let beatAt = kernel.now + BEAT_MS;
        while (app.online && service.life === life && this.network === 'up') {
          if (mailbox.isEmpty()) await this.news(app.process, mailbox);
          if (!app.online || service.life !== life || this.network !== 'up') break;
          for (const { grant } of mailbox.take()) void app.flow.onGrant(grant).catch(() => undefined);
          if (kernel.now < beatAt) continue;
          beatAt = kernel.now + BEAT_MS;
          void app.queue.flush();
        }
      } catch (cause) {
        if (!(cause instanceof ServiceAway) && !(cause instanceof ApiProblem)) throw cause;
      } finally {
        app.online = false;
        if (app.process.alive) service.disconnect(member.caller.deviceId);
      }
    }
  }
  /** Until something happened to a grant of this desktop, the line broke, or a quarter of a minute passed. */
  private news(process: Process, mailbox: Mailbox): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.kernel.after(process, 'beat', BEAT_MS, resolve, true);
      mailbox.onNews(() => {
        cancel();
        this.kernel.after(process, 'events', this.kernel.between(1, 40), resolve);
      });
    });
  }

  /** What KEEPER_SCRIPT does, line by line; the script itself is run and killed in test/integration/injection. */
  private keep(folder: string, name: string, deadline: { bootMs: number | null; wallMs: number }): void {
    const process = new Process(`${this.member.name} keeper`);
    process.asleepUntil = this.asleepUntil;
    const { disk } = this;
    const keeper: Keeper = {
      folder,
      process,
      boot: Math.max(0, Math.ceil((deadline.bootMs ?? 1e15) / 1_000)) + KEEPER_GRACE_SECONDS,
      wall: Math.max(0, Math.ceil(deadline.wallMs / 1_000)) + KEEPER_GRACE_SECONDS,
    };
    let seen = false;
    const end = () => {
      stop();
      this.keepers = this.keepers.filter((other) => other !== keeper);
    };
    const stop = this.kernel.every(process, 'keeper', 1_000, () => {
      const names = disk.names(folder);
      if (names.length === 0) return end();
      const [nb, nw, nn] = (disk.text(`${folder}/${LEASE_FILE}`) ?? '').trim().split(' ');
      if (/^\d+$/.test(`${nb ?? ''}${nw ?? ''}`) && nn !== undefined) {
        if (nn === name) seen = true;
        else if (seen) return end();
        keeper.boot = Number(nb);
        keeper.wall = Number(nw);
      }
      if (Math.floor(this.uptimeMs() / 1_000) < keeper.boot && Math.floor(this.wallMs() / 1_000) < keeper.wall) return;
      for (const file of names)
        if (disk.faultOf('unlink', `${folder}/${file}`) === null) disk.unlink(`${folder}/${file}`);
        else disk.failedAt = this.kernel.now;
      if (disk.names(folder).length > 0) return;
      disk.removeFolder(folder);
      end();
      this.kernel.after(null, `${this.member.name}: the keeper starts the sweep`, 500, () => void this.start());
    });
    this.keepers.push(keeper);
  }
}
