/**
 * Takes an injection away: the secret first, since it is what gives access, then the pointer to it, then a read-back.
 * Every part is tried whatever happens to the others. What fails is shown and tried again, for ever, with capped pauses.
 */
import type { LocalInjection } from '../../../shared/contract/ipc';
import { reasonOf } from './errors';
import type { JournalEntry } from './journal';
import type { Room } from './room';
import type { RemovalReason } from './types';

const RETRY_FIRST_MS = 1_000;
const RETRY_MAX_MS = 60_000;

export interface Removal {
  /** Waits for its turn; never throws. */
  remove(grantId: string, why: RemovalReason): Promise<LocalInjection>;
  /** For callers who have the turn of this grant already. */
  removeNow(grantId: string, why: RemovalReason): Promise<LocalInjection>;
  stop(): void;
}

/** Other shared files with marks of this grant: a setting was changed, and the change of place failed half-way. */
async function strayPlaces(room: Room, { grantId, place }: JournalEntry, shared: string | null): Promise<string[]> {
  const target = room.targets.of(place.kind);
  const strays: string[] = [];
  for (const { kind, path } of await room.journal.places()) {
    if (kind !== place.kind || path === shared) continue;
    // One that can't be read any more is the person's own business, and no reason to say that this grant is still here.
    const traces = await target.traces(path).catch(() => null);
    if (traces?.has(grantId)) strays.push(path);
  }
  return strays;
}

/** Returns the failures; none means read back as gone. */
async function takeAway(room: Room, entry: JournalEntry, why: RemovalReason): Promise<unknown[]> {
  const failures: unknown[] = [];
  const attempt = async (work: () => Promise<void>) => {
    try {
      await work();
    } catch (error) {
      failures.push(error);
    }
  };
  const target = room.targets.of(entry.place.kind);
  const shared = target.sharedFileOf(entry.place);
  await attempt(() => room.folders.remove(entry.leaseFolder));
  // a restart must not take it for live; when this can't be written, the missing secret says the same
  await room.journal.write({ ...entry, state: 'removing', why }).catch((error: unknown) => {
    room.deps.log('warn', 'could not note a removal', { grantId: entry.grantId, reason: reasonOf(error) });
  });
  if (shared) await attempt(() => target.clean([shared]));
  for (const path of await strayPlaces(room, entry, shared)) await attempt(() => target.clean([path]));
  if (failures.length === 0) await attempt(() => room.verifyGone(entry));
  if (failures.length === 0) await attempt(() => room.journal.forget(entry.grantId));
  return failures;
}

export function createRemoval(room: Room): Removal {
  const { book, deps } = room;
  const retries = new Map<string, () => void>();
  let stopped = false;

  const retryLater = (grantId: string, why: RemovalReason, tries: number): void => {
    if (stopped) return;
    const lengthMs = Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** Math.min(tries - 1, 16));
    retries.set(
      grantId,
      deps.after(lengthMs, () => void remove(grantId, why)),
    );
  };
  const removeNow = async (grantId: string, why: RemovalReason): Promise<LocalInjection> => {
    const record = book.get(grantId);
    if (!record || record.state === 'removed') return book.view(grantId);
    retries.get(grantId)?.();
    retries.delete(grantId);
    book.set(grantId, { state: 'removing', error: null });
    book.changed();
    const failures = await takeAway(room, record.entry, why);
    room.leases.forget(grantId);
    if (failures.length === 0) {
      book.set(grantId, { state: 'removed', command: null, warnings: [], error: null });
      deps.log('info', 'credential removed from this machine', { grantId, why });
    } else {
      const tries = record.tries + 1;
      book.set(grantId, { state: 'removal_failed', error: failures.map(reasonOf).join(' ').slice(0, 500), tries });
      const reason = reasonOf(failures[0]);
      deps.log('error', 'credential could not be removed from this machine', { grantId, why, tries, reason });
      retryLater(grantId, why, tries);
    }
    await room.describeAll();
    book.changed();
    return book.view(grantId);
  };
  const remove = (grantId: string, why: RemovalReason) => room.queue.run(grantId, () => removeNow(grantId, why));
  return {
    remove,
    removeNow,
    stop() {
      stopped = true;
      for (const cancel of retries.values()) cancel();
      retries.clear();
    },
  };
}
