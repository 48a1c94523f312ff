/**
 * Write-ahead journal: what we are about to leave on this machine is durable before any file is touched.
 * One small file per grant, so that a damaged one costs one entry, not all; a damaged one is kept aside and said, and the
 * sweep finds its traces by their marks. No secret is ever in here.
 */
import { join } from 'node:path';
import { z } from 'zod';
import { EndOn, GrantId, LevelName, Sha256Hex, Slug } from '../../../shared/contract/fields';
import type { UserError } from '../../../shared/contract/ipc';
import { END_REASONS, INJECTION_STATES } from '../../../shared/domain/states';
import { reasonOf } from './errors';
import type { FilePort } from './files';
import { Place } from './place';
import { ensurePrivateFolder, replaceOwn, unlinkIfThere } from './private-files';

export const JournalEntry = z.strictObject({
  v: z.literal(1),
  grantId: GrantId,
  resource: Slug,
  level: LevelName,
  place: Place,
  /** Folder of this lease alone: secret files and the lease file. */
  leaseFolder: z.string().min(1).max(4096),
  /** Marks what is ours in shared files. */
  profile: z.string().regex(/^[0-9a-f]{8}$/),
  /** SHA-256 of the shared file before we touched it; null when there was none. For people who investigate. */
  preImageHash: Sha256Hex.nullable(),
  /** Newer ones have higher numbers: the newest live grant of a resource gets its plain name. */
  order: z.int().nonnegative(),
  state: z.enum(INJECTION_STATES).extract(['writing', 'injected', 'removing', 'removal_failed']),
  /** Only the key that was made here lies in the folder; the credential for it is on its way (device-key.ts). */
  awaits: z.literal('credential').optional(),
  why: z.enum([...END_REASONS, 'orphan']).nullable(),
  /** In the service's time. */
  expiresAt: z.int().nonnegative(),
  /** Which of the grant's credentials is in the files; left out: the first. */
  issue: z.int().min(1).optional(),
  /** What ends it early by the policy; left out: nothing. */
  endOn: EndOn.optional(),
  /** The same deadline by this machine's wall clock and by its time since boot. */
  wallDeadlineAt: z.int().nonnegative(),
  bootDeadlineMs: z.int().nullable(),
  bootId: z.string().max(64).nullable(),
  /** Wall clock and uptime when this was written: earlier readings later on show a changed clock or a reboot. */
  seenAt: z.int().nonnegative(),
  seenUptimeMs: z.int().nullable(),
});
export type JournalEntry = z.infer<typeof JournalEntry>;

const FILE_NAME = /^(grt_[0-9a-hjkmnp-tv-z]{26})\.json$/;
const MAX_ENTRY_BYTES = 32 * 1024;
const PLACES_FILE = 'places.json';
const MAX_PLACES = 100;
const Path = z.string().min(1).max(4096);
const Kind = z.string().regex(/^[a-z]{1,32}$/);
/** A path alone is from before there was more than PostgreSQL. */
const Places = z
  .array(z.union([z.strictObject({ kind: Kind, path: Path }), Path.transform((path) => ({ kind: 'postgres', path }))]))
  .max(MAX_PLACES);

export interface JournalContent {
  readonly entries: readonly JournalEntry[];
  readonly notices: readonly UserError[];
}
export interface Journal {
  /** Reads all; damaged files are renamed to `….kept-aside-<n>` and told. */
  load(): Promise<JournalContent>;
  /** Durable when it resolves. */
  write(entry: JournalEntry): Promise<void>;
  /** Fine to call on something already gone. */
  forget(grantId: string): Promise<void>;
  /**
   * Shared files that we ever edited, with the kind of target that did: looked through for marks when the journal is damaged.
   * The kind matters: a target takes everything of ours away that it does not know, also what another kind wrote.
   */
  places(): Promise<readonly { readonly kind: string; readonly path: string }[]>;
  rememberPlace(kind: string, path: string): Promise<void>;
}

export function createJournal(deps: {
  files: FilePort;
  userDataDir: string;
  platform: NodeJS.Platform;
  random: { bytes(count: number): Uint8Array };
}): Journal {
  const { files } = deps;
  const folder = join(deps.userDataDir, 'injections');
  const fileOf = (grantId: string) => join(folder, `${grantId}.json`);
  const name = () => Buffer.from(deps.random.bytes(6)).toString('hex');
  const put = async (path: string, value: unknown) => {
    await ensurePrivateFolder(files, folder, deps.platform);
    await replaceOwn(files, path, Buffer.from(`${JSON.stringify(value, null, 1)}\n`), name());
  };
  /** Keeps what can't be understood, under a name that is not read again. */
  const keepAside = async (file: string, cause: unknown): Promise<UserError> => {
    const aside = `${file}.kept-aside-${name()}`;
    await files.rename(join(folder, file), join(folder, aside));
    return {
      code: 'journal-kept-aside',
      what: `A record of injected credentials (${file}) could not be read.`,
      safe: 'What it belongs to was looked for by its marks and taken away.',
      next: `The record was kept as ${join(folder, aside)}; it holds no secret and may be deleted.`,
      detail: reasonOf(cause).slice(0, 500),
    };
  };
  const readEntry = async (file: string): Promise<JournalEntry> => {
    const bytes = await files.read(join(folder, file));
    if (bytes.length > MAX_ENTRY_BYTES) throw new Error('larger than a record can be');
    const entry = JournalEntry.parse(JSON.parse(bytes.toString('utf8')));
    if (`${entry.grantId}.json` !== file) throw new Error('it speaks of another grant than its name says');
    return entry;
  };

  return {
    async load() {
      const entries: JournalEntry[] = [];
      const notices: UserError[] = [];
      for (const file of await files.readFolder(folder)) {
        if (file.includes('.new-')) await unlinkIfThere(files, join(folder, file)).catch(() => undefined); // a crash left it
        if (!FILE_NAME.test(file)) continue;
        try {
          entries.push(await readEntry(file));
        } catch (error) {
          notices.push(await keepAside(file, error).catch((second) => unreadable(file, second)));
        }
      }
      return { entries, notices };
    },
    write: (entry) => put(fileOf(entry.grantId), JournalEntry.parse(entry)),
    async forget(grantId) {
      await unlinkIfThere(files, fileOf(grantId));
      await files.syncFolder(folder).catch(() => undefined); // found again after a power cut, it is removed again
    },
    async places() {
      try {
        return Places.parse(JSON.parse((await files.read(join(folder, PLACES_FILE))).toString('utf8')));
      } catch {
        return []; // only a help for finding; the usual places are looked through in any case
      }
    },
    async rememberPlace(kind, path) {
      const known = await this.places();
      if (known.some((place) => place.kind === kind && place.path === path)) return;
      await put(join(folder, PLACES_FILE), [...known.slice(-(MAX_PLACES - 1)), { kind, path }]);
    },
  };
}

const unreadable = (file: string, cause: unknown): UserError => ({
  code: 'journal-unreadable',
  what: `A record of injected credentials (${file}) could neither be read nor moved.`,
  safe: 'What it belongs to was looked for by its marks and taken away.',
  next: 'Check the rights of the folder.',
  detail: reasonOf(cause).slice(0, 500),
});
