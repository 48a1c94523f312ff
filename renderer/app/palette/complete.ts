/** Fills in what was not typed: the level and length of last time, else the first the policy gives. Pure. */
import type { CatalogEntry } from '../../../shared/contract/resources';
import type { Settings } from '../../../shared/contract/settings';
import { MINUTE_MS } from '../../../shared/domain/instant';
import type { ParsedRequest } from './parse';

const USUAL_MS = 30 * MINUTE_MS;
export interface Completed {
  readonly entry: CatalogEntry;
  readonly rule: CatalogEntry['levels'][number];
  readonly ttlMs: number;
  readonly reason: string;
  readonly ticketRef: string;
}
/** Null while no resource is named. A length that was typed is kept even above the limit: the policy says so. */
export function complete(
  parsed: ParsedRequest,
  catalog: readonly CatalogEntry[],
  recent: Settings['recent'],
): Completed | null {
  const entry = catalog.find((one) => one.resource.id === parsed.resource?.id);
  if (entry === undefined) return null;
  const last = recent.find(
    (one) => one.resourceId === entry.resource.id && (parsed.level === null || one.level === parsed.level),
  );
  const level = parsed.level ?? last?.level;
  const rule =
    entry.levels.find((one) => one.level.name === level) ??
    entry.levels.find((one) => one.effect === 'auto' || one.effect === 'approve') ??
    entry.levels[0];
  if (rule === undefined) return null;
  const usualMs = last?.level === rule.level.name ? last.ttlMs : USUAL_MS;
  const ttlMs = parsed.ttlMs ?? Math.min(usualMs, rule.maxDurationMs ?? usualMs);
  return { entry, rule, ttlMs, reason: parsed.reason, ticketRef: parsed.ticketRef };
}
