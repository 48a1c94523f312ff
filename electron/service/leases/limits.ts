/** Every limit of the engine, by name. */
import { MINUTE_MS, SECOND_MS } from '../../../shared/domain/instant';

export const TICK_MS = SECOND_MS;
/** Calls to one target at the same time. */
export const TARGET_CONCURRENCY = 8;
/** Calls to all targets at the same time. */
export const WORKER_COUNT = 48;
export const DUE_BATCH = 100;
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
