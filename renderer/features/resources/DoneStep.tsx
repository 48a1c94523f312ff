/** The last step: what can be asked for now, and if nobody can ask, the rule that is missing. */
import { Check, TriangleAlert } from 'lucide-react';
import { useMemo } from 'react';
import type { Resource } from '../../../shared/contract/resources';
import { useGo } from '../../app/navigation';
import { useApi } from '../../app/queries';
import { reachOf, suggestionFor } from '../../app/rules/reach';
import { readPolicy } from '../../app/rules/read';
import { sentenceOf } from '../../app/rules/words';
import { wordPeople } from '../../app/words';
import { Button, LevelTag } from '../../ui';
import styles from './resources.module.css';

export function DoneStep({ resource }: { readonly resource: Resource }) {
  const go = useGo();
  const policy = useApi('policy.get', {}).data;
  const reach = useMemo(() => {
    const read = policy === undefined ? null : readPolicy(policy.yaml);
    if (read === null) return null;
    const levels = resource.levels.map((level) => level.name);
    return reachOf(
      read.rules.map(({ rule }) => rule),
      resource,
      levels,
    );
  }, [policy, resource]);
  const opened = reach?.filter(({ rules }) => rules.some((rule) => rule.effect !== 'deny')) ?? [];
  const missing = reach?.filter((one) => !opened.includes(one)).map((one) => one.level) ?? [];
  const first = opened[0]?.rules.find((rule) => rule.effect !== 'deny');
  return (
    <div className={styles.done}>
      <p className={styles.doneHead}>
        <Check size={18} className="ok" aria-hidden />
        <span>
          <b>{resource.name}</b> is there, with {resource.levels.map((level) => level.name).join(' and ')}.
        </span>
      </p>
      {reach !== null && missing.length > 0 && (
        <section className={styles.missing} aria-label="A rule is missing">
          <div className="row">
            <TriangleAlert size={15} className="warn" aria-hidden />
            <b>
              {opened.length === 0
                ? 'Nobody can ask for it yet: no rule reaches it'
                : `No rule reaches ${wordPeople(missing, 'or')} on it`}
            </b>
          </div>
          <p className="mut">
            This rule lets people ask, and the owners decide. It goes into a draft; you see what it changes before it is
            published.
          </p>
          <pre className="mono">{suggestionFor(resource)}</pre>
          <Button look="primary" onClick={() => go('/policy', { suggest: resource.name })}>
            Put it in a draft of the policy
          </Button>
        </section>
      )}
      {first !== undefined && (
        <section aria-label="Who may ask">
          <h3>Who may ask</h3>
          <ul className={styles.opened}>
            {opened.map(({ level, rules }) => (
              <li key={level}>
                <LevelTag level={level} />
                <span>
                  {rules
                    .filter((rule) => rule.effect !== 'deny')
                    .slice(0, 1)
                    .map(sentenceOf)}
                </span>
              </li>
            ))}
          </ul>
        </section>
      )}
      <div className="row">
        <Button onClick={() => go('/resources', { resource: resource.id })}>Show {resource.name}</Button>
        {first !== undefined && (
          <Button onClick={() => go('/request', { resource: resource.id })}>Ask for access to it</Button>
        )}
        <Button look="quiet" onClick={() => go('/policy')}>
          Open the policy
        </Button>
      </div>
    </div>
  );
}
