/** Several of a few, as real check boxes in a row: roles, groups, members. */
import type { ReactNode } from 'react';
import styles from './people.module.css';

export interface ChoicesProps<V extends string> {
  readonly label: string;
  readonly options: readonly {
    readonly value: V;
    readonly label: string;
    readonly about?: string;
    readonly barred?: boolean;
  }[];
  readonly chosen: readonly V[];
  readonly onToggle: (value: V, to: 'on' | 'off') => void;
  readonly layout?: 'chips' | 'rows';
  readonly disabled?: boolean;
  readonly aside?: ReactNode;
}
export function Choices<V extends string>(props: ChoicesProps<V>) {
  const { label, options, chosen, onToggle, layout = 'chips', disabled = false, aside } = props;
  return (
    <fieldset className={layout === 'chips' ? styles.chips : styles.checks} disabled={disabled}>
      <legend className="sr-only">{label}</legend>
      {options.map((option) => (
        <label key={option.value}>
          <input
            type="checkbox"
            checked={chosen.includes(option.value)}
            disabled={option.barred}
            onChange={(event) => onToggle(option.value, event.target.checked ? 'on' : 'off')}
          />
          <span>{option.label}</span>
          {option.about !== undefined && <span className="dim small">{option.about}</span>}
        </label>
      ))}
      {aside}
    </fieldset>
  );
}
