/** A team, its service, its targets and its desktops, put together; what the invariants have to know of each grant's past. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore } from '../../../electron/service/store/open';
import { createSecretBox } from '../../../electron/service/store/secret-box';
import { principalName } from '../../../shared/domain/ids';
import { Broken } from './broken';
import { Device, SERVICE_FILE } from './device';
import { Kernel, START_AT } from './kernel';
import { SimService } from './service';
import { SimTarget } from './target';
import type { LiveRow } from './watcher';
import { makeWorkspace, type Workspace } from './workspace';

/** What was seen of a grant, in true time. */
export interface Seen {
  readonly id: string;
  readonly principal: string;
  readonly resourceId: string;
  readonly person: string;
  readonly requestId: string;
  readonly target: SimTarget;
  /** Extensions that somebody asked for: how much later the target may have been told to stop. */
  askedMs: number;
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
  /** The same, by the name of the login on the target. */
  readonly byPrincipal = new Map<string, Seen>();
  /** Of these: not over. */
  readonly live = new Map<string, Seen>();
  /** Of these: over, with something of theirs still to be worked off. */
  readonly leftOver = new Map<string, Seen>();
  /** Raised whenever the tables were read anew. */
  tablesRead = 0;
  /** Over since the last step. */
  justEnded: Seen[] = [];
  workspace!: Workspace;
  /** What the person wrote into their own service file, by name. */
  readonly userText = new Map<string, string>();
  readonly counts: Record<string, number> = {};
  private readonly folder: string;
  private readonly requests = new Set<string>();

  constructor(readonly seed: number) {
    this.kernel = new Kernel(seed);
    this.folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'hallpass-sim-'));
    const box = createSecretBox(this.kernel.chance.bytes(32), this.kernel.chance);
    this.box = box;
    this.service = new SimService(this.kernel, join(this.folder, 'store.db'), box, this.targets, this.kernel.chance);
  }
  private readonly box;

  /** Makes the team, starts the service and the desktops. */
  async begin(): Promise<void> {
    const { kernel, service } = this;
    service.machine.skewMs = kernel.between(-600_000, 600_000);
    // The tables are made by a life that lasts until the team is there.
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
  deviceOf(personId: string): Device | undefined {
    for (const device of this.devices.values()) if (device.member.caller.personId === personId) return device;
    return undefined;
  }

  /** Looks at the tables after they changed, and notes what happened to each grant. */
  look(): void {
    if (this.justEnded.length > 0) this.justEnded = [];
    const rows = this.service.newRows();
    if (rows === null) return;
    this.tablesRead++;
    const open = new Set<string>();
    this.leftOver.clear();
    for (const row of rows) {
      if (row.state !== 'ended') {
        open.add(row.id);
        this.note(row);
        continue;
      }
      const grant = this.seen.get(row.id);
      if (grant !== undefined) this.leftOver.set(row.id, Object.assign(grant, { row }));
    }
    for (const grant of this.live.values()) if (!open.has(grant.id)) this.noteEnd(grant);
  }
  private noteNew(row: LiveRow): Seen {
    const { now } = this.kernel;
    if (this.requests.has(row.request_id)) throw new Broken('I4', `two grants came from ${row.request_id}`);
    this.requests.add(row.request_id);
    const target = this.targets.get(row.resource_id);
    if (target === undefined) throw new Error(`no target for ${row.resource_id}`);
    const grant: Seen = {
      id: row.id,
      principal: principalName(row.id),
      resourceId: row.resource_id,
      person: row.person_id,
      requestId: row.request_id,
      target,
      askedMs: 0,
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
    this.byPrincipal.set(grant.principal, grant);
    this.live.set(row.id, grant);
    return grant;
  }
  private note(row: LiveRow): void {
    const { now } = this.kernel;
    const grant = this.seen.get(row.id) ?? this.noteNew(row);
    if (grant.endedAt !== null) throw new Broken('I6', `${row.id} was ended and is ${row.state} again`);
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
  private noteEnd(grant: Seen): void {
    const row = this.service.rowOf(grant.id);
    if (row === undefined) throw new Error(`${grant.id} is not in the tables any more`);
    const { now } = this.kernel;
    grant.endingAt ??= now;
    grant.deadlineAt = Math.min(grant.deadlineAt, now);
    grant.endedAt = now;
    this.live.delete(grant.id);
    this.justEnded.push(grant);
    grant.state = row.state;
    grant.row = row;
    this.count(`ended ${row.end_reason} (${row.end_proof})`);
  }
}
