/**
 * A ticket system says that a ticket was closed: access that was given for it ends, and requests that wait for it are refused, where
 * the policy says so; desktops that are set to it give theirs back and withdraw when they hear of it. No list of closed tickets is
 * kept: one that is opened again can be named again. Signed with a secret that only the two know (shared/crypto/hook-signature.ts),
 * taken within a few minutes of its time stamp, and once: the same call played again does nothing.
 */
import type { z } from 'zod';
import type { HookSecret, HookState } from '../../../shared/contract/hooks';
import { toBase64url } from '../../../shared/crypto/bytes';
import { fittingSignature } from '../../../shared/crypto/hook-signature';
import { SECOND_MS } from '../../../shared/domain/instant';
import { HOOK_TOLERANCE_MS } from '../../../shared/domain/limits';
import type { RequestState } from '../../../shared/domain/states';
import { AppError, notFound } from '../errors';
import type { SecretBox } from '../store/secret-box';
import { secretContext } from '../store/secret-context';
import type { Store, WriteTx } from '../store/store';
import type { UseCases } from '../use-cases';
import type { Caller } from './caller';
import { type Directory, loadDirectory } from './directory';
import { loadGrants, type RequestFacts, requestContext, requestCore } from './facts';
import { endGrant } from './lifecycle';
import { type Actor, lockRequest, personActor, type Recorder, recordRequest } from './record';
import { decideRequest, isOpen } from './request';

export interface HookDeps extends Recorder {
  readonly store: Store;
  readonly secretBox: Pick<SecretBox, 'seal' | 'open'>;
}
/** A call as it came, before anything of it is believed. */
export interface HookCall {
  readonly timestamp: string | undefined;
  readonly signature: string | undefined;
  /** The very bytes that were signed. */
  readonly rawBody: string;
  readonly ticket: string;
}
/** How many grants ended, and how many requests were refused. */
export interface TicketClosing {
  readonly ended: number;
  readonly refused: number;
}
export interface HookCases {
  readonly admin: Pick<UseCases, 'hooks.get' | 'hooks.renew' | 'hooks.remove'>;
  ticketClosed(call: HookCall): Promise<TicketClosing>;
}

const KEY = {
  secret: 'hook.ticket_closed_enc',
  madeAt: 'hook.ticket_closed_made_at',
  heardAt: 'hook.ticket_closed_heard_at',
};
const SECRET_BYTES = 32;
const LIVE = ['ready', 'provisioning', 'active'];
const OPEN = ['pending', 'blocked'];
const TICKETS: Actor = { kind: 'service', id: null, name: 'ticket system' };

export function createHookCases(deps: HookDeps): HookCases {
  const { store, clock, random, secretBox } = deps;
  const read = async (key: string): Promise<string | null> =>
    (await store.db.selectFrom('meta').select('value').where('key', '=', key).executeTakeFirst())?.value ?? null;
  const state = async (): Promise<z.output<typeof HookState>> => {
    const [madeAt, heardAt] = [await read(KEY.madeAt), await read(KEY.heardAt)];
    const enabled = (await read(KEY.secret)) !== null;
    return { enabled, madeAt: enabled ? Number(madeAt) : null, heardAt: heardAt === null ? null : Number(heardAt) };
  };
  const say = (tx: WriteTx, type: string, caller: Caller) =>
    tx.audit({
      type,
      actor: personActor(caller),
      subject: { kind: 'hook', id: 'ticket-closed', name: 'ticket system' },
      data: {},
    });
  return {
    admin: {
      'hooks.get': state,
      async 'hooks.renew'(caller): Promise<z.output<typeof HookSecret>> {
        const secret = toBase64url(random.bytes(SECRET_BYTES));
        const madeAt = clock.now();
        await store.write(async (tx) => {
          await put(tx, KEY.secret, secretBox.seal(secret, secretContext.ticketHook));
          await put(tx, KEY.madeAt, String(madeAt));
          say(tx, 'hook.secret_made', caller);
        });
        return { secret, madeAt };
      },
      async 'hooks.remove'(caller) {
        await store.write(
          async (tx) => {
            const gone = await tx.db.deleteFrom('meta').where('key', '=', KEY.secret).executeTakeFirst();
            if (Number(gone.numDeletedRows) > 0) say(tx, 'hook.removed', caller);
          },
          { purpose: 'removal' },
        );
        return {};
      },
    },
    async ticketClosed(call) {
      const sealed = await read(KEY.secret);
      if (sealed === null) throw notFound('A ticket system');
      const signature = checked(call, secretBox.open(sealed, secretContext.ticketHook), clock.now());
      return store.write((tx) => closeTicket(tx, deps, call.ticket, signature), { purpose: 'removal' });
    },
  };
}

/** The signature that fits. Throws AppError `not-signed-in` when none does, or when the call is too old or from the future. */
function checked({ timestamp, signature, rawBody }: HookCall, secret: string, now: number): string {
  const at = /^\d{1,12}$/.test(timestamp ?? '') ? Number(timestamp) * SECOND_MS : Number.NaN;
  const fits =
    signature === undefined || timestamp === undefined ? null : fittingSignature(secret, timestamp, rawBody, signature);
  if (fits === null)
    throw new AppError('not-signed-in', 'The signature of this call does not fit.', {
      safe: 'Nothing was ended.',
      next: 'Sign "<timestamp>.<body>" with the secret from Settings, as docs/hosting.md says.',
    });
  if (Math.abs(now - at) > HOOK_TOLERANCE_MS)
    throw new AppError('not-signed-in', 'The time stamp of this call is more than five minutes off.', {
      safe: 'Nothing was ended.',
      next: 'Check the clock of the sender, and sign each try anew.',
    });
  return fits;
}

async function closeTicket(tx: WriteTx, deps: HookDeps, ticket: string, signature: string): Promise<TicketClosing> {
  const now = deps.clock.now();
  const taken = await tx.db
    .insertInto('dpop_jtis')
    .values({ jti: `hook:${signature}`, expires_at: now + 2 * HOOK_TOLERANCE_MS })
    .onConflict((conflict) => conflict.column('jti').doNothing())
    .executeTakeFirst();
  if (Number(taken.numInsertedOrUpdatedRows ?? 0) === 0) return { ended: 0, refused: 0 }; // played again
  await put(tx, KEY.heardAt, String(now));
  const waiting = await waitingFor(tx, ticket);
  const rows = await tx.db
    .selectFrom('grants')
    .innerJoin('requests', 'requests.id', 'grants.request_id')
    .selectAll('grants')
    .where('grants.state', 'in', LIVE)
    .where((eb) => eb(eb.fn<string>('lower', ['requests.ticket_ref']), '=', ticket.toLowerCase()))
    .orderBy('grants.id')
    .execute();
  const directory = await loadDirectory(tx.db);
  const live = await loadGrants(tx.db, rows);
  const ending = live.filter((facts) => facts.endOn.ticketClosed);
  const refused = waiting.filter((facts) => facts.stored.answer.endOn.ticketClosed);
  tx.audit({
    type: 'ticket.closed',
    actor: TICKETS,
    subject: { kind: 'ticket', id: ticket, name: ticket },
    data: { ended: ending.map((facts) => facts.row.id), refused: refused.map((facts) => facts.row.id) },
  });
  for (const facts of refused) await refuse(tx, deps, directory, facts, ticket);
  const why = {
    reason: 'revoked',
    because: `Ticket ${ticket} was closed.`,
    data: { signal: 'ticket_closed' },
  } as const;
  for (const { row } of ending) await endGrant(tx, deps, directory, row.id, why, TICKETS);
  const others = [
    ...live.filter((facts) => !facts.endOn.ticketClosed).map(({ row }) => row.person_id),
    ...waiting.filter((facts) => !facts.stored.answer.endOn.ticketClosed).map(({ row }) => row.requester_id),
  ];
  if (others.length > 0)
    tx.event({
      type: 'ticket.closed',
      subject: ticket,
      data: { ticket },
      audience: { people: [...new Set(others)], roles: [] },
    });
  return { ended: ending.length, refused: refused.length };
}

/** Open requests that name the ticket, under their locks: whoever decides at the same moment comes before this, or after it. */
async function waitingFor(tx: WriteTx, ticket: string): Promise<RequestFacts[]> {
  const rows = await tx.db
    .selectFrom('requests')
    .select('id')
    .where('state', 'in', OPEN)
    .where((eb) => eb(eb.fn<string>('lower', ['ticket_ref']), '=', ticket.toLowerCase()))
    .orderBy('id')
    .execute();
  const waiting: RequestFacts[] = [];
  for (const { id } of rows) {
    const facts = await lockRequest(tx, id);
    if (facts !== undefined && isOpen(facts.row.state as RequestState)) waiting.push(facts);
  }
  return waiting;
}

/** The policy binds this access to its ticket, so by the policy there is nothing left to give. */
async function refuse(
  tx: WriteTx,
  deps: HookDeps,
  directory: Directory,
  facts: RequestFacts,
  ticket: string,
): Promise<void> {
  const message = `Ticket ${ticket} was closed, and this access would have ended with it.`;
  const context = requestContext(facts, directory, deps.clock.now());
  const outcome = decideRequest(requestCore(facts.row), { kind: 'reanswer', effect: 'refuse', message }, context);
  if (outcome.kind === 'events') await recordRequest(tx, deps, facts, outcome.events, { actor: TICKETS, directory });
}

async function put(tx: WriteTx, key: string, value: string): Promise<void> {
  await tx.db
    .insertInto('meta')
    .values({ key, value })
    .onConflict((conflict) => conflict.column('key').doUpdateSet({ value }))
    .execute();
}
