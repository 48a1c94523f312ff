/** A team, its service, its targets and its desktops, put together; what the invariants have to know of each grant's past. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSecretBox } from '../../../electron/service/store/secret-box';
import { principalName } from '../../../shared/domain/ids';
import { Device, SERVICE_FILE } from './device';
import { Kernel, START_AT } from './kernel';
import { LIVE_COLUMNS, type LiveRow, SimService } from './service';
import { SimTarget } from './target';
import { makeWorkspace, type Workspace } from './workspace';

/** What was seen of a grant, in true time. */
export interface Seen {
  readonly id: string;
  readonly principal: string;
  readonly resourceId: string;
  readonly person: string;
  readonly requestId: string;
  state: string;
  row: LiveRow;
  readonly firstAt: number;
  /** Time the service had lost before. */
  readonly lostBeforeMs: number;
  activeAt: number | null;
  /** When access through it has to be over, in true time: its latest deadline, or when it was ended before. */
  deadlineAt: number;
  /** The latest deadline that anybody could have heard of. */
  latestAt: number;
  /** When somebody or the clock first ended it. */
  endingAt: number | null;
  endedAt: number | null;
}

export class Simulation {
  readonly kernel: Kernel;
  readonly service: SimService;
  readonly targets = new Map<string, SimTarget>();
  readonly devices = new Map<string, Device>();
  readonly seen = new Map<string, Seen>();
  workspace!: Workspace;
  /** What the person wrote into their own service file, by name. */
  readonly userText = new Map<string, string>();
  readonly counts: Record<string, number> = {};
  private readonly folder: string;

  private constructor(readonly seed: number) {
    this.kernel = new Kernel(seed);
    this.folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'hallpass-sim-'));
    const box = createSecretBox(this.kernel.chance.bytes(32), this.kernel.chance);
    this.box = box;
    this.service = new SimService(this.kernel, join(this.folder, 'store.db'), box, this.targets, this.kernel.chance);
  }
  private readonly box;

  static async open(seed: number): Promise<Simulation> {
    const simulation = new Simulation(seed);
    await simulation.begin();
    return simulation;
  }
  private async begin(): Promise<void> {
    const { kernel, service } = this;
    service.machine.skewMs = kernel.between(-600_000, 600_000);
    // The tables are made by a life that lasts until the team is there.
    const { openStore } = await import('../../../electron/service/store/open');
    const log = { info: () => {}, warn: () => {}, error: () => {} };
    const at = START_AT + service.machine.skewMs;
    const clock = { now: () => at as never, wakeAt: () => ({ cancel: () => {} }) };
    const store = await openStore({
      kind: 'sqlite',
      file: join(this.folder, 'store.db'),
      clock,
      random: kernel.chance,
      log,
      secretBox: this.box,
      vaultFile: null,
    });
    this.workspace = await makeWorkspace(store, this.box, kernel.chance, at);
    await store.close();
    for (const id of this.workspace.resources.values())
      this.targets.set(id, new SimTarget(kernel, kernel.between(-600_000, 600_000)));
    await service.start();
    for (const [name, member] of this.workspace.members) {
      const device = new Device(kernel, member, service, this.folder);
      const text = kernel.chance.pick([
        '',
        '# mine\n[mine]\nhost=x\n',
        '[mine]\r\nhost=x\r\n',
        '[mine]\nhost=x\n# no end',
      ]);
      if (text !== '') device.disk.put(SERVICE_FILE, text, 0o640);
      this.userText.set(name, text);
      this.devices.set(name, device);
      void device.start();
    }
  }
  close(): void {
    for (const device of this.devices.values()) device.kill();
    this.service.crash();
    rmSync(this.folder, { recursive: true, force: true });
  }
  count(what: string): void {
    this.counts[what] = (this.counts[what] ?? 0) + 1;
  }
  targetOf(grant: Seen): SimTarget {
    const target = this.targets.get(grant.resourceId);
    if (target === undefined) throw new Error(`no target for ${grant.resourceId}`);
    return target;
  }
  /** Extensions that somebody asked for: how much later the target may have been told to stop. */
  readonly extensions = new Map<string, number>();
  extensionMs(grantId: string): number {
    return this.extensions.get(grantId) ?? 0;
  }
  deviceOf(personId: string): Device | undefined {
    for (const device of this.devices.values()) if (device.member.caller.personId === personId) return device;
    return undefined;
  }

  /** Looks at the tables after they changed, and notes what happened to each grant. */
  async look(): Promise<void> {
    if (!this.service.dirty || this.service.life === null) return;
    this.service.dirty = false;
    const rows = await this.service.liveRows();
    const live = new Set<string>();
    for (const row of rows) {
      live.add(row.id);
      this.note(row);
    }
    for (const grant of this.seen.values())
      if (grant.endedAt === null && !live.has(grant.id)) await this.noteEnd(grant);
  }
  private note(row: LiveRow): void {
    const { now } = this.kernel;
    let grant = this.seen.get(row.id);
    if (grant === undefined) {
      grant = {
        id: row.id,
        principal: principalName(row.id),
        resourceId: row.resource_id,
        person: row.person_id,
        requestId: row.request_id,
        state: row.state,
        row,
        firstAt: now,
        lostBeforeMs: this.service.lostMs,
        activeAt: null,
        deadlineAt: Number.POSITIVE_INFINITY,
        latestAt: Number.POSITIVE_INFINITY,
        endingAt: null,
        endedAt: null,
      };
      this.seen.set(row.id, grant);
    }
    if (grant.endedAt !== null) throw new Error(`I6: ${row.id} was ended and is ${row.state} again`);
    if (row.state === 'active' && grant.activeAt === null) {
      grant.activeAt = now;
      grant.deadlineAt = now + row.ttl_ms;
      grant.latestAt = grant.deadlineAt;
      this.count('activated');
    }
    if (row.state === 'active' && grant.row.expires_at !== null && row.expires_at !== null)
      if (row.expires_at > grant.row.expires_at) {
        grant.deadlineAt += row.expires_at - grant.row.expires_at;
        grant.latestAt = grant.deadlineAt;
        this.count('extended');
      }
    if (row.state === 'ending' && grant.endingAt === null) {
      grant.endingAt = now;
      grant.deadlineAt = Math.min(grant.deadlineAt, now);
    }
    grant.state = row.state;
    grant.row = row;
  }
  private async noteEnd(grant: Seen): Promise<void> {
    const row = await this.service.watcher
      ?.selectFrom('grants')
      .select(LIVE_COLUMNS)
      .where('id', '=', grant.id)
      .executeTakeFirst();
    if (row === undefined) throw new Error(`${grant.id} is not in the tables any more`);
    const { now } = this.kernel;
    grant.endingAt ??= now;
    grant.deadlineAt = Math.min(grant.deadlineAt, now);
    grant.endedAt = now;
    grant.state = row.state;
    grant.row = row;
    this.count(`ended ${row.end_reason} (${row.end_proof})`);
  }
}
