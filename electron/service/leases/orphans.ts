/**
 * Logins of ours that no live grant owns and that could not be taken away yet: listed for whoever looks at the resource,
 * and tried again like any removal until they are gone. The list says what is so now; the audit log says what was.
 */

import { isSilent, type LeaseDeps, wordFailure } from './deps';
import { RETRY_MAX_MS } from './limits';

const EVERYBODY = { people: [], roles: [], everybody: true } as const;
const FIRST_MS = 2_000;
const pauseMs = (attempts: number): number => Math.min(RETRY_MAX_MS, FIRST_MS * 2 ** Math.min(attempts - 1, 10));

interface Found {
  readonly resource: { readonly id: string; readonly name: string };
  readonly principal: string;
  readonly owner: { readonly id: string; readonly person_id: string } | undefined;
}

/** It is still there. The first time it is put on the log as well. */
export async function noteOrphanLeft(deps: LeaseDeps, found: Found, cause: unknown): Promise<void> {
  const why = typeof cause === 'string' ? cause : wordFailure(cause);
  await deps.store.write(
    async (tx) => {
      const now = deps.clock.now();
      const key = { resource_id: found.resource.id, principal: found.principal };
      const known = await tx.db
        .selectFrom('orphans')
        .select('attempts')
        .where('resource_id', '=', key.resource_id)
        .where('principal', '=', key.principal)
        .executeTakeFirst();
      if (known !== undefined) {
        await tx.db
          .updateTable('orphans')
          .set({ tried_at: now, attempts: known.attempts + (isSilent(cause) ? 0 : 1), last_error: why })
          .where('resource_id', '=', key.resource_id)
          .where('principal', '=', key.principal)
          .execute();
        return;
      }
      await tx.db
        .insertInto('orphans')
        .values({ ...key, found_at: now, tried_at: now, attempts: 1, last_error: why })
        .execute();
      tx.audit(entry(found, 'principal.orphan_found', { error: why }));
      tx.event(changed(found));
    },
    { purpose: 'removal' },
  );
}

/** Ended and read back: on the log, and off the list. */
export async function noteOrphanEnded(deps: LeaseDeps, found: Found): Promise<void> {
  await deps.store.write(
    async (tx) => {
      const gone = await tx.db
        .deleteFrom('orphans')
        .where('resource_id', '=', found.resource.id)
        .where('principal', '=', found.principal)
        .executeTakeFirst();
      tx.audit(entry(found, 'principal.orphan_ended', { result: 'ended' }));
      if (Number(gone.numDeletedRows) > 0) tx.event(changed(found));
    },
    { purpose: 'removal' },
  );
}

/**
 * Read back as ended, though not by us just now. Nothing where it was not listed. Why it may not stay on the list: what is
 * due there is looked at again at once, for as long as the principal owns something and so stays on the target.
 */
export async function noteListedEnded(deps: LeaseDeps, found: Found): Promise<void> {
  const listed = await deps.store.db
    .selectFrom('orphans')
    .select('principal')
    .where('resource_id', '=', found.resource.id)
    .where('principal', '=', found.principal)
    .executeTakeFirst();
  if (listed !== undefined) await noteOrphanEnded(deps, found);
}

/** Takes off the list what somebody else took off the target. */
export async function forgetOrphansBut(
  deps: LeaseDeps,
  resource: { readonly id: string; readonly name: string },
  there: ReadonlySet<string>,
): Promise<void> {
  const { db } = deps.store;
  const rows = await db.selectFrom('orphans').select('principal').where('resource_id', '=', resource.id).execute();
  const gone = rows.map((row) => row.principal).filter((principal) => !there.has(principal));
  if (gone.length === 0) return;
  await deps.store.write(
    async (tx) => {
      for (const principal of gone)
        await tx.db
          .deleteFrom('orphans')
          .where('resource_id', '=', resource.id)
          .where('principal', '=', principal)
          .execute();
      tx.event(changed({ resource }));
    },
    { purpose: 'upkeep' },
  );
}

/**
 * The target could not be asked: each waits for its next try, and no longer than before. A pause grows with each refusal, which
 * the next try will most likely hear again; silence says nothing about the next try, and behind it a login may still work.
 */
export async function postponeOrphans(deps: LeaseDeps, resourceId: string): Promise<void> {
  await deps.store.write(
    async (tx) => {
      await tx.db
        .updateTable('orphans')
        .set({ tried_at: deps.clock.now() })
        .where('resource_id', '=', resourceId)
        .execute();
    },
    { purpose: 'upkeep' },
  );
}

/** Resources whose left logins are due for another try. */
export async function dueOrphans(deps: LeaseDeps): Promise<string[]> {
  const now = deps.clock.now();
  const rows = await deps.store.db.selectFrom('orphans').select(['resource_id', 'tried_at', 'attempts']).execute();
  return [...new Set(rows.filter((row) => now >= row.tried_at + pauseMs(row.attempts)).map((row) => row.resource_id))];
}

const entry = ({ resource, principal, owner }: Found, type: string, data: Record<string, unknown>) => ({
  type,
  actor: { kind: 'service' as const, id: null, name: 'Hallpass' },
  subject: { kind: 'principal', id: principal, name: `${principal} on ${resource.name}` },
  data: { principal, resource: resource.name, ...data },
  resourceId: resource.id,
  ...(owner === undefined ? {} : { grantId: owner.id, personId: owner.person_id }),
});
const changed = ({ resource }: Pick<Found, 'resource'>) => ({
  type: 'resource.changed' as const,
  subject: resource.id,
  data: { resourceId: resource.id, name: resource.name },
  audience: EVERYBODY,
});
