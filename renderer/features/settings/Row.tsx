/** One setting: what it is and does at the left, the control at the right, what went wrong under it. Saved at once. */
import { CircleAlert } from 'lucide-react';
import { type ReactNode, useRef, useState } from 'react';
import type { Settings } from '../../../shared/contract/settings';
import { toUserError } from '../../app/bridge';
import { changeSettings } from '../../app/session';
import styles from './settings.module.css';

/** Saves one change; its error stays beside the control until the next try. */
export function useSaved() {
  const [error, setError] = useState<string | null>(null);
  const turn = useRef(0);
  const save = (change: Partial<Settings>) => {
    turn.current += 1;
    const mine = turn.current;
    setError(null);
    return changeSettings(change).catch((thrown: unknown) => {
      if (mine !== turn.current) return;
      const { what, next } = toUserError(thrown);
      setError([what, 'It stays as it was.', next].filter(Boolean).join(' '));
    });
  };
  return { error, save } as const;
}

export interface RowProps {
  readonly title: string;
  readonly about?: ReactNode;
  readonly error?: string | null;
  readonly children?: ReactNode;
}
export const SettingRow = ({ title, about, error, children }: RowProps) => (
  <fieldset className={styles.row} aria-label={title}>
    <div className={styles.text}>
      <div className={styles.name}>{title}</div>
      {about !== undefined && <div className="mut small">{about}</div>}
      {error != null && (
        <div className="bad small row" role="alert">
          <CircleAlert size={13} aria-hidden />
          {error}
        </div>
      )}
    </div>
    <div className={styles.control}>{children}</div>
  </fieldset>
);

interface SwitchProps {
  readonly label: string;
  readonly value: boolean;
  readonly onChange: (to: 'on' | 'off') => void;
}
/** A real check box that looks like a switch. */
export const Switch = ({ label, value, onChange }: SwitchProps) => (
  <label className={styles.switch}>
    <input
      type="checkbox"
      role="switch"
      aria-label={label}
      checked={value}
      aria-checked={value}
      onChange={(event) => onChange(event.target.checked ? 'on' : 'off')}
    />
    <span aria-hidden>{value ? 'On' : 'Off'}</span>
  </label>
);
