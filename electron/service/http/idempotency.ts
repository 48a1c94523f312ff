/**
 * `Idempotency-Key` on POST: the same key from the same person within 24 hours does the work once.
 * A duplicate that arrives while the first runs waits for it; later ones get the stored reply.
 * What is never stored: a reply that holds a secret. A repeated key then gets a problem that says what to do, not the secret.
 * A crash between the work and the stored reply leaves an open row. We can't know whether the work was done, so a repeat
 * is told so instead of doing it twice. What only takes access away is done again: not done at all would leave the access.
 */
import { createHmac } from 'node:crypto';
import type { ExpressionBuilder } from 'kysely';
import { z } from 'zod';
import { canonicalJson } from '../../../shared/crypto/canonical-json';
import type { Clock } from '../../../shared/domain/instant';
import { IDEMPOTENCY_TTL_MS } from '../../../shared/domain/limits';
import { AppError } from '../errors';
import { TargetError } from '../provisioners/provisioner';
import type { Database } from '../store/schema';
import type { Store, WriteTx } from '../store/store';

export const IdempotencyKey = z.string().regex(/^[\x21-\x7e]{8,128}$/);
/** Whether a reply may be kept. `secret`: shown once, so a replay gets a conflict instead. */
export type ReplyKind = 'storable' | 'secret';
export interface IdempotentCall {
  readonly personId: string;
  readonly key: string;
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
  readonly replyKind: ReplyKind;
  /** Whether the work may give something, or only takes access away. */
  readonly effect: 'gives' | 'takes';
}
export interface IdempotentReply {
  readonly reply: unknown;
  readonly replayed: 'no' | 'yes';
}
export interface Idempotency {
  run(call: IdempotentCall, work: () => Promise<unknown>): Promise<IdempotentReply>;
}

/** Row states, in the `status` column: work begun, reply stored, done but the reply held a secret. */
const RUNNING = 0;
const DONE = 200;
const DONE_SECRET = 204;

const mismatch = () =>
  new AppError('idempotency-mismatch', 'This Idempotency-Key was used for another request.', {
    safe: 'Nothing was changed.',
    next: 'Make a new key for each new request.',
  });
const unknownOutcome = () =>
  new AppError('conflict', 'A request with this Idempotency-Key was begun, and its outcome is not known here.', {
    safe: 'It is not done a second time.',
    next: 'Look whether it took effect; if not, send it with a new key.',
  });
const shownOnce = () =>
  new AppError('conflict', 'This was done already; its answer held a secret that is shown once.', {
    safe: 'It was done exactly once.',
    next: 'If the secret was lost, withdraw what was made and make it again with a new key.',
  });

const ownRow = (call: IdempotentCall) => (row: ExpressionBuilder<Database, 'idempotency'>) =>
  row.and([row('person_id', '=', call.personId), row('key', '=', call.key)]);

export function createIdempotency(deps: {
  store: Store;
  clock: Pick<Clock, 'now'>;
  fingerprintKey: Uint8Array;
}): Idempotency {
  const { store, clock, fingerprintKey } = deps;
  const upkeep = <T>(work: (tx: WriteTx) => Promise<T>) => store.write(work, { purpose: 'upkeep' });
  const running = new Map<string, { fingerprint: string; outcome: Promise<unknown> }>();
  // Keyed: a body may hold a password, and a bare hash of it could be guessed at leisure.
  const fingerprintOf = (call: IdempotentCall) =>
    createHmac('sha256', fingerprintKey)
      .update(canonicalJson({ method: call.method, path: call.path, body: call.body ?? null }))
      .digest('hex');

  /** Claims the key, or says what stands there. */
  const claim = (call: IdempotentCall, fingerprint: string) =>
    upkeep(async (tx) => {
      const mine = ownRow(call);
      await tx.db
        .deleteFrom('idempotency')
        .where(mine)
        .where('at', '<', clock.now() - IDEMPOTENCY_TTL_MS)
        .execute();
      const made = await tx.db
        .insertInto('idempotency')
        .values({ person_id: call.personId, key: call.key, fingerprint, status: RUNNING, reply: '', at: clock.now() })
        .onConflict((conflict) => conflict.doNothing())
        .executeTakeFirst();
      if (Number(made.numInsertedOrUpdatedRows ?? 0) > 0) return undefined;
      return tx.db
        .selectFrom('idempotency')
        .select(['fingerprint', 'status', 'reply'])
        .where(mine)
        .executeTakeFirstOrThrow();
    });
  const finish = (call: IdempotentCall, status: number, reply: string) =>
    upkeep(async (tx) => {
      await tx.db.updateTable('idempotency').set({ status, reply }).where(ownRow(call)).execute();
    });
  const release = (call: IdempotentCall) =>
    upkeep(async (tx) => {
      await tx.db.deleteFrom('idempotency').where(ownRow(call)).where('status', '=', RUNNING).execute();
    });

  async function runOnce(call: IdempotentCall, fingerprint: string, work: () => Promise<unknown>) {
    let earlier: Awaited<ReturnType<typeof claim>>;
    try {
      earlier = await claim(call, fingerprint);
    } catch (error) {
      // A full disk must not keep anybody from ending access; those use cases may be repeated safely.
      if (call.effect === 'gives') throw error;
      return { reply: await work(), replayed: 'no' as const };
    }
    if (earlier !== undefined) {
      if (earlier.fingerprint !== fingerprint) throw mismatch();
      if (earlier.status === DONE_SECRET) throw shownOnce();
      if (earlier.status === DONE) return { reply: JSON.parse(earlier.reply) as unknown, replayed: 'yes' as const };
      if (call.effect === 'gives') throw unknownOutcome();
    }
    let reply: unknown;
    try {
      reply = await work();
    } catch (error) {
      // A refusal means nothing was written, so the key is free for another try. After any other error we don't know.
      if (error instanceof AppError || error instanceof TargetError) await release(call);
      throw error;
    }
    await (call.replyKind === 'secret' ? finish(call, DONE_SECRET, '') : finish(call, DONE, JSON.stringify(reply)));
    return { reply, replayed: 'no' as const };
  }

  return {
    async run(call, work) {
      const fingerprint = fingerprintOf(call);
      const slot = `${call.personId}\n${call.key}`;
      const twin = running.get(slot);
      if (twin !== undefined) {
        if (twin.fingerprint !== fingerprint) throw mismatch();
        const reply = await twin.outcome;
        if (call.replyKind === 'secret') throw shownOnce();
        return { reply, replayed: 'yes' };
      }
      const attempt = runOnce(call, fingerprint, work);
      const outcome = attempt.then((done) => done.reply);
      outcome.catch(() => undefined); // the first caller gets the error; a twin awaits it itself
      running.set(slot, { fingerprint, outcome });
      try {
        return await attempt;
      } finally {
        running.delete(slot);
      }
    },
  };
}
