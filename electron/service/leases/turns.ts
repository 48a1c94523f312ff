/** Several instances share the reconciling: a note in `meta` says when a target was looked at last. */
import { SECOND_MS } from '../../../shared/domain/instant';
import type { LeaseDeps } from './deps';
import { RECONCILE_MS } from './limits';

/** Takes the turn for a target. False when another instance has it. */
export async function newestTurn(deps: LeaseDeps, resourceId: string): Promise<boolean> {
  if (deps.store.dialect === 'sqlite') return true; // there is one service only
  const key = `reconcile:${resourceId}`;
  return deps.store.write(
    async (tx) => {
      const now = deps.clock.now();
      const note = await tx.db.selectFrom('meta').select('value').where('key', '=', key).executeTakeFirst();
      const [at, by] = (note?.value ?? '0 ').split(' ');
      if (by !== deps.instanceId && now - Number(at) < RECONCILE_MS - 30 * SECOND_MS && now >= Number(at)) return false;
      const value = `${now} ${deps.instanceId}`;
      if (note === undefined) await tx.db.insertInto('meta').values({ key, value }).execute();
      else
        await tx.db.updateTable('meta').set({ value }).where('key', '=', key).where('value', '=', note.value).execute();
      return true;
    },
    { purpose: 'removal' },
  );
}
