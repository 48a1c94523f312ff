/** Every limit has a name, and they all live here so that both sides of a border agree. */
import { DAY_MS, HOUR_MS, MINUTE_MS } from './instant';

export const MIN_TTL_MS = MINUTE_MS;
/** Longest access anybody can ask for, whatever the policy says. */
export const MAX_TTL_MS = 7 * DAY_MS;
/** A request nobody answers expires after this. */
export const PENDING_TTL_MS = 24 * HOUR_MS;
/** An approved grant nobody claims expires after this. */
export const READY_TTL_MS = 8 * HOUR_MS;
/** A provisioning that got no acknowledgement from the device is ended as failed after this. */
export const PROVISIONING_TTL_MS = 2 * MINUTE_MS;
export const INVITE_TTL_MS = 2 * DAY_MS;
export const INVITE_MAX_ATTEMPTS = 5;
export const ACCESS_TOKEN_TTL_MS = 10 * MINUTE_MS;
export const CHALLENGE_TTL_MS = MINUTE_MS;
export const EVENT_RETENTION_MS = 7 * DAY_MS;
export const IDEMPOTENCY_TTL_MS = DAY_MS;
/** A removal that has not been read back after this raises an alarm. */
export const REMOVAL_ALARM_MS = 2 * MINUTE_MS;
export const MAX_REASON_CHARS = 500;
export const MAX_TICKET_REF_CHARS = 64;
export const MAX_NAME_CHARS = 64;
export const MAX_POLICY_BYTES = 256 * 1024;
export const MAX_POLICY_RULES = 1_000;
export const MAX_BODY_BYTES = 512 * 1024;
export const MAX_PENDING_PER_PERSON = 20;
/** A decision nonce (one card, one device, one use) lives this long; the card is fetched again after that. */
export const DECISION_NONCE_TTL_MS = 10 * MINUTE_MS;
/** Calls one target gets at the same time: what a resource says, else this. */
export const DEFAULT_TARGET_CONCURRENCY = 8;
export const MAX_TARGET_CONCURRENCY = 200;
/** A signed call of a ticket system is taken this long after (or before) its time stamp, and once. */
export const HOOK_TOLERANCE_MS = 5 * MINUTE_MS;
export const NUDGE_INTERVAL_MS = 5 * MINUTE_MS;
