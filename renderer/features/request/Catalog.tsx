/** The catalog: what may be asked for, found by name, environment and risk; favourites first. */
import { ChevronDown } from 'lucide-react';
import { useState } from 'react';
import type { CatalogEntry } from '../../../shared/contract/resources';
import { ENVIRONMENTS, type Environment, RISK_CLASSES, type RiskClass } from '../../../shared/domain/states';
import { useListKeys } from '../../app/keys';
import { Chip, EmptyState, EnvironmentMark, KindIcon, Menu, RiskPips, SearchField } from '../../ui';
import styles from './request.module.css';

export interface CatalogFilter {
  readonly text: string;
  readonly environment: Environment | null;
  readonly risk: RiskClass | null;
}
/** Every word must stand somewhere in name, kind, owners, tags or description. Pure. */
export function matches({ resource }: CatalogEntry, { text, environment, risk }: CatalogFilter): boolean {
  if (environment !== null && resource.environment !== environment) return false;
  if (risk !== null && resource.risk !== risk) return false;
  const hay = [
    resource.name,
    resource.environment,
    resource.targetLabel,
    resource.description,
    ...resource.owners,
    ...resource.tags,
  ]
    .join(' ')
    .toLowerCase();
  return text
    .toLowerCase()
    .split(/\s+/)
    .every((word) => hay.includes(word));
}

export interface CatalogProps {
  readonly entries: readonly CatalogEntry[];
  readonly favourites: ReadonlySet<string>;
  readonly selectedId: string | undefined;
  readonly onSelect: (resourceId: string) => void;
}
export function Catalog({ entries, favourites, selectedId, onSelect }: CatalogProps) {
  const [filter, setFilter] = useState<CatalogFilter>({ text: '', environment: null, risk: null });
  const found = entries.filter((entry) => matches(entry, filter));
  const starred = found.filter((entry) => favourites.has(entry.resource.id));
  const rest = found.filter((entry) => !favourites.has(entry.resource.id));
  const order = [...starred, ...rest];
  const at = order.findIndex((entry) => entry.resource.id === selectedId);
  const select = (index: number) => {
    const entry = order[index];
    if (entry !== undefined) onSelect(entry.resource.id);
  };
  useListKeys(order.length, at, select);
  const group = (title: string, items: readonly CatalogEntry[]) =>
    items.length > 0 && (
      <section aria-label={title}>
        <div className={`lab ${styles.group}`}>{title}</div>
        <ul>
          {items.map((entry) => (
            <Row
              key={entry.resource.id}
              entry={entry}
              selected={entry.resource.id === selectedId}
              onSelect={onSelect}
            />
          ))}
        </ul>
      </section>
    );
  return (
    <>
      <div className={styles.filters}>
        <SearchField
          label="Search resources"
          text={filter.text}
          onText={(text) => setFilter({ ...filter, text })}
          count={order.length}
          at={at}
          select={select}
        />
        <div className={styles.chips}>
          {ENVIRONMENTS.map((environment) => (
            <Chip
              key={environment}
              pressed={filter.environment === environment}
              onClick={() =>
                setFilter({ ...filter, environment: filter.environment === environment ? null : environment })
              }
            >
              {environment}
            </Chip>
          ))}
          <Menu
            items={[null, ...RISK_CLASSES].map((risk) => ({
              key: risk ?? 'any',
              label: risk === null ? 'Any risk' : <RiskPips risk={risk} />,
              onSelect: () => setFilter({ ...filter, risk }),
            }))}
            trigger={
              <Chip pressed={filter.risk !== null}>
                {filter.risk === null ? 'Any risk' : `${filter.risk} risk`}
                <ChevronDown size={12} aria-hidden />
              </Chip>
            }
          />
        </div>
      </div>
      <div className={styles.list}>
        {group('Favourites', starred)}
        {group(filter.environment === null ? 'All resources' : `All in ${filter.environment}`, rest)}
        {entries.length > 0 && order.length === 0 && (
          <div className={styles.noneFound}>
            <EmptyState title="Nothing fits">Try fewer words, or take a filter away.</EmptyState>
          </div>
        )}
      </div>
    </>
  );
}

interface RowProps {
  readonly entry: CatalogEntry;
  readonly selected: boolean;
  readonly onSelect: (resourceId: string) => void;
}
const Row = ({ entry: { resource }, selected, onSelect }: RowProps) => (
  <li>
    <button
      type="button"
      className={styles.resource}
      aria-current={selected || undefined}
      onClick={() => onSelect(resource.id)}
    >
      <KindIcon kind={resource.kind} />
      <span className="cut">
        <b className="cut">{resource.name}</b>
        <small className="dim cut">
          {resource.targetLabel}
          {resource.owners.length > 0 && `, ${resource.owners.join(', ')}`}
        </small>
      </span>
      <span className={styles.marks}>
        <EnvironmentMark environment={resource.environment} length="short" />
        <span className="not-narrow">
          <RiskPips risk={resource.risk} />
        </span>
      </span>
    </button>
  </li>
);
