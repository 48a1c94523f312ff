/**
 * The one way to write. Writes of this instance queue up here, those of others at the lock on the log head; so each sees all
 * before it, and callbacks after commits run in commit order.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Clock } from '../../../shared/domain/instant';
import { AppError } from '../errors';
import type { Connections, StoreLog } from './connections';
import {
  AuditFailed,
  appendEvents,
  deferLeaves,
  LogInconsistent,
  lockHead,
  type Sequencer,
  type Staged,
} from './sequencer';
import type { EventDraft, Store, WritePurpose, WriteTx } from './store';
import { noteVaultWrites } from './table-watch';

const MAX_ATTEMPTS = 10;

export interface WriterDeps {
  readonly connections: Connections;
  readonly sequencer: Sequencer;
  readonly clock: Clock;
  readonly log: StoreLog;
  readonly newDeferredId: () => string;
  readonly revokeOnlyReason: () => string | null;
  readonly enterRevokeOnly: (reason: string) => void;
  /** Right after a commit, before the next write. */
  readonly committed: (facts: { seq: number | null; vaultTouched: boolean }) => Promise<void>;
}
interface Outcome<T> {
  readonly result: T;
  readonly seq: number | null;
  readonly vaultTouched: boolean;
  readonly callbacks: readonly (() => void)[];
}

export function createWriter(deps: WriterDeps): { write: Store['write']; drain(): Promise<void> } {
  const inside = new AsyncLocalStorage<{ open: boolean }>();
  let queue: Promise<unknown> = Promise.resolve();

  async function run<T>(work: (tx: WriteTx) => Promise<T>, purpose: WritePurpose): Promise<T> {
    const revokeOnly = deps.revokeOnlyReason();
    if (revokeOnly !== null && purpose === 'change') throw revokeOnlyError(revokeOnly);
    let outcome: Outcome<T>;
    try {
      outcome = await retried(() => attempt(work, purpose, revokeOnly === null ? 'append' : 'defer'));
    } catch (error) {
      if (error instanceof LogInconsistent) deps.enterRevokeOnly(error.message);
      else if (!(error instanceof AuditFailed)) throw explained(error);
      deps.log.error({ err: error }, 'an audit entry could not be made');
      if (purpose !== 'removal') throw refused(error);
      // Taking access away does not wait for the log: once more, with the entry kept for later.
      outcome = await retried(() => attempt(work, purpose, 'defer')).catch((again: unknown) => {
        throw explained(again);
      });
    }
    await deps.committed({ seq: outcome.seq, vaultTouched: outcome.vaultTouched });
    for (const callback of outcome.callbacks) guarded(callback);
    return outcome.result;
  }

  async function attempt<T>(
    work: (tx: WriteTx) => Promise<T>,
    purpose: WritePurpose,
    entries: 'append' | 'defer',
  ): Promise<Outcome<T>> {
    const scope = { open: true };
    const staged: Staged = { leaves: [], events: [] };
    const callbacks: (() => void)[] = [];
    let vaultTouched = false;
    let seq: number | null = null;
    try {
      const result = await deps.connections.writer.transaction().execute(async (trx) => {
        let head = await lockHead(trx, deps.connections.dialect);
        const tx: WriteTx = {
          db: noteVaultWrites(trx, () => {
            vaultTouched = true;
          }),
          audit(draft) {
            if (purpose === 'upkeep') throw new Error('an upkeep write has no audit entry');
            staged.leaves.push({ at: deps.clock.now(), draft });
          },
          event: (event) => void staged.events.push({ at: deps.clock.now(), event: event as unknown as EventDraft }),
          async nextTicketNumber() {
            head = { ...head, next_ticket: head.next_ticket + 1 };
            return head.next_ticket - 1;
          },
          afterCommit: (callback) => void callbacks.push(callback),
        };
        const value = await inside.run(scope, () => work(tx));
        const before = head;
        if (staged.leaves.length > 0) {
          if (entries === 'append') head = await asAudit(deps.sequencer.appendLeaves(trx, head, staged.leaves));
          else await deferLeaves(trx, staged.leaves, deps.newDeferredId);
        }
        if (staged.events.length > 0 || staged.leaves.length > 0 || head !== before || callbacks.length > 0) {
          const newest = await appendEvents(trx, head, staged.events);
          if (staged.events.length > 0) seq = newest;
        }
        return value;
      });
      deps.sequencer.committed();
      return { result, seq, vaultTouched, callbacks };
    } catch (error) {
      deps.sequencer.rolledBack();
      throw error;
    } finally {
      scope.open = false;
    }
  }

  async function retried<T>(once: () => Promise<T>): Promise<T> {
    for (let attempts = 1; ; attempts++) {
      try {
        return await once();
      } catch (error) {
        const cause = error instanceof AuditFailed ? error.cause : error;
        if (deps.connections.classify(cause) !== 'retry' || attempts >= MAX_ATTEMPTS) throw error;
      }
    }
  }

  function explained(error: unknown): unknown {
    if (error instanceof AppError || deps.connections.classify(error) === 'other') return error;
    return new AppError('unavailable', 'The database did not answer.', {
      safe: 'Nothing was half done: the change is either there as a whole, or not at all.',
      next: 'Look at the current state, then try again.',
      cause: error,
    });
  }

  function guarded(callback: () => void): void {
    try {
      inside.exit(callback);
    } catch (error) {
      deps.log.error({ err: error }, 'a callback after a commit failed');
    }
  }

  return {
    write(work, options) {
      if (inside.getStore()?.open === true) return Promise.reject(new Error('write inside write: use the tx at hand'));
      const turn = queue.then(() => run(work, options?.purpose ?? 'change'));
      queue = turn.catch(() => undefined);
      return turn;
    },
    async drain() {
      await queue;
      inside.disable(); // else every promise of the process goes on paying for it
    },
  };
}

/** Keeps faults of the audit entry apart from those of the work itself. */
async function asAudit<T>(appending: Promise<T>): Promise<T> {
  try {
    return await appending;
  } catch (error) {
    throw error instanceof LogInconsistent ? error : new AuditFailed(error);
  }
}

const revokeOnlyError = (reason: string) =>
  new AppError('revoke-only', 'The service only removes access at the moment.', {
    safe: 'Nothing was changed. Access that runs out or is taken away still ends.',
    next: `An administrator has to look at the service: ${reason}`,
  });
const refused = (cause: unknown) =>
  new AppError('unavailable', 'This could not be recorded in the audit log, so it was not done.', {
    safe: 'Nothing was changed.',
    next: 'Try again; if it stays so, an administrator has to look at the service.',
    cause,
  });
