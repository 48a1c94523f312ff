/** Every limit of the engine, by name. */
import { MINUTE_MS, SECOND_MS } from '../../../shared/domain/instant';
import { DEFAULT_TARGET_CONCURRENCY } from '../../../shared/domain/limits';

export const TICK_MS = SECOND_MS;
/** How much is done at once: calls to all targets, and to one where its resource does not say. */
export const CAPACITY = { workers: 48, perTarget: DEFAULT_TARGET_CONCURRENCY } as const;
export const DUE_BATCH = 100;
/** How long a target that is away is left alone before it is asked again: at first, and at most. */
export const PROBE_FIRST_MS = SECOND_MS;
export const PROBE_MAX_MS = 4 * SECOND_MS;
/** A call that takes longer is "unknown": what it did is read back. Shorter than a claim, so that a claim outlives its call. */
export const CREATE_TIMEOUT_MS = 10 * SECOND_MS;
export const END_TIMEOUT_MS = 10 * SECOND_MS;
export const DEADLINE_TIMEOUT_MS = 5 * SECOND_MS;
export const CLEAN_UP_TIMEOUT_MS = 10 * SECOND_MS;
export const LIST_TIMEOUT_MS = 10 * SECOND_MS;
/** A claim whose holder died is free again after this. */
export const CLAIM_MS = 15 * SECOND_MS;
export const RETRY_FIRST_MS = SECOND_MS;
export const RETRY_MAX_MS = 30 * SECOND_MS;
/** Left-overs give nobody access, so they may wait longer between tries. */
export const RESIDUE_RETRY_MS = MINUTE_MS;
/** Targets looked at together when reconciling. */
export const RECONCILE_CONCURRENCY = 16;
export const RECONCILE_MS = 5 * MINUTE_MS;
export const MAX_ERROR_CHARS = 300;
