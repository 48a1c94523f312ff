/** One entry: a row, and below it what it holds and how it is proven. */
import { Check, ChevronDown, CircleAlert, Clock, LoaderCircle } from 'lucide-react';
import type { AuditEntry } from '../../../shared/contract/audit';
import { useMinute } from '../../app/clock';
import { wordTimeExact, wordWhen } from '../../app/words';
import styles from './activity.module.css';
import { EntryDetail } from './Detail';
import { type Proof, useProof, wordProof } from './proofs';
import { readRow, resourceIn, sayEntry, ticketIn, whoDid } from './wording';

export interface RowProps {
  readonly entry: AuditEntry;
  readonly expanded: boolean;
  readonly onToggle: () => void;
  readonly onFocus: () => void;
  readonly onGrant: (grantId: string) => void;
}
export function Row({ entry, expanded, onToggle, onFocus, onGrant }: RowProps) {
  const now = useMinute();
  const { proof, asking } = useProof(entry.index);
  const { what, aside, tone } = sayEntry(entry);
  const who = whoDid(entry);
  const resource = resourceIn(entry);
  const ticket = ticketIn(entry);
  const day = wordWhen(entry.at, now);
  const today = day === wordTimeExact(entry.at);
  return (
    <div className={styles.entry} data-expanded={expanded || undefined}>
      <button
        type="button"
        className={styles.row}
        data-entry={entry.index}
        aria-expanded={expanded}
        aria-label={readRow(entry, proof === undefined ? 'proof being checked' : `proof: ${wordProof(proof.state)}`)}
        onClick={onToggle}
        onFocus={onFocus}
      >
        <span className={`mono dim ${styles.number}`}>{entry.index.toLocaleString('en')}</span>
        <span className="mono cut" title={new Date(entry.at).toLocaleString()}>
          {today ? day : `${day} ${wordTimeExact(entry.at).slice(0, 5)}`}
        </span>
        <span className={who.kind === 'person' ? 'cut' : 'cut mut'}>{who.name}</span>
        <span className={styles.what}>
          <i className={styles.dot} data-tone={tone} aria-hidden />
          <span className={styles.said}>{what}</span>
          {aside !== undefined && <span className={`mut cut ${styles.aside}`}>{aside}</span>}
        </span>
        <span className="cut">{resource}</span>
        <span className="mono">{ticket}</span>
        <ProofMark proof={proof} asking={asking} />
      </button>
      {expanded && <EntryDetail entry={entry} proof={proof} onGrant={onGrant} />}
    </div>
  );
}

export function ProofMark({
  proof,
  asking,
}: {
  readonly proof: Proof | undefined;
  readonly asking: 'yes' | 'failed' | 'done';
}) {
  const state = asking === 'failed' ? 'unknown' : (proof?.state ?? 'asking');
  return (
    <span className={styles.proof} data-state={state} title={proof?.detail ?? undefined}>
      {state === 'asking' && <LoaderCircle className="hp-spin" size={13} aria-hidden />}
      {state === 'unknown' && <CircleAlert size={13} aria-hidden />}
      {state === 'proven' && <Check size={14} aria-hidden />}
      {state === 'pending' && <Clock size={13} aria-hidden />}
      {state === 'failed' && <CircleAlert size={13} aria-hidden />}
      <span className="cut">
        {state === 'asking' ? 'checking' : state === 'unknown' ? 'not checked' : wordProof(state)}
      </span>
      <ChevronDown className={styles.chevron} size={13} aria-hidden />
    </span>
  );
}
