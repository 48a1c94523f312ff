/** What sync remembers over restarts, per service: the cursor and the witness's last checkpoint. */
import { z } from 'zod';
import { Sha256Hex } from '../../../shared/contract/fields';
import type { UserError } from '../../../shared/contract/ipc';
import { keptAsideNotice, readJsonFile, writeJsonFile } from '../lifecycle/json-file';
import type { Log } from '../lifecycle/log';

const WitnessMemory = z.strictObject({
  logKey: z.string().max(500),
  size: z.int().min(0),
  rootHash: Sha256Hex,
  broken: z.string().max(500).nullable(),
});
export type WitnessMemory = z.infer<typeof WitnessMemory>;
const File = z.strictObject({
  v: z.literal(1),
  serviceId: z.string().max(200),
  cursor: z.int().nullable(),
  witness: WitnessMemory.nullable(),
});
type File = z.infer<typeof File>;

export interface SyncMemory {
  /** Another service than remembered starts with an empty memory. */
  begin(serviceId: string): void;
  serviceId(): string | null;
  readonly cursor: { get(): number | null; set(seq: number | null): void };
  readonly witness: { get(): WitnessMemory | null; set(memory: WitnessMemory): void };
  /** Writes what is not written yet. */
  save(): void;
  readonly notices: readonly UserError[];
}
/** The cursor is written at most this often: an event seen twice after a crash does no harm, every handler is idempotent. */
const SAVE_EVERY_MS = 500;

export function openSyncMemory(deps: {
  file: string;
  nowMs: () => number;
  after: (lengthMs: number, callback: () => void) => () => void;
  log: Log;
}): SyncMemory {
  const read = readJsonFile(deps.file, File, deps.nowMs());
  if (read.kind === 'corrupt')
    deps.log('warn', 'the sync memory could not be read; starting over', { keptAs: read.keptAs });
  const notices =
    read.kind === 'corrupt'
      ? [
          keptAsideNotice(
            'memory of the audit log',
            'This machine watches the log from now on; it can not compare it with what it saw before.',
            read.keptAs,
          ),
        ]
      : [];
  let state: File | null = read.kind === 'read' ? read.value : null;
  let waiting = false;
  const save = () => {
    waiting = false;
    if (state === null) return;
    try {
      writeJsonFile(deps.file, state);
    } catch (cause) {
      deps.log('error', 'the sync memory could not be saved', { cause });
    }
  };
  const change = (part: Partial<File>) => {
    if (state === null) return;
    state = { ...state, ...part };
    if (waiting) return;
    waiting = true;
    deps.after(SAVE_EVERY_MS, save);
  };
  return {
    begin(serviceId) {
      if (state?.serviceId === serviceId) return;
      state = { v: 1, serviceId, cursor: null, witness: null };
      save();
    },
    serviceId: () => state?.serviceId ?? null,
    cursor: { get: () => state?.cursor ?? null, set: (cursor) => change({ cursor }) },
    witness: {
      get: () => state?.witness ?? null,
      set(witness) {
        change({ witness });
        save();
      },
    },
    save,
    notices,
  };
}
