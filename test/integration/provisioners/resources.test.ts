/** Resources on a real store with a real target: what is stored, what is told to whom, and where a secret may go. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Caller } from '../../../electron/service/access/caller';
import { createLifecycle } from '../../../electron/service/access/lifecycle';
import { createResourceCases, type ResourceCases } from '../../../electron/service/access/resources';
import { createProvisioners } from '../../../electron/service/provisioners';
import { openStore } from '../../../electron/service/store/open';
import { createSecretBox } from '../../../electron/service/store/secret-box';
import { secretContext } from '../../../electron/service/store/secret-context';
import type { Store } from '../../../electron/service/store/store';
import { NewResource } from '../../../shared/contract/resources';
import { asInstant, type Clock } from '../../../shared/domain/instant';
import { type PostgresServer, startPostgres } from '../../bed/postgres';
import { chance26, makeTarget, type PgTestTarget, systemRandom } from '../../bed/postgres-target';

const NOW = asInstant(1_800_000_000_000);
const clock: Clock = { now: () => NOW, wakeAt: () => ({ cancel: () => undefined }) };
const caller = (...roles: ('member' | 'admin' | 'auditor')[]): Caller => ({
  personId: `per_${chance26()}`,
  deviceId: `dev_${chance26()}`,
  displayName: 'Ada',
  roles: new Set(roles),
  via: 'socket',
});
const admin = caller('member', 'admin');
const log = { info: () => undefined, warn: () => undefined, error: () => undefined, debug: () => undefined };

let folder: string;
let server: PostgresServer;
let target: PgTestTarget;
let store: Store;
let cases: ResourceCases;
let secretBox: ReturnType<typeof createSecretBox>;
const provisioners = createProvisioners({ random: systemRandom });
const input = <B>(body: B) => ({ params: undefined, query: undefined, body });
const byId = <B>(id: string, body: B) => ({ params: { id }, query: undefined, body });
const newResource = (name: string, more: object = {}) =>
  input(
    NewResource.parse({
      name,
      environment: 'production',
      risk: 'high',
      owners: ['dba'],
      settings: target.settings,
      secret: target.secret,
      ...more,
    }),
  );

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'hallpass-resources-'));
  server = await startPostgres();
  target = await makeTarget(server);
  secretBox = createSecretBox(systemRandom.bytes(32), systemRandom);
  const file = join(folder, 'store.db');
  store = await openStore({ kind: 'sqlite', file, clock, random: systemRandom, log, secretBox, vaultFile: null });
  const lifecycle = createLifecycle({ clock, random: systemRandom, presence: { isOnline: () => false } });
  cases = createResourceCases({ store, clock, random: systemRandom, secretBox, provisioners, lifecycle });
});
afterAll(async () => {
  for (const provisioner of provisioners.values()) await provisioner.close();
  await store?.close();
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

test('test, plan, apply and add: the way a resource comes in', async () => {
  const address = { settings: target.settings, secret: target.secret, name: 'orders-db' };
  expect(await cases['resources.test'](admin, input(address))).toMatchObject({ ok: true });
  const plan = await cases['resources.plan'](admin, input(address));
  expect(plan.steps.some((step) => !step.done)).toBe(true);
  const applied = await cases['resources.apply'](admin, input({ target: address, digest: plan.digest }));
  expect(applied).toMatchObject({ ok: true });
  const resource = await cases['resources.create'](admin, newResource('orders-db'));
  expect(resource).toMatchObject({
    name: 'orders-db',
    health: 'reachable',
    targetLabel: 'PostgreSQL 18',
    state: 'active',
  });
  expect(resource.levels.map((level) => level.name)).toEqual(['read-only', 'read-write']);
  const again = await cases['resources.plan'](admin, input({ settings: target.settings, resourceId: resource.id }));
  expect(again.steps.every((step) => step.done)).toBe(true);
});

test('members see resources without settings; nobody sees the secret, on disk neither', async () => {
  const seen = await cases['resources.list'](caller('member'), input(undefined));
  expect(seen.items[0]).toMatchObject({ name: 'orders-db', settings: null });
  const all = await cases['resources.list'](admin, input(undefined));
  expect(all.items[0]?.settings).toEqual(target.settings);
  expect(JSON.stringify([seen, all])).not.toContain(target.secret);
  const leaves = await store.db.selectFrom('audit_leaves').selectAll().execute();
  const events = await store.db.selectFrom('outbox').selectAll().execute();
  expect(leaves.map((leaf) => leaf.type)).toEqual([
    'resource.plan_started',
    'resource.plan_applied',
    'resource.created',
  ]);
  expect(JSON.stringify([leaves, events])).not.toContain(target.secret);
  for (const file of ['store.db', 'store.db-wal'])
    expect(readFileSync(join(folder, file)).includes(target.secret), file).toBe(false);
});

test('names are unique, also against archived ones', async () => {
  await expect(cases['resources.create'](admin, newResource('orders-db'))).rejects.toMatchObject({ code: 'conflict' });
  const old = await cases['resources.create'](admin, newResource('old-db'));
  await cases['resources.archive'](admin, byId(old.id, undefined));
  await cases['resources.archive'](admin, byId(old.id, undefined));
  await expect(cases['resources.create'](admin, newResource('old-db'))).rejects.toMatchObject({ code: 'conflict' });
  const entries = await store.db
    .selectFrom('audit_leaves')
    .select('type')
    .where('type', '=', 'resource.archived')
    .execute();
  expect(entries).toHaveLength(1);
  await expect(cases['resources.change'](admin, byId(old.id, { description: 'x' }))).rejects.toMatchObject({
    code: 'not-found',
  });
  const members = await cases['resources.list'](caller('member'), input(undefined));
  expect(members.items.map((resource) => resource.name)).toEqual(['orders-db']);
});

test('only administrators may do any of it', async () => {
  const member = caller('member', 'auditor');
  const address = input({ settings: target.settings, secret: target.secret, name: 'x' });
  for (const attempt of [
    cases['resources.create'](member, newResource('mine')),
    cases['resources.change'](member, byId('res_x', {})),
    cases['resources.archive'](member, byId('res_x', undefined)),
    cases['resources.test'](member, address),
    cases['resources.plan'](member, address),
    cases['resources.apply'](member, input({ target: address.body, digest: '' })),
  ])
    await expect(attempt).rejects.toMatchObject({ code: 'forbidden' });
});

test('a stored secret is only sent to the place it was given for', async () => {
  const [resource] = (await cases['resources.list'](admin, input(undefined))).items.filter(
    (r) => r.name === 'orders-db',
  );
  const id = resource?.id ?? '';
  const elsewhere = { ...target.settings, host: 'localhost' };
  const weaker = { ...target.settings, tls: 'disable' as const };
  for (const settings of [elsewhere, weaker, { ...target.settings, managerUser: 'other' }]) {
    for (const attempt of [
      cases['resources.test'](admin, input({ settings, resourceId: id })),
      cases['resources.plan'](admin, input({ settings, resourceId: id })),
      cases['resources.change'](admin, byId(id, { settings })),
    ])
      await expect(attempt).rejects.toMatchObject({ code: 'invalid-input', errors: [{ path: 'secret' }] });
  }
  const moved = await cases['resources.change'](admin, byId(id, { settings: elsewhere, secret: target.secret }));
  expect(moved.settings).toEqual(elsewhere);
  await cases['resources.change'](admin, byId(id, { settings: target.settings, secret: target.secret }));
});

test('what rules match on can be changed, and the change is on the log with what it was before', async () => {
  const [resource] = (await cases['resources.list'](admin, input(undefined))).items.filter(
    (r) => r.name === 'orders-db',
  );
  const changed = await cases['resources.change'](
    admin,
    byId(resource?.id ?? '', { tags: ['pii', 'pii'], risk: 'critical' }),
  );
  expect(changed).toMatchObject({ tags: ['pii'], risk: 'critical', environment: 'production' });
  const leaf = await store.db
    .selectFrom('audit_leaves')
    .selectAll()
    .where('type', '=', 'resource.changed')
    .orderBy('idx', 'desc')
    .executeTakeFirstOrThrow();
  expect(JSON.parse(leaf.body ?? '')).toMatchObject({
    data: { before: { risk: 'high', tags: [] }, after: { risk: 'critical', tags: ['pii'] } },
  });
});

test('a target that is down does not keep a resource from being added, and says so', async () => {
  const settings = { ...target.settings, port: 1 };
  const resource = await cases['resources.create'](
    admin,
    newResource('away-db', { settings, dependsOn: ['orders-db'] }),
  );
  expect(resource).toMatchObject({ health: 'unreachable', dependsOn: ['orders-db'] });
  await expect(cases['resources.plan'](admin, input({ settings, resourceId: resource.id }))).rejects.toMatchObject({
    code: 'target-unreachable',
  });
  expect(await cases['resources.test'](admin, input({ settings, resourceId: resource.id }))).toMatchObject({
    ok: false,
  });
  await expect(cases['resources.create'](admin, newResource('b-db', { dependsOn: ['nowhere'] }))).rejects.toMatchObject(
    {
      code: 'invalid-input',
    },
  );
});

test('an old plan is not applied', async () => {
  const body = { target: { settings: target.settings, secret: target.secret, name: 'new-db' }, digest: 'stale' };
  await expect(cases['resources.apply'](admin, input(body))).rejects.toMatchObject({ code: 'conflict' });
});

test('while a grant is live, its resource can not be pointed at another server; clean ones can', async () => {
  const resource = await cases['resources.create'](admin, newResource('used-db'));
  const now = clock.now();
  const grant = {
    id: `grt_${chance26()}`,
    request_id: `req_${chance26()}`,
    state: 'ending',
    person_id: admin.personId,
    device_id: admin.deviceId,
    resource_id: resource.id,
    level: 'read-only',
    ttl_ms: 60_000,
    principal: `hp_${chance26()}`,
    principal_recorded: 1,
    creates_access: 0,
    machine: 'unknown',
    target: 'unknown',
    sessions_cut: 0,
    residue: '[]',
    ending_since: now,
    attempts: 0,
    epoch: 0,
  };
  const person = {
    id: admin.personId,
    display_name: 'Ada',
    roles: '["admin"]',
    owner: 0,
    state: 'active',
    joined_at: now,
  };
  const keys = { signing_key: chance26(), sealing_key: chance26() };
  const device = {
    id: admin.deviceId,
    person_id: person.id,
    name: 'laptop',
    ...keys,
    state: 'active',
    created_at: now,
  };
  const request = {
    id: grant.request_id,
    ticket_number: 1,
    state: 'approved',
    requester_id: person.id,
    device_id: device.id,
    resource_id: resource.id,
    level: grant.level,
    ttl_ms: grant.ttl_ms,
    reason: '',
    ticket_ref: '',
    start_when: 'connected',
    stage: 0,
    digest: '',
    policy_version: 1,
    policy_digest: '',
    answer: '{}',
    created_at: now,
    expires_at: now,
    decided_at: now,
  };
  await store.write(async (tx) => {
    await tx.db
      .insertInto('people')
      .values(person as never)
      .execute();
    await tx.db
      .insertInto('devices')
      .values(device as never)
      .execute();
    await tx.db
      .insertInto('requests')
      .values(request as never)
      .execute();
    await tx.db
      .insertInto('grants')
      .values(grant as never)
      .execute();
  });
  const elsewhere = { ...target.settings, host: 'localhost' };
  const move = () =>
    cases['resources.change'](admin, byId(resource.id, { settings: elsewhere, secret: target.secret }));
  await expect(move()).rejects.toMatchObject({ code: 'conflict' });
  const sameServer = { ...target.settings, connectionLimit: 2 };
  expect((await cases['resources.change'](admin, byId(resource.id, { settings: sameServer }))).settings).toEqual(
    sameServer,
  );
  const setGrant = (columns: object) =>
    store.write((tx) => tx.db.updateTable('grants').set(columns).where('id', '=', grant.id).execute());
  await setGrant({ state: 'ended', residue_due_at: now });
  await expect(move()).rejects.toMatchObject({ code: 'conflict' });
  await setGrant({ residue_due_at: null });
  expect((await move()).settings).toEqual(elsewhere);
});

test('what is kept with a secret goes nowhere else with a new one: neither the former values nor the key of its rotation', async () => {
  const rotation = (port: number) => ({
    kind: 'secret' as const,
    opens: 'The build service',
    holders: 1,
    rotation: { by: 'webhook' as const, url: `http://127.0.0.1:${port}/rotate` },
  });
  const former = { API_KEY: 'former-value-of-the-key', HALLPASS_ROTATION_KEY: 'k'.repeat(40) };
  const typed = (values: object) => Object.entries(values).map((line) => line.join('='));
  const made = await cases['resources.create'](
    admin,
    newResource('build', { settings: rotation(1), secret: typed(former).join('\n') }),
  );
  const stored = async () => {
    const row = await store.db.selectFrom('resources').selectAll().where('id', '=', made.id).executeTakeFirstOrThrow();
    return secretBox.open(row.secret_enc, secretContext.resourceSecret(made.id));
  };
  // A holder whose grant an administrator closed as attested is on the books still.
  const held = { ...JSON.parse(await stored()), holders: [{ principal: `hp_${chance26()}`, version: 1, over: 'no' }] };
  const secret_enc = secretBox.seal(JSON.stringify(held), secretContext.resourceSecret(made.id));
  await store.write((tx) => tx.db.updateTable('resources').set({ secret_enc }).where('id', '=', made.id).execute());

  await cases['resources.change'](admin, byId(made.id, { secret: 'API_KEY=another' }));
  expect(await stored()).toContain(former.API_KEY); // the same place: its end can be read back there
  await cases['resources.change'](admin, byId(made.id, { settings: rotation(2), secret: 'API_KEY=third' }));
  for (const value of [...Object.values(former), 'another']) expect(await stored()).not.toContain(value);
});
