/**
 * Looks on every target for principals of ours that no live grant owns (a crash, a lost answer, a restored database, an
 * attested target that came back), ends them and clears them away; and for the other way round: active grants whose principal
 * somebody dropped there. Says by the way whether the target can be reached.
 */

import type { Provisioner, Target } from '../provisioners/provisioner';
import type { GrantTable, ResourceTable } from '../store/schema';
import { isSilent, type LeaseDeps, reach, withTimeout, wordFailure } from './deps';
import { eachGrant } from './due';
import { CLEAN_UP_TIMEOUT_MS, END_TIMEOUT_MS, LIST_TIMEOUT_MS, RECONCILE_CONCURRENCY } from './limits';
import { forgetOrphansBut, noteListedEnded, noteOrphanEnded, noteOrphanLeft, postponeOrphans } from './orphans';
import { newestTurn } from './turns';

const LIVE = new Set(['ready', 'provisioning', 'active', 'ending']);

/** Archived resources too: access to them has to be gone as well. Resolves when every target was looked at, or could not be reached. */
export async function reconcileAll(deps: LeaseDeps): Promise<void> {
  const resources = await deps.store.db.selectFrom('resources').selectAll().orderBy('id').execute();
  const waiting = resources.values();
  const next = async (): Promise<void> => {
    for (const resource of waiting) await reconcile(deps, resource, 'in turn');
  };
  await Promise.all(Array.from({ length: RECONCILE_CONCURRENCY }, next));
}

/** `in turn`: not when another instance just did. `now`: somebody knows that there is something to find. */
export async function reconcile(deps: LeaseDeps, resource: ResourceTable, when: 'in turn' | 'now'): Promise<void> {
  try {
    if (when === 'in turn' && !(await newestTurn(deps, resource.id))) return;
    const { provisioner, target } = reach(deps, resource);
    const call = { what: 'Listing our logins', lengthMs: LIST_TIMEOUT_MS };
    // Grants that were active before the list was made have to be on it.
    const active = await activeGrants(deps, resource.id);
    // The list first, the rows after it: what is listed was recorded before it was made, so its row is there by now.
    const principals = new Set(await withTimeout(deps, provisioner.list(target), call));
    await noteHealth(deps, resource, 'reachable');
    await endMissing(
      deps,
      active.filter((grant) => !principals.has(grant.principal)),
      { provisioner, target },
    );
    for (const principal of await livePrincipals(deps, resource.id)) principals.delete(principal);
    await forgetOrphansBut(deps, resource, principals);
    for (const principal of principals) await endOrphan(deps, resource, { provisioner, target }, principal);
  } catch (cause) {
    if (isSilent(cause)) await noteHealth(deps, resource, 'unreachable');
    await postponeOrphans(deps, resource.id);
    deps.log.warn(
      { resourceId: resource.id, err: wordFailure(cause) },
      'a target could not be reconciled; next try in turn',
    );
  }
}

interface Reached {
  readonly provisioner: Provisioner;
  readonly target: Target;
}
/** Looks again whether a live grant owns it, ends it, clears it away. One that resists is listed, and keeps nobody else's from being ended. */
async function endOrphan(
  deps: LeaseDeps,
  resource: ResourceTable,
  { provisioner, target }: Reached,
  principal: string,
): Promise<void> {
  const owner = await deps.store.db
    .selectFrom('grants')
    .select(['id', 'state', 'person_id', 'residue_due_at'])
    .where('principal', '=', principal)
    .executeTakeFirst();
  if (owner !== undefined && LIVE.has(owner.state)) return;
  const found = { resource, principal, owner };
  try {
    const before = await withTimeout(deps, provisioner.readBack(target, principal), {
      what: 'Reading back a login',
      lengthMs: LIST_TIMEOUT_MS,
    });
    if (before.canLogIn || before.sessionCount > 0) {
      const { readBack } = await withTimeout(deps, provisioner.end(target, principal), {
        what: 'Ending an orphaned login',
        lengthMs: END_TIMEOUT_MS,
      });
      if (readBack.canLogIn || readBack.sessionCount > 0) {
        const left = readBack.canLogIn ? 'the login still works' : `${readBack.sessionCount} sessions are still open`;
        await noteOrphanLeft(deps, found, left);
        return;
      }
      await noteOrphanEnded(deps, found);
    } else {
      await noteListedEnded(deps, found); // somebody else locked it, or an answer of ours was lost
      if (owner?.residue_due_at) return; // the engine works its left-overs off
    }
  } catch (cause) {
    await noteOrphanLeft(deps, found, cause);
    if (isSilent(cause)) throw cause; // the others would not be answered either
    return;
  }
  await clearAway(deps, { provisioner, target }, principal);
}
/** What an ended login left gives nobody access: it is no stray login any more, and waits for the next look. */
async function clearAway(deps: LeaseDeps, { provisioner, target }: Reached, principal: string): Promise<void> {
  try {
    await withTimeout(deps, provisioner.cleanUp(target, principal), {
      what: 'Clearing away an orphaned login',
      lengthMs: CLEAN_UP_TIMEOUT_MS,
    });
  } catch (cause) {
    if (isSilent(cause)) throw cause;
    deps.log.warn({ principal, err: wordFailure(cause) }, 'what an orphaned login left could not be cleared away yet');
  }
}

/** In one query; two resources may point at one server, so what is not here is looked up by its name before it is ended. */
async function livePrincipals(deps: LeaseDeps, resourceId: string): Promise<readonly string[]> {
  const rows = await deps.store.db
    .selectFrom('grants')
    .select('principal')
    .where('resource_id', '=', resourceId)
    .where('state', 'in', [...LIVE])
    .execute();
  return rows.map((row) => row.principal);
}

type Active = Pick<GrantTable, 'id' | 'principal'>;
const activeGrants = (deps: LeaseDeps, resourceId: string): Promise<Active[]> =>
  deps.store.db
    .selectFrom('grants')
    .select(['id', 'principal'])
    .where('resource_id', '=', resourceId)
    .where('state', '=', 'active')
    .execute();

/** Somebody dropped the login on the target. Nobody is told that they still have what is gone; sessions it left are cut as at any end. */
async function endMissing(
  deps: LeaseDeps,
  missing: readonly Active[],
  { provisioner, target }: Reached,
): Promise<void> {
  for (const grant of missing) {
    const found = await withTimeout(deps, provisioner.readBack(target, grant.principal), {
      what: 'Reading back a login',
      lengthMs: LIST_TIMEOUT_MS,
    });
    if (found.exists) continue; // it lost its mark only
    const why = 'the login is no longer on the target: somebody removed it there';
    deps.log.warn({ grantId: grant.id }, why);
    await eachGrant(deps, [grant], () => ({
      command: { kind: 'end', reason: 'failed' },
      record: { data: { error: why }, set: { last_error: why } },
    }));
  }
}

/** Kept for whoever looks at the resource; told when it changes. */
async function noteHealth(
  deps: LeaseDeps,
  resource: ResourceTable,
  health: 'reachable' | 'unreachable',
): Promise<void> {
  await deps.store.write(
    async (tx) => {
      await tx.db
        .updateTable('resources')
        .set({ health, health_at: deps.clock.now() })
        .where('id', '=', resource.id)
        .execute();
      if (resource.health === health) return;
      const data = { resourceId: resource.id, name: resource.name };
      tx.event({
        type: 'resource.changed',
        subject: resource.id,
        data,
        audience: { people: [], roles: [], everybody: true },
      });
    },
    { purpose: 'upkeep' },
  );
}
