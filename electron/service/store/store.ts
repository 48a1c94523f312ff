/**
 * What the rooms of the service see of the store. One `write` is one durable transaction: state, audit leaves and
 * outbox events commit together or not at all; if the audit entry can't be made, the action is refused.
 */
import type { Kysely, Transaction } from 'kysely';
import type { AuditBody } from '../../../shared/contract/audit';
import type { EventOf, EventType } from '../../../shared/contract/events';
import type { Instant } from '../../../shared/domain/instant';
import type { Role } from '../../../shared/domain/states';
import type { Database } from './schema';

/** Who may see an event, judged again at delivery by what a person is then. */
export interface Audience {
  readonly people: readonly string[];
  readonly roles: readonly Role[] /** everybody signed in */;
  readonly everybody?: boolean;
}
export interface AuditDraft extends Omit<AuditBody, 'at'> {
  readonly personId?: string;
  readonly resourceId?: string;
  readonly grantId?: string;
}
export interface EventDraft<T extends EventType = EventType> {
  readonly type: T;
  readonly subject: string;
  readonly data: EventOf<T>['data'];
  readonly audience: Audience;
}

export interface WriteTx {
  readonly db: Transaction<Database>;
  /** Staged; numbered and hashed just before commit. */
  audit(entry: AuditDraft): void;
  event<T extends EventType>(event: EventDraft<T>): void;
  /** The next ticket number (HP-<n>), taken under the commit lock. */
  nextTicketNumber(): Promise<number>;
  /** Runs after the commit, in commit order. For wake-ups only: a crash may skip it. */
  afterCommit(callback: () => void): void;
}
/**
 * `change` (when nothing is said): refused in revoke_only mode. `removal`: takes access away, so it goes ahead even when its audit
 * entry can't be made yet (the entry follows). `upkeep`: gives nobody access and has no audit entry (nonces, seen marks, claims of due
 * work), so that people can sign in and end their access in revoke_only mode too.
 */
export type WritePurpose = 'change' | 'removal' | 'upkeep';
export interface WriteOptions {
  readonly purpose?: WritePurpose;
}
export interface Store {
  readonly dialect: 'sqlite' | 'postgres';
  /** `revoke_only` when the database or log failed its check: only removal of access goes ahead. */
  readonly mode: () => { mode: 'normal' | 'revoke_only'; reason: string | null };
  /** For reading only: a statement that writes fails here. Inside `write`, use `tx.db`. */
  readonly db: Kysely<Database>;
  /** C2SP verifier key of the audit log (`name+id+key`). */
  readonly logKey: string;
  /**
   * Writes of all instances run one after another, each seeing what the one before it committed: a check and the change that rests
   * on it need no lock. Keep callbacks short, without I/O of their own; they may run again. Don't call `write` inside `write`.
   * Retries serialization failures; throws what the callback throws, with nothing written. In revoke_only mode only `removal` goes ahead. */
  write<T>(work: (tx: WriteTx) => Promise<T>, options?: WriteOptions): Promise<T>;
  /** Called with the newest event number after commits, here or (within 1 s) in another instance. Returns its unsubscribe. */
  onCommit(listener: (seq: number) => void): () => void;
  /** Removes what is kept for a time only: events (7 days), idempotent replies (24 h), expired nonces and token ids. */
  prune(now: Instant): Promise<void>;
  /** Reads the whole log and recomputes every hash. What is wrong, or null; wrong also means revoke_only from now on. */
  checkWholeLog(): Promise<string | null>;
  close(): Promise<void>;
}
