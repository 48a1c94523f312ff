/**
 * The use cases of resources: what systems there are, how they are reached, and what has to be run on them once.
 * The manager secret is sealed as soon as it comes in, is never returned, and is never sent to a place it was not given for:
 * what counts as that place is the provisioner's to say, and whoever leaves it gives the secret again.
 * Not here: what happens to grants of an archived resource (lifecycle.ts), and what a target is and does (provisioners/).
 */
import type { z } from 'zod';
import type {
  Level,
  NewResource,
  Orphan,
  Resource,
  ResourceChange,
  ResourceSettings,
  TargetAddress,
} from '../../../shared/contract/resources';
import { newId } from '../../../shared/domain/ids';
import type { Clock, Random } from '../../../shared/domain/instant';
import { AppError, notFound } from '../errors';
import { type Provisioner, type Target, TargetError } from '../provisioners/provisioner';
import type { ResourceTable } from '../store/schema';
import type { SecretBox } from '../store/secret-box';
import { secretContext } from '../store/secret-context';
import type { Store, WriteTx } from '../store/store';
import type { CallInput, UseCases } from '../use-cases';
import type { Caller } from './caller';
import { settingsOf, stringList } from './json';
import type { Lifecycle } from './lifecycle';
import { personActor } from './record';
import { resourceView } from './views';

export const MAX_RESOURCES = 5_000;
const MAX_ORPHANS_SHOWN = 200;
const EVERYBODY = { people: [], roles: [], everybody: true } as const;
/** Stands in the mark of a trial role while the resource has no id yet; the trial is rolled back. */
const NO_RESOURCE = `res_${'0'.repeat(26)}`;

export interface ResourceDeps {
  readonly store: Store;
  readonly clock: Pick<Clock, 'now'>;
  readonly random: Random;
  readonly secretBox: Pick<SecretBox, 'seal' | 'open'>;
  readonly provisioners: ReadonlyMap<string, Provisioner>;
  readonly lifecycle: Pick<Lifecycle, 'onResourceArchived' | 'onPolicyChanged' | 'onResourceSuspended'>;
}
export type ResourceCases = Pick<UseCases, Extract<keyof UseCases, `resources.${string}`>>;

/** Inputs are zod-checked by the route; rights and states are checked here. */
export function createResourceCases(deps: ResourceDeps): ResourceCases {
  return {
    'resources.list': (caller) => listResources(deps, caller),
    'resources.create': (caller, { body }) => create(deps, caller, body),
    'resources.change': (caller, { params, body }) => change(deps, caller, params.id, body),
    'resources.archive': (caller, { params }) => archive(deps, caller, params.id),
    'resources.suspend': (caller, { params, body }) => suspend(deps, caller, params.id, body.reason),
    'resources.resume': (caller, { params }) => resume(deps, caller, params.id),
    'resources.orphans': (_caller, { params }) => orphans(deps, params.id),
    'resources.test': (caller, { body }) => testTarget(deps, caller, body),
    'resources.plan': async (caller, { body }) => {
      const { target, provisioner } = await resolve(deps, caller, body);
      return await asked(() => provisioner.plan(target));
    },
    'resources.apply': (caller, { body }) => apply(deps, caller, body),
  };
}

/** The target of a stored resource, with its secret opened; for whoever acts on targets. Throws AppError when it can't be opened. */
export function targetOf(row: ResourceTable, secretBox: Pick<SecretBox, 'open'>): Target {
  try {
    const secret = secretBox.open(row.secret_enc, secretContext.resourceSecret(row.id));
    return { resourceId: row.id, resourceName: row.name, settings: settingsOf(row.settings), secret };
  } catch (cause) {
    throw new AppError('unavailable', `The manager credential of ${row.name} can not be opened.`, {
      safe: 'It is stored encrypted, and nothing was done with it.',
      next: 'Enter it again in the settings of the resource.',
      cause,
    });
  }
}

function requireAdmin(caller: Caller): void {
  if (!caller.roles.has('admin')) throw new AppError('forbidden', 'Only administrators manage resources.');
}
const provisionerFor = (deps: ResourceDeps, kind: string): Provisioner => {
  const provisioner = deps.provisioners.get(kind);
  if (!provisioner) throw new AppError('invalid-input', `No provisioner knows targets of the kind "${kind}".`);
  return provisioner;
};

async function listResources(deps: ResourceDeps, caller: Caller): Promise<{ items: Resource[]; nextCursor: null }> {
  const isAdmin = caller.roles.has('admin');
  let query = deps.store.db.selectFrom('resources').selectAll().orderBy('name').limit(MAX_RESOURCES);
  if (!isAdmin && !caller.roles.has('auditor')) query = query.where('state', '=', 'active');
  const rows = await query.execute();
  return { items: rows.map((row) => resourceView(row, isAdmin ? 'administrators' : 'everybody')), nextCursor: null };
}

/** What the target said when it was last asked. Never an error: a resource may be added while its target is down. */
async function observe(
  provisioner: Provisioner,
  target: Target,
): Promise<Pick<ResourceTable, 'health' | 'target_label'>> {
  const report = await provisioner.test(target);
  return { health: report.serverVersion === null ? 'unreachable' : 'reachable', target_label: report.targetLabel };
}

async function create(deps: ResourceDeps, caller: Caller, body: z.output<typeof NewResource>): Promise<Resource> {
  requireAdmin(caller);
  const provisioner = provisionerFor(deps, body.settings.kind);
  const now = deps.clock.now();
  const id = newId('resource', now, deps.random);
  const kept = await asked(async () => provisioner.adoptSecret?.(body.secret, null) ?? body.secret);
  const observed = await observe(provisioner, {
    resourceId: id,
    resourceName: body.name,
    settings: body.settings,
    secret: body.secret,
  });
  // Asked first: some targets say themselves which levels they have.
  const levels = checkedLevels(body.levels ?? provisioner.proposedLevels(body.name, body.settings));
  const row: ResourceTable = {
    id,
    name: body.name,
    kind: body.settings.kind,
    description: body.description,
    environment: body.environment,
    risk: body.risk,
    tags: JSON.stringify(unique(body.tags)),
    owners: JSON.stringify(unique(body.owners)),
    depends_on: JSON.stringify(unique(body.dependsOn)),
    settings: JSON.stringify(body.settings),
    secret_enc: deps.secretBox.seal(kept, secretContext.resourceSecret(id)),
    levels: JSON.stringify(levels),
    state: 'active',
    ...observed,
    health_at: now,
    created_at: now,
    suspended_at: null,
    suspended_by: null,
    suspended_because: null,
    concurrency: body.concurrency ?? null,
  };
  await deps.store.write(async (tx) => {
    const count = await tx.db
      .selectFrom('resources')
      .select((q) => q.fn.countAll().as('n'))
      .executeTakeFirstOrThrow();
    if (Number(count.n) >= MAX_RESOURCES)
      throw new AppError('conflict', `There are ${MAX_RESOURCES} resources already.`, { next: 'Archive one first.' });
    const taken = await tx.db.selectFrom('resources').select('state').where('name', '=', row.name).executeTakeFirst();
    if (taken) throw nameTaken(row.name, taken.state);
    await checkDependencies(tx, row);
    await tx.db.insertInto('resources').values(row).execute();
    record(tx, caller, 'resource.created', row, { ...facts(row), levels });
    await deps.lifecycle.onPolicyChanged(tx, personActor(caller));
  });
  return resourceView(row, 'administrators');
}
/** Also archived ones keep their name: the log speaks of resources by name, and so do roles on targets. */
const nameTaken = (name: string, state: string) =>
  new AppError('conflict', `There is a resource ${name} already${state === 'archived' ? ', archived' : ''}.`, {
    next: 'Take another name.',
    errors: [{ path: 'name', message: 'taken' }],
  });
const unique = (items: readonly string[]): string[] => [...new Set(items)];

function checkedLevels(levels: readonly Level[]): readonly Level[] {
  if (new Set(levels.map((level) => level.name)).size !== levels.length)
    throw invalid('levels', 'Each level has a name of its own.');
  for (const { targetRole } of levels)
    if (targetRole === '' || targetRole.includes('\0') || Buffer.byteLength(targetRole) > 63)
      throw invalid('levels', 'A role on the target has a name of 1 to 63 bytes.');
  return levels;
}
const invalid = (path: string, message: string) =>
  new AppError('invalid-input', message, { errors: [{ path, message }] });

async function checkDependencies(tx: WriteTx, row: Pick<ResourceTable, 'name' | 'depends_on'>): Promise<void> {
  const names = stringList(row.depends_on);
  if (names.includes(row.name)) throw invalid('dependsOn', 'A resource does not depend on itself.');
  if (names.length === 0) return;
  const known = await tx.db.selectFrom('resources').select('name').where('name', 'in', names).execute();
  const missing = names.filter((name) => !known.some((row) => row.name === name));
  if (missing.length > 0) throw invalid('dependsOn', `There is no resource ${missing.join(', ')}.`);
}

async function change(
  deps: ResourceDeps,
  caller: Caller,
  id: string,
  body: CallInput<'resources.change'>['body'],
): Promise<Resource> {
  requireAdmin(caller);
  const before = await loadRow(deps, id);
  const provisioner = provisionerFor(deps, before.kind);
  const settings = body.settings ?? settingsOf(before.settings);
  if (settings.kind !== before.kind) throw invalid('settings.kind', 'The kind of a resource can not be changed.');
  if (body.secret === undefined) refuseStoredSecret(provisioner, settingsOf(before.settings), settings);
  const secret = body.secret ?? targetOf(before, deps.secretBox).secret;
  const isAsked = body.settings !== undefined || body.secret !== undefined;
  const observed = isAsked
    ? {
        ...(await observe(provisioner, { resourceId: id, resourceName: before.name, settings, secret })),
        health_at: deps.clock.now(),
      }
    : {};
  return await deps.store.write(async (tx) => {
    const row = await tx.db.selectFrom('resources').selectAll().where('id', '=', id).executeTakeFirst();
    if (row?.state !== 'active') throw notFound('The resource');
    // Again: somebody else may have changed where the stored one belongs since it was looked at.
    if (body.settings && body.secret === undefined)
      refuseStoredSecret(provisioner, settingsOf(row.settings), body.settings);
    if (!isSameServer(provisioner, settingsOf(row.settings), settings)) await refuseWhileInUse(tx, row);
    const given = await asked(async () => adopted(deps, provisioner, row, settings, body.secret));
    const columns = { ...columnsOf(deps, row, body, given), ...observed };
    await tx.db.updateTable('resources').set(columns).where('id', '=', id).execute();
    const after: ResourceTable = { ...row, ...columns };
    await checkDependencies(tx, after);
    const secretSaid = body.secret === undefined ? {} : { secret: 'replaced' };
    record(tx, caller, 'resource.changed', after, { before: facts(row), after: facts(after), ...secretSaid });
    await deps.lifecycle.onPolicyChanged(tx, personActor(caller)); // tags, owners, environment and risk decide what rules match
    return resourceView(after, 'administrators');
  });
}
function columnsOf(
  deps: ResourceDeps,
  row: ResourceTable,
  body: z.output<typeof ResourceChange>,
  secret: string | undefined,
): Partial<ResourceTable> {
  const given: Partial<Record<keyof ResourceTable, string | number | undefined>> = {
    description: body.description,
    environment: body.environment,
    risk: body.risk,
    tags: body.tags && JSON.stringify(unique(body.tags)),
    owners: body.owners && JSON.stringify(unique(body.owners)),
    depends_on: body.dependsOn && JSON.stringify(unique(body.dependsOn)),
    settings: body.settings && JSON.stringify(body.settings),
    levels: body.levels && JSON.stringify(checkedLevels(body.levels)),
    concurrency: body.concurrency,
    secret_enc: secret === undefined ? undefined : deps.secretBox.seal(secret, secretContext.resourceSecret(row.id)),
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}
/**
 * The secret as it is stored; some kinds keep more in it than was typed. Undefined when none was given.
 * Where it goes elsewhere from now on, nothing of the old one is kept with it: that too was given for the old place only.
 */
function adopted(
  deps: ResourceDeps,
  provisioner: Provisioner,
  row: ResourceTable,
  next: ResourceSettings,
  given: string | undefined,
) {
  if (given === undefined || provisioner.adoptSecret === undefined) return given;
  const isMoved = provisioner.secretBarredBy(settingsOf(row.settings), next) !== null;
  return provisioner.adoptSecret(given, isMoved ? null : targetOf(row, deps.secretBox).secret);
}

/** Grants are ended where they were made: while some are live, a resource can't be pointed at another server. */
async function refuseWhileInUse(tx: WriteTx, row: ResourceTable): Promise<void> {
  const inUse = await tx.db
    .selectFrom('grants')
    .select('id')
    .where('resource_id', '=', row.id)
    .where((e) => e.or([e('state', '!=', 'ended'), e('residue_due_at', 'is not', null)]))
    .limit(1)
    .executeTakeFirst();
  if (inUse)
    throw new AppError('conflict', `${row.name} has live grants on its present server.`, {
      safe: 'Nothing was changed; the grants go on and end as planned.',
      next: 'Revoke them and wait until they have ended, or add the new server as another resource.',
    });
}
const isSameServer = (provisioner: Provisioner, a: ResourceSettings, b: ResourceSettings): boolean =>
  a.kind === b.kind && provisioner.serverOf(a) === provisioner.serverOf(b);
/** The stored secret is only ever sent to the place it was given for. Throws when these settings are another. */
function refuseStoredSecret(provisioner: Provisioner, stored: ResourceSettings, next: ResourceSettings): void {
  const barredBy = stored.kind === next.kind ? provisioner.secretBarredBy(stored, next) : 'The kind of the target';
  if (barredBy === null) return;
  throw new AppError('invalid-input', `${barredBy} changed, so the manager credential has to be entered again.`, {
    safe: 'The stored one is only ever sent to the place it was given for.',
    errors: [{ path: 'secret', message: 'Enter the manager credential again.' }],
  });
}

async function archive(deps: ResourceDeps, caller: Caller, id: string): Promise<Record<string, never>> {
  requireAdmin(caller);
  await deps.store.write(
    async (tx) => {
      const row = await tx.db.selectFrom('resources').selectAll().where('id', '=', id).executeTakeFirst();
      if (!row) throw notFound('The resource');
      if (row.state === 'archived') return;
      await tx.db.updateTable('resources').set({ state: 'archived' }).where('id', '=', id).execute();
      record(tx, caller, 'resource.archived', row, facts(row));
      await deps.lifecycle.onResourceArchived(tx, id, personActor(caller));
    },
    { purpose: 'removal' },
  );
  return {};
}

/** All access to it ends at once, nothing is given until it is unlocked. What ended stays ended. */
async function suspend(deps: ResourceDeps, caller: Caller, id: string, reason: string): Promise<Resource> {
  requireAdmin(caller);
  return deps.store.write(
    async (tx) => {
      const row = await lockable(tx, id);
      if (row.suspended_at !== null) return resourceView(row, 'administrators');
      const lock = { suspended_at: deps.clock.now(), suspended_by: caller.displayName, suspended_because: reason };
      await tx.db.updateTable('resources').set(lock).where('id', '=', id).execute();
      record(tx, caller, 'resource.suspended', row, { because: reason });
      await deps.lifecycle.onResourceSuspended(tx, id, `${row.name} was locked: ${reason}`, personActor(caller));
      return resourceView({ ...row, ...lock }, 'administrators');
    },
    { purpose: 'removal' },
  );
}
async function resume(deps: ResourceDeps, caller: Caller, id: string): Promise<Resource> {
  requireAdmin(caller);
  return deps.store.write(async (tx) => {
    const row = await lockable(tx, id);
    if (row.suspended_at === null) return resourceView(row, 'administrators');
    const open = { suspended_at: null, suspended_by: null, suspended_because: null };
    await tx.db.updateTable('resources').set(open).where('id', '=', id).execute();
    record(tx, caller, 'resource.resumed', row, { because: row.suspended_because, since: row.suspended_at });
    return resourceView({ ...row, ...open }, 'administrators');
  });
}
async function lockable(tx: WriteTx, id: string): Promise<ResourceTable> {
  const row = await tx.db.selectFrom('resources').selectAll().where('id', '=', id).executeTakeFirst();
  if (row?.state !== 'active') throw notFound('The resource');
  return row;
}
async function orphans(deps: ResourceDeps, id: string): Promise<{ items: Orphan[]; nextCursor: null }> {
  const { db } = deps.store;
  const known = await db.selectFrom('resources').select('id').where('id', '=', id).executeTakeFirst();
  if (known === undefined) throw notFound('The resource'); // archived ones may have some left
  const rows = await db
    .selectFrom('orphans')
    .selectAll()
    .where('resource_id', '=', id)
    .orderBy('found_at')
    .limit(MAX_ORPHANS_SHOWN)
    .execute();
  const items = rows.map((row) => ({
    principal: row.principal,
    foundAt: row.found_at,
    triedAt: row.tried_at,
    attempts: row.attempts,
    lastError: row.last_error,
  }));
  return { items, nextCursor: null };
}

async function loadRow(deps: ResourceDeps, id: string): Promise<ResourceTable> {
  const row = await deps.store.db.selectFrom('resources').selectAll().where('id', '=', id).executeTakeFirst();
  if (row?.state !== 'active') throw notFound('The resource');
  return row;
}

interface Resolved {
  readonly target: Target;
  readonly provisioner: Provisioner;
  /** The stored resource, when the address names one. */
  readonly row: ResourceTable | undefined;
}
/** The target of an address: a stored resource's secret only for the place it was given for. */
async function resolve(
  deps: ResourceDeps,
  caller: Caller,
  address: z.output<typeof TargetAddress>,
  unnamed?: string,
): Promise<Resolved> {
  requireAdmin(caller);
  const provisioner = provisionerFor(deps, address.settings.kind);
  const row = address.resourceId === undefined ? undefined : await loadRow(deps, address.resourceId);
  const resourceName = row?.name ?? address.name ?? unnamed;
  if (resourceName === undefined) throw invalid('name', 'The name of the resource is part of the names of its roles.');
  let secret = address.secret;
  if (secret === undefined) {
    if (!row) throw invalid('secret', 'The manager credential is needed.');
    refuseStoredSecret(provisioner, settingsOf(row.settings), address.settings);
    secret = targetOf(row, deps.secretBox).secret;
  }
  const target = { resourceId: row?.id ?? NO_RESOURCE, resourceName, settings: address.settings, secret };
  return { target, provisioner, row };
}

async function testTarget(deps: ResourceDeps, caller: Caller, address: z.output<typeof TargetAddress>) {
  const { target, provisioner, row } = await resolve(deps, caller, address, 'resource');
  const report = await asked(() => provisioner.test(target));
  if (!row || !isSameServer(provisioner, settingsOf(row.settings), address.settings)) return report;
  const health = report.serverVersion === null ? 'unreachable' : 'reachable';
  const label = report.serverVersion === null ? row.target_label : report.targetLabel;
  await deps.store.write(
    async (tx) => {
      const columns = { health, health_at: deps.clock.now(), target_label: label };
      await tx.db.updateTable('resources').set(columns).where('id', '=', row.id).execute();
      if (row.health !== health || row.target_label !== label) announce(tx, row);
    },
    { purpose: 'upkeep' },
  );
  return report;
}

/** The intention is on the log before anything runs on the target; the outcome follows. */
async function apply(deps: ResourceDeps, caller: Caller, body: CallInput<'resources.apply'>['body']) {
  const { target, provisioner, row } = await resolve(deps, caller, body.target);
  const subject = { kind: 'resource', id: row?.id ?? '', name: target.resourceName };
  const entry = (type: string, data: Record<string, unknown>) =>
    deps.store.write(async (tx) => {
      const resource = row ? { resourceId: row.id } : {};
      tx.audit({ type, actor: personActor(caller), subject, data: { digest: body.digest, ...data }, ...resource });
    });
  await entry('resource.plan_started', provisioner.placeFacts(target.settings));
  try {
    const applied = await provisioner.apply(target, body.digest);
    await entry('resource.plan_applied', { ok: applied.ok, ran: applied.ran, failedSql: applied.failedSql });
    return applied;
  } catch (error) {
    await entry('resource.plan_failed', { kind: error instanceof TargetError ? error.kind : 'internal' });
    throw asAppError(error);
  }
}

async function asked<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw asAppError(error);
  }
}
function asAppError(error: unknown): unknown {
  if (!(error instanceof TargetError)) return error;
  const code = { unreachable: 'target-unreachable', refused: 'target-refused', conflict: 'conflict' } as const;
  return new AppError(code[error.kind], error.message, { cause: error });
}

function facts(row: ResourceTable): Record<string, unknown> {
  const { name, kind, description, environment, risk } = row;
  const lists = { tags: stringList(row.tags), owners: stringList(row.owners), dependsOn: stringList(row.depends_on) };
  return { name, kind, description, environment, risk, ...lists, settings: settingsOf(row.settings) };
}
function announce(tx: WriteTx, row: ResourceTable): void {
  const data = { resourceId: row.id, name: row.name };
  tx.event({ type: 'resource.changed', subject: row.id, data, audience: EVERYBODY });
}
function record(tx: WriteTx, caller: Caller, type: string, row: ResourceTable, data: Record<string, unknown>): void {
  const subject = { kind: 'resource', id: row.id, name: row.name };
  tx.audit({ type, actor: personActor(caller), subject, data, resourceId: row.id });
  announce(tx, row);
}
