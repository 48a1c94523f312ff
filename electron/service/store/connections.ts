/** What sqlite.ts and postgres.ts give to the rest of the store; beyond this nothing knows which of them it runs on. */
import type { Kysely } from 'kysely';
import type { Database } from './schema';

export interface Connections {
  readonly dialect: 'sqlite' | 'postgres';
  readonly writer: Kysely<Database>;
  /** Statements that write fail on it. */
  readonly reader: Kysely<Database>;
  /** `retry`: nothing was written, do it again. `lost`: the database went away, perhaps after it had committed. */
  classify(error: unknown): 'retry' | 'lost' | 'other';
  /** Tells other instances of a commit; calls back on theirs. Null where there is only one. */
  readonly neighbours: Neighbours | null;
  /** What is wrong with the storage itself, found while opening; null: sound. */
  readonly fault: string | null;
  close(): Promise<void>;
}
export interface Neighbours {
  tell(): void;
  onTold(listener: () => void): void;
}
/** Parts of the log of the service that the store uses; never given secrets. */
export interface StoreLog {
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
}
