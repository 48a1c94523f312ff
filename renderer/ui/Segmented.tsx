/** A few short choices in one line, as real radio buttons: arrow keys, names and groups come with them. */
import { type ReactNode, useId } from 'react';

export interface SegmentOption<V extends string> {
  readonly value: V;
  readonly label: ReactNode;
  /** Why it can't be chosen. Such an option is struck through. */
  readonly barred?: string | undefined;
}
export interface SegmentedProps<V extends string> {
  readonly label: string;
  readonly value: V;
  readonly onChange: (value: V) => void;
  readonly options: readonly SegmentOption<V>[];
  readonly figures?: 'text' | 'mono';
}
export function Segmented<V extends string>({ label, value, onChange, options, figures = 'text' }: SegmentedProps<V>) {
  const name = useId();
  return (
    <div className="hp-segmented" role="radiogroup" aria-label={label} data-mono={figures === 'mono' || undefined}>
      {options.map((option) => (
        <label key={option.value} title={option.barred}>
          <input
            type="radio"
            name={name}
            value={option.value}
            checked={option.value === value}
            disabled={option.barred !== undefined}
            onChange={() => onChange(option.value)}
          />
          {option.label}
        </label>
      ))}
    </div>
  );
}
