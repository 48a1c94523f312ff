/**
 * What the clock alone decides: requests and approvals that ran out, access that is over, removals that take too long.
 * No target is asked here, so a target that hangs delays none of it.
 */
import { PROVISIONING_TTL_MS, REMOVAL_ALARM_MS } from '../../../shared/domain/limits';
import { type Directory, loadDirectory } from '../access/directory';
import { type GrantFacts, grantCore, requestContext, requestCore } from '../access/facts';
import { decideGrant, type GrantCommand } from '../access/grant';
import { type GrantRecord, lockGrant, lockRequest, recordGrant, recordRequest, SERVICE } from '../access/record';
import { decideRequest } from '../access/request';
import type { GrantTable } from '../store/schema';
import type { WriteTx } from '../store/store';
import { type LeaseDeps, recorderOf } from './deps';
import { DUE_BATCH } from './limits';

/** Does what is due, at most a batch of each kind. Returns how much was done; 0 when nothing was. */
export async function passDue(deps: LeaseDeps): Promise<number> {
  return (await expireRequests(deps)) + (await passGrants(deps)) + (await alarm(deps)) + (await beginReady(deps));
}

async function expireRequests(deps: LeaseDeps): Promise<number> {
  const now = deps.clock.now();
  const due = await deps.store.db
    .selectFrom('requests')
    .select('id')
    .where('state', 'in', ['pending', 'blocked'])
    .where('expires_at', '<=', now)
    .limit(DUE_BATCH)
    .execute();
  if (due.length === 0) return 0;
  await deps.store.write(
    async (tx) => {
      const directory = await loadDirectory(tx.db);
      for (const { id } of due) {
        const facts = await lockRequest(tx, id);
        if (facts === undefined) continue;
        const context = requestContext(facts, directory, now);
        const outcome = decideRequest(requestCore(facts.row), { kind: 'expire', why: 'unanswered' }, context);
        if (outcome.kind === 'events')
          await recordRequest(tx, recorderOf(deps), facts, outcome.events, { actor: SERVICE, directory });
      }
    },
    { purpose: 'removal' },
  );
  return due.length;
}

/** A creation whose service died: the principal may exist, so it is ended. */
const isAbandoned = (row: GrantTable, now: number): boolean =>
  row.state === 'provisioning' &&
  row.principal_recorded === 1 &&
  row.sealed === null &&
  row.claimed_until !== null &&
  row.claimed_until <= now;

async function passGrants(deps: LeaseDeps): Promise<number> {
  const now = deps.clock.now();
  const rows = await deps.store.db
    .selectFrom('grants')
    .select('id')
    .where((eb) =>
      eb.or([
        eb.and([eb('state', '=', 'ready'), eb('ready_until', '<=', now)]),
        eb.and([eb('state', '=', 'active'), eb('expires_at', '<=', now)]),
        eb.and([eb('state', '=', 'provisioning'), eb('provisioning_since', '<=', now - PROVISIONING_TTL_MS)]),
        eb.and([
          eb('state', '=', 'provisioning'),
          eb('principal_recorded', '=', 1),
          eb('sealed', 'is', null),
          eb('claimed_until', '<=', now),
        ]),
      ]),
    )
    .where('due_at', '<=', now)
    .orderBy('due_at')
    .limit(DUE_BATCH)
    .execute();
  if (rows.length === 0) return 0;
  await eachGrant(deps, rows, (row) => {
    if (!isAbandoned(row, now)) return { command: { kind: 'tick' }, record: {} };
    const why = 'the service stopped while the credential was made';
    return { command: { kind: 'end', reason: 'failed' }, record: { data: { error: why }, set: { last_error: why } } };
  });
  return rows.length;
}

async function alarm(deps: LeaseDeps): Promise<number> {
  const rows = await deps.store.db
    .selectFrom('grants')
    .select('id')
    .where('state', '=', 'ending')
    .where('alarmed_at', 'is', null)
    .where('ending_since', '<=', deps.clock.now() - REMOVAL_ALARM_MS)
    .limit(DUE_BATCH)
    .execute();
  if (rows.length === 0) return 0;
  await eachGrant(deps, rows, (row) => ({
    command: { kind: 'tick' },
    record: { data: { attempts: row.attempts, lastError: row.last_error } },
  }));
  return rows.length;
}

/** Approved, wanted at once, and the device is here to receive it: the clock starts now and not before. */
async function beginReady(deps: LeaseDeps): Promise<number> {
  if (deps.store.mode().mode !== 'normal') return 0;
  const rows = await deps.store.db
    .selectFrom('grants')
    .innerJoin('requests', 'requests.id', 'grants.request_id')
    .select(['grants.id', 'grants.device_id'])
    .where('grants.state', '=', 'ready')
    .where('requests.start_when', '=', 'connected')
    .orderBy('grants.id')
    .execute();
  const here = rows.filter((row) => deps.presence.isDeviceConnected(row.device_id)).slice(0, DUE_BATCH);
  if (here.length === 0) return 0;
  await eachGrant(deps, here, () => ({ command: { kind: 'claim' }, record: {} }), 'change');
  return here.length;
}

interface Step {
  readonly command: GrantCommand;
  readonly record: Partial<GrantRecord>;
}
/** Steps grants in one write. */
export async function eachGrant(
  deps: LeaseDeps,
  rows: readonly { id: string }[],
  stepOf: (row: GrantTable) => Step,
  purpose: 'change' | 'removal' = 'removal',
): Promise<void> {
  await deps.store.write(
    async (tx) => {
      const directory = await loadDirectory(tx.db);
      for (const { id } of rows) {
        const facts = await lockGrant(tx, id);
        if (facts !== undefined) await stepGrant(tx, deps, directory, facts, stepOf(facts.row));
      }
    },
    { purpose },
  );
}
/** A grant that moved on meanwhile refuses, and that is right. */
async function stepGrant(
  tx: WriteTx,
  deps: LeaseDeps,
  directory: Directory,
  facts: GrantFacts,
  step: Step,
): Promise<void> {
  const outcome = decideGrant(grantCore(facts.row), step.command, deps.clock.now());
  if (outcome.kind === 'refused') return;
  await recordGrant(tx, recorderOf(deps), facts, outcome.events, { actor: SERVICE, directory, ...step.record });
}
