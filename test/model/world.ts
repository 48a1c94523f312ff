/**
 * A service without its doors: the real store on a real SQLite file, the real use cases and lease engine, people with real
 * device keys, a clock that only moves when told, and the model target.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AccessCases, createAccessCases, createLifecycle, type Lifecycle } from '../../electron/service/access';
import type { Caller } from '../../electron/service/access/caller';
import { type LeaseEngine, startLeases } from '../../electron/service/leases/engine';
import { parsePolicy } from '../../electron/service/policy/parse';
import type { Provisioner } from '../../electron/service/provisioners/provisioner';
import { openStore } from '../../electron/service/store/open';
import { createSecretBox, type SecretBox } from '../../electron/service/store/secret-box';
import { secretContext } from '../../electron/service/store/secret-context';
import type { Store } from '../../electron/service/store/store';
import type { GrantView } from '../../shared/contract/grants';
import type { RequestView } from '../../shared/contract/requests';
import { newSealingKeys, newSigningKeys } from '../../shared/crypto/keys';
import { signDecision } from '../../shared/crypto/statements';
import { newId } from '../../shared/domain/ids';
import { asInstant, type Clock, HOUR_MS, type Instant, MINUTE_MS, type Random } from '../../shared/domain/instant';
import type { Role } from '../../shared/domain/states';
import { ModelTarget } from './target';

/** Moves only when told. */
export class ManualClock implements Clock {
  private readonly waiting = new Set<{ at: number; callback: () => void }>();
  constructor(private at = asInstant(1_760_000_000_000)) {}
  now(): Instant {
    return this.at;
  }
  wakeAt(at: Instant, callback: () => void) {
    const entry = { at, callback };
    this.waiting.add(entry);
    return { cancel: () => void this.waiting.delete(entry) };
  }
  advance(lengthMs: number): void {
    this.at = asInstant(this.at + lengthMs);
    for (const entry of [...this.waiting].sort((a, b) => a.at - b.at))
      if (entry.at <= this.at && this.waiting.delete(entry)) entry.callback();
  }
}
/** Repeatable chance (mulberry32). */
export class SeededRandom implements Random {
  constructor(private seed: number) {}
  next(): number {
    this.seed = (this.seed + 0x6d2b79f5) | 0;
    let t = Math.imul(this.seed ^ (this.seed >>> 15), 1 | this.seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  }
  bytes(count: number): Uint8Array {
    return Uint8Array.from({ length: count }, () => Math.floor(this.next() * 256));
  }
  pick<T>(list: readonly T[]): T {
    return list[Math.floor(this.next() * list.length)] as T;
  }
}

export interface Member {
  readonly caller: Caller;
  readonly secretKey: string;
  readonly sealingSecretKey: string;
}
export const POLICY = `version: 1
rules:
  - { name: dev, match: { resource: { environment: development } }, effect: auto, max_duration: 2h }
  - { name: staging, match: { resource: { environment: staging } }, effect: approve, approvals: [{ from: dba }], max_duration: 2h, confirm: notification }
  - { name: production, match: { resource: { environment: production } }, effect: approve, approvals: [{ from: dba }, { from: security }], max_duration: 1h, reason: required }
  - { name: owned, match: { resource: { environment: production, level: admin } }, effect: approve, approvals: [{ from: owners }], max_duration: 30m, priority: 5 }
`;
const silent = { info: () => {}, warn: () => {}, error: () => {}, debug: () => {} };
type ResourceName = 'orders-dev' | 'orders-staging' | 'orders-prod';

export class World {
  readonly random: SeededRandom;
  readonly target: ModelTarget;
  readonly connected = new Set<string>();
  readonly listeners = new Set<(deviceId: string) => void>();
  readonly people = new Map<string, Member>();
  readonly resources = new Map<string, string>();
  readonly events: string[] = [];
  store!: Store;
  access!: AccessCases;
  lifecycle!: Lifecycle;
  leases!: LeaseEngine;
  private readonly folder = mkdtempSync(join(tmpdir(), 'hallpass-world-'));
  /** Which of them a resource uses is its kind; the model, unless a test puts a real one here. */
  readonly provisioners = new Map<string, Provisioner>();
  readonly box: SecretBox;

  private constructor(
    seed: number,
    readonly clock: ManualClock,
    private readonly url: string | null,
  ) {
    this.random = new SeededRandom(seed);
    this.target = new ModelTarget(() => this.clock.now());
    this.provisioners.set('postgres', this.target);
    this.box = createSecretBox(this.random.bytes(32), this.random);
  }
  /** In a file of its own, or on the PostgreSQL database whose URL is given. */
  static async open(seed = 1, clock = new ManualClock(), url: string | null = null): Promise<World> {
    const world = new World(seed, clock, url);
    await world.start();
    await world.seed();
    return world;
  }

  readonly presence = {
    isOnline: () => false,
    isDeviceConnected: (deviceId: string) => this.connected.has(deviceId),
    onDeviceConnected: (listener: (deviceId: string) => void) => {
      this.listeners.add(listener);
      return () => void this.listeners.delete(listener);
    },
  };
  private get deps() {
    const { clock, random, presence, store, provisioners } = this;
    return { store, clock, random, presence, provisioners };
  }

  async start(): Promise<void> {
    const { clock, random } = this;
    const file = join(this.folder, 'store.db');
    this.store = await openStore({
      ...(this.url === null ? { kind: 'sqlite', file } : { kind: 'postgres', url: this.url }),
      clock,
      random,
      log: silent,
      secretBox: this.box,
      vaultFile: null,
    });
    this.access = createAccessCases(this.deps);
    this.lifecycle = createLifecycle(this.deps);
    this.leases = this.engine('one');
  }
  engine(instanceId: string): LeaseEngine {
    return startLeases({ ...this.deps, secretBox: this.box, instanceId, log: silent });
  }
  /** The service ends and starts again on the same file. */
  async restart(): Promise<void> {
    await this.leases.stop();
    await this.store.close();
    await this.start();
  }
  async close(): Promise<void> {
    await this.leases.stop();
    await this.store.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  private async seed(): Promise<void> {
    const dan = await this.join('dan', { roles: ['member', 'admin'], invitedBy: null });
    await this.join('ann', { roles: ['member'], invitedBy: dan });
    await this.join('bea', { roles: ['member'], invitedBy: dan });
    await this.join('cid', { roles: ['member'], invitedBy: dan });
    await this.join('aud', { roles: ['member', 'auditor'], invitedBy: dan });
    await this.join('zoe', { roles: ['member'], invitedBy: dan });
    await this.group('dba', ['bea', 'cid']);
    await this.group('security', ['bea', 'dan']);
    await this.resource('orders-dev', 'development');
    await this.resource('orders-staging', 'staging');
    await this.resource('orders-prod', 'production');
    await this.policy(POLICY);
  }
  async join(name: string, as: { roles: Role[]; invitedBy: string | null }): Promise<string> {
    const { clock, random } = this;
    const personId = newId('person', clock.now(), random);
    const deviceId = newId('device', clock.now(), random);
    const signing = newSigningKeys(random);
    const sealing = newSealingKeys(random);
    await this.store.write(async (tx) => {
      await tx.db
        .insertInto('people')
        .values({
          id: personId,
          display_name: name,
          roles: JSON.stringify(as.roles),
          owner: as.invitedBy === null ? 1 : 0,
          state: 'active',
          joined_at: clock.now(),
          invited_by: as.invitedBy,
        })
        .execute();
      await tx.db
        .insertInto('devices')
        .values({
          id: deviceId,
          person_id: personId,
          name: `${name}'s laptop`,
          signing_key: signing.publicKey,
          sealing_key: sealing.publicKey,
          state: 'active',
          created_at: clock.now(),
          confirmed_by: as.invitedBy,
          last_seen_at: null,
        })
        .execute();
    });
    const caller: Caller = { personId, deviceId, displayName: name, roles: new Set(as.roles), via: 'tcp' };
    this.people.set(name, { caller, secretKey: signing.secretKey, sealingSecretKey: sealing.secretKey });
    return personId;
  }
  async group(name: string, members: string[]): Promise<void> {
    await this.store.write(async (tx) => {
      await tx.db.deleteFrom('group_members').where('group_name', '=', name).execute();
      await tx.db.deleteFrom('groups').where('name', '=', name).execute();
      await tx.db.insertInto('groups').values({ name, created_at: this.clock.now() }).execute();
      for (const member of members)
        await tx.db
          .insertInto('group_members')
          .values({ group_name: name, person_id: this.who(member).personId })
          .execute();
      await this.lifecycle.onMembershipChanged(tx);
    });
  }
  async resource(name: string, environment: string): Promise<string> {
    const id = newId('resource', this.clock.now(), this.random);
    const level = (levelName: string, createsAccess = false) => ({
      name: levelName,
      description: `${levelName} on everything`,
      targetRole: `hallpass_${levelName}`,
      createsAccess,
    });
    const settings = {
      kind: 'postgres',
      host: 'db.invalid',
      port: 5432,
      database: 'orders',
      managerUser: 'm',
      tls: 'prefer',
      schemas: ['public'],
      connectionLimit: 5,
    };
    await this.store.write(async (tx) => {
      await tx.db
        .insertInto('resources')
        .values({
          id,
          name,
          kind: 'postgres',
          description: '',
          environment,
          risk: 'moderate',
          tags: '[]',
          owners: '[]',
          depends_on: '[]',
          settings: JSON.stringify(settings),
          secret_enc: this.box.seal('manager-secret', secretContext.resourceSecret(id)),
          levels: JSON.stringify([level('read-only'), level('read-write'), level('admin', true)]),
          state: 'active',
          target_label: 'PostgreSQL 18',
          health: 'unknown',
          health_at: null,
          created_at: this.clock.now(),
        })
        .execute();
    });
    this.resources.set(name, id);
    return id;
  }
  /** Publishes as dan would, or straight into the table for the first one. */
  async policy(yaml: string): Promise<void> {
    const newest = await this.store.db
      .selectFrom('policies')
      .select('version')
      .orderBy('version', 'desc')
      .executeTakeFirst();
    if (newest !== undefined) {
      await this.access['policy.put'](this.who('dan'), {
        params: undefined,
        query: undefined,
        body: { yaml, baseVersion: newest.version, note: '' },
      });
      return;
    }
    const parsed = parsePolicy(yaml);
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
    const row = { version: 1, yaml, digest: parsed.digest, author: 'dan', at: this.clock.now(), note: '' };
    await this.store.write(async (tx) => void (await tx.db.insertInto('policies').values(row).execute()));
  }

  who(name: string): Caller {
    return this.member(name).caller;
  }
  member(name: string): Member {
    const member = this.people.get(name);
    if (member === undefined) throw new Error(`nobody is called ${name}`);
    return member;
  }
  id(resource: ResourceName): string {
    return this.resources.get(resource) ?? '';
  }
  byId(id: string) {
    return { params: { id }, query: undefined, body: undefined } as const;
  }
  ask(
    name: string,
    resource: ResourceName,
    more: Partial<{
      level: string;
      ttlMs: number;
      reason: string;
      startWhen: 'connected' | 'manual';
      ticketRef: string;
    }> = {},
  ): Promise<RequestView> {
    const body = {
      resourceId: this.id(resource),
      level: 'read-only',
      ttlMs: 30 * MINUTE_MS,
      reason: 'a look',
      ticketRef: '',
      startWhen: 'connected' as const,
      ...more,
    };
    return this.access['requests.submit'](this.who(name), { params: undefined, query: undefined, body });
  }
  /** Fetches the card, signs on the approver's device, sends. */
  async decide(
    name: string,
    requestId: string,
    more: Partial<{ decision: 'approve' | 'deny'; ttlMs: number; via: 'card' | 'notification'; reason: string }> = {},
    alter: (signed: ReturnType<typeof signDecision>) => ReturnType<typeof signDecision> = (signed) => signed,
  ): Promise<RequestView> {
    const signed = alter(await this.sign(name, requestId, more));
    return this.access['requests.decide'](this.who(name), {
      params: { id: requestId },
      query: undefined,
      body: signed,
    });
  }
  async sign(
    name: string,
    requestId: string,
    more: Partial<{ decision: 'approve' | 'deny'; ttlMs: number; via: 'card' | 'notification'; reason: string }> = {},
  ) {
    const facts = await this.access['requests.card'](this.who(name), this.byId(requestId));
    return signDecision(this.member(name).secretKey, {
      v: 1,
      kind: 'decision',
      requestId,
      requestDigest: facts.request.digest,
      decision: more.decision ?? 'approve',
      stage: facts.request.stage,
      ttlMs: more.ttlMs ?? (more.decision === 'deny' ? 0 : facts.request.ttlMs),
      reason: more.reason ?? '',
      policyVersion: facts.answer.policyVersion,
      policyDigest: facts.answer.policyDigest,
      nonce: facts.nonce,
      via: more.via ?? 'card',
      deviceId: this.who(name).deviceId,
      at: this.clock.now(),
    });
  }
  connect(name: string): void {
    const { deviceId } = this.who(name);
    this.connected.add(deviceId);
    for (const listener of this.listeners) listener(deviceId);
  }
  disconnect(name: string): void {
    this.connected.delete(this.who(name).deviceId);
  }
  grant(name: string, id: string): Promise<GrantView> {
    return this.access['grants.get'](this.who(name), this.byId(id));
  }
  report(
    name: string,
    id: string,
    state: 'injected' | 'failed' | 'removed' | 'removal_failed',
    error?: string,
  ): Promise<GrantView> {
    const body = error === undefined ? { state } : { state, error };
    return this.access['grants.report'](this.who(name), { params: { id }, query: undefined, body });
  }
  /** Asks on development (automatic), connects, injects: active access. Returns the grant's id. */
  async active(name = 'ann', more: Parameters<World['ask']>[2] = {}): Promise<string> {
    this.connect(name);
    const { grantId } = await this.ask(name, 'orders-dev', more);
    await this.leases.drain();
    await this.report(name, grantId ?? '', 'injected');
    await this.leases.drain();
    return grantId ?? '';
  }
  /** Time passes in steps, and the engine works after each. */
  async pass(lengthMs: number, stepMs = MINUTE_MS): Promise<void> {
    for (let left = lengthMs; left > 0; left -= stepMs) {
      this.clock.advance(Math.min(stepMs, left));
      await this.leases.drain();
    }
  }
  principalOf(grantId: string): string {
    return `hp_${grantId.slice(4)}`;
  }
  /** Types of all audit entries about a subject, in order. */
  async audited(subjectId: string): Promise<string[]> {
    const rows = await this.store.db
      .selectFrom('audit_leaves')
      .select('type')
      .where('subject_id', '=', subjectId)
      .orderBy('idx')
      .execute();
    return rows.map((row) => row.type);
  }
}
export { HOUR_MS, MINUTE_MS };
