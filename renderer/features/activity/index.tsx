/** Activity: the audit log, newest first, with what this device can prove of it. */
import { Download, List, SearchX } from 'lucide-react';
import { useCallback, useEffect, useRef, useState } from 'react';
import { useAction } from '../../app/action';
import { toUserError } from '../../app/bridge';
import { useDebounced } from '../../app/debounced';
import { useKeys, useListKeys } from '../../app/keys';
import { useGo, useTextSearch } from '../../app/navigation';
import { useApi } from '../../app/queries';
import { Button, EmptyState, ErrorState, Loading, Page, Skeleton, VirtualList } from '../../ui';
import styles from './activity.module.css';
import { type Entries, useEntries } from './entries';
import { FilterBar } from './FilterBar';
import { type Filters, filterCount, filtersFrom, NO_FILTERS, searchOf } from './filters';
import { useFreshProofs } from './proofs';
import { Row } from './Row';
import { saveLog } from './save';
import { WitnessBanner } from './Witness';

const ROW_PX = 32;
const TYPING_STILL_MS = 250;

export function ActivityScreen() {
  const go = useGo();
  const search = useTextSearch();
  const filters = filtersFrom(search);
  const me = useApi('me.get', {}).data?.person;
  const seesAll = me?.roles.some((role) => role === 'admin' || role === 'auditor') ?? false;
  useFreshProofs();
  const change = useCallback((next: Filters) => go('/activity', searchOf(next)), [go]);
  const [text, setText] = useTypedFilter(filters, change);
  const log = useEntries(filters);
  const size = log.size.toLocaleString('en');
  return (
    <Page
      title="Activity"
      about={
        me !== undefined && !seesAll
          ? 'What concerns you. Auditors and administrators see everything, and can export it.'
          : undefined
      }
      actions={<Export allowed={seesAll} />}
      fixed={
        <div className={styles.head}>
          <WitnessBanner />
          <FilterBar
            filters={filters}
            text={text}
            onText={setText}
            onChange={(next) => {
              setText(next.text);
              change(next);
            }}
            aside={log.state === 'ready' && seesAll && filterCount(filters) === 0 ? `${size} entries` : ''}
          />
        </div>
      }
    >
      <Log log={log} filters={filters} onFilters={change} />
    </Page>
  );
}

/** What is typed stands at once; it goes into the address (and to the service) when it has been still. */
function useTypedFilter(filters: Filters, change: (next: Filters) => void) {
  const [text, setText] = useState(filters.text);
  const settled = useDebounced(text, TYPING_STILL_MS);
  const latest = useRef(filters);
  latest.current = filters;
  useEffect(() => {
    if (settled.trim() !== latest.current.text) change({ ...latest.current, text: settled });
  }, [settled, change]);
  return [text, setText] as const;
}

function Export({ allowed }: { readonly allowed: boolean }) {
  const save = useAction(saveLog);
  return (
    <Button
      state={save.state}
      disabled={!allowed}
      title={allowed ? undefined : 'Only auditors and administrators can export the whole log.'}
      onClick={() => save.run()}
    >
      <Download size={14} aria-hidden /> Export…
    </Button>
  );
}

interface LogProps {
  readonly log: Entries;
  readonly filters: Filters;
  readonly onFilters: (filters: Filters) => void;
}
function Log({ log, filters, onFilters }: LogProps) {
  const [open, setOpen] = useState<number | null>(null);
  const [selected, setSelected] = useState<number | null>(null);
  const { entries } = log;
  const at = entries.findIndex((entry) => entry.index === selected);
  const focus = (next: number) => {
    const index = entries[next]?.index;
    if (index === undefined) return;
    setSelected(index);
    document.querySelector<HTMLElement>(`[data-entry="${index}"]`)?.focus();
  };
  useListKeys(entries.length, at, focus);
  useKeys([{ keys: 'x', label: 'Clear the filters', run: () => onFilters(NO_FILTERS) }]);
  if (log.state === 'loading') return <LoadingRows />;
  if (log.state === 'failed') return <ErrorState error={toUserError(log.error)} onRetry={log.retry} />;
  if (entries.length === 0) return <Nothing filters={filters} onClear={() => onFilters(NO_FILTERS)} />;
  return (
    <div className={styles.log}>
      <div className={`${styles.row} ${styles.columns}`} aria-hidden>
        <span>Entry</span>
        <span>Time</span>
        <span>Who</span>
        <span>What</span>
        <span>Resource</span>
        <span>Ticket</span>
        <span>Proof</span>
      </div>
      <VirtualList
        items={entries}
        keyOf={(entry) => entry.index}
        estimatePx={ROW_PX}
        label="Entries of the log, newest first"
        onEnd={log.loadOlder}
        className={styles.list ?? ''}
        {...(at >= 0 && { selectedIndex: at })}
        render={(entry) => (
          <Row
            entry={entry}
            expanded={open === entry.index}
            onToggle={() => setOpen((before) => (before === entry.index ? null : entry.index))}
            onFocus={() => setSelected(entry.index)}
            onGrant={(grant) => onFilters({ ...NO_FILTERS, grant })}
          />
        )}
      />
      {log.older === 'failed' && (
        <p className={`bad ${styles.tail}`} role="alert">
          Older entries could not be fetched.{' '}
          <Button size="s" onClick={log.loadOlder}>
            Try again
          </Button>
        </p>
      )}
      {log.older === 'loading' && (
        <p className={`dim ${styles.tail}`} role="status">
          Fetching older entries…
        </p>
      )}
    </div>
  );
}

const LoadingRows = () => (
  <Loading label="Loading the log">
    <div className={styles.skeleton}>
      {['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l'].map((key) => (
        <Skeleton key={key} height={22} />
      ))}
    </div>
  </Loading>
);

function Nothing({ filters, onClear }: { readonly filters: Filters; readonly onClear: () => void }) {
  if (filterCount(filters) === 0)
    return (
      <EmptyState size="page" icon={<List size={28} aria-hidden />} title="Nothing that concerns you yet">
        Requests, decisions, and access that begins and ends are written here, one entry each.
      </EmptyState>
    );
  return (
    <EmptyState
      size="page"
      icon={<SearchX size={28} aria-hidden />}
      title="No entry fits"
      actions={<Button onClick={onClear}>Clear the filters</Button>}
    >
      Nothing in the log fits all of what you chose.
    </EmptyState>
  );
}
