/** Stores for tests: SQLite in a folder of its own, or a database of its own on a real PostgreSQL. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore, type StoreConfig } from '../../../electron/service/store/open';
import { createSecretBox } from '../../../electron/service/store/secret-box';
import type { AuditDraft, EventDraft, Store } from '../../../electron/service/store/store';
import { newId } from '../../../shared/domain/ids';
import { asInstant, type Clock, type Instant, type Random } from '../../../shared/domain/instant';
import { type PostgresServer, startPostgres } from '../../bed/postgres';

export const random: Random = { bytes: (count) => new Uint8Array(randomBytes(count)) };
const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** A policy's answer as the first version stored it: fields that came later are not in it, and must be read all the same. */
const OLDEST_ANSWER = {
  effect: 'approve',
  rules: ['a-rule'],
  maxDurationMs: null,
  approvals: [],
  reasonRequired: false,
  ticket: { required: false, patterns: [] },
  confirm: 'card',
  message: null,
  policyVersion: 1,
  policyDigest: '0'.repeat(64),
  problems: [],
};

/** A clock that a test moves. */
export function testClock(start = 1_800_000_000_000): Clock & { set(at: number): void } {
  let at = start;
  const waiting = new Set<{ at: number; callback: () => void }>();
  return {
    now: () => asInstant(at),
    wakeAt(when: Instant, callback) {
      const entry = { at: when, callback };
      waiting.add(entry);
      return { cancel: () => void waiting.delete(entry) };
    },
    set(to) {
      at = to;
      for (const entry of [...waiting]) if (entry.at <= to && waiting.delete(entry)) entry.callback();
    },
  };
}

export interface Home {
  readonly clock: ReturnType<typeof testClock>;
  readonly folder: string;
  readonly vaultFile: string;
  /** SQLite's file; on PostgreSQL nothing is there. */
  readonly file: string;
  open(more?: Partial<StoreConfig>): Promise<Store>;
  /** A statement past the store, as an intruder with the database's password would send it. */
  tamper(statement: string): Promise<void>;
  remove(): Promise<void>;
}
export const dataKey = new Uint8Array(32).fill(7);
export const secretBox = createSecretBox(dataKey, random);

let server: Promise<PostgresServer> | undefined;
let databases = 0;
export const postgres = (): Promise<PostgresServer> => {
  server ??= startPostgres();
  return server;
};
export async function stopPostgres(): Promise<void> {
  await (await server)?.stop();
  server = undefined;
}

export async function newHome(dialect: 'sqlite' | 'postgres'): Promise<Home> {
  const folder = mkdtempSync(join(tmpdir(), 'hallpass-store-'));
  const [file, vaultFile] = [join(folder, 'data', 'hallpass.db'), join(folder, 'data', 'live-leases.sealed')];
  const clock = testClock();
  const opened = new Set<Store>();
  const base = { clock, random, log: silent, secretBox, vaultFile };
  let location: { kind: 'sqlite'; file: string } | { kind: 'postgres'; url: string } = { kind: 'sqlite', file };
  let drop = async () => undefined as unknown;
  if (dialect === 'postgres') {
    const pg = await postgres();
    const name = `store_${++databases}`;
    await pg.query('postgres', `create database ${name}`);
    location = { kind: 'postgres', url: pg.url(name) };
    drop = () => pg.query('postgres', `drop database ${name} with (force)`);
  }
  return {
    clock,
    folder,
    file,
    vaultFile,
    async open(more) {
      const store = await openStore({ ...base, ...location, ...more } as StoreConfig);
      opened.add(store);
      return store;
    },
    async tamper(statement) {
      if (location.kind === 'postgres') {
        await (await postgres()).query(new URL(location.url).pathname.slice(1), statement);
        return;
      }
      const { openRaw } = await import('../../../electron/service/store/sqlite-binding');
      const raw = openRaw(file, 5_000);
      raw.exec(statement);
      raw.close();
    },
    async remove() {
      for (const store of opened) await store.close();
      await drop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export const draft = (n: number, more: Partial<AuditDraft> = {}): AuditDraft => ({
  type: 'test.happened',
  actor: { kind: 'service', id: null, name: 'Test' },
  subject: { kind: 'test', id: `t${n}`, name: `Test ${n}` },
  data: { n },
  ...more,
});
export const event = (n: number): EventDraft<'policy.changed'> => ({
  type: 'policy.changed',
  subject: `t${n}`,
  data: { version: n, digest: 'd' },
  audience: { people: [], roles: [], everybody: true },
});
/** One write with an entry and an event. */
export const happen = (store: Store, n: number, more?: Partial<AuditDraft>): Promise<void> =>
  store.write(async (tx) => {
    tx.audit(draft(n, more));
    tx.event(event(n));
  });

/** A person, device, resource, request and grant that refer to each other, as access/ would write them. */
export async function seedGrant(store: Store, now: number, state = 'active') {
  const at = asInstant(now);
  const ids = {
    personId: newId('person', at, random),
    deviceId: newId('device', at, random),
    resourceId: newId('resource', at, random),
    requestId: newId('request', at, random),
    grantId: newId('grant', at, random),
  };
  await store.write(async (tx) => {
    await tx.db
      .insertInto('people')
      .values({
        id: ids.personId,
        display_name: 'Ada',
        roles: '["member"]',
        owner: 0,
        state: 'active',
        joined_at: now,
        invited_by: null,
      })
      .execute();
    await tx.db
      .insertInto('devices')
      .values({
        ...{ id: ids.deviceId, person_id: ids.personId, name: 'laptop', signing_key: ids.deviceId, sealing_key: 'k' },
        ...{ state: 'active', created_at: now, confirmed_by: null, last_seen_at: null },
      })
      .execute();
    await tx.db
      .insertInto('resources')
      .values({
        ...{
          id: ids.resourceId,
          name: ids.resourceId,
          kind: 'postgres',
          description: '',
          environment: 'production',
          risk: 'low',
        },
        ...{
          tags: '[]',
          owners: '[]',
          depends_on: '[]',
          settings: '{}',
          levels: '[]',
          state: 'active',
          target_label: 'db',
        },
        ...{ secret_enc: secretBox.seal('manager password', 'r'), health: 'unknown', health_at: null, created_at: now },
      })
      .execute();
    await tx.db
      .insertInto('requests')
      .values({
        ...{
          id: ids.requestId,
          ticket_number: await tx.nextTicketNumber(),
          state: 'approved',
          requester_id: ids.personId,
        },
        ...{
          device_id: ids.deviceId,
          resource_id: ids.resourceId,
          level: 'read-only',
          ttl_ms: 900_000,
          reason: '',
          ticket_ref: '',
        },
        ...{
          start_when: 'connected',
          extends_grant_id: null,
          stage: 0,
          digest: 'd',
          policy_version: 1,
          policy_digest: 'p',
          answer: JSON.stringify({ answer: OLDEST_ANSWER, voided: [] }),
        },
        ...{
          blocked_because: null,
          denied_because: null,
          created_at: now,
          expires_at: now + 1,
          decided_at: now,
          nudged_at: null,
          applied_at: null,
        },
      })
      .execute();
    await tx.db
      .insertInto('grants')
      .values({
        ...{ id: ids.grantId, request_id: ids.requestId, state, person_id: ids.personId, device_id: ids.deviceId },
        ...{
          resource_id: ids.resourceId,
          level: 'read-only',
          ttl_ms: 900_000,
          principal: `hp_${ids.grantId.slice(4)}`,
          principal_recorded: 1,
        },
        ...{
          creates_access: 0,
          sealed: null,
          expires_at: now + 900_000,
          ready_until: null,
          provisioning_since: now,
          activated_at: now,
        },
        ...{
          ending_since: null,
          ended_at: null,
          end_reason: null,
          ended_by: null,
          end_proof: null,
          machine: 'present',
          target: 'present',
        },
        ...{
          sessions_cut: 0,
          residue: '[]',
          residue_due_at: null,
          due_at: now + 900_000,
          attempts: 0,
          epoch: 1,
          claimed_by: null,
        },
        ...{ claimed_until: null, last_error: null, alarmed_at: null, end_because: null, issue: 1 },
      })
      .execute();
    tx.audit(
      draft(0, { type: 'grant.activated', personId: ids.personId, resourceId: ids.resourceId, grantId: ids.grantId }),
    );
  });
  return ids;
}
