/**
 * The key that this machine makes for one grant, before the credential that is bound to it exists: journal, lease folder and
 * keeper first, as for any secret; then the key; its public half is the answer. The private half never leaves the folder.
 * What a crash leaves: before the key, an entry that is asked again or swept; after it, the same key is found and offered again.
 * A key that was lost is made anew here; whether the service still takes another one is the service's to say.
 */
import { z } from 'zod';
import { Credential } from '../../../shared/contract/credential';
import { GrantId, LevelName, Slug } from '../../../shared/contract/fields';
import { deadlineFields, leftMs } from './deadline';
import { asInjectionError, invalidInput, tooLate, wrongState } from './errors';
import type { JournalEntry } from './journal';
import type { Removal } from './removal';
import type { Room } from './room';
import type { DeviceKeyRequest } from './types';

const Request = z.strictObject({
  grantId: GrantId,
  resource: Slug,
  level: LevelName,
  kind: z.enum(Credential.options.map((option) => option.shape.kind.value)),
  expiresAt: z.number().nonnegative().finite(),
});

async function offerNow(room: Room, removal: Removal, request: z.infer<typeof Request>): Promise<string> {
  const { book } = room;
  const target = room.targets.of(request.kind);
  const { key } = target;
  if (key === undefined) throw new TypeError(`no key is made on this machine for targets of kind "${request.kind}"`);
  const before = book.get(request.grantId);
  if (before !== undefined && before.state !== 'removed' && before.entry.awaits === undefined)
    throw wrongState(before.state);
  const known = before?.state === 'writing' ? before.entry : null;
  const found = known && (await key.find(known));
  if (found) return found;
  try {
    const entry: JournalEntry = {
      v: 1,
      grantId: request.grantId,
      resource: request.resource,
      level: request.level,
      place: known?.place ?? (await key.plan()),
      leaseFolder: known?.leaseFolder ?? (await room.folders.choose(request.grantId)),
      profile: room.profile,
      preImageHash: null,
      order: known?.order ?? book.nextOrder(),
      state: 'writing',
      awaits: 'credential',
      why: null,
      ...deadlineFields(request.expiresAt, room.deps.clockOffsetMs(), room.reading()),
    };
    if (leftMs(entry, room.reading()) === 0) throw tooLate();
    book.add(entry, 'writing');
    book.changed();
    try {
      await room.journal.write(entry);
      await room.folders.ensure(entry.leaseFolder);
      await room.leases.arm(entry);
      return await key.make(entry);
    } catch (error) {
      await removal.removeNow(request.grantId, 'failed');
      throw error;
    }
  } catch (error) {
    throw asInjectionError(error);
  }
}

/** Makes the key of a grant, or finds the one that was made. Resolves with its public half as a line. */
export const createDeviceKeys =
  (room: Room, removal: Removal) =>
  async (given: DeviceKeyRequest): Promise<string> => {
    const request = Request.safeParse(given);
    if (!request.success) throw invalidInput(request.error);
    return room.queue.run(request.data.grantId, () => offerNow(room, removal, request.data));
  };

/** Whether an entry's key is still there, so that a restart goes on waiting for its credential. */
export async function isAwaitingWithKey(room: Room, entry: JournalEntry): Promise<boolean> {
  if (entry.state !== 'writing' || entry.awaits === undefined || leftMs(entry, room.reading()) === 0) return false;
  const { key } = room.targets.of(entry.place.kind);
  return key !== undefined && (await key.find(entry).catch(() => null)) !== null;
}
