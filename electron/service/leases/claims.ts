/**
 * Who works on a grant. A claim is a compare-and-set on the grant's epoch and ends by itself when its holder dies.
 * Whoever changes the grant meanwhile (a revocation, the clock) raises the epoch: the worker's result is then refused,
 * but its claim is kept until its call has settled, so that "end" never runs beside "create".
 */
import { DEVICE_KEY_KINDS } from '../../../shared/domain/device-keys';
import { SECOND_MS } from '../../../shared/domain/instant';
import type { GrantFacts } from '../access/facts';
import { lockGrant } from '../access/record';
import type { GrantTable } from '../store/schema';
import type { WriteTx } from '../store/store';
import { inBatch } from './batch';
import type { LeaseDeps } from './deps';
import { CLAIM_MS } from './limits';

export type WorkKind = 'provision' | 'deadline' | 'remove' | 'residue';
export interface Claim {
  readonly kind: WorkKind;
  readonly grantId: string;
  readonly resourceId: string;
  readonly epoch: number;
  readonly token: string;
}
type Candidate = Pick<GrantTable, 'id' | 'resource_id' | 'epoch'>;
export const PURPOSE: Record<WorkKind, 'change' | 'removal'> = {
  provision: 'change',
  deadline: 'removal',
  remove: 'removal',
  residue: 'removal',
};

/** Work of one kind that is due and free, longest due first. */
export async function candidates(
  deps: LeaseDeps,
  kind: WorkKind,
  limit: number,
  busyTargets: readonly string[] = [],
): Promise<Candidate[]> {
  const now = deps.clock.now();
  let free = deps.store.db
    .selectFrom('grants')
    .select(['id', 'resource_id', 'epoch'])
    .where((eb) => eb.or([eb('claimed_until', 'is', null), eb('claimed_until', '<=', now)]))
    .limit(limit);
  // One busy target must not hide the work of the others.
  if (busyTargets.length > 0) free = free.where('resource_id', 'not in', busyTargets);
  switch (kind) {
    case 'provision':
      // One that was claimed and not finished is not claimed again: due.ts ends it.
      return (
        free
          .where('state', '=', 'provisioning')
          .where('sealed', 'is', null)
          .where('claimed_until', 'is', null)
          .where('due_at', '<=', now)
          // Where the credential is bound to a key of the device, that comes first.
          .where((eb) =>
            eb.or([
              eb('device_key', 'is not', null),
              eb(
                'resource_id',
                'not in',
                eb.selectFrom('resources').select('resources.id').where('kind', 'in', DEVICE_KEY_KINDS),
              ),
            ]),
          )
          .orderBy('due_at')
          .execute()
      );
    case 'deadline':
      return free
        .where('state', '=', 'active')
        .where('due_at', '<=', now)
        .where('expires_at', '>', now)
        .orderBy('due_at')
        .execute();
    case 'remove':
      return free.where('state', '=', 'ending').where('due_at', '<=', now).orderBy('due_at').execute();
    case 'residue':
      // Only ended grants have a time for it; naming the state would have the database pass all of them.
      return free.where('residue_due_at', '<=', now).orderBy('residue_due_at').execute();
  }
}

/** One removal on each of these targets, whether its own time has come or not: the one that waited longest. */
export async function probeCandidates(deps: LeaseDeps, resourceIds: readonly string[]): Promise<Candidate[]> {
  const now = deps.clock.now();
  const found: Candidate[] = [];
  for (const resourceId of resourceIds) {
    const one = await deps.store.db
      .selectFrom('grants')
      .select(['id', 'resource_id', 'epoch'])
      .where('resource_id', '=', resourceId)
      .where('state', '=', 'ending')
      .where((eb) => eb.or([eb('claimed_until', 'is', null), eb('claimed_until', '<=', now)]))
      .orderBy('due_at')
      .limit(1)
      .executeTakeFirst();
    if (one !== undefined) found.push(one);
  }
  return found;
}

/** Claims what is still free. For a creation this also records, durably and before the target is asked, that a principal may exist. */
export async function claim(deps: LeaseDeps, kind: WorkKind, wanted: readonly Candidate[]): Promise<Claim[]> {
  if (wanted.length === 0) return [];
  return deps.store.write(
    async (tx) => {
      const claims: Claim[] = [];
      const now = deps.clock.now();
      for (const { id, resource_id, epoch } of wanted) {
        const token = `${deps.instanceId}:${epoch + 1}`;
        const taken = await tx.db
          .updateTable('grants')
          .set({
            epoch: epoch + 1,
            claimed_by: token,
            claimed_until: now + CLAIM_MS,
            ...(kind === 'provision' ? { principal_recorded: 1, target: 'unknown' } : {}),
          })
          .where('id', '=', id)
          .where('epoch', '=', epoch)
          .where((eb) => eb.or([eb('claimed_until', 'is', null), eb('claimed_until', '<=', now)]))
          .executeTakeFirst();
        if (Number(taken.numUpdatedRows) === 1)
          claims.push({ kind, grantId: id, resourceId: resource_id, epoch: epoch + 1, token });
      }
      return claims;
    },
    { purpose: PURPOSE[kind] },
  );
}

/** How many calls resources want at once, where they say. */
export async function concurrencyOf(deps: LeaseDeps): Promise<ReadonlyMap<string, number>> {
  const rows = await deps.store.db
    .selectFrom('resources')
    .select(['id', 'concurrency'])
    .where('concurrency', 'is not', null)
    .execute();
  return new Map(rows.map((row) => [row.id, row.concurrency ?? 1]));
}

/** Every removal on a target, or everywhere, is due now instead of after its back-off. */
export async function hasten(deps: LeaseDeps, where: 'everywhere' | { readonly resourceId: string }): Promise<void> {
  const now = deps.clock.now();
  await deps.store.write(
    async (tx) => {
      let rows = tx.db
        .updateTable('grants')
        .set({ due_at: now })
        .where('state', '=', 'ending')
        .where('due_at', '>', now);
      if (where !== 'everywhere') rows = rows.where('resource_id', '=', where.resourceId);
      await rows.execute();
    },
    { purpose: 'removal' },
  );
}

/** The columns that free a claim; part of the same write as the result. */
export const FREE = { claimed_by: null, claimed_until: null } as const;

/** Writes a result if the claim still holds; else only frees it. Says which. Several that wait are written together (batch.ts). */
export function finish(
  deps: LeaseDeps,
  held: Claim,
  work: (tx: WriteTx, facts: GrantFacts) => Promise<void>,
): Promise<'written' | 'overtaken'> {
  return inBatch(deps.store, PURPOSE[held.kind], async (tx) => {
    const facts = await lockGrant(tx, held.grantId);
    if (facts === undefined) return 'overtaken';
    if (facts.row.epoch === held.epoch) {
      await work(tx, facts);
      return 'written';
    }
    await tx.db
      .updateTable('grants')
      .set(FREE)
      .where('id', '=', held.grantId)
      .where('claimed_by', '=', held.token)
      .execute();
    return 'overtaken';
  });
}
/** Frees a claim whose result could not be written. */
export async function release(deps: LeaseDeps, held: Claim): Promise<void> {
  await deps.store.write(
    async (tx) => {
      await tx.db
        .updateTable('grants')
        .set(FREE)
        .where('id', '=', held.grantId)
        .where('claimed_by', '=', held.token)
        .execute();
    },
    { purpose: 'removal' },
  );
}

/**
 * Claims of an earlier life of this service run out now instead of in a few seconds. On SQLite there is one service only;
 * on PostgreSQL only claims with this instance's own name are ours.
 */
export async function expireOwnClaims(deps: LeaseDeps): Promise<void> {
  const own = deps.store.db.selectFrom('grants').select('id').where('claimed_until', 'is not', null);
  const rows = await (deps.store.dialect === 'sqlite'
    ? own
    : own.where('claimed_by', 'like', `${deps.instanceId}:%`)
  ).execute();
  if (rows.length === 0) return;
  await deps.store.write(
    async (tx) => {
      await tx.db
        .updateTable('grants')
        .set({ claimed_until: deps.clock.now() - SECOND_MS })
        .where(
          'id',
          'in',
          rows.map((row) => row.id),
        )
        .execute();
    },
    { purpose: 'removal' },
  );
}
