/**
 * Sign-in on TCP: challenge, signature, a ten-minute token, and a DPoP proof on every call, so that a stolen token opens nothing.
 * Wraps a transport: callers see calls only, tokens stay in here.
 */
import { AccessToken, Challenge } from '../../../shared/contract/people';
import { dpopProof } from '../../../shared/crypto/dpop';
import { signChallenge } from '../../../shared/crypto/statements';
import { asInstant, type Random, SECOND_MS } from '../../../shared/domain/instant';
import { ApiProblem, problemIn, readJson } from './api-problem';
import type { DeviceKeyring } from './device-keys';
import type { Answer, Call, Transport } from './transport';

/** A token is renewed this long before its end. */
const RENEW_EARLY_MS = 60 * SECOND_MS;

export interface SignInDeps {
  readonly transport: Transport;
  readonly deviceId: string;
  readonly keys: Pick<DeviceKeyring, 'signingKey' | 'signingSecretKey'>;
  /** Null before the first sign-in. */
  readonly serviceId: () => string | null;
  readonly now: () => number;
  readonly random: Random;
}

export function signedTransport(deps: SignInDeps): Transport {
  let token: { text: string; expiresAt: number } | null = null;
  let pending: Promise<string> | null = null;
  let nonce: string | null = null;

  async function prove(call: Call, accessToken: string | null): Promise<Answer> {
    const proof = dpopProof(
      { publicKey: deps.keys.signingKey, secretKey: deps.keys.signingSecretKey },
      { method: call.method, url: `${deps.transport.address}${call.path}`, accessToken, nonce },
      { now: asInstant(deps.now()), random: deps.random },
    );
    const headers = {
      ...call.headers,
      dpop: proof,
      ...(accessToken === null ? {} : { authorization: `DPoP ${accessToken}` }),
    };
    const answer = await deps.transport.send({ ...call, headers });
    const given = answer.headers['dpop-nonce'];
    if (typeof given === 'string') nonce = given;
    return answer;
  }

  /** One try more when the service only wanted its newest nonce in the proof. */
  async function proveTwice(call: Call, accessToken: string | null): Promise<Answer> {
    const before = nonce;
    const answer = await prove(call, accessToken);
    if (answer.status !== 401 || nonce === before) return answer;
    const problem = await problemIn(answer);
    if (problem.code !== 'dpop-nonce') throw new ApiProblem(problem);
    return prove(call, accessToken);
  }

  async function ask(path: string, body: unknown): Promise<unknown> {
    const call: Call = {
      method: 'POST',
      path,
      headers: { 'content-type': 'application/json' },
      body: Buffer.from(JSON.stringify(body)),
    };
    const answer = await proveTwice(call, null);
    if (answer.status >= 400) throw new ApiProblem(await problemIn(answer));
    return readJson(answer);
  }

  async function signIn(): Promise<string> {
    const { challenge } = Challenge.parse(await ask('/v1/session/challenge', { deviceId: deps.deviceId }));
    const signature = signChallenge(deps.keys.signingSecretKey, {
      deviceId: deps.deviceId,
      challenge,
      serviceId: deps.serviceId(),
    });
    const issued = AccessToken.parse(await ask('/v1/session/token', { deviceId: deps.deviceId, challenge, signature }));
    token = { text: issued.accessToken, expiresAt: issued.expiresAt };
    return issued.accessToken;
  }

  const current = (): Promise<string> => {
    if (token !== null && token.expiresAt - RENEW_EARLY_MS > deps.now()) return Promise.resolve(token.text);
    pending ??= signIn().finally(() => {
      pending = null;
    });
    return pending;
  };

  return {
    address: deps.transport.address,
    close: () => deps.transport.close(),
    async send(call) {
      const answer = await proveTwice(call, await current());
      if (answer.status !== 401) return answer;
      token = null; // revoked or the service restarted: sign in once more, then its answer stands
      answer.body.resume();
      return proveTwice(call, await current());
    },
  };
}
