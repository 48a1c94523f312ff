/**
 * What devices sign. Every statement carries its purpose in front of its canonical JSON, so that a signature given for
 * one thing (signing in) can never be passed off as another (approving).
 */
import { sha256 } from '@noble/hashes/sha2.js';
import type { z } from 'zod';
import type { Join } from '../contract/people';
import type { DecisionStatement, SignedDecision } from '../contract/requests';
import { concatBytes, toHex, utf8 } from './bytes';
import { canonicalJson } from './canonical-json';
import { sign, verify } from './keys';

export type StatementKind = 'decision' | 'sign-in' | 'join' | 'request';

/** The bytes to sign: `hallpass/<kind>/v1`, a line feed, canonical JSON (UTF-8). */
export function statementBytes(kind: StatementKind, value: unknown): Uint8Array {
  return concatBytes(utf8(`hallpass/${kind}/v1\n`), utf8(canonicalJson(value)));
}

/** Everything an approver agrees to. A change of any of it makes another digest and voids approvals. */
export interface RequestFacts {
  readonly requestId: string;
  readonly requesterId: string;
  readonly deviceId: string;
  readonly resourceId: string;
  readonly resourceName: string;
  readonly level: string;
  readonly ttlMs: number;
  readonly reason: string;
  readonly ticketRef: string;
  readonly extendsGrantId: string | null;
  readonly createdAt: number;
}

/** Hex SHA-256 over exactly the named facts; further properties of `facts` don't count. */
export function requestDigest(facts: RequestFacts): string {
  const { requestId, requesterId, deviceId, resourceId, resourceName, level } = facts;
  const { ttlMs, reason, ticketRef, extendsGrantId, createdAt } = facts;
  const exactly = {
    ...{ requestId, requesterId, deviceId, resourceId, resourceName, level },
    ...{ ttlMs, reason, ticketRef, extendsGrantId, createdAt },
  };
  return toHex(sha256(statementBytes('request', exactly)));
}

export function signDecision(secretKey: string, statement: DecisionStatement): SignedDecision {
  return { statement, signature: sign(secretKey, statementBytes('decision', statement)) };
}

/** Whether the device with `publicKey` signed exactly this statement. Never throws. */
export function verifyDecision(publicKey: string, signed: SignedDecision): boolean {
  return verifyStatement(publicKey, 'decision', signed.statement, signed.signature);
}

/** What a device signs to sign in. `serviceId` is null at a first sign-in, before the device knows it. */
export interface ChallengeStatement {
  readonly deviceId: string;
  readonly challenge: string;
  readonly serviceId: string | null;
}
const challengeOf = ({ deviceId, challenge, serviceId }: ChallengeStatement) => ({ deviceId, challenge, serviceId });

export function signChallenge(secretKey: string, statement: ChallengeStatement): string {
  return sign(secretKey, statementBytes('sign-in', challengeOf(statement)));
}

/** Never throws. */
export function verifyChallenge(publicKey: string, statement: ChallengeStatement, signature: string): boolean {
  return verifyStatement(publicKey, 'sign-in', challengeOf(statement), signature);
}

export type JoinWithoutProof = Omit<z.infer<typeof Join>, 'proof'>;
/** The signature covers a digest of the other fields, so that the invite's code can't be tried out against a stored proof's text. */
function joinStatement({ inviteId, code, deviceName, signingKey, sealingKey }: JoinWithoutProof) {
  const fields = { inviteId, code, deviceName, signingKey, sealingKey };
  return { digest: toHex(sha256(utf8(canonicalJson(fields)))) };
}

/** Proves that whoever joins holds the signing key and meant these sealing key, name, invite and code. */
export function joinProof(secretKey: string, join: JoinWithoutProof): string {
  return sign(secretKey, statementBytes('join', joinStatement(join)));
}

/** Checks the proof against the signing key that the join itself names. Never throws. */
export function verifyJoin(join: z.infer<typeof Join>): boolean {
  try {
    return verify(join.signingKey, statementBytes('join', joinStatement(join)), join.proof);
  } catch {
    return false;
  }
}

function verifyStatement(publicKey: string, kind: StatementKind, value: unknown, signature: string): boolean {
  try {
    return verify(publicKey, statementBytes(kind, value), signature);
  } catch {
    return false;
  }
}
