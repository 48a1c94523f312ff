/** Which kind of target: all of them seen at once, however narrow the window. */
import { useId } from 'react';
import { KIND_WORDS, KINDS, type Kind } from '../../ui';
import styles from './resources.module.css';

export function KindPicker({ value, onChange }: { readonly value: Kind; readonly onChange: (next: Kind) => void }) {
  const name = useId();
  return (
    <div className={styles.kinds} role="radiogroup" aria-label="Kind">
      {KINDS.map((kind) => {
        const { Icon, label } = KIND_WORDS[kind];
        return (
          <label key={kind}>
            <input type="radio" name={name} value={kind} checked={kind === value} onChange={() => onChange(kind)} />
            <Icon size={14} aria-hidden />
            {label}
          </label>
        );
      })}
    </div>
  );
}
