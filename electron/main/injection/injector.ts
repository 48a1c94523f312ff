/**
 * The life of an injection on this machine: none → writing → injected → removing → removed | removal_failed.
 * Order is everything: journal, then lease file and keeper, then the secret, then the pointer to it, then read back.
 * Removal goes the other way and every part is tried: the secret first, since it is what gives access; "removed" is said only after a read-back.
 * What a crash leaves at each step is in README.md; the sweep at the next start runs this same removal.
 * Not here: when a grant ends (grants/), what a target's files look like (targets/).
 */
import { join } from 'node:path';
import { z } from 'zod';
import { Credential } from '../../../shared/contract/credential';
import { GrantId, LevelName, Slug } from '../../../shared/contract/fields';
import type { LocalInjection, UserError } from '../../../shared/contract/ipc';
import type { InjectionState } from '../../../shared/domain/states';
import { deadlineFields, leftMs } from './deadline';
import { InjectionError, reasonOf } from './errors';
import { createJournal, type JournalEntry } from './journal';
import { LEASE_FILE, leaseText } from './keeper';
import { createLeaseFolders, profileOf } from './lease-folders';
import { replaceOwn } from './private-files';
import { createQueue } from './queue';
import { createTargets } from './targets';
import type { Injector, InjectorDeps, InjectRequest, RemovalReason, SweepReport } from './types';

const Request = z.strictObject({
  grantId: GrantId,
  resource: Slug,
  level: LevelName,
  credential: Credential,
  expiresAt: z.number().nonnegative().finite(),
});
const RETRY_FIRST_MS = 1_000;
const RETRY_MAX_MS = 60_000;
/** Removed ones are remembered for the list, but not for ever. */
const MAX_REMEMBERED = 200;

interface Record {
  readonly entry: JournalEntry;
  readonly state: InjectionState;
  readonly files: readonly string[];
  readonly command: string | null;
  readonly warnings: readonly string[];
  readonly error: string | null;
  readonly tries: number;
}
const LIVE_STATES: readonly InjectionState[] = ['writing', 'injected'];

/** Makes the injector; reads and writes nothing before `sweep` or `inject`. */
export function createInjector(deps: InjectorDeps): Injector {
  const { files, platform } = deps;
  const profile = profileOf(deps.userDataDir);
  const folders = createLeaseFolders({ files, platform, env: deps.env, userDataDir: deps.userDataDir, profile });
  const journal = createJournal(deps);
  const queue = createQueue();
  const records = new Map<string, Record>();
  const listeners = new Set<(all: LocalInjection[]) => void>();
  const retries = new Map<string, () => void>();
  let stopped = false;

  const newest = () => [...records.values()].sort((a, b) => b.entry.order - a.entry.order);
  const live = () => newest().flatMap(({ entry, state }) => (LIVE_STATES.includes(state) ? [entry] : []));
  const surgery = {
    files,
    queue,
    now: deps.now,
    random: deps.random,
    pause: deps.pause,
    processId: deps.processId,
    isAlive: deps.isAlive,
  };
  const targets = createTargets({ ...deps, surgery, profile, grantOf: (path) => folders.grantOf(path) }, { live });
  const reading = () => ({ wallAt: deps.now(), boot: deps.bootClock.read() });
  const freshName = () => Buffer.from(deps.random.bytes(8)).toString('hex');

  const view = ({ entry, state, files: paths, command, warnings, error }: Record): LocalInjection => ({
    grantId: entry.grantId,
    resource: entry.resource,
    level: entry.level,
    state,
    files: [...paths],
    command: state === 'injected' ? command : null,
    warnings: [...warnings],
    expiresAt: entry.expiresAt,
    error,
  });
  const list = () => newest().map(view);
  const changed = () => {
    for (const listener of listeners) listener(list());
  };
  const set = (grantId: string, change: Partial<Record>): void => {
    const record = records.get(grantId);
    if (!record) return;
    records.set(grantId, { ...record, ...change });
  };
  const viewOf = (grantId: string): LocalInjection => {
    const record = records.get(grantId);
    return record
      ? view(record)
      : {
          grantId,
          resource: '',
          level: '',
          state: 'none',
          files: [],
          command: null,
          warnings: [],
          expiresAt: null,
          error: null,
        };
  };

  /** Names move between overlapping grants: after each edit all live ones are described anew. */
  const describeAll = async (): Promise<void> => {
    for (const entry of live()) {
      try {
        set(entry.grantId, await targets.of(entry.place.kind).describe(entry));
      } catch (error) {
        deps.log('warn', 'could not describe an injection', { grantId: entry.grantId, reason: reasonOf(error) });
      }
    }
  };
  const writeLease = (entry: JournalEntry, name: string) =>
    replaceOwn(
      files,
      join(entry.leaseFolder, LEASE_FILE),
      Buffer.from(leaseText(deadlineOf(entry), name)),
      freshName(),
    );
  const keeperNames = new Map<string, string>();
  /** Lease first: a keeper ends when its folder is empty. */
  const armNew = async (entry: JournalEntry): Promise<void> => {
    const name = freshName();
    await writeLease(entry, name);
    await deps.keeper.start({ folder: entry.leaseFolder, name, deadline: deadlineOf(entry) });
    keeperNames.set(entry.grantId, name);
  };
  /** Keeper first: the old one goes only when the new one is there. */
  const armAgain = async (entry: JournalEntry): Promise<void> => {
    const name = freshName();
    await deps.keeper.start({ folder: entry.leaseFolder, name, deadline: deadlineOf(entry) });
    await writeLease(entry, name);
    keeperNames.set(entry.grantId, name);
  };

  /** Throws unless the files say that nothing of this grant is left. */
  const verifyGone = async (entry: JournalEntry): Promise<void> => {
    const target = targets.of(entry.place.kind);
    const shared = target.sharedFileOf(entry.place);
    const left = !(await folders.isGone(entry.leaseFolder))
      ? entry.leaseFolder
      : shared && (await target.traces(shared)).has(entry.grantId)
        ? shared
        : null;
    if (left) throw new Error(`something is left in ${left}`);
  };
  const verifyThere = async (entry: JournalEntry): Promise<void> => {
    const target = targets.of(entry.place.kind);
    const shared = target.sharedFileOf(entry.place);
    const isThere = (await target.secretOf(entry)) && (!shared || (await target.traces(shared)).has(entry.grantId));
    if (!isThere) throw new Error('the files do not hold what was written');
  };

  /** Every part is tried; one failure stops none. Returns the failures. */
  const takeAway = async (entry: JournalEntry, why: RemovalReason): Promise<unknown[]> => {
    const failures: unknown[] = [];
    const attempt = async (work: () => Promise<void>) => {
      try {
        await work();
      } catch (error) {
        failures.push(error);
      }
    };
    const target = targets.of(entry.place.kind);
    const shared = target.sharedFileOf(entry.place);
    await attempt(() => folders.remove(entry.leaseFolder));
    // a restart must not take it for live; when this can't be written, the missing secret says the same
    await journal.write({ ...entry, state: 'removing', why }).catch((error: unknown) => {
      deps.log('warn', 'could not note a removal in the journal', { grantId: entry.grantId, reason: reasonOf(error) });
    });
    if (shared) await attempt(() => target.clean([shared]));
    if (failures.length === 0) await attempt(() => verifyGone(entry));
    if (failures.length === 0) await attempt(() => journal.forget(entry.grantId));
    return failures;
  };
  const retryLater = (grantId: string, why: RemovalReason, tries: number): void => {
    if (stopped) return;
    retries.get(grantId)?.();
    const lengthMs = Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** Math.min(tries - 1, 16));
    retries.set(
      grantId,
      deps.after(lengthMs, () => void remove(grantId, why)),
    );
  };
  const removeNow = async (grantId: string, why: RemovalReason): Promise<LocalInjection> => {
    const record = records.get(grantId);
    if (!record || record.state === 'removed') return viewOf(grantId);
    retries.get(grantId)?.();
    retries.delete(grantId);
    set(grantId, { state: 'removing', error: null });
    changed();
    const failures = await takeAway(record.entry, why);
    keeperNames.delete(grantId);
    if (failures.length === 0) {
      set(grantId, { state: 'removed', command: null, warnings: [], error: null });
      deps.log('info', 'credential removed from this machine', { grantId, why });
    } else {
      const tries = record.tries + 1;
      set(grantId, { state: 'removal_failed', error: failures.map(reasonOf).join(' ').slice(0, 500), tries });
      deps.log('error', 'credential could not be removed from this machine', {
        grantId,
        why,
        tries,
        reason: reasonOf(failures[0]),
      });
      retryLater(grantId, why, tries);
    }
    await describeAll();
    changed();
    return viewOf(grantId);
  };
  const remove = (grantId: string, why: RemovalReason) => queue.run(grantId, () => removeNow(grantId, why));

  const newEntry = async (request: InjectRequest): Promise<JournalEntry> => {
    const { grantId, resource, level } = request;
    const { place, preImageHash } = await targets.of(request.credential.kind).plan(request.credential);
    const order = Math.max(0, ...[...records.values()].map(({ entry }) => entry.order)) + 1;
    const leaseFolder = await folders.choose(grantId);
    const deadline = deadlineFields(request.expiresAt, deps.clockOffsetMs(), reading());
    return {
      v: 1,
      grantId,
      resource,
      level,
      place,
      leaseFolder,
      profile,
      preImageHash,
      order,
      state: 'writing',
      why: null,
      ...deadline,
    };
  };
  const forgetOldest = () => {
    const removed = newest().filter(({ state }) => state === 'removed');
    for (const { entry } of removed.slice(MAX_REMEMBERED)) records.delete(entry.grantId);
  };
  /** A crash in here leaves state `writing`: the sweep takes all of it away. */
  const writeAll = async (entry: JournalEntry, credential: Credential): Promise<void> => {
    const target = targets.of(entry.place.kind);
    const shared = target.sharedFileOf(entry.place);
    if (shared) await journal.rememberPlace(shared);
    await journal.write(entry);
    await folders.ensure(entry.leaseFolder);
    await armNew(entry);
    await target.inject(entry, credential);
    await verifyThere(entry);
    await journal.write({ ...entry, state: 'injected' });
  };
  const injectNow = async (request: InjectRequest): Promise<LocalInjection> => {
    const { grantId } = request;
    const before = records.get(grantId);
    if (before?.state === 'injected') return extendNow(grantId, request.expiresAt);
    if (before && before.state !== 'removed') throw busy(before.state);
    let entry: JournalEntry;
    try {
      entry = await newEntry(request);
    } catch (error) {
      throw asInjectionError(error);
    }
    if (leftMs(entry, reading()) === 0) throw tooLate();
    forgetOldest();
    records.set(grantId, { entry, state: 'writing', files: [], command: null, warnings: [], error: null, tries: 0 });
    changed();
    try {
      await writeAll(entry, request.credential);
    } catch (error) {
      await removeNow(grantId, 'failed');
      throw asInjectionError(error);
    }
    set(grantId, { entry: { ...entry, state: 'injected' }, state: 'injected' });
    await describeAll();
    deps.log('info', 'credential injected', { grantId, resource: entry.resource, level: entry.level });
    changed();
    return viewOf(grantId);
  };

  const extendNow = async (grantId: string, expiresAt: number): Promise<LocalInjection> => {
    const record = records.get(grantId);
    if (record?.state !== 'injected') throw busy(record?.state ?? 'none');
    const entry = { ...record.entry, ...deadlineFields(expiresAt, deps.clockOffsetMs(), reading()) };
    const name = keeperNames.get(grantId) ?? freshName();
    try {
      await writeLease(entry, name);
      await journal.write(entry);
    } catch (error) {
      await writeLease(record.entry, name).catch(() => undefined); // early is the safe side
      throw asInjectionError(error);
    }
    set(grantId, { entry });
    changed();
    return viewOf(grantId);
  };

  const sweeper = createSweeper();
  return {
    sweep: () => sweeper.sweep(),
    inject: async (given) => {
      const request = Request.safeParse(given);
      if (!request.success) throw invalid(request.error);
      return queue.run(request.data.grantId, () => injectNow(request.data));
    },
    extend: async (grantId, expiresAt) => {
      if (!Number.isFinite(expiresAt) || expiresAt < 0)
        throw new RangeError(`"expiresAt" expected epoch milliseconds, got ${expiresAt}`);
      return queue.run(grantId, () => extendNow(grantId, expiresAt));
    },
    remove,
    list,
    remainingMs: (grantId) => {
      const record = records.get(grantId);
      return record && LIVE_STATES.includes(record.state) ? leftMs(record.entry, reading()) : null;
    },
    secretOf: async (grantId) => {
      const record = records.get(grantId);
      return record?.state === 'injected' ? targets.of(record.entry.place.kind).secretOf(record.entry) : null;
    },
    onChange: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    stop: async () => {
      stopped = true;
      for (const cancel of retries.values()) cancel();
      retries.clear();
      listeners.clear();
    },
  };

  /** What an earlier life left: removed, resumed, or reported. */
  function createSweeper() {
    type Draft = {
      removed: { grantId: string; why: RemovalReason }[];
      failed: string[];
      resumed: string[];
      lost: string[];
      notices: UserError[];
    };
    const takeUp = async (draft: Draft): Promise<void> => {
      const { entries, notices } = await journal.load();
      draft.notices.push(...notices);
      for (const entry of entries)
        if (!records.has(entry.grantId))
          records.set(entry.grantId, {
            entry,
            state: entry.state,
            files: [],
            command: null,
            warnings: [],
            error: null,
            tries: 0,
          });
    };
    const finish = async (grantId: string, why: RemovalReason, draft: Draft): Promise<void> => {
      const after = await remove(grantId, why);
      if (after.state === 'removed') draft.removed.push({ grantId, why });
      else draft.failed.push(grantId);
    };
    const settle = async ({ entry, state }: Record, draft: Draft): Promise<void> => {
      const { grantId } = entry;
      if (state === 'removed') return;
      if (state !== 'injected') return finish(grantId, entry.why ?? 'failed', draft);
      if (leftMs(entry, reading()) === 0) return finish(grantId, 'expired', draft);
      const isWhole = await verifyThere(entry).then(
        () => true,
        () => false,
      );
      if (!isWhole) {
        draft.lost.push(grantId);
        return finish(grantId, 'orphan', draft);
      }
      try {
        await armAgain(entry);
      } catch (error) {
        draft.notices.push(asInjectionError(error).userError);
      }
      draft.resumed.push(grantId);
    };
    /** Marks and folders that no journal entry knows. */
    const orphans = async (draft: Draft): Promise<void> => {
      const known = (grantId: string) => records.has(grantId) && records.get(grantId)?.state !== 'removed';
      const gone = new Set<string>();
      const guard = async (work: () => Promise<void>) => {
        await work().catch((error: unknown) => void draft.notices.push(asInjectionError(error).userError));
      };
      await guard(async () => {
        for (const { grantId, folder } of await folders.list())
          if (!known(grantId)) await guard(() => folders.remove(folder).then(() => void gone.add(grantId)));
      });
      const places = await journal.places();
      for (const target of targets.all)
        for (const path of target.sharedFiles(places)) {
          const work = async () => {
            const strange = [...(await target.traces(path))].filter((grantId) => !known(grantId));
            await target.clean([path]); // also when there is none: a crash may have left a lock or a temp file
            for (const grantId of strange) gone.add(grantId);
          };
          // a strange thing at the usual place is the user's own business as long as we never wrote there
          if (places.includes(path)) await guard(work);
          else await work().catch(() => undefined);
        }
      for (const grantId of gone) draft.removed.push({ grantId, why: 'orphan' });
    };
    const sweep = async (): Promise<SweepReport> => {
      const draft: Draft = { removed: [], failed: [], resumed: [], lost: [], notices: [] };
      const running = new Set(records.keys());
      void deps.loginShell.environment().catch(() => undefined); // asked early, so that nobody waits for it later
      try {
        await takeUp(draft);
      } catch (error) {
        draft.notices.push(asInjectionError(error).userError);
      }
      for (const record of newest()) {
        const isOverdue = record.state === 'injected' && leftMs(record.entry, reading()) === 0;
        if (running.has(record.entry.grantId) && !isOverdue) continue; // ours already: not left by an earlier life
        await settle(record, draft);
      }
      await orphans(draft);
      await describeAll();
      changed();
      return { ...draft, resumed: draft.resumed.map(viewOf) };
    };
    return { sweep: () => queue.run('sweep', sweep) };
  }
}

const deadlineOf = (entry: JournalEntry) => ({ bootMs: entry.bootDeadlineMs, wallMs: entry.wallDeadlineAt });

function asInjectionError(error: unknown): InjectionError {
  if (error instanceof InjectionError) return error;
  return new InjectionError(
    {
      code: 'injection-failed',
      what: 'The credential could not be put in its place on this machine.',
      safe: 'What had been written was taken away again.',
      next: 'Check that your home folder is writable and the disk is not full, then try again.',
      detail: reasonOf(error).slice(0, 500),
    },
    { cause: error },
  );
}
const busy = (state: InjectionState) =>
  new InjectionError({
    code: 'wrong-state',
    what:
      state === 'none'
        ? 'Nothing is injected for this grant.'
        : `This grant’s credential is ${state.replace('_', ' ')}.`,
    safe: 'Nothing was changed.',
    next: 'Wait until that has finished.',
  });
const tooLate = () =>
  new InjectionError({
    code: 'too-late',
    what: 'This access had already ended when its credential arrived.',
    safe: 'Nothing was written.',
    next: 'Check this machine’s clock, then request access again.',
  });
/** Tells the fields, never their values: the credential is among them. */
const invalid = (error: z.ZodError) =>
  new InjectionError({
    code: 'invalid-input',
    what: 'The credential can’t be injected: something in it is not as it should be.',
    safe: 'Nothing was written.',
    next: 'Tell an administrator.',
    detail: error.issues.map((issue) => issue.path.join('.')).join(', '),
  });
