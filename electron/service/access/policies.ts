/** The policy in force, its history, drafts that are tried, and publishing one. */
import type { Kysely } from 'kysely';
import type { PolicyCheck, PolicyVersion } from '../../../shared/contract/policy';
import { AppError } from '../errors';
import { checkPolicy, type Surroundings } from '../policy/check';
import { DEFAULT_POLICY } from '../policy/default-policy';
import { parsePolicy } from '../policy/parse';
import type { Database, PolicyTable } from '../store/schema';
import type { Store, WriteTx } from '../store/store';
import type { CallInput } from '../use-cases';
import type { Caller } from './caller';
import { newestPolicy, policyOf, resourceFacts } from './context';
import type { AccessDeps } from './deps';
import { loadDirectory, readsAll } from './directory';
import { levelList } from './json';
import { createLifecycle } from './lifecycle';
import { type Actor, personActor, type Recorder, SERVICE } from './record';
import { callerFacts } from './submit';

const versionView = (row: PolicyTable): PolicyVersion => ({
  version: row.version,
  yaml: row.yaml,
  digest: row.digest,
  author: row.author,
  at: row.at,
  note: row.note,
});

export async function getPolicy(deps: AccessDeps): Promise<PolicyVersion> {
  const row = await newestPolicy(deps.store.db);
  if (row === undefined) throw new AppError('unavailable', 'No policy is in force yet, so nothing can be requested.');
  return versionView(row);
}

export async function listVersions(deps: AccessDeps) {
  const rows = await deps.store.db.selectFrom('policies').selectAll().orderBy('version', 'desc').limit(200).execute();
  return { items: rows.map(versionView), nextCursor: null };
}

/** Members see how a draft changes their own answers; whoever reads everything sees everybody's. */
export async function check(deps: AccessDeps, caller: Caller, yaml: string): Promise<PolicyCheck> {
  const { db } = deps.store;
  const directory = await loadDirectory(db);
  const person = await callerFacts(directory, caller);
  const around = await surroundings(db, deps);
  const row = await newestPolicy(db);
  const seen = readsAll(person) ? around : { ...around, people: around.people.filter((p) => p.personId === person.id) };
  const result = checkPolicy(yaml, row === undefined ? null : policyOf(row), around);
  return readsAll(person)
    ? result
    : { ...result, changes: checkPolicy(yaml, row === undefined ? null : policyOf(row), seen).changes };
}
async function surroundings(db: Kysely<Database>, deps: AccessDeps): Promise<Surroundings> {
  const directory = await loadDirectory(db);
  const resources = await db
    .selectFrom('resources')
    .selectAll()
    .where('state', '=', 'active')
    .orderBy('name')
    .execute();
  return {
    at: deps.clock.now(),
    people: [...directory.people.values()]
      .filter((person) => person.active)
      .map(({ id, displayName, groups, roles, reachable }) => ({
        personId: id,
        displayName,
        groups,
        admin: roles.has('admin'),
        reachable,
      })),
    groups: [...directory.groups.keys()],
    resources: resources.map((row) => ({
      ...resourceFacts(row),
      levels: levelList(row.levels).map((level) => level.name),
    })),
  };
}

export async function putPolicy(
  deps: AccessDeps,
  caller: Caller,
  body: CallInput<'policy.put'>['body'],
): Promise<PolicyVersion> {
  if (!caller.roles.has('admin')) throw new AppError('forbidden', 'Only administrators publish a policy.');
  return deps.store.write(async (tx) => {
    const before = await newestPolicy(tx.db);
    if ((before?.version ?? 0) !== body.baseVersion)
      throw new AppError(
        'policy-stale',
        `Version ${before?.version ?? 0} is in force by now; yours began from ${body.baseVersion}.`,
        {
          safe: 'Nothing was published.',
          next: 'Look at what changed and publish again.',
        },
      );
    const note = { author: caller.displayName, note: body.note, actor: personActor(caller) };
    return versionView(await publish(tx, deps, body.yaml, body.baseVersion + 1, note));
  });
}
async function publish(
  tx: WriteTx,
  deps: Recorder,
  yaml: string,
  version: number,
  by: { readonly author: string; readonly note: string; readonly actor: Actor },
): Promise<PolicyTable> {
  const parsed = parsePolicy(yaml);
  if (!parsed.ok)
    throw new AppError('policy-invalid', 'The policy has errors, so it was not published.', {
      safe: 'The policy in force stays as it is.',
      errors: parsed.errors.map(({ line, path, message }) => ({
        path: line === null ? path : `line ${line}: ${path}`,
        message,
      })),
    });
  const row: PolicyTable = {
    version,
    yaml,
    digest: parsed.digest,
    author: by.author,
    at: deps.clock.now(),
    note: by.note,
  };
  await tx.db.insertInto('policies').values(row).execute();
  tx.audit({
    type: 'policy.changed',
    actor: by.actor,
    subject: { kind: 'policy', id: String(version), name: `policy version ${version}` },
    data: { version, digest: parsed.digest, note: by.note, rules: parsed.document.rules.length, yaml },
  });
  tx.event({
    type: 'policy.changed',
    subject: String(version),
    data: { version, digest: parsed.digest },
    audience: { people: [], roles: [], everybody: true },
  });
  await createLifecycle(deps).onPolicyChanged(tx, by.actor);
  return row;
}

/** Puts the default policy in force when there is none (first start). Fine to call at every start. */
export async function installDefaultPolicy(store: Store, deps: Recorder): Promise<void> {
  if ((await newestPolicy(store.db)) !== undefined) return;
  await store.write(async (tx) => {
    if ((await newestPolicy(tx.db)) !== undefined) return; // another instance was first
    await publish(tx, deps, DEFAULT_POLICY, 1, { author: 'Hallpass', note: 'The first policy', actor: SERVICE });
  });
}
