/** Several short names: type one and press Enter or comma, or take one that exists. Backspace removes the last. */
import { X } from 'lucide-react';
import { type KeyboardEvent, useId, useState } from 'react';
import { Chip, Field } from '../../ui';
import styles from './resources.module.css';

const MOST_OFFERED = 8;
/** "A, b" → ["a", "b"]: what was typed, as names. Pure. */
export const namesIn = (text: string, spelling: 'slug' | 'exact'): string[] =>
  text
    .split(/[,\n]+/)
    .map((one) => (spelling === 'slug' ? one.trim().toLowerCase().replace(/\s+/g, '-') : one.trim()))
    .filter(Boolean);

export interface TokenFieldProps {
  readonly label: string;
  readonly value: readonly string[];
  readonly onChange: (value: string[]) => void;
  readonly offered?: readonly string[];
  readonly hint?: string | undefined;
  readonly error?: string | undefined;
  readonly placeholder?: string;
  /** `slug`: lower case, dashes for spaces. `exact`: as typed, for names of the target. */
  readonly spelling?: 'slug' | 'exact';
}
export function TokenField(props: TokenFieldProps) {
  const { label, value, onChange, offered = [], hint, error, placeholder, spelling = 'slug' } = props;
  const [text, setText] = useState('');
  const id = useId();
  const add = (typed: string) => {
    onChange([...new Set([...value, ...namesIn(typed, spelling)])]);
    setText('');
  };
  const onKeyDown = (event: KeyboardEvent<HTMLInputElement>) => {
    if ((event.key === 'Enter' || event.key === ',') && text.trim() !== '') {
      event.preventDefault();
      add(text);
    } else if (event.key === 'Backspace' && text === '') onChange(value.slice(0, -1));
  };
  const fits = offered.filter((one) => !value.includes(one) && one.includes(text.trim().toLowerCase()));
  return (
    <Field label={label} hint={hint} error={error}>
      <div className={`hp-input ${styles.tokens}`} data-invalid={error === undefined ? undefined : ''}>
        {value.map((one) => (
          <span key={one} className={styles.token}>
            {one}
            <button
              type="button"
              aria-label={`Remove ${one} from ${label}`}
              onClick={() => onChange(value.filter((other) => other !== one))}
            >
              <X size={12} aria-hidden />
            </button>
          </span>
        ))}
        <input
          id={id}
          aria-label={label}
          aria-invalid={error === undefined ? undefined : true}
          placeholder={value.length === 0 ? placeholder : undefined}
          value={text}
          onChange={(event) => setText(event.target.value)}
          onKeyDown={onKeyDown}
          onBlur={() => text.trim() !== '' && add(text)}
        />
      </div>
      {fits.length > 0 && (
        <div className={styles.offered}>
          {fits.slice(0, MOST_OFFERED).map((one) => (
            <Chip
              key={one}
              aria-label={`Add ${one} to ${label}`}
              onMouseDown={(event) => event.preventDefault()}
              onClick={() => add(one)}
            >
              {one}
            </Chip>
          ))}
        </div>
      )}
    </Field>
  );
}
