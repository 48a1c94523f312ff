/** What was asked for here before, and how that went. One key fills the form with it. */
import type { RequestView } from '../../../shared/contract/requests';
import { formatDuration, wordDuration } from '../../../shared/domain/duration';
import type { RequestState } from '../../../shared/domain/states';
import { useMinute } from '../../app/clock';
import { useKeys } from '../../app/keys';
import { useApi } from '../../app/queries';
import { wordAgo } from '../../app/words';
import { Kbd, Section } from '../../ui';
import styles from './request.module.css';

const MOST = 3;
/** The newest of each kind (level, length, reason) for a resource. Pure. */
export function pastAsks(requests: readonly RequestView[], resourceId: string): RequestView[] {
  const seen = new Set<string>();
  return [...requests]
    .sort((a, b) => b.createdAt - a.createdAt)
    .filter((one) => {
      const kind = `${one.level} ${one.ttlMs} ${one.reason}`;
      if (one.resource.id !== resourceId || one.extendsGrantId !== null || seen.has(kind)) return false;
      seen.add(kind);
      return true;
    })
    .slice(0, MOST);
}
const OUTCOME: Record<RequestState, { readonly text: string; readonly tone: string }> = {
  pending: { text: 'waiting', tone: 'mut' },
  blocked: { text: 'blocked', tone: 'warn' },
  approved: { text: 'approved', tone: 'ok' },
  auto_approved: { text: 'auto-approved', tone: 'ok' },
  denied: { text: 'denied', tone: 'bad' },
  denied_by_policy: { text: 'denied', tone: 'bad' },
  withdrawn: { text: 'withdrawn', tone: 'dim' },
  expired: { text: 'nobody answered', tone: 'dim' },
};
/** "approved by Tomas Vesely in 2 minutes" */
export function outcomeOf(request: RequestView): { readonly text: string; readonly tone: string } {
  const by = request.decisions.findLast((one) => one.decision === 'approve');
  if (request.state !== 'approved' || by === undefined) return OUTCOME[request.state];
  return { text: `by ${by.approver.displayName} in ${wordDuration(by.at - request.createdAt)}`, tone: 'ok' };
}

export function AskAgain({
  resourceId,
  onUse,
}: {
  readonly resourceId: string;
  readonly onUse: (past: RequestView) => void;
}) {
  const now = useMinute();
  const past = pastAsks(useApi('requests.list', { query: { scope: 'mine' } }).data?.items ?? [], resourceId);
  useKeys(
    past.map((one, index) => ({
      keys: `${index + 1}`,
      label: `Fill in ${one.level}, ${formatDuration(one.ttlMs)}`,
      run: () => onUse(one),
    })),
  );
  if (past.length === 0) return null;
  return (
    <Section className={styles.again} title="Ask again" about="what you asked for here before">
      <ul>
        {past.map((one, index) => {
          const outcome = outcomeOf(one);
          return (
            <li key={one.id}>
              <button type="button" onClick={() => onUse(one)}>
                <Kbd>{index + 1}</Kbd>
                <span className="cut">
                  <b>
                    {one.level}, {formatDuration(one.ttlMs)}
                  </b>{' '}
                  <span className="mut">{one.reason}</span>
                </span>
                <span className="mono mut cut not-narrow">{one.ticketRef}</span>
                <span className="dim nowrap">{wordAgo(one.createdAt, now)}</span>
                <span className={`${outcome.tone} cut`}>{outcome.text}</span>
              </button>
            </li>
          );
        })}
      </ul>
    </Section>
  );
}
