/** What holders, approvers and administrators do with grants. Making and removing credentials on targets is leases/' work. */

import type { z } from 'zod';
import { SealedCredential } from '../../../shared/contract/credential';
import { cleanLine } from '../../../shared/contract/fields';
import type { GrantView, InjectionReport } from '../../../shared/contract/grants';
import { type EndSignal, SIGNAL_HAPPENED } from '../../../shared/domain/end-signals';
import { AppError, notFound } from '../errors';
import type { GrantTable } from '../store/schema';
import type { WriteTx } from '../store/store';
import type { CallInput } from '../use-cases';
import type { Caller } from './caller';
import type { AccessDeps } from './deps';
import { type Directory, loadDirectory, readsAll } from './directory';
import { type GrantFacts, grantCore, loadGrant, loadGrants } from './facts';
import { decideGrant, type GrantCommand } from './grant';
import { emitGrant, type GrantRecord, lockGrant, personActor, recordGrant } from './record';
import { callerFacts } from './submit';
import { grantView, mayReadGrant, mayRevoke } from './views';

const MAX_ERROR_CHARS = 300;

/** Loads a grant for the caller, or says that it was not found. */
function readable(facts: GrantFacts | undefined, directory: Directory, caller: Caller): GrantFacts {
  if (facts === undefined || !mayReadGrant(facts, directory, caller.personId)) throw notFound('The grant');
  return facts;
}
/** The holder, on the device that asked: what is sealed opens nowhere else. */
export function held(facts: GrantFacts | undefined, caller: Caller): GrantFacts {
  if (facts === undefined || facts.row.person_id !== caller.personId) throw notFound('The grant');
  if (facts.row.device_id !== caller.deviceId)
    throw new AppError('forbidden', 'This access belongs to another device of yours.', {
      next: 'Use the device you asked from.',
    });
  return facts;
}

export async function getGrant(deps: AccessDeps, caller: Caller, id: string): Promise<GrantView> {
  const directory = await loadDirectory(deps.store.db);
  return grantView(readable(await loadGrant(deps.store.db, id), directory, caller), directory, caller);
}

export async function listGrants(deps: AccessDeps, caller: Caller, query: CallInput<'grants.list'>['query']) {
  const { db } = deps.store;
  const directory = await loadDirectory(db);
  const person = await callerFacts(directory, caller);
  let rows = db.selectFrom('grants').selectAll().orderBy('id', 'desc');
  if (query.cursor !== undefined) rows = rows.where('id', '<', query.cursor);
  switch (query.scope) {
    case 'mine':
      rows = rows.where('person_id', '=', person.id);
      break;
    case 'all':
      if (!readsAll(person)) throw new AppError('forbidden', 'Only auditors and administrators see all grants.');
      break;
    case 'live': {
      const live = await loadGrants(db, await rows.where('state', '<>', 'ended').execute());
      return page(
        directory,
        caller,
        live.filter((facts) => mayRevoke(facts, directory, person.id) || readsAll(person)),
        query.limit,
      );
    }
  }
  return page(directory, caller, await loadGrants(db, await rows.limit(query.limit + 1).execute()), query.limit);
}
function page(directory: Directory, caller: Caller, all: readonly GrantFacts[], limit: number) {
  const shown = all.slice(0, limit);
  return {
    items: shown.map((facts) => grantView(facts, directory, caller)),
    nextCursor: all.length > limit ? (shown.at(-1)?.row.id ?? null) : null,
  };
}

/** Runs one command against a locked grant and writes what follows. */
async function command(
  tx: WriteTx,
  deps: AccessDeps,
  facts: GrantFacts,
  what: GrantCommand,
  record: GrantRecord,
): Promise<GrantFacts> {
  const outcome = decideGrant(grantCore(facts.row), what, deps.clock.now());
  if (outcome.kind === 'refused') throw new AppError(outcome.code, outcome.what);
  return recordGrant(tx, deps, facts, outcome.events, record);
}

export async function start(deps: AccessDeps, caller: Caller, id: string): Promise<GrantView> {
  return deps.store.write(async (tx) => {
    const directory = await loadDirectory(tx.db);
    const facts = held(await lockGrant(tx, id), caller);
    // A second click finds it on its way.
    if (facts.row.state === 'provisioning' || facts.row.state === 'active') return grantView(facts, directory, caller);
    const after = await command(tx, deps, facts, { kind: 'claim' }, { actor: personActor(caller), directory });
    return grantView(after, directory, caller);
  });
}

export async function credential(
  deps: AccessDeps,
  caller: Caller,
  id: string,
): Promise<z.infer<typeof SealedCredential>> {
  const { row } = held(await loadGrant(deps.store.db, id), caller);
  const late = row.expires_at !== null && row.expires_at <= deps.clock.now();
  if (late || (row.state !== 'provisioning' && row.state !== 'active'))
    throw new AppError('wrong-state', 'There is no credential: this access is not active.');
  if (row.sealed === null)
    throw new AppError('wrong-state', 'The credential is still being made.', { next: 'Ask again in a moment.' });
  return SealedCredential.parse(JSON.parse(row.sealed));
}

const MACHINE: Record<InjectionState, GrantTable['machine']> = {
  injected: 'present',
  failed: 'unknown',
  removed: 'removed',
  removal_failed: 'removal_failed',
};
type InjectionState = z.infer<typeof InjectionReport>['state'];

/** The device's word on its own files. `injected` starts the clock; `failed` takes the access back; the rest is shown. */
export async function report(
  deps: AccessDeps,
  caller: Caller,
  id: string,
  body: z.infer<typeof InjectionReport>,
): Promise<GrantView> {
  const purpose = body.state === 'injected' ? 'change' : 'removal';
  return deps.store.write(
    async (tx) => {
      const directory = await loadDirectory(tx.db);
      const facts = held(await lockGrant(tx, id), caller);
      const record: GrantRecord = {
        actor: { kind: 'device', id: caller.deviceId, name: caller.displayName },
        directory,
        set: { machine: MACHINE[body.state] },
      };
      if (facts.row.state === 'provisioning' && body.state === 'injected')
        return grantView(await command(tx, deps, facts, { kind: 'acknowledge' }, record), directory, caller);
      if (facts.row.state === 'provisioning' && body.state === 'failed') {
        const why = wordError(body.error) ?? 'the device could not write the credential';
        const failed = { ...record, data: { error: why }, set: { ...record.set, last_error: why } };
        return grantView(await command(tx, deps, facts, { kind: 'end', reason: 'failed' }, failed), directory, caller);
      }
      return grantView(await machineSays(tx, facts, record, body), directory, caller);
    },
    { purpose },
  );
}
const wordError = (error: string | undefined) =>
  error ? cleanLine(error).slice(0, MAX_ERROR_CHARS) || undefined : undefined;

async function machineSays(
  tx: WriteTx,
  facts: GrantFacts,
  record: GrantRecord,
  body: z.infer<typeof InjectionReport>,
): Promise<GrantFacts> {
  const machine = MACHINE[body.state];
  if (facts.row.machine === machine) return facts;
  await tx.db.updateTable('grants').set({ machine }).where('id', '=', facts.row.id).execute();
  const after = { ...facts, row: { ...facts.row, machine } };
  emitGrant(tx, after, 'grant.injection', {
    ...record,
    data: { state: body.state, error: wordError(body.error) ?? null },
  });
  return after;
}

/** The holder is done; or their desktop is, because a signal came that its settings or the policy name. */
export async function returnGrant(
  deps: AccessDeps,
  caller: Caller,
  id: string,
  signal: EndSignal | null = null,
): Promise<GrantView> {
  return deps.store.write(
    async (tx) => {
      const directory = await loadDirectory(tx.db);
      const facts = await lockGrant(tx, id);
      // From any device of the holder: giving back must always be possible.
      if (facts === undefined || facts.row.person_id !== caller.personId) throw notFound('The grant');
      const because = signal === null ? null : SIGNAL_HAPPENED[signal];
      const data = signal === null ? {} : { signal, because };
      return endBy(tx, deps, directory, caller, facts, { reason: 'returned', data, because });
    },
    { purpose: 'removal' },
  );
}

export async function revoke(deps: AccessDeps, caller: Caller, id: string, reason: string): Promise<GrantView> {
  return deps.store.write(
    async (tx) => {
      const directory = await loadDirectory(tx.db);
      const facts = readable(await lockGrant(tx, id), directory, caller);
      if (!mayRevoke(facts, directory, caller.personId))
        throw new AppError('forbidden', 'Only its approvers, the owners and administrators can end this access.', {
          ...(facts.row.person_id === caller.personId ? { next: 'It is yours: return it.' } : {}),
        });
      return endBy(tx, deps, directory, caller, facts, {
        reason: 'revoked',
        data: { because: reason },
        because: reason === '' ? null : reason,
      });
    },
    { purpose: 'removal' },
  );
}
async function endBy(
  tx: WriteTx,
  deps: AccessDeps,
  directory: Directory,
  caller: Caller,
  facts: GrantFacts,
  ending: {
    readonly reason: 'returned' | 'revoked';
    readonly data: Record<string, unknown>;
    readonly because: string | null;
  },
): Promise<GrantView> {
  // Ending what ends already is what was wanted.
  if (facts.row.state === 'ending' || facts.row.state === 'ended') return grantView(facts, directory, caller);
  const record = {
    actor: personActor(caller),
    directory,
    endedBy: caller.personId,
    data: ending.data,
    set: { end_because: ending.because },
  };
  return grantView(await command(tx, deps, facts, { kind: 'end', reason: ending.reason }, record), directory, caller);
}

export async function attest(deps: AccessDeps, caller: Caller, id: string, reason: string): Promise<GrantView> {
  return deps.store.write(
    async (tx) => {
      const directory = await loadDirectory(tx.db);
      const facts = readable(await lockGrant(tx, id), directory, caller);
      if (!caller.roles.has('admin') || !directory.people.get(caller.personId)?.roles.has('admin'))
        throw new AppError('forbidden', 'Only an administrator can close a grant whose target is gone.');
      const record = {
        actor: personActor(caller),
        directory,
        data: { attested: cleanLine(reason), lastError: facts.row.last_error },
      };
      return grantView(await command(tx, deps, facts, { kind: 'attest' }, record), directory, caller);
    },
    { purpose: 'removal' },
  );
}
