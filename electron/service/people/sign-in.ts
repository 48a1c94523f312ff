/**
 * Signing in: the device signs a challenge of ours with its key and gets a token that works only with that key.
 * A challenge is good for a minute, for one device, once. An unknown device gets one too: who is known here is not for strangers to learn.
 */
import type { z } from 'zod';
import type { AccessToken, Challenge, ChallengeRequest, TokenRequest } from '../../../shared/contract/people';
import { toBase64url } from '../../../shared/crypto/bytes';
import { verifyChallenge } from '../../../shared/crypto/statements';
import { plusMs } from '../../../shared/domain/instant';
import { CHALLENGE_TTL_MS } from '../../../shared/domain/limits';
import { AppError } from '../errors';
import { devicePending, deviceRevoked, loadCaller } from './callers';
import type { PeopleDeps } from './deps';
import type { Tokens } from './tokens';

const PURPOSE = 'sign-in';
export interface SignInDeps extends Pick<PeopleDeps, 'store' | 'clock' | 'random'> {
  readonly tokens: Tokens;
  readonly serviceId: string;
}
const refused = () =>
  new AppError('not-signed-in', 'This device could not be signed in.', {
    safe: 'Nothing was changed.',
    next: 'Ask for a new challenge and sign it. If this goes on, ask an administrator whether the device is still known.',
  });

export function createSignIn({ store, clock, random, tokens, serviceId }: SignInDeps) {
  async function challenge({ deviceId }: z.output<typeof ChallengeRequest>): Promise<z.output<typeof Challenge>> {
    const made = toBase64url(random.bytes(32));
    const expiresAt = plusMs(clock.now(), CHALLENGE_TTL_MS);
    const known = await store.db.selectFrom('devices').select('id').where('id', '=', deviceId).executeTakeFirst();
    if (known)
      await store.write(
        async (tx) => {
          await tx.db
            .insertInto('nonces')
            .values({
              nonce: made,
              purpose: PURPOSE,
              subject: deviceId,
              device_id: deviceId,
              expires_at: expiresAt,
              used_at: null,
            })
            .execute();
        },
        { purpose: 'upkeep' },
      );
    return { challenge: made, expiresAt };
  }

  /** Uses the challenge up, whatever comes of it. False when it isn't one of ours for this device, is old or was used. */
  const consume = (given: string, deviceId: string): Promise<boolean> =>
    store.write(
      async (tx) => {
        const done = await tx.db
          .updateTable('nonces')
          .set({ used_at: clock.now() })
          .where('nonce', '=', given)
          .where('purpose', '=', PURPOSE)
          .where('device_id', '=', deviceId)
          .where('used_at', 'is', null)
          .where('expires_at', '>', clock.now())
          .executeTakeFirst();
        return Number(done.numUpdatedRows) === 1;
      },
      { purpose: 'upkeep' },
    );

  /** `proofKey`: the key of the DPoP proof that came along; the token is bound to it, so it has to be the device's. */
  async function token(input: z.output<typeof TokenRequest>, proofKey: string): Promise<z.output<typeof AccessToken>> {
    const device = await store.db
      .selectFrom('devices')
      .select(['id', 'signing_key', 'state'])
      .where('id', '=', input.deviceId)
      .executeTakeFirst();
    if (!device || device.signing_key !== proofKey) throw refused();
    // At a first sign-in the device doesn't know our id yet; later it names us, so that its answer is good here only.
    const signed = [serviceId, null].some((id) =>
      verifyChallenge(
        device.signing_key,
        { deviceId: device.id, challenge: input.challenge, serviceId: id },
        input.signature,
      ),
    );
    if (!signed || !(await consume(input.challenge, device.id))) throw refused();
    if (device.state === 'revoked') throw deviceRevoked();
    if (device.state === 'pending') throw devicePending();
    await loadCaller(store, device.id, 'tcp');
    await store.write(
      async (tx) => {
        await tx.db.updateTable('devices').set({ last_seen_at: clock.now() }).where('id', '=', device.id).execute();
      },
      { purpose: 'upkeep' },
    );
    const issued = await tokens.issue({ id: device.id, signingKey: device.signing_key });
    return { ...issued, tokenType: 'DPoP' };
  }
  return { challenge, token };
}
