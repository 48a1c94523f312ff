/** A request that waits for somebody: who was asked, who has seen it, who is away. */

import type { RequestView } from '../../../shared/contract/requests';
import { formatDuration } from '../../../shared/domain/duration';
import { useAction } from '../../app/action';
import { useMinute } from '../../app/clock';
import { useChange } from '../../app/queries';
import { wordAgo, wordTime } from '../../app/words';
import { Avatar, Button, LevelTag, Ring, Ticket, toast } from '../../ui';
import styles from './grants.module.css';
import { waitingFor } from './wording';

const MOST_SHOWN = 4;
export function WaitingTicket({ request }: { readonly request: RequestView }) {
  const now = useMinute();
  const nudge = useChange('requests.nudge');
  const withdraw = useChange('requests.withdraw', ['requests.list']);
  const remind = useAction(async () => {
    await nudge.mutateAsync({ params: { id: request.id } });
    toast({ title: 'Reminded', about: 'They get the notification once more.' });
  });
  const takeBack = useAction(async () => {
    await withdraw.mutateAsync({ params: { id: request.id } });
    toast({ title: `${request.ticket} withdrawn`, tone: 'plain' });
  });
  const blocked = request.state === 'blocked';
  const more = request.waitingFor.length - MOST_SHOWN;
  return (
    <Ticket
      tone="blank"
      aria-label={`${request.ticket}, ${request.level} on ${request.resource.name}, waiting`}
      stub={
        <div className={styles.waitingStub}>
          <Ring remainingMs={0} totalMs={request.ttlMs} tone="none" text={formatDuration(request.ttlMs)} />
          {!blocked && (
            <Button size="s" state={remind.state} onClick={() => remind.run()}>
              Nudge
            </Button>
          )}
          {request.can.withdraw && (
            <Button size="s" look="quiet" state={takeBack.state} onClick={() => takeBack.run()}>
              Withdraw
            </Button>
          )}
        </div>
      }
    >
      <div className="row">
        <span className="mono dim small">{request.ticket}</span>
        <span className="dim cut">
          {request.extendsGrantId !== null && 'more time, '}asked {wordAgo(request.createdAt, now)}
        </span>
      </div>
      <div className={styles.waitingName}>
        <h3 className="cut">{request.resource.name}</h3>
        <LevelTag level={request.level} />
        {!blocked && (
          <span className="mut cut">
            <span className="not-narrow">waiting for </span>
            <b>{waitingFor(request)}</b>
          </span>
        )}
      </div>
      {blocked ? (
        <div className="warn">
          <b>Nobody is left who may approve.</b> {request.blockedBecause}
        </div>
      ) : (
        <ul className={styles.asked} aria-label="Asked">
          {request.waitingFor.slice(0, MOST_SHOWN).map((one) => (
            <li key={one.personId}>
              <Avatar name={one.displayName} />
              <span className="cut">{one.displayName}</span>
              {one.seenAt !== null ? (
                <span className="ok nowrap">seen {wordTime(one.seenAt)}</span>
              ) : one.online ? (
                <span className="mut nowrap">notified {wordTime(request.createdAt)}</span>
              ) : (
                <span className="dim nowrap">away</span>
              )}
            </li>
          ))}
          {more > 0 && <li className="dim">and {more} more</li>}
        </ul>
      )}
    </Ticket>
  );
}
