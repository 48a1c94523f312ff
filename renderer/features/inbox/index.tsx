/**
 * Inbox: the list of what waits for me and what I handled. The request itself, with Approve and Deny, is not drawn here:
 * the main process lays the consent view over the pane at the right, and only that view can decide.
 */
import { Inbox as InboxIcon } from 'lucide-react';
import { useEffect, useMemo, useRef, useState } from 'react';
import type { RequestView } from '../../../shared/contract/requests';
import { formatDuration } from '../../../shared/domain/duration';
import { invoke, listen, toUserError } from '../../app/bridge';
import { useMinute } from '../../app/clock';
import { useKeys, useListKeys } from '../../app/keys';
import { useGo, useTextSearch } from '../../app/navigation';
import { useApi } from '../../app/queries';
import { useReady } from '../../app/session';
import { wordAgo, wordTime } from '../../app/words';
import {
  Button,
  EmptyState,
  EnvironmentMark,
  ErrorState,
  Kbd,
  Loading,
  OfflineBanner,
  RiskPips,
  Skeleton,
  TwoPane,
} from '../../ui';
import { ConsentPane } from './ConsentPane';
import styles from './inbox.module.css';
import { outcomeOf } from './outcome';

export function InboxScreen() {
  const session = useReady();
  const waiting = useApi('requests.list', { query: { scope: 'inbox' } });
  const handled = useApi('requests.list', { query: { scope: 'handled', limit: 20 } });
  const { request: wanted } = useTextSearch();
  const [chosen, setChosen] = useState<string | null>(wanted ?? null);
  const items = useMemo(
    () => [...(waiting.data?.items ?? [])].sort((a, b) => b.createdAt - a.createdAt),
    [waiting.data],
  );
  const index = Math.max(
    0,
    items.findIndex((item) => item.id === chosen),
  );
  // the card of the one just decided stays until the person moves on
  const [decided, setDecided] = useState<string | null>(null);
  const shown = decided ?? items[index]?.id ?? null;
  const select = (next: number) => {
    setDecided(null);
    setChosen(items[next]?.id ?? null);
  };
  useEffect(() => setChosen((before) => wanted ?? before), [wanted]);
  useEffect(() => listen('consent.done', ({ requestId }) => setDecided(requestId)), []);
  useListKeys(items.length, index, select);
  useKeys([{ keys: 'enter', label: 'To the card: A approves, D denies', run: () => void invoke('consent.focus') }]);
  const move = useRef(select);
  move.current = select;
  useEffect(
    () =>
      listen('consent.key', ({ key }) => {
        if (key === 'leave') document.querySelector<HTMLElement>('[data-request][aria-current=true]')?.focus();
        else move.current(Math.min(items.length - 1, Math.max(0, index + (key === 'next' ? 1 : -1))));
      }),
    [items.length, index],
  );

  const list = (
    <>
      {!session.online && (
        <OfflineBanner
          since={session.offlineSince === null ? null : wordTime(session.offlineSince)}
          reason={session.reason}
        />
      )}
      <div className={styles.scroll}>
        {waiting.isPending ? (
          <WaitingSkeleton />
        ) : waiting.isError ? (
          <ErrorState error={toUserError(waiting.error)} onRetry={() => void waiting.refetch()} />
        ) : (
          <ul className={styles.list} aria-label="Requests that wait for you">
            {items.map((item, at) => (
              <li key={item.id}>
                <WaitingRow request={item} selected={at === index && decided === null} onSelect={() => select(at)} />
              </li>
            ))}
          </ul>
        )}
        <Handled requests={handled.data?.items ?? []} personId={session.personId} />
      </div>
      <footer className={styles.keys} aria-hidden>
        <Kbd>J</Kbd>
        <Kbd>K</Kbd> move <span className="grow" />
        <Kbd>A</Kbd> approve <Kbd>D</Kbd> deny
      </footer>
    </>
  );
  return (
    <TwoPane
      title="Inbox"
      listLabel="Inbox"
      listPx={268}
      listNarrowPx={226}
      aside={
        <span className="mut">
          {waiting.data === undefined ? '' : items.length === 0 ? 'nothing waits' : `${items.length} wait for you`}
        </span>
      }
      list={list}
      detail={
        shown === null ? <NothingWaits pending={waiting.isPending} /> : <ConsentPane key={shown} requestId={shown} />
      }
    />
  );
}

function WaitingRow(props: {
  readonly request: RequestView;
  readonly selected: boolean;
  readonly onSelect: () => void;
}) {
  const { request, selected, onSelect } = props;
  const now = useMinute();
  const what = request.extendsGrantId
    ? `Extend ${request.resource.name} by ${formatDuration(request.ttlMs)}`
    : `${request.level} on ${request.resource.name}, ${formatDuration(request.ttlMs)}`;
  return (
    <button type="button" className={styles.row} data-request={request.id} aria-current={selected} onClick={onSelect}>
      <span className={styles.who}>{request.requester.displayName}</span>
      <span className={styles.age}>{wordAgo(request.createdAt, now)}</span>
      <span className={styles.what}>{what}</span>
      <span className={styles.marks}>
        <EnvironmentMark environment={request.resource.environment} length="short" />
        <RiskPips risk={request.resource.risk} />
      </span>
      <span className={styles.number}>{request.ticket}</span>
    </button>
  );
}

function Handled({ requests, personId }: { readonly requests: readonly RequestView[]; readonly personId: string }) {
  if (requests.length === 0) return null;
  return (
    <section className={styles.handled} aria-label="Handled">
      <h2 className="dim">Handled</h2>
      <ul>
        {requests.map((request) => {
          const { text, tone } = outcomeOf(request, personId);
          return (
            <li key={request.id} title={`${request.ticket}: ${request.level}, ${formatDuration(request.ttlMs)}`}>
              <span className="cut">
                {request.requester.displayName}, {request.resource.name}
              </span>
              <span data-tone={tone}>{text}</span>
            </li>
          );
        })}
      </ul>
    </section>
  );
}

const WaitingSkeleton = () => (
  <Loading label="Loading your inbox">
    <div className={styles.skeleton}>
      <Skeleton height={64} />
      <Skeleton height={64} />
      <Skeleton height={64} />
    </div>
  </Loading>
);

function NothingWaits({ pending }: { readonly pending: boolean }) {
  const go = useGo();
  if (pending) return null;
  return (
    <EmptyState
      size="page"
      icon={<InboxIcon size={28} aria-hidden />}
      title="Nothing waits for you"
      actions={<Button onClick={() => go('/activity')}>See what happened</Button>}
    >
      When somebody asks for access that you may approve, you get a desktop notification and the request is here.
    </EmptyState>
  );
}
