/**
 * DPoP proofs (RFC 9449): a token that is stolen alone opens nothing, since each call is signed by the device key.
 * Why here: the desktop makes proofs, the service checks them, and both must agree on every byte.
 * Why no JWT library: one algorithm (Ed25519), one header shape; everything else is refused, so there is nothing to negotiate.
 * Not here: whether a proof was seen before, which nonces are in force (the service keeps those).
 */
import { sha256 } from '@noble/hashes/sha2.js';
import { z } from 'zod';
import type { Instant, Random } from '../domain/instant';
import { MINUTE_MS, SECOND_MS } from '../domain/instant';
import { fromBase64url, toBase64url, utf8 } from './bytes';
import { sign, verify } from './keys';

/** How far a device's clock may be off. Freshness comes from the service's nonce; this only catches old recordings. */
export const DPOP_MAX_SKEW_MS = 5 * MINUTE_MS;
/** Longest proof that is looked at. */
export const DPOP_MAX_CHARS = 4_096;

const ProofHeader = z.strictObject({
  typ: z.literal('dpop+jwt'),
  alg: z.literal('EdDSA'),
  jwk: z.strictObject({
    kty: z.literal('OKP'),
    crv: z.literal('Ed25519'),
    x: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
  }),
});
const ProofClaims = z.object({
  jti: z.string().min(16).max(128),
  htm: z.string().max(16),
  htu: z.string().max(2_048),
  iat: z.number(),
  ath: z.string().max(64).optional(),
  nonce: z.string().max(128).optional(),
});

/** What one call is bound to. `url` may carry a query or fragment; they are not part of the proof (RFC 9449, 4.2). */
export interface DpopCall {
  readonly method: string;
  readonly url: string;
  /** Null only where no token exists yet (sign-in). */
  readonly accessToken: string | null;
  /** The newest `DPoP-Nonce` of the service; null before the first answer. */
  readonly nonce: string | null;
}
export type DpopVerdict =
  | {
      readonly ok: true;
      readonly publicKey: string;
      readonly thumbprint: string;
      readonly jti: string;
      readonly nonce: string | null;
    }
  | { readonly ok: false; readonly why: string };

/** Hash as DPoP wants it: unpadded base64url of SHA-256. */
const hashOf = (text: string): string => toBase64url(sha256(utf8(text)));

/** RFC 7638 thumbprint of an Ed25519 public key: what `cnf.jkt` of an access token holds. */
export const keyThumbprint = (publicKey: string): string => hashOf(`{"crv":"Ed25519","kty":"OKP","x":"${publicKey}"}`);

/** Scheme, host and path as both sides compare them; undefined when the text is no URL. */
function bareUrl(url: string): string | undefined {
  try {
    const parsed = new URL(url);
    return `${parsed.protocol}//${parsed.host}${parsed.pathname}`;
  } catch {
    return undefined;
  }
}

/** Makes the value of the `DPoP` header for one call. Throws RangeError when `url` is no URL. */
export function dpopProof(
  keys: { readonly publicKey: string; readonly secretKey: string },
  call: DpopCall,
  deps: { readonly now: Instant; readonly random: Random },
): string {
  const htu = bareUrl(call.url);
  if (htu === undefined) throw new RangeError(`"url" expected an absolute URL, got ${call.url}`);
  const header = { typ: 'dpop+jwt', alg: 'EdDSA', jwk: { kty: 'OKP', crv: 'Ed25519', x: keys.publicKey } };
  const claims = {
    jti: toBase64url(deps.random.bytes(16)),
    htm: call.method.toUpperCase(),
    htu,
    iat: Math.floor(deps.now / SECOND_MS),
    ...(call.accessToken === null ? {} : { ath: hashOf(call.accessToken) }),
    ...(call.nonce === null ? {} : { nonce: call.nonce }),
  };
  const signed = `${toBase64url(utf8(JSON.stringify(header)))}.${toBase64url(utf8(JSON.stringify(claims)))}`;
  return `${signed}.${sign(keys.secretKey, utf8(signed))}`;
}

function parsePart<T>(part: string, schema: z.ZodType<T>): T | undefined {
  try {
    const parsed = schema.safeParse(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(fromBase64url(part))));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Checks everything about a proof that needs no memory: form, key, signature, method, URL, age and token hash.
 * The caller still has to check that `jti` is new, that `nonce` is one of its own and that the token is bound to `thumbprint`.
 */
export function checkDpopProof(proof: string, call: Omit<DpopCall, 'nonce'>, now: Instant): DpopVerdict {
  const no = (why: string): DpopVerdict => ({ ok: false, why });
  if (proof.length > DPOP_MAX_CHARS) return no('the proof is too long');
  const [head, body, signature, ...rest] = proof.split('.');
  if (!head || !body || !signature || rest.length > 0) return no('the proof is not a signed token');
  const header = parsePart(head, ProofHeader);
  if (!header) return no('the proof has another type, algorithm or key than Ed25519');
  const claims = parsePart(body, ProofClaims);
  if (!claims) return no('a claim of the proof is missing or malformed');
  if (!verify(header.jwk.x, utf8(`${head}.${body}`), signature)) return no('the signature of the proof is wrong');
  if (claims.htm !== call.method.toUpperCase()) return no('the proof is for another method');
  const [said, meant] = [bareUrl(claims.htu), bareUrl(call.url)];
  if (said === undefined || said !== meant) return no('the proof is for another address');
  if (Math.abs(claims.iat * SECOND_MS - now) > DPOP_MAX_SKEW_MS) return no('the proof is too old, or a clock is wrong');
  if (call.accessToken !== null && claims.ath !== hashOf(call.accessToken)) return no('the proof is for another token');
  return {
    ok: true,
    publicKey: header.jwk.x,
    thumbprint: keyThumbprint(header.jwk.x),
    jti: claims.jti,
    nonce: claims.nonce ?? null,
  };
}
