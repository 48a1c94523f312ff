/**
 * One kind of local place that a credential can be injected into. The frame (journal, lease folder, keeper, states,
 * retries, sweep) is the same for all and lives in index.ts; a target knows its files only.
 * A target can be called twice and can be checked: inject and remove are idempotent, `traces` reads the files.
 */
import type { Credential } from '../../../../shared/contract/credential';
import type { JournalEntry } from '../journal';
import type { Place } from '../place';

export type Live = Pick<JournalEntry, 'grantId' | 'resource' | 'level' | 'place' | 'leaseFolder' | 'order'>;
/** What the person needs to know of one injection. */
export interface Description {
  readonly files: readonly string[];
  readonly command: string | null;
  readonly warnings: readonly string[];
}

export interface InjectionTarget {
  readonly kind: Place['kind'];
  /** Decides where it would go and whether it can; writes nothing. @throws InjectionError */
  plan(credential: Credential): Promise<{ place: Place; preImageHash: string | null }>;
  /** Writes the secret into the lease folder, then the pointer to it. @throws InjectionError */
  inject(entry: Live, credential: Credential): Promise<void>;
  /** Makes every shared file of this kind hold what the live ones need and nothing else of ours. @throws InjectionError */
  clean(paths: readonly string[]): Promise<void>;
  /** Shared files to look through: those of live injections, the usual ones, and these. */
  sharedFiles(known: readonly string[]): readonly string[];
  /** Grants that left any mark in the shared file. @throws when it can't be read, which is not "none" */
  traces(path: string): Promise<ReadonlySet<string>>;
  sharedFileOf(place: Place): string | null;
  describe(entry: Live): Promise<Description>;
  /** Reads the injected files; null when the secret is gone. */
  secretOf(entry: Live): Promise<Credential | null>;
}

export interface TargetContext {
  /** Entries that are being written or injected, newest first. */
  live(): readonly Live[];
}
