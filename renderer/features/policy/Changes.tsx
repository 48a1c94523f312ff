/** What a draft would change for whom, loud where something becomes easier to get. */
import { ArrowRight, DoorOpen, Lock, TriangleAlert } from 'lucide-react';
import type { ReactNode } from 'react';
import type { Environment } from '../../../shared/domain/states';
import { wordCount, wordPeople } from '../../app/words';
import { EmptyState, EnvironmentMark, LevelTag } from '../../ui';
import { type ChangeGroup, isLoud, type Weight } from './changes';
import styles from './policy.module.css';

const HEADINGS: Record<Weight, { readonly title: string; readonly about: string; readonly icon: ReactNode }> = {
  opens: { title: 'Opens', about: 'could not be asked for before', icon: <DoorOpen size={15} aria-hidden /> },
  unapproved: {
    title: 'No longer needs an approval',
    about: 'somebody had to agree before',
    icon: <TriangleAlert size={15} aria-hidden />,
  },
  easier: { title: 'Easier', about: 'less is asked for than before', icon: <TriangleAlert size={15} aria-hidden /> },
  mixed: {
    title: 'Different',
    about: 'look closely: partly easier, or not comparable',
    icon: <TriangleAlert size={15} aria-hidden />,
  },
  stricter: { title: 'Stricter', about: 'more is asked for than before', icon: <Lock size={15} aria-hidden /> },
  closes: { title: 'Closes', about: 'can no longer be asked for', icon: <Lock size={15} aria-hidden /> },
  same: { title: 'Still closed', about: 'only the reason differs', icon: <Lock size={15} aria-hidden /> },
};
const MOST_GROUPS = 60;

/** "3 open, 1 no longer needs an approval, 2 stricter": what is said beside the button. */
export function wordChanges(groups: readonly ChangeGroup[]): string {
  if (groups.length === 0) return 'Nobody’s answer changes.';
  const loud = groups.filter((group) => isLoud(group.weight)).length;
  const quiet = groups.length - loud;
  const said = [
    loud > 0 && `${wordCount(loud, 'answer')} ${loud === 1 ? 'becomes' : 'become'} easier or different`,
    quiet > 0 && `${wordCount(quiet, 'answer')} ${quiet === 1 ? 'becomes' : 'become'} stricter`,
  ];
  return `${said.filter(Boolean).join(', ')}.`;
}

export interface ChangesProps {
  readonly groups: readonly ChangeGroup[];
  readonly environments: ReadonlyMap<string, Environment>;
}
export function Changes({ groups, environments }: ChangesProps) {
  if (groups.length === 0)
    return (
      <EmptyState title="Nobody’s answer changes">
        Every person gets the same answer for every resource and level as from the version in force.
      </EmptyState>
    );
  const shown = groups.slice(0, MOST_GROUPS);
  const weights = [...new Set(shown.map((group) => group.weight))];
  return (
    <>
      {weights.map((weight) => {
        const { title, about, icon } = HEADINGS[weight];
        const items = shown.filter((group) => group.weight === weight);
        return (
          <section key={weight} className={styles.weight} data-loud={isLoud(weight) || undefined} aria-label={title}>
            <h3>
              {icon}
              {title}
              <span className="dim">{about}</span>
            </h3>
            <ul>
              {items.map((group) => (
                <ChangeRow
                  key={`${group.resource} ${group.level} ${group.before} ${group.after}`}
                  group={group}
                  environment={environments.get(group.resource)}
                />
              ))}
            </ul>
          </section>
        );
      })}
      {groups.length > shown.length && (
        <p className="dim small">and {wordCount(groups.length - shown.length, 'more change')}, less loud</p>
      )}
    </>
  );
}

interface ChangeRowProps {
  readonly group: ChangeGroup;
  readonly environment: Environment | undefined;
}
const ChangeRow = ({ group, environment }: ChangeRowProps) => (
  <li>
    <div className="row">
      <b className="cut">{group.resource}</b>
      <LevelTag level={group.level} />
      <span className="grow" />
      {environment !== undefined && <EnvironmentMark environment={environment} length="short" />}
    </div>
    <div className={styles.beforeAfter}>
      <span className="dim">
        <span className="sr-only">before: </span>
        {group.before}
      </span>
      <ArrowRight size={13} className="dim" aria-hidden />
      <b>
        <span className="sr-only">after: </span>
        {group.after}
      </b>
    </div>
    <div className="small mut" title={group.people.join(', ')}>
      {wordPeople(group.people, 'and', 4)}
      {group.because.length > 0 && <span className="dim">: {group.because.join(', ')}</span>}
    </div>
  </li>
);
