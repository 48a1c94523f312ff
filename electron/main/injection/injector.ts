/**
 * The life of an injection on this machine: none → writing → injected → removing → removed | removal_failed.
 * Order is everything: journal, then lease file and keeper, then the secret, then the pointer to it, then read back.
 * What a crash leaves at each step is in README.md; the sweep at the next start runs the ordinary removal.
 * Not here: when a grant ends (grants/), what a target's files look like (targets/).
 */
import { join } from 'node:path';
import { z } from 'zod';
import { Credential } from '../../../shared/contract/credential';
import { EndOn, GrantId, LevelName, Slug } from '../../../shared/contract/fields';
import type { LocalInjection } from '../../../shared/contract/ipc';
import { isLive } from './book';
import { deadlineFields, leftMs } from './deadline';
import { createDeviceKeys } from './device-key';
import { asInjectionError, invalidInput, tooLate, wrongState } from './errors';
import type { JournalEntry } from './journal';
import { LEASE_FILE } from './keeper';
import { createRemoval, type Removal } from './removal';
import { createRoom, type Room } from './room';
import { createSweep } from './sweep';
import type { Injector, InjectorDeps, InjectRequest } from './types';

const Request = z.strictObject({
  grantId: GrantId,
  resource: Slug,
  level: LevelName,
  credential: Credential,
  expiresAt: z.number().nonnegative().finite(),
  issue: z.int().min(1).optional(),
  endOn: EndOn.optional(),
});

/** Decides where everything will lie; writes nothing. `begun`: its key is there already, and where that is, the rest goes. */
async function newEntry(room: Room, request: InjectRequest, begun: JournalEntry | null): Promise<JournalEntry> {
  const { grantId, resource, level, credential, expiresAt } = request;
  const { place, preImageHash } = await room.targets.of(credential.kind).plan(credential, { resource, level });
  return {
    v: 1,
    grantId,
    resource,
    level,
    place,
    leaseFolder: begun?.leaseFolder ?? (await room.folders.choose(grantId)),
    profile: room.profile,
    preImageHash,
    order: begun?.order ?? room.book.nextOrder(),
    state: 'writing',
    why: null,
    ...(request.issue === undefined ? {} : { issue: request.issue }),
    ...(request.endOn === undefined ? {} : { endOn: request.endOn }),
    ...deadlineFields(expiresAt, room.deps.clockOffsetMs(), room.reading()),
  };
}

/** A crash in here leaves state `writing` in the journal: the sweep takes all of it away. */
async function writeAll(room: Room, entry: JournalEntry, credential: Credential): Promise<void> {
  const target = room.targets.of(entry.place.kind);
  const shared = target.sharedFileOf(entry.place);
  if (shared) await room.journal.rememberPlace(entry.place.kind, shared);
  await room.journal.write(entry);
  await room.folders.ensure(entry.leaseFolder);
  await room.leases.arm(entry);
  await target.inject(entry, credential);
  await room.verifyThere(entry);
  await room.journal.write({ ...entry, state: 'injected' });
}

async function extendNow(room: Room, grantId: string, expiresAt: number): Promise<LocalInjection> {
  const record = room.book.get(grantId);
  if (record?.state !== 'injected') throw wrongState(record?.state ?? 'none');
  const entry = { ...record.entry, ...deadlineFields(expiresAt, room.deps.clockOffsetMs(), room.reading()) };
  try {
    await room.leases.setDeadline(entry);
    await room.journal.write(entry);
  } catch (error) {
    await room.leases.setDeadline(record.entry).catch(() => undefined); // the journal's deadline holds at the next start
    throw asInjectionError(error);
  }
  room.book.set(grantId, { entry });
  room.book.changed();
  return room.book.view(grantId);
}

/**
 * A newer credential in the place of the one that is here: at an extension of a kind whose credentials carry their end.
 * Files first, then deadline and journal: a crash in between leaves the new credential under the old deadline, and the journal
 * says that the old one is here, so it is fetched and written once more.
 */
async function replaceNow(room: Room, before: JournalEntry, request: InjectRequest): Promise<LocalInjection> {
  const { grantId, credential } = request;
  const target = room.targets.of(credential.kind);
  const left = target.sharedFileOf(before.place);
  let shared: string | null = left;
  try {
    const { resource, level } = before;
    const { place } = await target.plan(credential, { resource, level });
    const deadline = deadlineFields(request.expiresAt, room.deps.clockOffsetMs(), room.reading());
    const entry: JournalEntry = { ...before, place, ...deadline, issue: request.issue };
    room.book.set(grantId, { entry: { ...before, place } }); // shared files hold what the book says is live
    shared = target.sharedFileOf(place);
    if (shared) await room.journal.rememberPlace(place.kind, shared);
    await target.inject(entry, credential);
    if (left !== null && left !== shared) await target.clean([left]);
    await room.verifyThere(entry);
    await room.leases.setDeadline(entry);
    await room.journal.write(entry);
    room.book.set(grantId, { entry });
  } catch (error) {
    room.book.set(grantId, { entry: before });
    // What fails here too is found at the removal, which looks at every remembered place.
    if (shared !== null && shared !== left) await target.clean([shared]).catch(() => undefined);
    throw asInjectionError(error);
  }
  await room.describeAll();
  room.deps.log('info', 'credential replaced by a newer one', { grantId, issue: request.issue });
  room.book.changed();
  return room.book.view(grantId);
}

async function injectNow(room: Room, removal: Removal, request: InjectRequest): Promise<LocalInjection> {
  const { book } = room;
  const { grantId } = request;
  const before = book.get(grantId);
  if (before?.state === 'injected')
    return (request.issue ?? 1) > (before.entry.issue ?? 1)
      ? replaceNow(room, before.entry, request)
      : extendNow(room, grantId, request.expiresAt);
  const begun = before?.state === 'writing' && before.entry.awaits !== undefined ? before.entry : null;
  if (before && before.state !== 'removed' && begun === null) throw wrongState(before.state);
  try {
    const entry = await newEntry(room, request, begun);
    if (leftMs(entry, room.reading()) === 0) throw tooLate();
    book.add(entry, 'writing');
    book.changed();
    await writeAll(room, entry, request.credential).catch(async (error: unknown) => {
      await removal.removeNow(grantId, 'failed');
      throw error;
    });
    book.set(grantId, { entry: { ...entry, state: 'injected' } });
  } catch (error) {
    throw asInjectionError(error);
  }
  await room.describeAll(); // before it counts as injected: whoever looks then finds how to use it
  book.set(grantId, { state: 'injected' });
  room.deps.log('info', 'credential injected', { grantId, resource: request.resource, level: request.level });
  book.changed();
  return book.view(grantId);
}

/** Makes the injector; reads and writes nothing before `sweep` or `inject`. */
export function createInjector(deps: InjectorDeps): Injector {
  const room = createRoom(deps);
  const removal = createRemoval(room);
  const { book, queue } = room;
  return {
    sweep: createSweep(room, removal),
    warmUp: () => void deps.loginShell.environment().catch(() => undefined), // whoever needs the answer is told what failed
    async inject(given) {
      const request = Request.safeParse(given);
      if (!request.success) throw invalidInput(request.error);
      return queue.run(request.data.grantId, () => injectNow(room, removal, request.data));
    },
    async extend(grantId, expiresAt) {
      if (!Number.isFinite(expiresAt) || expiresAt < 0)
        throw new RangeError(`"expiresAt" expected epoch milliseconds, got ${expiresAt}`);
      return queue.run(grantId, () => extendNow(room, grantId, expiresAt));
    },
    deviceKey: createDeviceKeys(room, removal),
    remove: removal.remove,
    list: book.list,
    remainingMs(grantId) {
      const record = book.get(grantId);
      return record && isLive(record.state) ? leftMs(record.entry, room.reading()) : null;
    },
    async secretOf(grantId) {
      const record = book.get(grantId);
      return record?.state === 'injected' ? room.targets.of(record.entry.place.kind).secretOf(record.entry) : null;
    },
    async usageOf(grantId) {
      const record = book.get(grantId);
      if (record?.state !== 'injected' || leftMs(record.entry, room.reading()) === 0) return null;
      const target = room.targets.of(record.entry.place.kind);
      const credential = await target.secretOf(record.entry);
      if (!credential) return null;
      const leaseFile = join(record.entry.leaseFolder, LEASE_FILE);
      return { credential, environment: target.environment(record.entry, credential), leaseFile };
    },
    shown(credential) {
      const target = room.targets.of(credential.kind);
      return { copyText: target.copyText(credential), facts: target.facts(credential) };
    },
    onChange: book.onChange,
    async stop() {
      removal.stop();
    },
  };
}
