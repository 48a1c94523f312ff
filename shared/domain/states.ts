/** The words for states, once. The transitions are in electron/service/access (pure functions). */

export const REQUEST_STATES = [
  'pending',
  'blocked',
  'approved',
  'auto_approved',
  'denied',
  'denied_by_policy',
  'withdrawn',
  'expired',
] as const;
export type RequestState = (typeof REQUEST_STATES)[number];
export const OPEN_REQUEST_STATES = ['pending', 'blocked'] as const satisfies readonly RequestState[];

export const GRANT_STATES = ['ready', 'provisioning', 'active', 'ending', 'ended'] as const;
export type GrantState = (typeof GRANT_STATES)[number];

export const END_REASONS = ['expired', 'returned', 'revoked', 'failed', 'policy_changed'] as const;
export type EndReason = (typeof END_REASONS)[number];

/**
 * How the end is known: read back from the target, nothing had been made there, an administrator's word for a target that is
 * gone; or not at all: what was handed out can't be taken back, so its last holder may still know it (`holder_may_know`).
 * `ran_out`: the credential's own end has passed, and nobody can see whether a session of it is still open.
 */
export const END_PROOFS = ['read_back', 'never_created', 'attested_unverified', 'holder_may_know', 'ran_out'] as const;
export type EndProof = (typeof END_PROOFS)[number];

export const INJECTION_STATES = ['none', 'writing', 'injected', 'removing', 'removed', 'removal_failed'] as const;
export type InjectionState = (typeof INJECTION_STATES)[number];

export const ENVIRONMENTS = ['production', 'staging', 'development'] as const;
export type Environment = (typeof ENVIRONMENTS)[number];
export const RISK_CLASSES = ['low', 'moderate', 'high', 'critical'] as const;
export type RiskClass = (typeof RISK_CLASSES)[number];
export const ROLES = ['member', 'admin', 'auditor'] as const;
export type Role = (typeof ROLES)[number];
