/** Requests, decisions, and the facts an approver decides on. */
import { z } from 'zod';
import {
  At,
  base64url,
  DecisionChannel,
  DecisionId,
  DeviceId,
  Environment,
  GrantId,
  LevelName,
  PersonId,
  Reason,
  RequestId,
  RequestState,
  ResourceId,
  RiskClass,
  Sha256Hex,
  Signature64,
  TicketRef,
  TtlMs,
} from './fields';
import { PolicyAnswer } from './policy';

export const NewRequest = z.strictObject({
  resourceId: ResourceId,
  level: LevelName,
  ttlMs: TtlMs,
  reason: Reason.default(''),
  ticketRef: TicketRef.default(''),
  /** `connected`: provision as soon as it is approved and this device is connected. `manual`: wait for Start. */
  startWhen: z.enum(['connected', 'manual']).default('connected'),
});
export type NewRequest = z.infer<typeof NewRequest>;

export const DecisionRecord = z
  .object({
    id: DecisionId,
    approver: z.object({ personId: PersonId, displayName: z.string() }),
    decision: z.enum(['approve', 'deny']),
    stage: z.int(),
    ttlMs: z.int(),
    reason: z.string(),
    via: DecisionChannel,
    at: At,
  })
  .meta({ id: 'DecisionRecord' });
export type DecisionRecord = z.infer<typeof DecisionRecord>;

export const RequestView = z
  .object({
    id: RequestId,
    ticket: z.string().describe('HP-1042'),
    state: RequestState,
    requester: z.object({ personId: PersonId, displayName: z.string(), deviceId: DeviceId, deviceName: z.string() }),
    resource: z.object({
      id: ResourceId,
      name: z.string(),
      kind: z.string(),
      environment: Environment,
      risk: RiskClass,
      tags: z.array(z.string()),
      targetLabel: z.string(),
    }),
    level: LevelName,
    ttlMs: z.int(),
    reason: z.string(),
    ticketRef: z.string(),
    extendsGrantId: GrantId.nullable(),
    stage: z.int(),
    approvals: z.array(z.object({ from: z.string(), count: z.int(), given: z.int() })),
    confirm: z.enum(['notification', 'card']),
    decisions: z.array(DecisionRecord),
    /** Who has been asked and is still eligible. */
    waitingFor: z.array(
      z.object({ personId: PersonId, displayName: z.string(), online: z.boolean(), seenAt: At.nullable() }),
    ),
    blockedBecause: z.string().nullable(),
    deniedBecause: z.string().nullable(),
    rules: z.array(z.string()),
    policyVersion: z.int(),
    grantId: GrantId.nullable(),
    createdAt: At,
    expiresAt: At,
    decidedAt: At.nullable(),
    digest: Sha256Hex.describe('SHA-256 over the canonical JSON of what is asked; decisions sign it'),
    /** What the caller may do with it now. */
    can: z.object({ decide: z.boolean(), withdraw: z.boolean() }),
  })
  .meta({ id: 'RequestView' });
export type RequestView = z.infer<typeof RequestView>;

/** The facts of the consent card. What is shown is what is signed: `digest`. */
export const CardFacts = z
  .object({
    request: RequestView,
    requesterGroups: z.array(z.string()),
    requesterJoined: z.string().describe('who invited the requester, who confirmed the device'),
    does: z
      .array(z.object({ tone: z.enum(['plain', 'good', 'warn', 'danger']), text: z.string() }))
      .describe('what the level gives, and what can not be cut'),
    differs: z.array(z.string()).describe('how this differs from what the requester usually asks'),
    history: z.array(z.object({ at: At, level: z.string(), ttlMs: z.int(), usedMs: z.int().nullable() })).max(5),
    otherActive: z.array(z.object({ displayName: z.string(), level: z.string(), expiresAt: At })),
    answer: PolicyAnswer,
    nonce: base64url(32),
    nonceExpiresAt: At,
    durations: z.array(z.int()).describe('lengths the approver may grant, none longer than asked'),
  })
  .meta({ id: 'CardFacts' });
export type CardFacts = z.infer<typeof CardFacts>;

/** What an approver's device signs (Ed25519 over the canonical JSON of exactly this object). */
export const DecisionStatement = z.strictObject({
  v: z.literal(1),
  kind: z.literal('decision'),
  requestId: RequestId,
  requestDigest: Sha256Hex,
  decision: z.enum(['approve', 'deny']),
  stage: z.int().min(0),
  ttlMs: z.int().min(0),
  reason: Reason,
  policyVersion: z.int(),
  policyDigest: Sha256Hex,
  nonce: base64url(32),
  via: DecisionChannel,
  deviceId: DeviceId,
  at: At,
});
export type DecisionStatement = z.infer<typeof DecisionStatement>;
export const SignedDecision = z.strictObject({ statement: DecisionStatement, signature: Signature64 });
export type SignedDecision = z.infer<typeof SignedDecision>;
