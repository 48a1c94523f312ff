/** My access: what I hold, what I wait for, what ended, and what is asked for with one key. Home. */
import { Plus, Search } from 'lucide-react';
import { useEffect, useMemo } from 'react';
import type { GrantView } from '../../../shared/contract/grants';
import { urgencyOf, wordDuration } from '../../../shared/domain/duration';
import { OPEN_REQUEST_STATES } from '../../../shared/domain/states';
import { toUserError } from '../../app/bridge';
import { useSecond } from '../../app/clock';
import { useGo } from '../../app/navigation';
import { openPalette } from '../../app/palette/open';
import { useApi } from '../../app/queries';
import { useInjections, useReady, useSettings } from '../../app/session';
import { Button, EmptyState, ErrorState, Kbd, Loading, Page, Section, Skeleton, TicketIcon } from '../../ui';
import styles from './grants.module.css';
import { LiveTicket } from './LiveTicket';
import { LocalTickets } from './LocalTickets';
import { Colleagues, EndedSlips, Favourites, favouritesOf } from './Quiet';
import { WaitingTicket } from './WaitingTicket';
import { headlineOf, isGoneHere, liveOrder, newestEnded, remainingOf } from './wording';

const MOST_ENDED = 6;
const MOST_COLLEAGUES = 4;
const open = new Set<string>(OPEN_REQUEST_STATES);

export function GrantsScreen() {
  const { personId } = useReady();
  const mine = useApi('grants.list', { query: { scope: 'mine' } });
  const asked = useApi('requests.list', { query: { scope: 'mine' } });
  const others = useApi('grants.list', { query: { scope: 'live' } });
  const catalog = useApi('catalog.list', {});
  const settings = useSettings();
  const injections = useInjections().data;

  const live = useMemo(() => liveOrder(mine.data?.items ?? []), [mine.data]);
  const ended = useMemo(() => newestEnded(mine.data?.items ?? [], MOST_ENDED), [mine.data]);
  const waiting = (asked.data?.items ?? []).filter((request) => open.has(request.state));
  const colleagues = (others.data?.items ?? []).filter(
    (grant) => grant.holder.personId !== personId && grant.state !== 'ended',
  );
  const favourites = favouritesOf(settings.data, catalog.data?.items ?? []);
  const localOf = (grant: GrantView) => injections?.find((one) => one.grantId === grant.id);
  const drawn = mine.data !== undefined;
  useEffect(() => {
    // For whoever looks at the page's timeline (DevTools, the bench): from here on the page shows what is so.
    if (drawn) performance.mark('hallpass:first-data');
  }, [drawn]);
  const fresh = mine.data !== undefined && live.length + ended.length + waiting.length === 0;

  return (
    <Page
      title="My access"
      about={
        mine.data && (
          <Headline live={live.filter((one) => !isGoneHere(one, localOf(one)))} waitingCount={waiting.length} />
        )
      }
      actions={<TopActions />}
    >
      {mine.isError && <ErrorState error={toUserError(mine.error)} onRetry={() => void mine.refetch()} />}
      {mine.isError && mine.data === undefined && <LocalTickets injections={injections ?? []} />}
      {mine.isPending && <LoadingTickets />}
      {fresh && favourites.length === 0 && colleagues.length === 0 ? (
        <Nothing />
      ) : (
        mine.data !== undefined && (
          <>
            {live.length > 0 && (
              <Section title="Active" about="soonest end first">
                <div className="hp-grid-2">
                  {live.map((grant) => (
                    <LiveTicket key={grant.id} grant={grant} local={localOf(grant)} />
                  ))}
                </div>
              </Section>
            )}
            <div className={styles.lower}>
              <div className={styles.column}>
                {live.length + waiting.length === 0 && <NoAccess />}
                {waiting.length > 0 && (
                  <Section title="Waiting" about="the clock starts when access works">
                    <div className={styles.stack}>
                      {waiting.map((request) => (
                        <WaitingTicket key={request.id} request={request} />
                      ))}
                    </div>
                  </Section>
                )}
                <Favourites favourites={favourites} />
              </div>
              <div className={styles.column}>
                <EndedSlips grants={ended} />
                {(others.data?.items.length ?? 0) > 0 && <Colleagues grants={colleagues.slice(0, MOST_COLLEAGUES)} />}
              </div>
            </div>
          </>
        )
      )}
    </Page>
  );
}

function Headline({ live, waitingCount }: { readonly live: readonly GrantView[]; readonly waitingCount: number }) {
  const now = useSecond();
  const next = live.find((grant) => grant.state === 'active');
  const text = headlineOf(live, waitingCount);
  if (next === undefined) return text;
  const leftMs = remainingOf(next, now);
  const tone = { calm: '', soon: 'warn', last: 'bad' }[urgencyOf(leftMs, next.ttlMs)];
  return (
    <>
      {text} <b className={tone}>{wordDuration(leftMs)}</b>.
    </>
  );
}

function TopActions() {
  const go = useGo();
  return (
    <>
      <button type="button" className={`${styles.find} not-narrow`} onClick={openPalette}>
        <Search size={14} aria-hidden />
        Find or ask
        <span className="grow" />
        <Kbd>Ctrl</Kbd>
        <Kbd>K</Kbd>
      </button>
      <Button look="primary" onClick={() => go('/request')}>
        <Plus size={14} aria-hidden />
        Request access <Kbd>N</Kbd>
      </Button>
    </>
  );
}

const NoAccess = () => (
  <EmptyState title="No access right now">Ask for what you need; it ends by itself when the time is up.</EmptyState>
);

/** The very first time: says what to do, and to one person alone what is missing for approvals. */
function Nothing() {
  const go = useGo();
  const me = useApi('me.get', {}).data;
  const resources = useApi('catalog.list', {}).data?.items.length ?? 0;
  const admin = me?.person.roles.includes('admin') ?? false;
  return (
    <EmptyState
      size="page"
      icon={<TicketIcon size={34} />}
      title={resources === 0 ? 'Nothing can be asked for yet' : 'No access right now'}
      actions={
        <>
          {resources > 0 && (
            <Button look="primary" onClick={() => go('/request')}>
              Request access <Kbd>N</Kbd>
            </Button>
          )}
          {resources === 0 && admin && (
            <Button look="primary" onClick={() => go('/resources')}>
              Add a resource
            </Button>
          )}
          {admin && me?.service.peopleCount === 1 && <Button onClick={() => go('/people')}>Invite a colleague</Button>}
        </>
      }
    >
      {resources === 0
        ? admin
          ? 'Add a database that people should have access to for a while, not for ever.'
          : 'An administrator adds resources; they appear under Request.'
        : 'Ask for what you need. It works where your tools look, and ends by itself.'}
      {me?.service.peopleCount === 1 && (
        <p className={styles.alone}>
          You are alone here. Rules with <span className="mono">effect: auto</span> give you time-boxed, logged access
          to your own systems; anything that needs an approval needs a second person.
        </p>
      )}
    </EmptyState>
  );
}

const LoadingTickets = () => (
  <Loading label="Loading your access">
    <div className={styles.loading}>
      <Skeleton width={120} height={14} />
      <div className="hp-grid-2">
        <Skeleton height={134} />
        <Skeleton height={134} />
        <Skeleton height={134} />
        <Skeleton height={134} />
      </div>
      <Skeleton width={160} height={14} />
      <div className="hp-grid-2">
        <Skeleton height={178} />
        <Skeleton height={178} />
      </div>
    </div>
  </Loading>
);
