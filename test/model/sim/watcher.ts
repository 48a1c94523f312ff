/**
 * Reads the tables beside the service: for the invariants, and as the stream that tells desktops what happened. At once, on a
 * connection of its own and in nobody's way. A list comes as one text, which costs a tenth of its cells one by one.
 */

import type { GrantTable } from '../../../electron/service/store/schema';
import { openRaw } from '../../../electron/service/store/sqlite-binding';
import type { GrantView } from '../../../shared/contract/grants';

const COLUMNS = [
  'id',
  'state',
  'person_id',
  'resource_id',
  'request_id',
  'ttl_ms',
  'expires_at',
  'ready_until',
  'provisioning_since',
  'due_at',
  'claimed_until',
  'residue_due_at',
  'alarmed_at',
  'end_reason',
  'end_proof',
] as const;
/** What the invariants read of a grant. */
export type LiveRow = Pick<GrantTable, (typeof COLUMNS)[number]>;
type Cells = readonly (string | number | null)[];
function rowFrom(cells: Cells): LiveRow {
  const row: Record<string, unknown> = {};
  for (let i = 0; i < COLUMNS.length; i++) row[COLUMNS[i] as string] = cells[i];
  return row as unknown as LiveRow;
}
export interface StreamEvent {
  readonly seq: number;
  readonly grant: GrantView;
}
const OPEN_STATES = ['ready', 'provisioning', 'active', 'ending'];
const BUSY_MS = 1_000;

export class Watcher {
  private readonly raw;
  private readonly statements;
  private seq: number;

  constructor(file: string) {
    this.raw = openRaw(file, BUSY_MS);
    this.raw.exec('pragma query_only = on;');
    const row = `json_array(${COLUMNS.join(', ')})`;
    const states = OPEN_STATES.map((state) => `'${state}'`).join(', ');
    this.statements = {
      open: this.raw.prepare(`select json_group_array(${row}) as rows from grants
        where state in (${states}) or residue_due_at is not null`),
      one: this.raw.prepare(`select ${row} as row from grants where id = ?`),
      events: this.raw.prepare(`select seq, data from outbox where seq > ? and type like 'grant.%' order by seq`),
      newest: this.raw.prepare('select coalesce(max(seq), 0) as seq from outbox'),
    };
    this.seq = (this.statements.newest.get() as { seq: number }).seq;
  }
  close(): void {
    this.raw.close();
  }
  /** Grants that are not over, and those whose left-overs are not worked off. */
  openRows(): readonly LiveRow[] {
    return (JSON.parse((this.statements.open.get() as { rows: string }).rows) as Cells[]).map(rowFrom);
  }
  rowOf(grantId: string): LiveRow | undefined {
    const found = this.statements.one.get(grantId) as { row: string } | undefined;
    return found === undefined ? undefined : rowFrom(JSON.parse(found.row) as Cells);
  }
  /** Events about grants since the last call. */
  newEvents(): readonly StreamEvent[] {
    const found: StreamEvent[] = [];
    for (const { seq, data } of this.statements.events.all(this.seq) as { seq: number; data: string }[]) {
      this.seq = seq;
      const { grant } = JSON.parse(data) as { grant?: GrantView };
      if (grant !== undefined) found.push({ seq, grant });
    }
    return found;
  }
}
