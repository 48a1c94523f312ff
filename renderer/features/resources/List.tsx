/** The resources: found by name, environment, risk and kind; each with its health and who holds access now. */
import { ChevronDown } from 'lucide-react';
import { useState } from 'react';
import type { GrantView } from '../../../shared/contract/grants';
import type { Resource } from '../../../shared/contract/resources';
import { ENVIRONMENTS, RISK_CLASSES } from '../../../shared/domain/states';
import { useMinute } from '../../app/clock';
import { useListKeys } from '../../app/keys';
import { wordCount } from '../../app/words';
import { Chip, Dot, EmptyState, EnvironmentMark, KindIcon, Menu, RiskPips, SearchField } from '../../ui';
import styles from './resources.module.css';
import { healthOf, holdersOf, type ResourceFilter, resourceFits } from './wording';

export interface ListProps {
  readonly resources: readonly Resource[];
  readonly grants: readonly GrantView[];
  readonly selectedId: string | undefined;
  readonly onSelect: (id: string) => void;
}
export function List({ resources, grants, selectedId, onSelect }: ListProps) {
  const [filter, setFilter] = useState<ResourceFilter>({
    text: '',
    environment: null,
    risk: null,
    kind: null,
    state: 'active',
  });
  const found = resources.filter((one) => resourceFits(one, filter));
  const at = found.findIndex((one) => one.id === selectedId);
  const select = (index: number) => {
    const one = found[index];
    if (one !== undefined) onSelect(one.id);
  };
  useListKeys(found.length, at, select);
  return (
    <>
      <div className={styles.filters}>
        <SearchField
          label="Search resources"
          text={filter.text}
          onText={(text) => setFilter({ ...filter, text })}
          count={found.length}
          at={at}
          select={select}
        />
        <Chips resources={resources} filter={filter} onChange={setFilter} />
      </div>
      <div className={styles.list}>
        <ul aria-label="Resources">
          {found.map((one) => (
            <li key={one.id}>
              <Row
                resource={one}
                holderCount={new Set(holdersOf(grants, one.id).map((grant) => grant.holder.personId)).size}
                selected={one.id === selectedId}
                onSelect={() => onSelect(one.id)}
              />
            </li>
          ))}
        </ul>
        {resources.length > 0 && found.length === 0 && (
          <div className={styles.noneFound}>
            <EmptyState title="Nothing fits">Try fewer words, or take a filter away.</EmptyState>
          </div>
        )}
      </div>
    </>
  );
}

interface ChipsProps {
  readonly resources: readonly Resource[];
  readonly filter: ResourceFilter;
  readonly onChange: (filter: ResourceFilter) => void;
}
function Chips({ resources, filter, onChange }: ChipsProps) {
  const kinds = [...new Set(resources.map((one) => one.kind))].sort();
  const archived = resources.some((one) => one.state === 'archived');
  return (
    <div className={styles.chips}>
      {ENVIRONMENTS.map((environment) => (
        <Chip
          key={environment}
          pressed={filter.environment === environment}
          onClick={() => onChange({ ...filter, environment: filter.environment === environment ? null : environment })}
        >
          {environment}
        </Chip>
      ))}
      <Menu
        items={[null, ...RISK_CLASSES].map((risk) => ({
          key: risk ?? 'any',
          label: risk === null ? 'Any risk' : <RiskPips risk={risk} />,
          onSelect: () => onChange({ ...filter, risk }),
        }))}
        trigger={
          <Chip pressed={filter.risk !== null}>
            {filter.risk === null ? 'Any risk' : `${filter.risk} risk`}
            <ChevronDown size={12} aria-hidden />
          </Chip>
        }
      />
      {kinds.length > 0 && (
        <Menu
          items={[null, ...kinds].map((kind) => ({
            key: kind ?? 'any',
            label: kind ?? 'Any kind',
            onSelect: () => onChange({ ...filter, kind }),
          }))}
          trigger={
            <Chip pressed={filter.kind !== null}>
              {filter.kind ?? 'Any kind'}
              <ChevronDown size={12} aria-hidden />
            </Chip>
          }
        />
      )}
      {archived && (
        <Chip
          pressed={filter.state === 'archived'}
          onClick={() => onChange({ ...filter, state: filter.state === 'archived' ? 'active' : 'archived' })}
        >
          archived
        </Chip>
      )}
    </div>
  );
}

interface RowProps {
  readonly resource: Resource;
  readonly holderCount: number;
  readonly selected: boolean;
  readonly onSelect: () => void;
}
function Row({ resource, holderCount, selected, onSelect }: RowProps) {
  const health = healthOf(resource, useMinute());
  return (
    <button type="button" className={styles.resource} aria-current={selected || undefined} onClick={onSelect}>
      <span className={styles.kind}>
        <KindIcon kind={resource.kind} />
      </span>
      <span className={`cut ${styles.named}`}>
        <b className="cut">{resource.name}</b>
        <small className="dim cut">
          <span title={health.text}>
            <Dot tone={health.tone} /> <span className="sr-only">{health.text}. </span>
          </span>
          {resource.suspended !== null && <span className="bad">locked, </span>}
          {holderCount > 0 ? `${wordCount(holderCount, 'person holds', 'people hold')} it now` : resource.targetLabel}
        </small>
      </span>
      <span className={styles.marks}>
        <EnvironmentMark environment={resource.environment} length="short" />
        <span className="not-narrow">
          <RiskPips risk={resource.risk} />
        </span>
      </span>
    </button>
  );
}
