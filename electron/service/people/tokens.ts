/** Access tokens: a JWT of ten minutes that names the device and the key it is bound to (RFC 9449, `cnf.jkt`). Made and read by this service alone. */
import { jwtVerify, SignJWT } from 'jose';
import { z } from 'zod';
import { keyThumbprint } from '../../../shared/crypto/dpop';
import { asInstant, type Clock, type Instant, plusMs, SECOND_MS } from '../../../shared/domain/instant';
import { ACCESS_TOKEN_TTL_MS } from '../../../shared/domain/limits';

const Claims = z.object({ sub: z.string(), cnf: z.object({ jkt: z.string() }), exp: z.number() });
export interface TokenClaims {
  readonly deviceId: string;
  readonly keyThumbprint: string;
}
export interface Tokens {
  issue(device: { id: string; signingKey: string }): Promise<{ accessToken: string; expiresAt: Instant }>;
  /** Undefined when it isn't ours, was altered or has expired. */
  read(accessToken: string): Promise<TokenClaims | undefined>;
}

export function createTokens(deps: { clock: Pick<Clock, 'now'>; tokenKey: Uint8Array; serviceId: string }): Tokens {
  const { clock, tokenKey, serviceId } = deps;
  return {
    async issue(device) {
      // Whole seconds, rounded down: a token never lives longer than it says.
      const expiresAt = asInstant(Math.floor(plusMs(clock.now(), ACCESS_TOKEN_TTL_MS) / SECOND_MS) * SECOND_MS);
      const accessToken = await new SignJWT({ cnf: { jkt: keyThumbprint(device.signingKey) } })
        .setProtectedHeader({ alg: 'HS256', typ: 'at+jwt' })
        .setSubject(device.id)
        .setIssuer(serviceId)
        .setAudience(serviceId)
        .setIssuedAt(Math.floor(clock.now() / SECOND_MS))
        .setExpirationTime(expiresAt / SECOND_MS)
        .sign(tokenKey);
      return { accessToken, expiresAt };
    },
    async read(accessToken) {
      try {
        const { payload } = await jwtVerify(accessToken, tokenKey, {
          algorithms: ['HS256'],
          typ: 'at+jwt',
          issuer: serviceId,
          audience: serviceId,
          currentDate: new Date(clock.now()),
        });
        const claims = Claims.parse(payload);
        return { deviceId: claims.sub, keyThumbprint: claims.cnf.jkt };
      } catch {
        return undefined;
      }
    },
  };
}
