/**
 * I1–I4, I8, I11, I12 and I14 of the product, read after every step from the targets, the disks and the tables, never
 * from what anybody claims. A promise that needs a service, a target and a line between them is judged by the time that all
 * of them were there without any trouble.
 */
import { profileOf } from '../../../electron/main/injection/lease-folders';
import { setBlocks } from '../../../electron/main/injection/marked-blocks';
import { MINUTE_MS, SECOND_MS } from '../../../shared/domain/instant';
import { Broken } from './broken';
import { CREDENTIALS, type Device, HOME, SERVICE_FILE } from './device';
import type { Seen, Simulation } from './simulation';
import { note, type Worst } from './worst';

/** I1 on both sides, when nothing was in the way. */
const LATE_MS = 5 * SECOND_MS;
/** What is promised when something was in the way: gone so soon after service and target are both there again. */
const AFTER_TROUBLE_MS = 10 * SECOND_MS;
/** Each target is looked through every five minutes: for what a backup brought back, and what somebody attested as gone and was not. */
const RECONCILE_MS = 5 * MINUTE_MS + 45 * SECOND_MS;
/** A call that was sent before the deadline may be done this much later. */
const LONGEST_CALL_MS = 20 * SECOND_MS;
const PROVISIONING_MS = 2 * MINUTE_MS;
/** Loose, as the product is: with its keeper killed, the app pauses for up to a minute before it asks a disk again that refused. */
const AFTER_DISK_MS = 65 * SECOND_MS;
/** Trouble this long before a deadline still counts. */
const TROUBLE_BEFORE_MS = 60 * SECOND_MS;

/** What a disk was like when it was found right, and until when time alone can't change that. */
interface Looked {
  touched: number;
  tablesRead: number;
  until: number;
}
const OWNER = { profile: profileOf(`${HOME}/data`), grantOfLine: () => null };

export class Invariants {
  private readonly versions = new Map<string, number>();
  readonly worst: Worst = {};
  private readonly looked = new Map<Device, Looked>();

  constructor(private readonly sim: Simulation) {
    for (const device of sim.devices.values()) {
      device.onRemoved = (grantId) => this.saidRemoved(device, grantId);
      this.looked.set(device, { touched: -1, tablesRead: -1, until: 0 });
    }
  }

  check(): void {
    if (this.sim.kernel.failure !== null) throw this.sim.kernel.failure;
    const { live, byPrincipal, targets } = this.sim;
    for (const grant of this.sim.justEnded) this.hasEnded(grant);
    for (const grant of live.values()) this.onTarget(grant);
    for (const [resourceId, target] of targets)
      for (const principal of target.model.logins.keys()) {
        const grant = byPrincipal.get(principal);
        if (grant === undefined) throw new Broken('I3', `${principal} on ${resourceId} belongs to no grant`);
        if (grant.endedAt !== null) this.onTarget(grant);
      }
    for (const [device, looked] of this.looked) this.onDevice(device, looked);
  }
  /** Nothing on a disk breaks unless it was touched, the tables say something new, or a deadline has passed. */
  private onDevice(device: Device, looked: Looked): void {
    const { kernel, tablesRead } = this.sim;
    const { disk } = device;
    const isTouched = looked.touched !== disk.touched;
    if (isTouched) this.ownFile(device);
    if (disk.secrets.size > 0 && (isTouched || looked.tablesRead !== tablesRead || kernel.now > looked.until))
      looked.until = this.secrets(device);
    looked.touched = disk.touched;
    looked.tablesRead = tablesRead;
  }

  /** I12 on the target: nothing is over that the target did not say. */
  private hasEnded(grant: Seen): void {
    const { target } = grant;
    if (grant.row.end_proof !== 'read_back' || target.restoredAt > grant.firstAt) return;
    if ((target.foundShutAt.get(grant.principal) ?? 0) < grant.firstAt)
      throw new Broken('I12', `${grant.id} ended by a read-back that never was`);
  }

  /** I1, I2, I3 and I8 on the target. */
  private onTarget(grant: Seen): void {
    const { kernel, service } = this.sim;
    const { target } = grant;
    const { now } = kernel;
    const lostMs = service.lostMs - grant.lostBeforeMs;
    const login = target.model.logins.get(grant.principal);
    const restored = target.restoredAt > grant.firstAt;
    if (
      grant.state === 'active' &&
      !restored &&
      service.life !== null &&
      now < grant.deadlineAt - SECOND_MS &&
      login?.canLogIn !== true
    )
      throw new Broken('I8', `${grant.id} is active and its login is shut`);
    if (login === undefined || !target.model.works(grant.principal)) return;
    // In any case: the target's own limit on new log-ins.
    const latest = grant.activeAt === null ? grant.firstAt + this.readyMs(grant) + PROVISIONING_MS : grant.latestAt;
    const limit = latest + LONGEST_CALL_MS + grant.askedMs + lostMs;
    if (login.canLogIn && !restored && target.validUntil(grant.principal) > limit)
      throw new Broken(
        'I1',
        `the target lets ${grant.principal} in until ${target.validUntil(grant.principal) - limit} ms too late`,
      );
    const over = Math.min(grant.deadlineAt, grant.activeAt === null ? latest : Number.POSITIVE_INFINITY) + lostMs;
    const lateMs = now - over;
    if (lateMs <= 0) return;
    if (service.life === null || service.diskFull || target.line !== 'up' || target.faultChance > 0) return;
    const trouble = Math.max(service.upSince, service.storeFailedAt, target.disturbedAt);
    const quietMs = now - Math.max(over, trouble);
    const isTroubled = trouble > over - TROUBLE_BEFORE_MS;
    // What the service takes for settled is found by its look through each target, also what somebody attested as gone for good.
    const isFound = restored || grant.row.end_proof === 'attested_unverified';
    const sinceMs = restored ? Math.min(quietMs, now - target.restoredAt) : quietMs;
    note(
      this.worst,
      isFound ? 'on a target that came back' : isTroubled ? 'on a target after trouble' : 'on a target without trouble',
      sinceMs,
    );
    if (sinceMs <= (isFound ? RECONCILE_MS : isTroubled ? AFTER_TROUBLE_MS : LATE_MS)) return;
    const rule = grant.endedAt !== null ? 'I3' : login.sessions > 0 ? 'I2' : 'I1';
    throw new Broken(
      rule,
      `${grant.principal} (${grant.state}) still works ${lateMs} ms after its end, ${quietMs} ms of them without trouble`,
    );
  }
  /** How long it was ready before it was made: the clock starts then. */
  private readyMs(grant: Seen): number {
    const { provisioning_since, ready_until } = grant.row;
    if (provisioning_since === null || ready_until === null) return Number.MAX_SAFE_INTEGER;
    return Math.max(0, provisioning_since - (ready_until - 8 * 60 * MINUTE_MS));
  }

  /** I11: what is not ours in the user's file, byte for byte, at every moment. */
  private ownFile(device: Device): void {
    const entry = device.disk.entries.get(SERVICE_FILE);
    const version = entry?.version ?? 0;
    const { name } = device.member;
    if (this.versions.get(name) === version) return;
    this.versions.set(name, version);
    const own = this.sim.userText.get(name) ?? '';
    if (entry === undefined) {
      if (own !== '') throw new Broken('I11', `${name}'s service file is gone`);
      return;
    }
    const text = entry.data.toString('latin1');
    const left = setBlocks(text, OWNER, []).text;
    if (left !== own) throw new Broken('I11', `${name}'s own lines changed: ${JSON.stringify({ own, text })}`);
    if (own !== '' && entry.mode !== 0o640)
      throw new Broken('I11', `${name}'s file has mode ${entry.mode.toString(8)}`);
  }

  /** I1 and I8 on the machine, and nothing of ours open to others. Returns until when time alone breaks nothing. */
  private secrets(device: Device): number {
    const { kernel, seen } = this.sim;
    const { now } = kernel;
    const { name } = device.member;
    let until = Number.POSITIVE_INFINITY;
    for (const [path, { grantId, since }] of device.disk.secrets) {
      const entry = device.disk.entries.get(path);
      if (entry === undefined) continue;
      if ((entry.mode & 0o077) !== 0) throw new Broken('I11', `${path} is open to others`);
      const grant = seen.get(grantId);
      if (grant === undefined) continue;
      const lostMs = this.sim.service.lostMs - grant.lostBeforeMs;
      const latest = (grant.latestAt === Number.POSITIVE_INFINITY ? since + grant.row.ttl_ms : grant.latestAt) + lostMs;
      until = Math.min(until, latest);
      if (now <= latest) continue;
      if (device.isAsleep() || (device.app?.swept !== true && !this.kept(device, grantId))) {
        device.hinderedAt = now;
        continue;
      }
      const diskFailed = device.disk.failedAt > latest - TROUBLE_BEFORE_MS;
      const lateMs = now - Math.max(latest, device.hinderedAt, diskFailed ? device.disk.failedAt : 0);
      note(this.worst, diskFailed ? 'on a machine whose disk failed' : 'on a machine', lateMs);
      if (lateMs <= (diskFailed ? AFTER_DISK_MS : LATE_MS)) continue;
      throw new Broken('I1', `${name} still has the password of ${grantId} ${now - latest} ms after its deadline`);
    }
    return until;
  }
  private kept(device: Device, grantId: string): boolean {
    return device.keepers.some(({ folder, process }) => process.alive && folder.endsWith(grantId));
  }
  /** I12 on the machine. */
  private saidRemoved(device: Device, grantId: string): void {
    if (!device.disk.entries.has(`${CREDENTIALS}/${grantId}/passfile`)) return;
    if (device.app?.injector.list().some((one) => one.grantId === grantId && one.state !== 'removed')) return;
    this.sim.kernel.failure ??= new Broken(
      'I12',
      `${device.member.name} says "removed" of ${grantId}, and it is there`,
    );
  }

  /** I14: in calm everything ends, and nothing of it is left anywhere. */
  unsettled(): (() => string) | null {
    const mode = () => this.sim.service.life?.store.mode();
    for (const { id, state, person, row } of this.sim.live.values()) {
      const holder = this.sim.deviceOf(person);
      const facts = () =>
        JSON.stringify({ holder: holder?.member.name, online: holder?.app?.online, mode: mode(), row });
      return () => `${id} is ${state}: ${facts()}`;
    }
    for (const target of this.sim.targets.values())
      for (const principal of target.model.logins.keys()) return () => `${principal} is still on the target`;
    for (const device of this.sim.devices.values())
      for (const path of device.disk.entries.keys())
        if (path.startsWith(`${CREDENTIALS}/`)) return () => `${device.member.name} still has ${path}`;
    return null;
  }
}
