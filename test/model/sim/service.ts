/**
 * One life of the service after another on the same database file: the real store, use cases and lease engine. What is
 * simulated is around them: the time between asking for a commit and hearing of it, calls to targets, calls from devices,
 * the machine's clock. A crash may come at each of these; what was committed stays.
 */
import { Kysely, type KyselyPlugin, SqliteDialect } from 'kysely';
import { type AccessCases, createAccessCases, createLifecycle, type Lifecycle } from '../../../electron/service/access';
import { type SteadyClock, steadyClock } from '../../../electron/service/clock';
import { type LeaseEngine, startLeases } from '../../../electron/service/leases/engine';
import type { Provisioner } from '../../../electron/service/provisioners/provisioner';
import { openStore } from '../../../electron/service/store/open';
import type { Database, GrantTable } from '../../../electron/service/store/schema';
import type { SecretBox } from '../../../electron/service/store/secret-box';
import { kyselyDatabase, openRaw } from '../../../electron/service/store/sqlite-binding';
import type { Store } from '../../../electron/service/store/store';
import type { GrantView } from '../../../shared/contract/grants';
import type { Random } from '../../../shared/domain/instant';
import { type Kernel, Process } from './kernel';
import type { SimTarget } from './target';

export interface Machine {
  /** Wall clock minus true time. */
  skewMs: number;
}
export const LIVE_COLUMNS = [
  'id',
  'state',
  'person_id',
  'resource_id',
  'request_id',
  'ttl_ms',
  'expires_at',
  'ready_until',
  'provisioning_since',
  'due_at',
  'claimed_until',
  'residue_due_at',
  'alarmed_at',
  'end_reason',
  'end_proof',
] as const;
/** What the invariants read of a grant. */
export type LiveRow = Pick<GrantTable, (typeof LIVE_COLUMNS)[number]>;
export interface StreamEvent {
  readonly seq: number;
  readonly grant: GrantView;
}
/** A stream that is further behind reads the tables itself. */
const MAX_KEPT_EVENTS = 200;
const silent = { info: () => {}, warn: () => {}, error: () => {}, debug: () => {} };

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
  private readonly committed = new Set<() => void>();
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
    const raw = openRaw(this.file, 1_000);
    raw.exec('pragma query_only = on;');
    this.watcher = new Kysely<Database>({ dialect: new SqliteDialect({ database: kyselyDatabase(raw, 'begin') }) });
    process.onDeath(() => raw.close());
    this.newest = { seq: 0, events: [] };
    real.onCommit((seq) => {
      this.seq = seq;
      for (const heard of this.committed) heard();
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
        this.dirty = true;
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

  connect(deviceId: string): void {
    this.connected.add(deviceId);
    for (const listener of this.arrivals) listener(deviceId);
  }
  disconnect(deviceId: string): void {
    this.connected.delete(deviceId);
  }
  onCommit(heard: () => void): () => void {
    this.committed.add(heard);
    return () => void this.committed.delete(heard);
  }
  /** A connection of those who watch: without delays, and in nobody's way. */
  watcher: Kysely<Database> | null = null;
  private seq = 0;
  private newest: { readonly seq: number; readonly events: StreamEvent[] } = { seq: 0, events: [] };
  /** Events about grants after `cursor`, for every stream; each looks for its own. */
  async eventsAfter(cursor: number): Promise<readonly StreamEvent[]> {
    if (this.life === null || this.watcher === null) return [];
    if (this.newest.seq >= this.seq && cursor >= this.newest.seq) return [];
    if (cursor < this.newest.seq - MAX_KEPT_EVENTS || this.newest.seq === 0) this.newest = { seq: cursor, events: [] };
    const rows = await this.watcher
      .selectFrom('outbox')
      .select(['seq', 'data', 'type'])
      .where('seq', '>', this.newest.seq)
      .orderBy('seq')
      .execute();
    for (const { seq, data, type } of rows) {
      if (seq <= this.newest.seq) continue;
      const { grant } = type.startsWith('grant.') ? (JSON.parse(data) as { grant?: GrantView }) : {};
      const events = [...this.newest.events.slice(-MAX_KEPT_EVENTS), ...(grant === undefined ? [] : [{ seq, grant }])];
      this.newest = { seq, events };
    }
    return this.newest.events.filter(({ seq }) => seq > cursor);
  }
  /** Grants that are not over, for the invariants: read beside the service. */
  async liveRows(): Promise<LiveRow[]> {
    if (this.life === null || this.watcher === null) return [];
    return this.watcher.selectFrom('grants').select(LIVE_COLUMNS).where('state', '<>', 'ended').execute();
  }
}
