/** Grants: the time-boxed result of an approved request. */
import { z } from 'zod';
import { NOTHING_ENDS } from '../domain/end-signals';
import {
  At,
  DeviceId,
  EndOn,
  EndProof,
  EndReason,
  EndSignal,
  Environment,
  GrantId,
  GrantState,
  LevelName,
  PersonId,
  Reason,
  RequestId,
  ResourceId,
  RiskClass,
  TicketRef,
  TtlMs,
} from './fields';

export const Residue = z.object({ kind: z.string(), detail: z.string() });
export const GrantView = z
  .object({
    id: GrantId,
    requestId: RequestId,
    ticket: z.string(),
    state: GrantState,
    holder: z.object({ personId: PersonId, displayName: z.string(), deviceId: DeviceId }),
    resource: z.object({
      id: ResourceId,
      name: z.string(),
      kind: z.string(),
      environment: Environment,
      risk: RiskClass,
      targetLabel: z.string(),
    }),
    level: LevelName,
    createsAccess: z.boolean(),
    reason: z.string(),
    ticketRef: z.string(),
    ttlMs: z.int(),
    /** Set at activation, moved by an extension. */
    expiresAt: At.nullable(),
    readyUntil: At.nullable(),
    activatedAt: At.nullable(),
    endedAt: At.nullable(),
    /** The key that the holder's device has to make and send before the credential can be made. */
    deviceKeyWanted: z.enum(['ssh-ed25519']).nullable().default(null),
    credentialReady: z.boolean().describe('a sealed credential waits for the holder’s device'),
    endReason: EndReason.nullable(),
    endedBy: z.string().nullable(),
    endProof: EndProof.nullable(),
    /** Why it was ended early, in a sentence: what an administrator wrote, or which signal came. */
    endedBecause: z.string().nullable().default(null),
    /** What ends it before its time, as the policy requires; the holder's desktop may be set to more. */
    endOn: EndOn.default(NOTHING_ENDS),
    /** How many credentials were made for it: a device that holds an older one fetches the newest. */
    issue: z.int().default(0),
    /** The next extension needs a reason of its own. */
    extensionNeedsReason: z.boolean().default(false),
    /** While `ending`: what is known. Unknown is null, and shown as unknown. */
    removal: z.object({
      machine: z.enum(['unknown', 'present', 'removed', 'removal_failed']),
      target: z.enum(['unknown', 'present', 'gone']),
      /** Since when it is being taken away. */
      since: At.nullable().default(null),
      attempts: z.int(),
      nextTryAt: At.nullable(),
      lastError: z.string().nullable(),
      alarmed: z.boolean(),
      sessionsCut: z.int(),
    }),
    residue: z.array(Residue),
    pendingExtension: RequestId.nullable(),
    can: z.object({
      start: z.boolean(),
      extend: z.boolean(),
      end: z.boolean(),
      revoke: z.boolean(),
      attest: z.boolean(),
    }),
  })
  .meta({ id: 'GrantView' });
export type GrantView = z.infer<typeof GrantView>;

export const Extension = z.strictObject({ ttlMs: TtlMs, reason: Reason.default(''), ticketRef: TicketRef.default('') });
/** Why a device gives access back: a signal that its settings or the policy name; nothing when the holder did. */
export const Return = z.strictObject({ signal: EndSignal.optional() }).nullish();
/** The device's word on its own files. `active` needs `injected`. */
export const InjectionReport = z.strictObject({
  state: z.enum(['injected', 'failed', 'removed', 'removal_failed']),
  error: z.string().max(500).optional(),
});
