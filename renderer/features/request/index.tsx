/** Request: choose from the catalog, say how long and why, see what the policy says before sending. */
import { useMemo } from 'react';
import { toUserError } from '../../app/bridge';
import { useGo, useTextSearch } from '../../app/navigation';
import { useApi } from '../../app/queries';
import { useSettings } from '../../app/session';
import { Button, EmptyState, ErrorState, Loading, Skeleton, TicketIcon, TwoPane } from '../../ui';
import { Catalog } from './Catalog';
import { RequestForm } from './Form';
import styles from './request.module.css';

export function RequestScreen() {
  const go = useGo();
  const search = useTextSearch();
  const catalog = useApi('catalog.list', {});
  const favourites = useSettings().data?.favourites;
  const starred = useMemo(() => new Set(favourites?.map((one) => one.resourceId)), [favourites]);
  const entries = catalog.data?.items ?? [];
  const first = entries.find((entry) => starred.has(entry.resource.id)) ?? entries[0];
  const entry = entries.find((one) => one.resource.id === search.resource) ?? first;
  const ttlMs = Number(search.ttl);
  const wanted = {
    ...(search.level !== undefined && { level: search.level }),
    ...(Number.isSafeInteger(ttlMs) && ttlMs > 0 && { ttlMs }),
    ...(search.reason !== undefined && { reason: search.reason }),
    ...(search.ticket !== undefined && { ticketRef: search.ticket }),
  };
  return (
    <TwoPane
      title="Request"
      listLabel="Resources"
      aside={catalog.data && <span className="dim not-narrow">{entries.length} you may ask for</span>}
      list={
        catalog.isPending ? (
          <Loading label="Loading the catalog">
            <div className={styles.loading}>
              {['a', 'b', 'c', 'd', 'e', 'f'].map((key) => (
                <Skeleton key={key} height={38} />
              ))}
            </div>
          </Loading>
        ) : (
          <Catalog
            entries={entries}
            favourites={starred}
            selectedId={entry?.resource.id}
            onSelect={(resource) => go('/request', { resource })}
          />
        )
      }
      detail={
        catalog.isError ? (
          <ErrorState error={toUserError(catalog.error)} onRetry={() => void catalog.refetch()} />
        ) : catalog.isPending ? (
          <Skeleton height={420} />
        ) : entry === undefined ? (
          <NothingToAsk />
        ) : (
          <RequestForm key={`${entry.resource.id} ${JSON.stringify(wanted)}`} entry={entry} wanted={wanted} />
        )
      }
    />
  );
}

function NothingToAsk() {
  const go = useGo();
  const admin = useApi('me.get', {}).data?.person.roles.includes('admin') ?? false;
  return (
    <EmptyState
      size="page"
      icon={<TicketIcon size={34} />}
      title="Nothing can be asked for yet"
      actions={
        admin && (
          <>
            <Button look="primary" onClick={() => go('/resources')}>
              Add a resource
            </Button>
            <Button onClick={() => go('/policy')}>Open the policy</Button>
          </>
        )
      }
    >
      {admin
        ? 'Add a resource, and a rule that says who may ask for it.'
        : 'No rule lets you ask for anything. An administrator can change that.'}
    </EmptyState>
  );
}
