/**
 * Looks on every target for principals of ours that no live grant owns (a crash, a lost answer, a restored database, an
 * attested target that came back), ends them and clears them away; and for the other way round: active grants whose principal
 * somebody dropped there. Says by the way whether the target can be reached.
 */

import { type Provisioner, type Target, TargetError } from '../provisioners/provisioner';
import type { GrantTable, ResourceTable } from '../store/schema';
import { type LeaseDeps, reach, TimedOut, withTimeout, wordFailure } from './deps';
import { eachGrant } from './due';
import { CLEAN_UP_TIMEOUT_MS, END_TIMEOUT_MS, LIST_TIMEOUT_MS, RECONCILE_CONCURRENCY } from './limits';
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
    const principals = await withTimeout(deps, provisioner.list(target), call);
    await noteHealth(deps, resource, 'reachable');
    const missing = active.filter((grant) => !principals.includes(grant.principal));
    await endMissing(deps, missing, { provisioner, target });
    for (const principal of principals) {
      const row = await deps.store.db
        .selectFrom('grants')
        .select(['id', 'state', 'person_id', 'residue_due_at'])
        .where('principal', '=', principal)
        .executeTakeFirst();
      if (row !== undefined && LIVE.has(row.state)) continue;
      const found = await withTimeout(deps, provisioner.readBack(target, principal), {
        ...call,
        what: 'Reading back a login',
      });
      if (found.canLogIn || found.sessionCount > 0) {
        const { readBack } = await withTimeout(deps, provisioner.end(target, principal), {
          what: 'Ending an orphaned login',
          lengthMs: END_TIMEOUT_MS,
        });
        await noteOrphan(
          deps,
          resource,
          principal,
          row,
          readBack.canLogIn || readBack.sessionCount > 0 ? 'still there' : 'ended',
        );
      } else if (row?.residue_due_at) continue; // the engine works its left-overs off
      await withTimeout(deps, provisioner.cleanUp(target, principal), {
        what: 'Clearing away an orphaned login',
        lengthMs: CLEAN_UP_TIMEOUT_MS,
      });
    }
  } catch (cause) {
    if (cause instanceof TimedOut || (cause instanceof TargetError && cause.kind === 'unreachable'))
      await noteHealth(deps, resource, 'unreachable');
    deps.log.warn(
      { resourceId: resource.id, err: wordFailure(cause) },
      'a target could not be reconciled; next try in turn',
    );
  }
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
  { provisioner, target }: { provisioner: Provisioner; target: Target },
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

async function noteOrphan(
  deps: LeaseDeps,
  resource: ResourceTable,
  principal: string,
  row: { id: string; person_id: string } | undefined,
  result: 'ended' | 'still there',
): Promise<void> {
  await deps.store.write(
    async (tx) => {
      tx.audit({
        type: 'principal.orphan_ended',
        actor: { kind: 'service', id: null, name: 'Hallpass' },
        subject: { kind: 'principal', id: principal, name: `${principal} on ${resource.name}` },
        data: { principal, resource: resource.name, result },
        resourceId: resource.id,
        ...(row === undefined ? {} : { grantId: row.id, personId: row.person_id }),
      });
    },
    { purpose: 'removal' },
  );
}
