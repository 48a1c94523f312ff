/**
 * I1–I4, I8, I11, I12 and I14 of the product, read after every step from the targets, the disks and the tables, never
 * from what anybody claims. A promise that needs a service, a target and a line between them is judged by the time that all
 * of them were there without any trouble.
 */
import { profileOf } from '../../../electron/main/injection/lease-folders';
import { setBlocks } from '../../../electron/main/injection/marked-blocks';
import { MINUTE_MS, SECOND_MS } from '../../../shared/domain/instant';
import { CREDENTIALS, type Device, HOME, SERVICE_FILE } from './device';
import type { Seen, Simulation } from './simulation';

/** I1 on both sides, when nothing was in the way. */
const LATE_MS = 5 * SECOND_MS;
/** The longest pause between two tries of a removal and the call itself: what it takes when something was in the way. */
const AFTER_TROUBLE_MS = 45 * SECOND_MS;
/** A target that came back from a backup is looked through every five minutes. */
const RECONCILE_MS = 5 * MINUTE_MS + AFTER_TROUBLE_MS;
/** A call that was sent before the deadline may be done this much later. */
const LONGEST_CALL_MS = 20 * SECOND_MS;
const PROVISIONING_MS = 2 * MINUTE_MS;
/** Trouble this long before a deadline still counts. */
const TROUBLE_BEFORE_MS = 60 * SECOND_MS;

export class Broken extends Error {
  constructor(rule: string, what: string) {
    super(`${rule}: ${what}`);
    this.name = 'Broken';
  }
}
const OWNER = { profile: profileOf(`${HOME}/data`), grantOfLine: () => null };

export class Invariants {
  private readonly versions = new Map<string, number>();
  private recent: Seen[] = [];
  private counted = -1;

  constructor(private readonly sim: Simulation) {
    for (const device of sim.devices.values()) device.onRemoved = (grantId) => this.saidRemoved(device, grantId);
  }

  check(): void {
    if (this.sim.kernel.failure !== null) throw this.sim.kernel.failure;
    this.refresh();
    for (const grant of this.recent) this.onTarget(grant);
    for (const device of this.sim.devices.values()) {
      this.ownFile(device);
      if (device.disk.secrets.size > 0) this.secrets(device);
    }
  }
  /** Grants whose principal may still be somewhere. */
  private refresh(): void {
    const { seen, kernel } = this.sim;
    if (this.counted === seen.size && kernel.steps % 64 !== 0) return;
    this.counted = seen.size;
    this.recent = [...seen.values()].filter(
      (grant) => grant.endedAt === null || this.sim.targetOf(grant).model.logins.has(grant.principal),
    );
    const requests = new Set<string>();
    for (const { requestId } of seen.values()) {
      if (requests.has(requestId)) throw new Broken('I4', `two grants came from ${requestId}`);
      requests.add(requestId);
    }
    for (const [resourceId, target] of this.sim.targets)
      for (const principal of target.model.logins.keys())
        if (!seen.has(`grt_${principal.slice(3)}`))
          throw new Broken('I3', `${principal} on ${resourceId} belongs to no grant`);
  }

  /** I1, I2, I3, I8 and I12 on the target. */
  private onTarget(grant: Seen): void {
    const { kernel, service } = this.sim;
    const target = this.sim.targetOf(grant);
    const { now } = kernel;
    const lostMs = service.lostMs - grant.lostBeforeMs;
    const works = target.model.works(grant.principal);
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
    if (grant.endedAt === now && grant.row.end_proof === 'read_back' && !restored)
      if ((target.foundShutAt.get(grant.principal) ?? 0) < grant.firstAt)
        throw new Broken('I12', `${grant.id} ended by a read-back that never was`);
    if (!works) return;
    // In any case: the target's own limit on new log-ins.
    const latest = grant.activeAt === null ? grant.firstAt + this.readyMs(grant) + PROVISIONING_MS : grant.latestAt;
    const limit = latest + LONGEST_CALL_MS + this.sim.extensionMs(grant.id) + lostMs;
    if (login?.canLogIn && !restored && target.validUntil(grant.principal) > limit)
      throw new Broken(
        'I1',
        `the target lets ${grant.principal} in until ${target.validUntil(grant.principal) - limit} ms too late`,
      );
    const over = Math.min(grant.deadlineAt, grant.activeAt === null ? latest : Number.POSITIVE_INFINITY) + lostMs;
    const lateMs = now - over;
    if (lateMs <= LATE_MS) return;
    if (service.life === null || service.diskFull || target.line !== 'up' || target.faultChance > 0) return;
    const trouble = Math.max(service.upSince, service.storeFailedAt, target.disturbedAt);
    const quietMs = now - Math.max(over, trouble);
    if (restored) {
      if (now - Math.max(target.restoredAt, trouble, over) <= RECONCILE_MS) return;
    } else if (trouble > over - TROUBLE_BEFORE_MS && quietMs <= AFTER_TROUBLE_MS) return;
    const rule = grant.endedAt !== null ? 'I3' : (login?.sessions ?? 0) > 0 ? 'I2' : 'I1';
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

  /** I1 and I8 on the machine, and nothing of ours open to others. */
  private secrets(device: Device): void {
    const { kernel, seen } = this.sim;
    const { now } = kernel;
    const { name } = device.member;
    for (const [path, { grantId, since }] of device.disk.secrets) {
      const entry = device.disk.entries.get(path);
      if (entry === undefined) continue;
      if ((entry.mode & 0o077) !== 0) throw new Broken('I11', `${path} is open to others`);
      const grant = seen.get(grantId);
      if (grant === undefined) continue;
      const lostMs = this.sim.service.lostMs - grant.lostBeforeMs;
      const latest = (grant.latestAt === Number.POSITIVE_INFINITY ? since + grant.row.ttl_ms : grant.latestAt) + lostMs;
      if (now - latest <= LATE_MS) continue;
      if (device.isAsleep() || (device.app?.swept !== true && !this.kept(device, grantId))) {
        device.hinderedAt = now;
        continue;
      }
      if (now - Math.max(latest, device.hinderedAt, device.disk.failedAt + 60_000) <= LATE_MS) continue;
      throw new Broken('I1', `${name} still has the password of ${grantId} ${now - latest} ms after its deadline`);
    }
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
  settled(): string | null {
    const mode = this.sim.service.life?.store.mode();
    for (const { id, state, endedAt, person, row } of this.sim.seen.values())
      if (endedAt === null) {
        const holder = this.sim.deviceOf(person);
        const facts = { holder: holder?.member.name, online: holder?.app?.online, mode, row };
        return `${id} is ${state}: ${JSON.stringify(facts)}`;
      }
    for (const target of this.sim.targets.values())
      for (const principal of target.model.logins.keys()) return `${principal} is still on the target`;
    for (const device of this.sim.devices.values())
      for (const path of device.disk.entries.keys())
        if (path.startsWith(`${CREDENTIALS}/`)) return `${device.member.name} still has ${path}`;
    return null;
  }
}
