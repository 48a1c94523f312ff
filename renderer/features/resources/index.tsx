/** Resources: what systems there are and who may get to them; administrators add and change them, step by step. */
import { Database, Plus } from 'lucide-react';
import { useMemo } from 'react';
import { toUserError } from '../../app/bridge';
import { useKeys } from '../../app/keys';
import { useGo, useTextSearch } from '../../app/navigation';
import { useApi } from '../../app/queries';
import { Button, EmptyState, ErrorState, Kbd, Loading, Skeleton, TwoPane } from '../../ui';
import { Detail } from './Detail';
import { Guide } from './Guide';
import { List } from './List';
import styles from './resources.module.css';

export function ResourcesScreen() {
  const go = useGo();
  const search = useTextSearch();
  const resources = useApi('resources.list', {});
  const live = useApi('grants.list', { query: { scope: 'live' } });
  const mine = useApi('grants.list', { query: { scope: 'mine' } });
  const roles = useApi('me.get', {}).data?.person.roles ?? [];
  const admin = roles.includes('admin');
  const items = useMemo(() => resources.data?.items ?? [], [resources.data]);
  const grants = useMemo(() => [...(live.data?.items ?? []), ...(mine.data?.items ?? [])], [live.data, mine.data]);
  const add = () => go('/resources', { add: 'new' });
  useKeys(admin && search.add === undefined ? [{ keys: 'a', label: 'Add a resource', run: add }] : []);
  if (admin && search.add !== undefined) return <Guide key="new" resource={null} resources={items} />;
  const edited = items.find((one) => one.id === search.edit);
  if (admin && edited !== undefined) return <Guide key={edited.id} resource={edited} resources={items} />;
  const shown =
    items.find((one) => one.id === search.resource) ?? items.find((one) => one.state === 'active') ?? items[0];
  return (
    <TwoPane
      title="Resources"
      listLabel="Resources"
      aside={
        admin && (
          <Button look="primary" onClick={add}>
            <Plus size={14} aria-hidden />
            Add <Kbd>A</Kbd>
          </Button>
        )
      }
      list={
        resources.isPending ? (
          <Loading label="Loading the resources">
            <div className={styles.loading}>
              {['a', 'b', 'c', 'd', 'e', 'f'].map((key) => (
                <Skeleton key={key} height={38} />
              ))}
            </div>
          </Loading>
        ) : (
          <List
            resources={items}
            grants={grants}
            selectedId={shown?.id}
            onSelect={(resource) => go('/resources', { resource })}
          />
        )
      }
      detail={
        resources.isError ? (
          <ErrorState error={toUserError(resources.error)} onRetry={() => void resources.refetch()} />
        ) : resources.isPending ? (
          <Skeleton height={420} />
        ) : shown === undefined ? (
          <NoResource admin={admin} onAdd={add} />
        ) : (
          <Detail
            key={shown.id}
            resource={shown}
            resources={items}
            grants={grants}
            admin={admin}
            reader={admin || roles.includes('auditor')}
          />
        )
      }
    />
  );
}

const NoResource = ({ admin, onAdd }: { readonly admin: boolean; readonly onAdd: () => void }) => (
  <EmptyState
    size="page"
    icon={<Database size={30} aria-hidden />}
    title="No resource yet"
    actions={
      admin && (
        <Button look="primary" onClick={onAdd}>
          Add a resource <Kbd>A</Kbd>
        </Button>
      )
    }
  >
    {admin
      ? 'Add a database that people should get to for a while, not for ever. You see every statement before it runs.'
      : 'An administrator adds them; what you may ask for appears under Request.'}
  </EmptyState>
);
