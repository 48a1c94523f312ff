/** What narrows the log: text, who, which resource, which step, one grant. */
import { Search, X } from 'lucide-react';
import { useApi } from '../../app/queries';
import { Button, Chip, Select } from '../../ui';
import styles from './activity.module.css';
import { type Filters, filterCount, NO_FILTERS } from './filters';
import { AUDIT_TYPES, STEP_NAMES } from './wording';

export interface FilterBarProps {
  readonly filters: Filters;
  /** As typed; what is searched for follows a moment later. */
  readonly text: string;
  readonly onText: (text: string) => void;
  readonly onChange: (filters: Filters) => void;
  readonly aside: string;
}
export function FilterBar({ filters, text, onText, onChange, aside }: FilterBarProps) {
  const people = useApi('people.list', {}).data?.items ?? [];
  const resources = useApi('resources.list', {}).data?.items ?? [];
  const set = (change: Partial<Filters>) => onChange({ ...filters, ...change });
  return (
    <search className={styles.filters} aria-label="Filter the log">
      <div className={`hp-input ${styles.text}`} data-size="s">
        <Search size={14} aria-hidden />
        <input
          data-search
          type="text"
          aria-label="Search in the entries"
          placeholder="Ticket, person, resource"
          maxLength={100}
          value={text}
          onChange={(event) => onText(event.target.value)}
        />
      </div>
      <div className={styles.choice} data-set={filters.person !== '' || undefined}>
        <Select
          size="s"
          label="Who"
          value={filters.person}
          onChange={(person) => set({ person })}
          options={[
            { value: '', label: 'Anyone' },
            ...people.map((one) => ({
              value: one.id,
              label: one.displayName,
              ...(one.state === 'removed' && { aside: 'removed' }),
            })),
          ]}
        />
      </div>
      <div className={styles.choice} data-set={filters.resource !== '' || undefined}>
        <Select
          size="s"
          label="Resource"
          value={filters.resource}
          onChange={(resource) => set({ resource })}
          options={[
            { value: '', label: 'Any resource' },
            ...resources.map((one) => ({ value: one.id, label: one.name })),
          ]}
        />
      </div>
      <div className={styles.choice} data-set={filters.type !== '' || undefined}>
        <Select
          size="s"
          label="Step"
          value={filters.type}
          onChange={(type) => set({ type })}
          options={[
            { value: '', label: 'Any step' },
            ...AUDIT_TYPES.map((type) => ({ value: type, label: STEP_NAMES[type] })),
          ]}
        />
      </div>
      {filters.grant !== '' && (
        <Chip pressed onClick={() => set({ grant: '' })} aria-label="Only one grant; press to show all">
          One grant <X size={12} aria-hidden />
        </Chip>
      )}
      {(filterCount(filters) > 0 || text !== '') && (
        <Button size="s" look="quiet" onClick={() => onChange(NO_FILTERS)}>
          Clear
        </Button>
      )}
      <span className="grow" />
      <span className="dim nowrap not-narrow">{aside}</span>
    </search>
  );
}
