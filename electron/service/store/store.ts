/**
 * What the rooms of the service see of the store. One `write` is one durable transaction: state, audit leaves and
 * outbox events commit together or not at all; if the audit entry can't be made, the action is refused.
 */
import type { Kysely, Transaction } from 'kysely';
import type { AuditBody } from '../../../shared/contract/audit';
import type { EventOf, EventType } from '../../../shared/contract/events';
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
/** `removal`: takes access away, so it goes ahead even when its audit entry can't be made yet (the entry follows). */
export interface WriteOptions {
  readonly purpose?: 'change' | 'removal';
}
export interface Store {
  readonly dialect: 'sqlite' | 'postgres';
  /** `revoke_only` when the database or log failed its check: only removal of access goes ahead. */
  readonly mode: () => { mode: 'normal' | 'revoke_only'; reason: string | null };
  readonly db: Kysely<Database>;
  /** Retries serialization failures; throws what the callback throws, with nothing written. In revoke_only mode only `removal` goes ahead. */
  write<T>(work: (tx: WriteTx) => Promise<T>, options?: WriteOptions): Promise<T>;
  /** Called with the newest event number after commits, here or (within 1 s) in another instance. Returns its unsubscribe. */
  onCommit(listener: (seq: number) => void): () => void;
  close(): Promise<void>;
}
