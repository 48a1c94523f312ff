/**
 * One life of the service after another on the same database file: the real store, use cases and lease engine. What is
 * simulated is around them: the time between asking for a commit and hearing of it, calls to targets, calls from devices,
 * the machine's clock. A crash may come at each of these; what was committed stays.
 */
import type { KyselyPlugin } from 'kysely';
import { type AccessCases, createAccessCases, createLifecycle, type Lifecycle } from '../../../electron/service/access';
import { type SteadyClock, steadyClock } from '../../../electron/service/clock';
import { type LeaseEngine, startLeases } from '../../../electron/service/leases/engine';
import type { Provisioner } from '../../../electron/service/provisioners/provisioner';
import { openStore } from '../../../electron/service/store/open';
import type { SecretBox } from '../../../electron/service/store/secret-box';
import type { Store } from '../../../electron/service/store/store';
import type { Random } from '../../../shared/domain/instant';
import { type Kernel, Process } from './kernel';
import type { SimTarget } from './target';
import { type LiveRow, type StreamEvent, Watcher } from './watcher';

export interface Machine {
  /** Wall clock minus true time. */
  skewMs: number;
}
const silent = { info: () => {}, warn: () => {}, error: () => {}, debug: () => {} };

/** Where a desktop hears of its grants. */
interface Stream {
  readonly heard: (event: StreamEvent) => void;
  readonly broken: () => void;
}
/** What one life consists of. */
export interface Life {
  readonly process: Process;
  readonly store: Store;
  readonly access: AccessCases;
  readonly lifecycle: Lifecycle;
  readonly leases: LeaseEngine;
  readonly clock: SteadyClock;
}

export class SimService {
  life: Life | null = null;
  upSince = 0;
  /** When a commit could not be made last. */
  storeFailedAt = 0;
  diskFull = false;
  /** Time that no clock of the service knows of: it was set back while nothing ran. */
  lostMs = 0;
  private before: { readonly serviceAt: number; readonly trueAt: number } | null = null;
  /** The tables changed since the invariants were read. */
  dirty = true;
  readonly machine: Machine = { skewMs: 0 };
  private readonly connected = new Set<string>();
  private readonly arrivals = new Set<(deviceId: string) => void>();
  private readonly streams = new Map<string, Stream>();
  private lives = 0;

  constructor(
    private readonly kernel: Kernel,
    private readonly file: string,
    private readonly box: SecretBox,
    /** By resource. Filled when the workspace is made. */
    readonly targets: ReadonlyMap<string, SimTarget>,
    private readonly random: Random,
  ) {}

  async start(): Promise<Life> {
    const process = new Process(`service ${++this.lives}`);
    const clock = steadyClock({
      wallMs: () => this.kernel.now + this.machine.skewMs,
      elapsedMs: () => this.kernel.now,
      after: (lengthMs, callback) => this.kernel.after(process, 'timer', lengthMs, callback, true),
    });
    const { random, box: secretBox } = this;
    const real = await openStore({
      kind: 'sqlite',
      file: this.file,
      clock,
      random,
      log: silent,
      secretBox,
      vaultFile: null,
    });
    if (this.before !== null)
      this.lostMs += Math.max(0, this.kernel.now - this.before.trueAt - (clock.now() - this.before.serviceAt));
    const store = this.slow(real, process);
    const watcher = new Watcher(this.file);
    this.watcher = watcher;
    process.onDeath(() => watcher.close());
    real.onCommit(() => {
      for (const event of watcher.newEvents()) this.streams.get(event.grant.holder.deviceId)?.heard(event);
    });
    process.onDeath(() => void real.close());
    const presence = {
      isOnline: () => false,
      isDeviceConnected: (deviceId: string) => this.connected.has(deviceId),
      onDeviceConnected: (listener: (deviceId: string) => void) => {
        this.arrivals.add(listener);
        return () => void this.arrivals.delete(listener);
      },
    };
    const provisioners = new Map([['postgres', this.provisionerFor(process)]]);
    const deps = { store, clock, random, presence, provisioners };
    const access = createAccessCases(deps);
    const lifecycle = createLifecycle(deps);
    const leases = startLeases({ ...deps, secretBox, instanceId: `life${this.lives}`, log: silent });
    this.life = { process, store, access, lifecycle, leases, clock };
    this.upSince = this.kernel.now;
    this.dirty = true;
    return this.life;
  }
  /** kill −9, at whatever it waits for. */
  crash(): void {
    if (this.life === null) return;
    this.kernel.trace('FAULT the service is killed');
    this.before = { serviceAt: this.life.clock.now(), trueAt: this.kernel.now };
    this.life.process.die();
    this.life = null;
    this.watcher = null;
    this.connected.clear();
    const streams = [...this.streams.values()];
    this.streams.clear();
    for (const { broken } of streams) broken();
    this.arrivals.clear();
  }

  /** Between two reads of the service others may act: what it read before may be old by then. */
  private others(process: Process): KyselyPlugin {
    return {
      transformQuery: ({ node }) => node,
      transformResult: async ({ result }) => {
        await this.kernel.pause(process, 'read', this.kernel.between(0, 2));
        return result;
      },
    };
  }
  /** A commit takes a while; a crash may come before it, or after it with nobody told. */
  private slow(real: Store, process: Process): Store {
    return {
      ...real,
      db: real.db.withPlugin(this.others(process)),
      write: async (work, options) => {
        await this.kernel.pause(process, 'commit', this.kernel.between(0, 3));
        if (this.diskFull) {
          this.storeFailedAt = this.kernel.now;
          throw Object.assign(new Error('database or disk is full'), { code: 'ERR_SQLITE_ERROR', errcode: 13 });
        }
        const result = await real.write(work, options);
        // Upkeep gives nobody access and takes nobody's: no grant is written by it.
        if (options?.purpose !== 'upkeep') this.dirty = true;
        await this.kernel.pause(process, 'committed', this.kernel.between(0, 3));
        return result;
      },
    };
  }
  private provisionerFor(process: Process): Provisioner {
    const [first] = [...this.targets.values()];
    const own = new Map([...this.targets].map(([id, target]) => [id, target.provisionerFor(process)]));
    const any = first?.provisionerFor(process) as Provisioner;
    return new Proxy(any, {
      get: (_, name: string) => {
        const value: unknown = Reflect.get(any, name);
        if (typeof value !== 'function') return value;
        return (...given: unknown[]) => {
          const id = (given[0] as { resourceId?: string } | undefined)?.resourceId;
          const at = (id === undefined ? undefined : own.get(id)) ?? any;
          return (Reflect.get(at, name) as (...all: unknown[]) => unknown)(...given);
        };
      },
    });
  }

  /** From here on the device is there, and hears of each event about its grants. */
  connect(deviceId: string, stream: Stream): void {
    this.streams.set(deviceId, stream);
    this.connected.add(deviceId);
    for (const listener of this.arrivals) listener(deviceId);
  }
  disconnect(deviceId: string): void {
    this.streams.delete(deviceId);
    this.connected.delete(deviceId);
  }
  private watcher: Watcher | null = null;
  /** Grants that are not settled, if the tables changed since they were asked for last; else null. */
  newRows(): readonly LiveRow[] | null {
    if (!this.dirty || this.watcher === null) return null;
    this.dirty = false;
    return this.watcher.openRows();
  }
  rowOf(grantId: string): LiveRow | undefined {
    return this.watcher?.rowOf(grantId);
  }
}
