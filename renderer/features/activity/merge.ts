/**
 * The newest page is fetched again and again as things happen, older pages once. Here they become one list.
 * Pure. Entries never change, so the same index from two answers is the same entry.
 */
import type { AuditEntry, AuditPage } from '../../../shared/contract/audit';

export interface Merged {
  /** Newest first. */
  readonly entries: readonly AuditEntry[];
  /** `gap`: between the newest page and the others something may be missing; fetch the others again. */
  readonly seam: 'closed' | 'gap';
}
/** `newest` may be older than `pages`, or undefined. */
export function mergePages(newest: AuditPage | undefined, pages: readonly AuditPage[]): Merged {
  const byIndex = new Map<number, AuditEntry>();
  for (const page of pages) for (const entry of page.entries) byIndex.set(entry.index, entry);
  const known = Math.max(-1, ...(pages[0]?.entries.slice(0, 1).map((entry) => entry.index) ?? []));
  const oldest = newest?.entries.at(-1)?.index;
  const gap = pages.length > 0 && newest?.nextBefore != null && oldest !== undefined && oldest > known;
  for (const entry of newest?.entries ?? []) byIndex.set(entry.index, entry);
  return { entries: [...byIndex.values()].sort((a, b) => b.index - a.index), seam: gap ? 'gap' : 'closed' };
}
