/** Step three: every statement that would run on the target, why, and what is there already. Nothing ran yet. */
import { Check, Circle, CircleAlert, Copy, Info, RefreshCw } from 'lucide-react';
import type { LevelPlan, PlanApplied } from '../../../shared/contract/resources';
import { useAction } from '../../app/action';
import { invoke } from '../../app/bridge';
import { wordCount } from '../../app/words';
import { Button, ErrorState, LevelTag, Loading, Skeleton, toast } from '../../ui';
import styles from './resources.module.css';
import type { Guide } from './useGuide';

/** The steps of each database, in the order they run. Pure. */
export function byDatabase(steps: LevelPlan['steps']): { database: string; steps: LevelPlan['steps'] }[] {
  const groups = new Map<string, LevelPlan['steps']>();
  for (const step of steps) groups.set(step.database, [...(groups.get(step.database) ?? []), step]);
  return [...groups].map(([database, own]) => ({ database, steps: own }));
}
/** What is left to run, as one text for psql. Pure. */
export const sqlOf = (plan: LevelPlan): string =>
  byDatabase(plan.steps.filter((step) => !step.done))
    .map(({ database, steps }) =>
      [`-- database: ${database.replaceAll('\n', ' ')}`, ...steps.map((step) => `${step.sql};`)].join('\n'),
    )
    .join('\n\n');

export function PlanStep({ course }: { readonly course: Guide }) {
  const { plan, planning, applied, apply, failure } = course;
  const copy = useAction(async () => {
    if (plan === null) return;
    await invoke('text.copy', { text: sqlOf(plan) });
    toast({ title: 'The statements are copied' });
  });
  if (plan === null)
    return failure !== null ? null : (
      <Loading label="Making the plan">
        <div className={styles.skeletons}>
          <Skeleton width={280} height={16} />
          <Skeleton height={52} />
          <Skeleton height={52} />
          <Skeleton height={52} />
        </div>
      </Loading>
    );
  const left = plan.steps.filter((step) => !step.done).length;
  return (
    <>
      {applied !== null && <NotApplied applied={applied} isNew={course.resource === null} />}
      <div className={`row ${styles.planHead}`}>
        <p className="grow mut" role="status">
          {apply.state === 'busy'
            ? `Running ${wordCount(left, 'statement')} on the target…`
            : left === 0
              ? 'Everything is in place: nothing has to run.'
              : `${wordCount(left, 'statement')} to run, ${plan.steps.length - left} in place already.${applied === null ? ' Nothing ran yet.' : ''}`}
        </p>
        {left > 0 && (
          <Button size="s" onClick={() => copy.run()}>
            <Copy size={13} aria-hidden />
            Copy what is left
          </Button>
        )}
        <Button size="s" state={planning.state} onClick={() => planning.run()}>
          <RefreshCw size={13} aria-hidden />
          Plan again
        </Button>
      </div>
      <ul className={styles.planLevels} aria-label="Levels it makes">
        {plan.levels.map((level) => (
          <li key={level.name}>
            <LevelTag level={level.name} />
            <span className="mut">{level.description}</span>
            {level.createsAccess && <span className="warn">can create access of its own</span>}
          </li>
        ))}
      </ul>
      {plan.notes.length > 0 && (
        <ul className={styles.notes} aria-label="What the manager can’t do by itself">
          {plan.notes.map((note) => (
            <li key={note}>
              <Info size={14} className="warn" aria-hidden />
              <span className="selectable">{note}</span>
            </li>
          ))}
        </ul>
      )}
      {byDatabase(plan.steps).map((group) => (
        <section key={group.database} aria-label={`Database ${group.database}`}>
          <h3 className={styles.database}>
            <span className="dim">database</span> <span className="mono">{group.database}</span>
          </h3>
          <ol className={styles.statements}>
            {group.steps.map((step) => (
              <Statement
                key={step.sql}
                step={step}
                failed={applied?.failedSql === step.sql}
                busy={apply.state === 'busy'}
              />
            ))}
          </ol>
        </section>
      ))}
    </>
  );
}

interface StatementProps {
  readonly step: LevelPlan['steps'][number];
  readonly failed: boolean;
  readonly busy: boolean;
}
const Statement = ({ step, failed, busy }: StatementProps) => (
  <li data-state={failed ? 'failed' : step.done ? 'done' : 'open'}>
    {failed ? (
      <CircleAlert size={15} className="bad" aria-hidden />
    ) : step.done ? (
      <Check size={15} className="ok" aria-hidden />
    ) : (
      <Circle size={15} className="dim" aria-hidden />
    )}
    <div>
      <code className="mono">{step.sql}</code>
      <span className="small mut">
        {step.why}
        {step.done ? ' In place already.' : failed ? ' This one failed.' : busy ? ' Waits or runs.' : ''}
      </span>
    </div>
  </li>
);

const NotApplied = ({ applied, isNew }: { readonly applied: PlanApplied; readonly isNew: boolean }) => (
  <div className={styles.failure}>
    <ErrorState
      error={{
        what: applied.error ?? 'A statement failed.',
        safe: `${wordCount(applied.ran, 'statement')} ran before it and can stay: the plan can be run again.${isNew ? ' Nothing can be asked for yet.' : ''}`,
        next: 'Give the manager what it lacks, or let the owner run the statement by hand; then run the rest.',
        detail: applied.failedSql,
      }}
    />
  </div>
);
