/** The stub of the draft: what the policy says to exactly this, who is asked, what you get. */
import { Check, CircleAlert, DoorOpen, Hourglass, Terminal } from 'lucide-react';
import type { Preview } from '../../../shared/contract/policy';
import { formatDuration } from '../../../shared/domain/duration';
import { signalsOf } from '../../../shared/domain/end-signals';
import { toUserError } from '../../app/bridge';
import { Avatar, Loading, Ring, Skeleton } from '../../ui';
import styles from './request.module.css';
import { askedPeople, verdictOf, wordEarly } from './wording';

const MOST_SHOWN = 4;
export interface PolicyStubProps {
  readonly preview: Preview | undefined;
  readonly error: unknown;
  readonly loading: boolean;
  readonly ttlMs: number;
  /** What will be typed to use it, where that is known before: `psql service=orders-db`. */
  readonly command: string | null;
  /** Whether the kind of target cuts what is open, whatever its settings. */
  readonly cutsSessions: boolean;
}
export function PolicyStub({ preview, error, loading, ttlMs, command, cutsSessions }: PolicyStubProps) {
  if (preview === undefined) {
    return error === null || error === undefined ? (
      <Loading label="Asking the policy">
        <div className={styles.stubLoading}>
          <Skeleton width="70%" height={12} />
          <Skeleton height={20} />
          <Skeleton height={34} />
          <Skeleton height={34} />
        </div>
      </Loading>
    ) : (
      <>
        <span className="lab">What the policy says</span>
        <b className="bad">Not known now</b>
        <span className="mut small">
          {toUserError(error).what} You can send it all the same; the policy decides then.
        </span>
      </>
    );
  }
  const verdict = verdictOf(preview);
  const people = askedPeople(preview);
  const { answer } = preview;
  const barred = answer.effect === 'deny' || answer.effect === 'none';
  return (
    <div className={styles.stub} aria-live="polite" aria-busy={loading || undefined}>
      <span className="lab">What the policy says</span>
      <b className={`${styles.verdict} ${verdict.tone === 'mut' ? '' : verdict.tone}`}>{verdict.text}</b>
      {barred && answer.message !== null && <p className="mut">{answer.message}</p>}
      {people.length > 0 && (
        <ul className={styles.people} aria-label="Who is asked">
          {people.slice(0, MOST_SHOWN).map((one) => (
            <li key={one.personId}>
              <Avatar name={one.displayName} />
              <span className="cut">
                {one.displayName}
                <span className={one.online ? 'ok' : 'dim'}>{one.online ? 'online' : 'away'}</span>
              </span>
            </li>
          ))}
          {people.length > MOST_SHOWN && <li className="dim">and {people.length - MOST_SHOWN} more</li>}
        </ul>
      )}
      {answer.effect === 'approve' && people.length === 0 && <p className="warn">Nobody may approve this now.</p>}
      {!barred && (
        <ul className={styles.limits}>
          {command !== null && (
            <li>
              <Terminal size={14} aria-label="You get" />
              <span className="mono">{command}</span>
            </li>
          )}
          {cutsSessions && (
            <li>
              <Check size={14} className="ok" aria-hidden />
              Open sessions are cut at the end
            </li>
          )}
          {preview.budget !== null && (
            <li className={preview.budget.leftMs < ttlMs ? 'bad' : undefined}>
              <Hourglass size={14} aria-label="Budget" />
              {preview.budget.said}
            </li>
          )}
          {signalsOf(answer.endOn).length > 0 && (
            <li>
              <DoorOpen size={14} aria-hidden />
              Ends early when {wordEarly(answer.endOn)}
            </li>
          )}
          {answer.confirm === 'card' && answer.effect === 'approve' && (
            <li>
              <CircleAlert size={14} aria-hidden />
              Approved on the card only
            </li>
          )}
        </ul>
      )}
      <div className={styles.ring}>
        {!barred && ttlMs > 0 && (
          <>
            <Ring remainingMs={0} totalMs={ttlMs} tone="none" text={formatDuration(ttlMs)} />
            <span className="lab">starts when it works</span>
          </>
        )}
      </div>
      {answer.rules.length > 0 && (
        <span className="lab cut">
          Rule <span className="mono">{answer.rules.join(', ')}</span>
        </span>
      )}
    </div>
  );
}
