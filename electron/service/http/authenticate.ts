/**
 * Who calls. Local socket: the launch token, which only the process that started the service knows.
 * TCP: an access token bound to the device key, with a DPoP proof for this very call. Nothing else signs anybody in.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Caller } from '../access/caller';
import { loadCaller, notSignedIn } from '../people/callers';
import type { Tokens } from '../people/tokens';
import type { Store } from '../store/store';
import type { DpopGuard } from './dpop-guard';

/** The parts of a request that authentication looks at. */
export interface IncomingCall {
  readonly via: Caller['via'];
  readonly method: string;
  /** Absolute URL as the client called it. */
  readonly url: string;
  readonly authorization: string | undefined;
  readonly dpop: string | undefined;
}
export interface Authenticator {
  /** Throws AppError `not-signed-in`, `dpop-invalid`, `dpop-nonce`, `device-pending` or `device-revoked`. */
  authenticate(call: IncomingCall): Promise<Caller>;
}
/** Whom the launch token speaks for. Null: the service has no local socket. */
export interface LocalOwner {
  readonly launchToken: string;
  readonly deviceId: string;
}

const digest = (text: string) => createHash('sha256').update(text).digest();
/** Takes the same time for every wrong text, whatever its length. */
export const sameSecret = (given: string, expected: string): boolean =>
  timingSafeEqual(digest(given), digest(expected));

export function createAuthenticator(deps: {
  store: Store;
  tokens: Tokens;
  dpop: DpopGuard;
  localOwner: LocalOwner | null;
}): Authenticator {
  const { store, tokens, dpop, localOwner } = deps;
  async function onSocket(call: IncomingCall): Promise<Caller> {
    const given = /^Bearer (\S{1,512})$/.exec(call.authorization ?? '')?.[1];
    if (given === undefined || localOwner === null || !sameSecret(given, localOwner.launchToken)) throw notSignedIn();
    return loadCaller(store, localOwner.deviceId, 'socket');
  }
  async function onTcp(call: IncomingCall): Promise<Caller> {
    const accessToken = /^DPoP (\S{1,4096})$/.exec(call.authorization ?? '')?.[1];
    if (accessToken === undefined) throw notSignedIn();
    const claims = await tokens.read(accessToken);
    if (claims === undefined) throw notSignedIn();
    const proof = await dpop.check({ method: call.method, url: call.url, proof: call.dpop, accessToken });
    // A stolen token with another key's proof.
    if (proof.thumbprint !== claims.keyThumbprint) throw notSignedIn();
    return loadCaller(store, claims.deviceId, 'tcp');
  }
  return { authenticate: (call) => (call.via === 'socket' ? onSocket(call) : onTcp(call)) };
}
