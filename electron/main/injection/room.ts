/** The parts that injecting, removing and sweeping share, put together once. */
import { join } from 'node:path';
import { type Book, createBook } from './book';
import type { ClockReading } from './deadline';
import { reasonOf } from './errors';
import { createJournal, type Journal, type JournalEntry } from './journal';
import { LEASE_FILE, type LeaseDeadline, leaseText } from './keeper';
import { createLeaseFolders, type LeaseFolders, profileOf } from './lease-folders';
import { replaceOwn, unlinkIfThere } from './private-files';
import { createQueue, type Queue } from './queue';
import { createTargets, type Targets } from './targets';
import type { InjectorDeps } from './types';

export interface Room {
  readonly deps: InjectorDeps;
  readonly profile: string;
  readonly book: Book;
  readonly folders: LeaseFolders;
  readonly journal: Journal;
  readonly targets: Targets;
  /** One thing at a time per grant. */
  readonly queue: Queue;
  reading(): ClockReading;
  /** Names move between overlapping grants: after each edit all live ones are described anew. */
  describeAll(): Promise<void>;
  /** @throws unless the secret and the pointer to it are there */
  verifyThere(entry: JournalEntry): Promise<void>;
  /** @throws unless the files say that nothing of this grant is left */
  verifyGone(entry: JournalEntry): Promise<void>;
  readonly leases: Leases;
}
/** The lease file and the keeper that reads it. */
export interface Leases {
  arm(entry: JournalEntry): Promise<void>;
  armAgain(entry: JournalEntry): Promise<void>;
  setDeadline(entry: JournalEntry): Promise<void>;
  forget(grantId: string): void;
}

const deadlineOf = (entry: JournalEntry): LeaseDeadline => ({
  bootMs: entry.bootDeadlineMs,
  wallMs: entry.wallDeadlineAt,
});

function createLeases(deps: InjectorDeps): Leases {
  const freshName = () => Buffer.from(deps.random.bytes(8)).toString('hex');
  const names = new Map<string, string>();
  const write = (entry: JournalEntry, name: string) => {
    const text = Buffer.from(leaseText(deadlineOf(entry), name));
    return replaceOwn(deps.files, join(entry.leaseFolder, LEASE_FILE), text, freshName());
  };
  const start = (entry: JournalEntry, name: string) =>
    deps.keeper.start({ folder: entry.leaseFolder, name, deadline: deadlineOf(entry) });
  /** Files that an earlier life was killed over, of ours and of targets: the whole folder is ours. */
  const clearLeftovers = async (folder: string) => {
    for (const file of await deps.files.readFolder(folder))
      if (file.includes('.new-')) await unlinkIfThere(deps.files, join(folder, file)).catch(() => undefined);
  };
  return {
    /** Lease first: a keeper ends when its folder is empty. */
    async arm(entry) {
      const name = freshName();
      await write(entry, name);
      await start(entry, name);
      names.set(entry.grantId, name);
    },
    /** Keeper first: the old one goes only when the new one is there. */
    async armAgain(entry) {
      const name = freshName();
      await start(entry, name);
      await write(entry, name);
      names.set(entry.grantId, name);
      await clearLeftovers(entry.leaseFolder);
    },
    setDeadline: (entry) => write(entry, names.get(entry.grantId) ?? freshName()),
    forget: (grantId) => void names.delete(grantId),
  };
}

export function createRoom(deps: InjectorDeps): Room {
  const { files, platform, env, userDataDir } = deps;
  const profile = profileOf(userDataDir);
  const book = createBook();
  const folders = createLeaseFolders({ files, platform, env, userDataDir, profile });
  const queue = createQueue();
  const targets = createTargets(
    { ...deps, surgery: { ...deps, queue: createQueue() }, profile, grantOf: (path) => folders.grantOf(path) },
    { live: () => book.live() },
  );
  const hasTraces = async (entry: JournalEntry): Promise<boolean | null> => {
    const target = targets.of(entry.place.kind);
    const shared = target.sharedFileOf(entry.place);
    return shared === null ? null : (await target.traces(shared)).has(entry.grantId);
  };
  return {
    deps,
    profile,
    book,
    folders,
    queue,
    targets,
    journal: createJournal(deps),
    leases: createLeases(deps),
    reading: () => ({ wallAt: deps.now(), boot: deps.bootClock.read() }),
    async describeAll() {
      for (const entry of book.live()) {
        try {
          book.set(entry.grantId, await targets.of(entry.place.kind).describe(entry));
        } catch (error) {
          deps.log('warn', 'could not describe an injection', { grantId: entry.grantId, reason: reasonOf(error) });
        }
      }
    },
    async verifyThere(entry) {
      const hasSecret = (await targets.of(entry.place.kind).secretOf(entry)) !== null;
      if (!hasSecret || (await hasTraces(entry)) === false) throw new Error('the files do not hold what was written');
    },
    async verifyGone(entry) {
      if (!(await folders.isGone(entry.leaseFolder))) throw new Error(`something is left in ${entry.leaseFolder}`);
      if (await hasTraces(entry)) throw new Error('our lines are still in the shared file');
    },
  };
}
