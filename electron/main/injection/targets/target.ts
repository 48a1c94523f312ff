/**
 * One kind of local place that a credential can be injected into. The frame (journal, lease folder, keeper, states,
 * retries, sweep) is the same for all and lives in index.ts; a target knows its files only.
 * A target can be called twice and can be checked: inject and remove are idempotent, `traces` reads the files.
 */
import type { Credential } from '../../../../shared/contract/credential';
import type { JournalEntry } from '../journal';
import type { Place } from '../place';

export type Live = Pick<
  JournalEntry,
  'grantId' | 'resource' | 'level' | 'place' | 'leaseFolder' | 'order' | 'wallDeadlineAt'
>;
export type LiveAt<P extends Place> = Live & { readonly place: P };
/** What the person needs to know of one injection. */
export interface Description {
  readonly files: readonly string[];
  readonly command: string | null;
  readonly warnings: readonly string[];
}

/** What the reveal window lists, in its order: name and value. Holds the secret. */
export type CredentialFacts = readonly (readonly [name: string, value: string])[];

/** `C` and `P` are the members of the two unions that this kind is about; the frame hands a target nothing else. */
export interface InjectionTarget<C extends Credential = Credential, P extends Place = Place> {
  readonly kind: C['kind'];
  /** Decides where it would go and whether it can; writes nothing. @throws InjectionError */
  plan(credential: C, about: Pick<Live, 'resource' | 'level'>): Promise<{ place: P; preImageHash: string | null }>;
  /** For kinds whose credential is bound to a key that this machine makes for each grant (device-key.ts). */
  readonly key?: {
    /** Where the credential will go, as far as it is known before it is there. */
    plan(): Promise<P>;
    /** Makes a key in the lease folder; resolves with its public half as a line. */
    make(entry: LiveAt<P>): Promise<string>;
    /** The public half of the key that lies there; null when there is none. */
    find(entry: LiveAt<P>): Promise<string | null>;
  };
  /** Writes the secret into the lease folder, then the pointer to it. @throws InjectionError */
  inject(entry: LiveAt<P>, credential: C): Promise<void>;
  /** Makes every shared file of this kind hold what the live ones need and nothing else of ours. @throws InjectionError */
  clean(paths: readonly string[]): Promise<void>;
  /** Shared files to look through: those of live injections, the usual ones, and these. */
  sharedFiles(known: readonly string[]): readonly string[];
  /** Grants that left any mark in the shared file. @throws when it can't be read, which is not "none" */
  traces(path: string): Promise<ReadonlySet<string>>;
  sharedFileOf(place: P): string | null;
  describe(entry: LiveAt<P>): Promise<Description>;
  /** Reads the injected files; null when the secret is gone. */
  secretOf(entry: LiveAt<P>): Promise<C | null>;
  /**
   * Environment in which a command uses this credential by itself (`hallpass run <resource> -- cmd`). A variable holds a
   * secret only where the usual tools read it from nowhere else; a path to the lease folder's file is better. Pure.
   */
  environment(entry: LiveAt<P>, credential: C): Readonly<Record<string, string>>;
  /** What “Copy” puts on the clipboard: the part that somebody pastes where no file is read. Pure. */
  copyText(credential: C): string;
  /** Pure. */
  facts(credential: C): CredentialFacts;
}

export interface TargetContext {
  /** Entries that are being written or injected, newest first. */
  live(): readonly Live[];
}
