/**
 * Looks on every target for principals of ours that no live grant owns (a crash, a lost answer, a restored database, an
 * attested target that came back), ends them and clears them away.
 */

import type { ResourceTable } from '../store/schema';
import { type LeaseDeps, reach, withTimeout, wordFailure } from './deps';
import { CLEAN_UP_TIMEOUT_MS, END_TIMEOUT_MS, LIST_TIMEOUT_MS } from './limits';
import { newestTurn } from './turns';

const LIVE = new Set(['ready', 'provisioning', 'active', 'ending']);

/** Archived resources too: access to them has to be gone as well. Resolves when every target was looked at, or could not be reached. */
export async function reconcileAll(deps: LeaseDeps): Promise<void> {
  const resources = await deps.store.db.selectFrom('resources').selectAll().orderBy('id').execute();
  await Promise.all(resources.map((resource) => reconcile(deps, resource, 'in turn')));
}

/** `in turn`: not when another instance just did. `now`: somebody knows that there is something to find. */
export async function reconcile(deps: LeaseDeps, resource: ResourceTable, when: 'in turn' | 'now'): Promise<void> {
  try {
    if (when === 'in turn' && !(await newestTurn(deps, resource.id))) return;
    const { provisioner, target } = reach(deps, resource);
    const call = { what: 'Listing our logins', lengthMs: LIST_TIMEOUT_MS };
    // The list first, the rows after it: what is listed was recorded before it was made, so its row is there by now.
    const principals = await withTimeout(deps, provisioner.list(target), call);
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
    deps.log.warn(
      { resourceId: resource.id, err: wordFailure(cause) },
      'a target could not be reconciled; next try in turn',
    );
  }
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
