/**
 * The memory behind DPoP: nonces that only this service could have made, and proofs already used.
 * One instance alone remembers used proofs in memory, and its nonces die with the process, so a restart forgets nothing
 * that could still be replayed; no call waits for a disk. Several instances (PostgreSQL) share the nonces' key and keep used
 * proofs in the store.
 */
import { createHmac } from 'node:crypto';
import type { DpopVerdict } from '../../../shared/crypto/dpop';
import { checkDpopProof, DPOP_MAX_SKEW_MS } from '../../../shared/crypto/dpop';
import { type Clock, MINUTE_MS } from '../../../shared/domain/instant';
import { AppError } from '../errors';
import type { Store } from '../store/store';

/** A nonce is good in the window it was made in and in the next. */
export const NONCE_WINDOW_MS = 5 * MINUTE_MS;
/** Longest that a used proof could still pass the other checks. */
const JTI_TTL_MS = 2 * Math.max(NONCE_WINDOW_MS, DPOP_MAX_SKEW_MS);
const MAX_REMEMBERED = 50_000;

export interface DpopCallContext {
  readonly method: string;
  readonly url: string;
  readonly proof: string | undefined;
  readonly accessToken: string | null;
}
export interface DpopGuard {
  /** The nonce to announce in `DPoP-Nonce`. */
  nonce(): string;
  /** Throws AppError `dpop-invalid` or `dpop-nonce`; on success the proof is used up. */
  check(call: DpopCallContext): Promise<Extract<DpopVerdict, { ok: true }>>;
}

const refused = (why: string) =>
  new AppError('dpop-invalid', `This call is not signed by the device it claims to come from: ${why}.`, {
    safe: 'Nothing was changed.',
    next: 'Sign in again on this device. If its clock is wrong, set it.',
  });

/** `process`: this instance alone, `nonceKey` fresh at each start. `store`: shared, `nonceKey` the same everywhere. */
export type DpopMemory = 'process' | 'store';
export function createDpopGuard(deps: {
  store: Store;
  clock: Pick<Clock, 'now'>;
  nonceKey: Uint8Array;
  memory: DpopMemory;
}): DpopGuard {
  const { store, clock, nonceKey, memory } = deps;
  const used = new Map<string, number>();
  const nonceOf = (window: number) =>
    createHmac('sha256', nonceKey).update(`dpop-nonce/${window}`).digest('base64url').slice(0, 32);
  const windowNow = () => Math.floor(clock.now() / NONCE_WINDOW_MS);

  function rememberHere(jti: string): void {
    if (used.has(jti)) throw refused('the same proof was used before');
    used.set(jti, clock.now() + JTI_TTL_MS);
    for (const [old, expiresAt] of used) {
      if (expiresAt > clock.now() && used.size <= MAX_REMEMBERED) break;
      used.delete(old);
    }
  }
  async function rememberEverywhere(jti: string): Promise<void> {
    const row = { jti, expires_at: clock.now() + JTI_TTL_MS };
    const isNew = await store.write(
      async (tx) => {
        const done = await tx.db
          .insertInto('dpop_jtis')
          .values(row)
          .onConflict((conflict) => conflict.doNothing())
          .executeTakeFirst();
        return Number(done.numInsertedOrUpdatedRows ?? 0) > 0;
      },
      { purpose: 'upkeep' },
    );
    if (!isNew) throw refused('the same proof was used before');
  }

  return {
    nonce: () => nonceOf(windowNow()),
    async check({ method, url, proof, accessToken }) {
      if (proof === undefined) throw refused('the DPoP header is missing');
      const verdict = checkDpopProof(proof, { method, url, accessToken }, clock.now());
      if (!verdict.ok) throw refused(verdict.why);
      const window = windowNow();
      if (verdict.nonce !== nonceOf(window) && verdict.nonce !== nonceOf(window - 1))
        throw new AppError('dpop-nonce', 'This call needs a fresh nonce of the service.', {
          safe: 'Nothing was changed.',
          next: 'Send it again with the value of the DPoP-Nonce header.',
        });
      const id = `${verdict.thumbprint}.${verdict.jti}`;
      rememberHere(id);
      if (memory === 'store') await rememberEverywhere(id);
      return verdict;
    },
  };
}
