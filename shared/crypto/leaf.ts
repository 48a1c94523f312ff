/**
 * The bytes of one audit leaf. A leaf commits to a *salted* hash of its body: when a body has to be erased (personal data),
 * its salt goes with it, and neither leaf nor proof tells what it said, yet every proof still holds.
 */
import { sha256 } from '@noble/hashes/sha2.js';
import { AuditBody, type AuditEntry } from '../contract/audit';
import type { Random } from '../domain/instant';
import { concatBytes, fromBase64url, toBase64url, toHex, utf8 } from './bytes';
import { canonicalJson } from './canonical-json';
import { leafHash } from './merkle';

export const SALT_BYTES = 32;

export interface LeafFacts {
  readonly index: number;
  readonly at: number;
  readonly type: string;
  readonly bodyHash: string;
}

/** Hex SHA-256(salt ‖ canonical JSON of the body). Throws on a malformed salt. */
export const bodyHashOf = (salt: string, canonicalBody: string): string =>
  toHex(sha256(concatBytes(fromBase64url(salt), utf8(canonicalBody))));

/** Canonical JSON of `{v:1,index,at,type,body}` with `body` the hex body hash. */
export const leafBytes = ({ index, at, type, bodyHash }: LeafFacts): Uint8Array =>
  utf8(canonicalJson({ v: 1, index, at, type, body: bodyHash }));

/** Hex. */
export const leafHashOf = (facts: LeafFacts): string => toHex(leafHash(leafBytes(facts)));

export interface NewLeaf {
  readonly salt: string;
  /** Canonical JSON. */
  readonly body: string;
  readonly bodyHash: string;
  readonly leafHash: string;
}
/** Makes the leaf number `index` for a body. Throws when the body can't be written as JSON. */
export function newLeaf(index: number, body: AuditBody, random: Random): NewLeaf {
  const salt = toBase64url(random.bytes(SALT_BYTES));
  const canonicalBody = canonicalJson(body);
  const bodyHash = bodyHashOf(salt, canonicalBody);
  return {
    salt,
    body: canonicalBody,
    bodyHash,
    leafHash: leafHashOf({ index, at: body.at, type: body.type, bodyHash }),
  };
}

export type LeafFault = 'body-changed' | 'head-changed' | 'leaf-changed';
/**
 * Whether an entry's parts fit each other: body and salt its body hash, body its `at` and `type`, these its leaf hash.
 * That the leaf is in a log is for the proofs to say. Undefined: all fit. Never throws.
 */
export function leafFault(entry: AuditEntry): LeafFault | undefined {
  if (entry.body !== null) {
    try {
      if (bodyHashOf(entry.salt, canonicalJson(entry.body)) !== entry.bodyHash) return 'body-changed';
    } catch {
      return 'body-changed';
    }
    if (!AuditBody.safeParse(entry.body).success) return 'body-changed';
    if (entry.body.at !== entry.at || entry.body.type !== entry.type) return 'head-changed';
  }
  return leafHashOf(entry) === entry.leafHash ? undefined : 'leaf-changed';
}
