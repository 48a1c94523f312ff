/**
 * Deals with what an earlier life of the app left: expired and half-written injections go, live ones are taken up again,
 * and marks that no journal entry knows are found in the usual places. Runs before anything is unlocked: nothing here
 * needs a key. One failure stops nothing else.
 */
import type { UserError } from '../../../shared/contract/ipc';
import { isLive } from './book';
import { leftMs } from './deadline';
import { isAwaitingWithKey } from './device-key';
import { asInjectionError } from './errors';
import type { JournalEntry } from './journal';
import type { Removal } from './removal';
import type { Room } from './room';
import type { RemovalReason, SweepReport } from './types';

interface Draft {
  readonly removed: { grantId: string; why: RemovalReason }[];
  readonly failed: string[];
  readonly resumed: string[];
  readonly lost: string[];
  readonly notices: UserError[];
}

export function createSweep(room: Room, removal: Removal): () => Promise<SweepReport> {
  const { book, journal } = room;
  const isOver = (entry: JournalEntry) => leftMs(entry, room.reading()) === 0;
  const guard = async (draft: Draft, work: () => Promise<void>): Promise<void> => {
    await work().catch((error: unknown) => void draft.notices.push(asInjectionError(error).userError));
  };
  const finish = async (grantId: string, why: RemovalReason, draft: Draft): Promise<void> => {
    const after = await removal.remove(grantId, why);
    if (after.state === 'removed') draft.removed.push({ grantId, why });
    else draft.failed.push(grantId);
  };
  /** Those that this life did not know yet. */
  const takeUp = async (draft: Draft): Promise<JournalEntry[]> => {
    const { entries, notices } = await journal.load();
    draft.notices.push(...notices);
    const left = entries.filter(({ grantId }) => !book.get(grantId));
    for (const entry of left) book.add(entry, entry.state);
    return left;
  };
  const isWhole = (entry: JournalEntry): Promise<boolean> =>
    room.verifyThere(entry).then(
      () => true,
      () => false,
    );

  const settle = async (entry: JournalEntry, draft: Draft): Promise<void> => {
    const { grantId, state } = entry;
    if (await isAwaitingWithKey(room, entry)) {
      await guard(draft, () => room.leases.armAgain(entry));
      return;
    }
    if (state !== 'injected') return finish(grantId, entry.why ?? 'failed', draft);
    if (isOver(entry)) return finish(grantId, 'expired', draft);
    if (!(await isWhole(entry))) {
      draft.lost.push(grantId);
      return finish(grantId, 'orphan', draft);
    }
    await guard(draft, () => room.leases.armAgain(entry)); // the keeper of the earlier life still holds the deadline
    draft.resumed.push(grantId);
  };

  /** Marks and folders that no journal entry knows. */
  const orphans = async (draft: Draft): Promise<void> => {
    const isKnown = (grantId: string) => (book.get(grantId)?.state ?? 'removed') !== 'removed';
    const gone = new Set<string>();
    await guard(draft, async () => {
      for (const { grantId, folder } of await room.folders.list()) {
        if (isKnown(grantId)) continue;
        await guard(draft, async () => {
          await room.folders.remove(folder);
          gone.add(grantId);
        });
      }
    });
    const everywhere = await journal.places();
    for (const target of room.targets.all) {
      const places = everywhere.filter(({ kind }) => kind === target.kind).map(({ path }) => path);
      for (const path of target.sharedFiles(places)) {
        const work = async () => {
          const strange = [...(await target.traces(path))].filter((grantId) => !isKnown(grantId));
          await target.clean([path]); // also when there is none: a crash may have left a lock or a temp file
          for (const grantId of strange) gone.add(grantId);
        };
        // a strange thing at a usual place is the user's own business as long as we never wrote there
        if (places.includes(path)) await guard(draft, work);
        else await work().catch(() => undefined);
      }
    }
    for (const grantId of gone) draft.removed.push({ grantId, why: 'orphan' });
  };

  const sweep = async (): Promise<SweepReport> => {
    const draft: Draft = { removed: [], failed: [], resumed: [], lost: [], notices: [] };
    // what this life injected itself is not swept, unless its time is over
    for (const { entry, state } of book.newest())
      if (isLive(state) && isOver(entry)) await finish(entry.grantId, 'expired', draft);
    await guard(draft, async () => {
      for (const entry of await takeUp(draft)) await settle(entry, draft);
    });
    await orphans(draft);
    await room.describeAll();
    book.changed();
    return { ...draft, resumed: draft.resumed.map((grantId) => book.view(grantId)) };
  };
  return () => room.queue.run('sweep', sweep);
}
