/** All keys that work right now. */
import { Dialog, Kbd } from '../ui';
import styles from './help.module.css';
import { useAllKeys } from './keys';

const NAMES: Readonly<Record<string, string>> = {
  ctrl: 'Ctrl',
  enter: 'Enter',
  escape: 'Esc',
  arrowdown: '↓',
  arrowup: '↑',
};
const wordKey = (key: string) => NAMES[key] ?? key.toUpperCase();

export function Help({ open, onClose }: { readonly open: boolean; readonly onClose: () => void }) {
  const layers = useAllKeys();
  const groups = [
    { name: 'This screen', keys: layers.slice(1).flat() },
    { name: 'Everywhere', keys: (layers[0] ?? []).filter((binding) => !binding.keys.startsWith('g ')) },
    { name: 'Go to', keys: (layers[0] ?? []).filter((binding) => binding.keys.startsWith('g ')) },
  ].filter((group) => group.keys.length > 0);
  return (
    <Dialog open={open} onClose={onClose} title="Keys" size="wide">
      <div className={styles.groups}>
        {groups.map((group) => (
          <section key={group.name} aria-label={group.name}>
            <h3 className="dim">{group.name}</h3>
            <dl className={styles.keys}>
              {group.keys.map((binding) => (
                <div key={binding.keys}>
                  <dt>{binding.label}</dt>
                  <dd>
                    {binding.keys.split(/[ +]/).map((key) => (
                      <Kbd key={key}>{wordKey(key)}</Kbd>
                    ))}
                  </dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </Dialog>
  );
}
