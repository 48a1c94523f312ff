/** A store as a service has it, filled with live grants in bulk: rows, not requests one by one, since what ends them is measured and not what made them. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock, systemRandom } from '../../../electron/service/clock';
import { openStore } from '../../../electron/service/store/open';
import { createSecretBox, type SecretBox } from '../../../electron/service/store/secret-box';
import { secretContext } from '../../../electron/service/store/secret-context';
import type { Store } from '../../../electron/service/store/store';
import { newId, principalName } from '../../../shared/domain/ids';
import { DAY_MS, HOUR_MS } from '../../../shared/domain/instant';

const silent = { info: () => {}, warn: () => {}, error: () => {}, debug: () => {} };
const PEOPLE = 50;
/** SQLite takes 32,766 values in one statement. */
const ROWS_PER_INSERT = 400;
const ANSWER = JSON.stringify({
  answer: {
    ...{ effect: 'auto', rules: ['at-once'], maxDurationMs: 2 * HOUR_MS, approvals: [], reasonRequired: false },
    ...{ ticket: { required: false, patterns: [] }, confirm: 'notification', message: null, problems: [] },
    ...{ policyVersion: 1, policyDigest: '0'.repeat(64) },
  },
  voided: [],
});

export interface EngineStore {
  readonly store: Store;
  readonly secretBox: SecretBox;
  readonly resourceIds: readonly string[];
}
/** With the vault of live leases beside it, as a service has it. */
export async function openEngineStore(folder: string): Promise<EngineStore> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const secretBox = createSecretBox(new Uint8Array(32).fill(7), systemRandom);
  const store = await openStore({
    ...{ kind: 'sqlite', file: join(folder, 'hallpass.db'), clock: systemClock(), random: systemRandom },
    ...{ log: silent, secretBox, vaultFile: join(folder, 'live-leases.sealed') },
  });
  const rows = await store.db.selectFrom('resources').select('id').orderBy('id').execute();
  return { store, secretBox, resourceIds: rows.map((row) => row.id) };
}

/** Resources and people; once for a folder. */
export async function addBasics({ store, secretBox }: EngineStore, resourceCount: number): Promise<void> {
  const now = Date.now();
  const settings = {
    ...{ kind: 'postgres', host: 'bench', port: 5432, database: 'orders', managerUser: 'm', tls: 'disable' },
    ...{ schemas: ['public'], connectionLimit: 5 },
  };
  await store.write(async (tx) => {
    for (let n = 0; n < PEOPLE; n += 1) {
      const personId = newId('person', now as never, systemRandom);
      const person = { id: personId, display_name: `Person ${n}`, roles: n === 0 ? '["admin"]' : '["member"]' };
      await tx.db
        .insertInto('people')
        .values({ ...person, owner: n === 0 ? 1 : 0, state: 'active', joined_at: now, invited_by: null })
        .execute();
      const device = { id: newId('device', now as never, systemRandom), person_id: personId, name: 'laptop' };
      const keys = { signing_key: `s${n}`, sealing_key: `k${n}` };
      await tx.db
        .insertInto('devices')
        .values({ ...device, ...keys, state: 'active', created_at: now, confirmed_by: null, last_seen_at: null })
        .execute();
    }
    for (let n = 0; n < resourceCount; n += 1) {
      const id = newId('resource', now as never, systemRandom);
      const facts = {
        id,
        name: `bench-${n}`,
        kind: 'postgres',
        description: '',
        environment: 'development',
        risk: 'low',
      };
      const lists = { tags: '[]', owners: '[]', depends_on: '[]', levels: LEVELS, settings: JSON.stringify(settings) };
      const secret_enc = secretBox.seal('bench', secretContext.resourceSecret(id));
      const rest = {
        state: 'active' as const,
        target_label: 'bench',
        health: 'reachable',
        health_at: now,
        created_at: now,
      };
      await tx.db
        .insertInto('resources')
        .values({ ...facts, ...lists, secret_enc, ...rest })
        .execute();
    }
  });
}
const LEVELS = JSON.stringify([{ name: 'read-only', description: '', targetRole: 'r', createsAccess: false }]);

/** Active grants, spread over people and resources. Answers their principals with the resource of each. */
export async function addLiveGrants(
  { store }: EngineStore,
  count: number,
  expiresAt: (n: number) => number,
): Promise<{ principal: string; resourceId: string }[]> {
  const resources = await store.db.selectFrom('resources').select('id').orderBy('id').execute();
  const devices = await store.db.selectFrom('devices').select(['id', 'person_id']).orderBy('id').execute();
  const made: { principal: string; resourceId: string }[] = [];
  const first = await store.db
    .selectFrom('requests')
    .select((q) => q.fn.countAll().as('n'))
    .executeTakeFirstOrThrow();
  for (let from = 0; from < count; from += ROWS_PER_INSERT) {
    const rows = Array.from({ length: Math.min(ROWS_PER_INSERT, count - from) }, (_, n) => {
      const place = {
        resourceId: (resources[(from + n) % resources.length] as { id: string }).id,
        device: devices[(from + n) % devices.length] as { id: string; person_id: string },
      };
      return rowsOf(100_000 + Number(first.n) + from + n, expiresAt(from + n), place);
    });
    await store.write(async (tx) => {
      await tx.db
        .insertInto('requests')
        .values(rows.map((row) => row.request))
        .execute();
      await tx.db
        .insertInto('grants')
        .values(rows.map((row) => row.grant))
        .execute();
    });
    for (const { grant } of rows) made.push({ principal: grant.principal, resourceId: grant.resource_id });
  }
  return made;
}

function rowsOf(
  ticket: number,
  expiresAt: number,
  { resourceId, device }: { resourceId: string; device: { id: string; person_id: string } },
) {
  const now = Date.now();
  const [requestId, grantId] = [
    newId('request', now as never, systemRandom),
    newId('grant', now as never, systemRandom),
  ];
  const who = { device_id: device.id, resource_id: resourceId, level: 'read-only', ttl_ms: HOUR_MS };
  const request = {
    ...{ id: requestId, ticket_number: ticket, state: 'auto_approved', requester_id: device.person_id, ...who },
    ...{ reason: 'bench', ticket_ref: '', start_when: 'connected', extends_grant_id: null, stage: 0 },
    ...{ digest: '0'.repeat(64), policy_version: 1, policy_digest: '0'.repeat(64), answer: ANSWER },
    ...{ blocked_because: null, denied_because: null, created_at: now, expires_at: now + DAY_MS, decided_at: now },
    ...{ nudged_at: null, applied_at: null },
  };
  const none = {
    ready_until: null,
    ending_since: null,
    ended_at: null,
    end_reason: null,
    ended_by: null,
    end_proof: null,
  };
  const engine = { due_at: expiresAt, attempts: 0, epoch: 3, claimed_by: null, claimed_until: null, last_error: null };
  const grant = {
    ...{ id: grantId, request_id: requestId, state: 'active', person_id: device.person_id, ...who },
    ...{ principal: principalName(grantId), principal_recorded: 1, creates_access: 0, sealed: 'x'.repeat(600) },
    ...{ expires_at: expiresAt, provisioning_since: now, activated_at: now, ...none, machine: 'present' },
    ...{ target: 'present', sessions_cut: 0, residue: '[]', residue_due_at: null, ...engine },
    ...{ alarmed_at: null, end_because: null, issue: 1 },
  };
  return { request, grant };
}

/** What `addLiveGrants` made, for a target in another process. */
export const keepPrincipals = (folder: string, made: readonly { principal: string; resourceId: string }[]) =>
  writeFileSync(join(folder, 'principals.json'), JSON.stringify(made), { mode: 0o600 });
