/**
 * What each target can take now: how many calls run on it, how many it may get, and whether it answers at all.
 * Why a gate for targets that are away: a thousand removals that each wait for their own time-out keep every worker busy and
 * tell nothing new. While a target is away one call at a time asks again, after 1, 2, then every 4 seconds; the first answer
 * opens the gate for all of them, so access is gone within seconds of the target's return, whatever each one's back-off was.
 * Memory only: after a start every target counts as there until it fails.
 */
import type { Instant } from '../../../shared/domain/instant';
import type { WorkKind } from './claims';
import { PROBE_FIRST_MS, PROBE_MAX_MS } from './limits';

interface Away {
  readonly probes: number;
  readonly probeAt: number;
}
export interface TargetGate {
  begin(resourceId: string): void;
  end(resourceId: string): void;
  /** What resources say of themselves; those not named get the usual number. */
  setLimits(limits: ReadonlyMap<string, number>): void;
  /** Calls it may get besides those that run; 0: none now. While it is away: no removal but the probe, and of the rest one. */
  roomOf(resourceId: string, kind: WorkKind): number;
  /** Targets that may get none of this kind now. */
  closed(kind: WorkKind): string[];
  /** Away, and it is time to ask again. Counts as asked. */
  takeProbes(now: Instant): string[];
  /** Says what a call taught. Answers `returned` when a target that was away has answered. */
  heard(resourceId: string, what: 'answer' | 'silence', now: Instant): 'returned' | 'known';
  /** Everything is tried at once, as if all were there. */
  forget(): void;
}

export function createTargetGate(usualLimit: number): TargetGate {
  const running = new Map<string, number>();
  const away = new Map<string, Away>();
  let limits: ReadonlyMap<string, number> = new Map();
  const limitOf = (resourceId: string) => limits.get(resourceId) ?? usualLimit;
  const countOf = (resourceId: string) => running.get(resourceId) ?? 0;
  const roomOf = (resourceId: string, kind: WorkKind) => {
    const limit = !away.has(resourceId) ? limitOf(resourceId) : kind === 'remove' ? 0 : 1;
    return Math.max(0, limit - countOf(resourceId));
  };
  return {
    begin: (resourceId) => void running.set(resourceId, countOf(resourceId) + 1),
    end(resourceId) {
      const left = countOf(resourceId) - 1;
      if (left > 0) running.set(resourceId, left);
      else running.delete(resourceId);
    },
    setLimits(next) {
      limits = next;
    },
    roomOf,
    closed: (kind) => [...new Set([...away.keys(), ...running.keys()])].filter((id) => roomOf(id, kind) === 0),
    takeProbes(now) {
      const due: string[] = [];
      for (const [resourceId, { probes, probeAt }] of away) {
        if (now < probeAt || countOf(resourceId) >= limitOf(resourceId)) continue;
        due.push(resourceId);
        away.set(resourceId, { probes: probes + 1, probeAt: now + pauseMs(probes + 1) });
      }
      return due;
    },
    heard(resourceId, what, now) {
      if (what === 'answer') return away.delete(resourceId) ? 'returned' : 'known';
      if (!away.has(resourceId)) away.set(resourceId, { probes: 0, probeAt: now + pauseMs(0) });
      return 'known';
    },
    forget: () => away.clear(),
  };
}
const pauseMs = (probes: number): number => Math.min(PROBE_MAX_MS, PROBE_FIRST_MS * 2 ** Math.min(probes, 10));
