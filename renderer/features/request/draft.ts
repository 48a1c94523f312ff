/** What is being written, kept while somebody looks elsewhere: leaving the screen or an error loses nothing. */
import { HOUR_MS, MINUTE_MS } from '../../../shared/domain/instant';

export const PRESETS_MS: readonly number[] = [15 * MINUTE_MS, 30 * MINUTE_MS, HOUR_MS, 2 * HOUR_MS];
export interface Draft {
  readonly level: string;
  readonly ttlMs: number;
  readonly reason: string;
  readonly ticketRef: string;
}
const drafts = new Map<string, Draft>();
const MOST_DRAFTS = 50;
export const draftOf = (resourceId: string): Draft | undefined => drafts.get(resourceId);
export function keepDraft(resourceId: string, draft: Draft): void {
  drafts.delete(resourceId);
  drafts.set(resourceId, draft);
  const oldest = drafts.keys().next();
  if (drafts.size > MOST_DRAFTS && !oldest.done) drafts.delete(oldest.value);
}
export const dropDraft = (resourceId: string): void => void drafts.delete(resourceId);

/** The longest preset that is allowed and not above `wantedMs`; the limit itself when every preset is above it. */
export function fittingTtl(wantedMs: number, maxMs: number | null): number {
  if (maxMs === null || wantedMs <= maxMs) return wantedMs;
  return PRESETS_MS.findLast((ms) => ms <= maxMs) ?? maxMs;
}
