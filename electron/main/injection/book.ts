/** What this process knows of each injection, and who wants to hear of changes. Memory only; the journal is the durable part. */
import type { LocalInjection } from '../../../shared/contract/ipc';
import { NOTHING_ENDS } from '../../../shared/domain/end-signals';
import type { InjectionState } from '../../../shared/domain/states';
import type { JournalEntry } from './journal';

export interface InjectionRecord {
  readonly entry: JournalEntry;
  readonly state: InjectionState;
  readonly files: readonly string[];
  readonly command: string | null;
  readonly warnings: readonly string[];
  readonly error: string | null;
  /** Failed removals in a row. */
  readonly tries: number;
}
export interface Book {
  get(grantId: string): InjectionRecord | undefined;
  add(entry: JournalEntry, state: InjectionState): void;
  /** Nothing happens for a grant that is not in the book. */
  set(grantId: string, change: Partial<InjectionRecord>): void;
  newest(): InjectionRecord[];
  /** Being written or injected, newest first. */
  live(): JournalEntry[];
  nextOrder(): number;
  view(grantId: string): LocalInjection;
  list(): LocalInjection[];
  /** Tells the listeners. */
  changed(): void;
  onChange(listener: (all: LocalInjection[]) => void): () => void;
}

/** Removed ones are remembered for the list, but not for ever. */
const MAX_REMEMBERED = 200;
export const isLive = (state: InjectionState): boolean => state === 'writing' || state === 'injected';

const viewOf = ({ entry, state, files, command, warnings, error }: InjectionRecord): LocalInjection => ({
  grantId: entry.grantId,
  resource: entry.resource,
  level: entry.level,
  state,
  files: [...files],
  command: state === 'injected' ? command : null,
  warnings: [...warnings],
  expiresAt: entry.expiresAt,
  error,
  issue: entry.issue ?? 1,
  endOn: entry.endOn ?? NOTHING_ENDS,
});
const unknownGrant = (grantId: string): LocalInjection => ({
  grantId,
  resource: '',
  level: '',
  state: 'none',
  files: [],
  command: null,
  warnings: [],
  expiresAt: null,
  error: null,
  issue: 1,
  endOn: NOTHING_ENDS,
});

export function createBook(): Book {
  const records = new Map<string, InjectionRecord>();
  const listeners = new Set<(all: LocalInjection[]) => void>();
  const newest = () => [...records.values()].sort((a, b) => b.entry.order - a.entry.order);
  const list = () => newest().map(viewOf);
  return {
    get: (grantId) => records.get(grantId),
    add(entry, state) {
      const removed = newest().filter((record) => record.state === 'removed');
      for (const old of removed.slice(MAX_REMEMBERED)) records.delete(old.entry.grantId);
      records.set(entry.grantId, { entry, state, files: [], command: null, warnings: [], error: null, tries: 0 });
    },
    set(grantId, change) {
      const record = records.get(grantId);
      if (record) records.set(grantId, { ...record, ...change });
    },
    newest,
    live: () => newest().flatMap(({ entry, state }) => (isLive(state) ? [entry] : [])),
    nextOrder: () => Math.max(0, ...[...records.values()].map(({ entry }) => entry.order)) + 1,
    view(grantId) {
      const record = records.get(grantId);
      return record ? viewOf(record) : unknownGrant(grantId);
    },
    list,
    changed() {
      for (const listener of listeners) listener(list());
    },
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}
