/** Recording a shortcut by pressing it. While it records, no other key of the app works; Escape leaves it as it was. */
import { useEffect, useState } from 'react';
import { queryClient } from '../../app/queries';
import { useAppInfo } from '../../app/session';
import { Button, Kbd } from '../../ui';
import { SettingRow, useSaved } from './Row';
import styles from './settings.module.css';
import { recordShortcut, shortcutKeys } from './shortcut';

export function ShortcutRow({ value }: { readonly value: string }) {
  const { error, save } = useSaved();
  const [recording, setRecording] = useState<'no' | 'yes'>('no');
  const [why, setWhy] = useState<string | null>(null);
  const info = useAppInfo();
  const bound = info.data?.shortcuts.palette;
  const store = async (paletteShortcut: string) => {
    setRecording('no');
    await save({ paletteShortcut });
    await queryClient.invalidateQueries({ queryKey: ['ipc', 'info'] });
  };
  const latest = { store };
  useEffect(() => {
    if (recording === 'no') return;
    const onKey = (event: KeyboardEvent) => {
      event.preventDefault();
      event.stopImmediatePropagation();
      if (event.key === 'Escape') return setRecording('no');
      const pressed = recordShortcut(event);
      if (pressed.kind === 'refused') setWhy(pressed.why);
      else if (pressed.kind === 'shortcut') void latest.store(pressed.accelerator);
    };
    window.addEventListener('keydown', onKey, { capture: true });
    return () => window.removeEventListener('keydown', onKey, { capture: true });
  });
  const taken = value !== '' && info.data !== undefined && bound !== value;
  const keys = shortcutKeys(value);
  return (
    <SettingRow
      title="Palette from anywhere"
      error={error ?? (recording === 'yes' ? why : null)}
      about={
        taken ? (
          <span className="warn">
            The desktop did not give us this shortcut: another program may have it, or this session does not allow any.
            Ctrl K still works in the window.
          </span>
        ) : (
          'Opens the window with the palette. Ctrl K does so inside of it.'
        )
      }
    >
      {recording === 'yes' ? (
        <span className={styles.recording} role="status">
          Press the keys… <span className="dim">Esc cancels</span>
        </span>
      ) : keys.length === 0 ? (
        <span className="dim">none</span>
      ) : (
        <span className={styles.keys}>
          {keys.map((key) => (
            <Kbd key={key}>{key}</Kbd>
          ))}
        </span>
      )}
      <Button
        size="s"
        data-record
        onClick={() => {
          setWhy(null);
          setRecording((before) => (before === 'yes' ? 'no' : 'yes'));
        }}
        onBlur={() => setRecording('no')}
      >
        {recording === 'yes' ? 'Cancel' : 'Change…'}
      </Button>
      {value !== '' && recording === 'no' && (
        <Button size="s" look="quiet" onClick={() => void store('')}>
          Remove
        </Button>
      )}
    </SettingRow>
  );
}
