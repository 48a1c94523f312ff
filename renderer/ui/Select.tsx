/** One of many. For two to five short choices take Segmented. */
import { Select as Base } from '@base-ui/react/select';
import { Check, ChevronDown } from 'lucide-react';
import type { ReactNode } from 'react';

export interface SelectOption<V extends string> {
  readonly value: V;
  readonly label: string;
  readonly aside?: ReactNode;
}
export interface SelectProps<V extends string> {
  readonly value: V;
  readonly onChange: (value: V) => void;
  readonly options: readonly SelectOption<V>[];
  /** Its name when no Field label names it. */
  readonly label?: string;
  readonly size?: 's' | 'm';
  readonly disabled?: boolean;
}
export function Select<V extends string>({ value, onChange, options, label, size = 'm', disabled }: SelectProps<V>) {
  return (
    <Base.Root
      value={value}
      disabled={disabled}
      items={options.map((option) => ({ value: option.value, label: option.label }))}
      onValueChange={(next) => next !== null && onChange(next as V)}
    >
      <Base.Trigger className="hp-input hp-select" data-size={size} aria-label={label}>
        <Base.Value className="cut" />
        <Base.Icon>
          <ChevronDown size={14} />
        </Base.Icon>
      </Base.Trigger>
      <Base.Portal>
        <Base.Positioner className="hp-positioner" data-over-dialog sideOffset={4} alignItemWithTrigger={false}>
          <Base.Popup className="hp-popup">
            <Base.List>
              {options.map((option) => (
                <Base.Item key={option.value} value={option.value} className="hp-item">
                  <Base.ItemText>{option.label}</Base.ItemText>
                  {option.aside !== undefined && <span className="hp-item__aside dim small">{option.aside}</span>}
                  <Base.ItemIndicator className={option.aside === undefined ? 'hp-item__aside' : undefined}>
                    <Check size={14} />
                  </Base.ItemIndicator>
                </Base.Item>
              ))}
            </Base.List>
          </Base.Popup>
        </Base.Positioner>
      </Base.Portal>
    </Base.Root>
  );
}
