/** Step three: all that would run on the target, why, and what is there already. Nothing ran yet. */
import { Check, Circle, CircleAlert, Copy, Info, RefreshCw } from 'lucide-react';
import { useWatch } from 'react-hook-form';
import type { LevelPlan, PlanApplied } from '../../../shared/contract/resources';
import { useAction } from '../../app/action';
import { invoke } from '../../app/bridge';
import { wordCount } from '../../app/words';
import { Button, ErrorState, LevelTag, Loading, Skeleton, toast } from '../../ui';
import { formOfKind } from './kinds';
import { byPlace, scriptOf, stepWord, WHOLE_SERVER } from './kinds/parts/words';
import styles from './resources.module.css';
import type { Guide } from './useGuide';

export function PlanStep({ course }: { readonly course: Guide }) {
  const { plan, planning, applied, apply, failure } = course;
  const words = formOfKind(useWatch({ control: course.form.control, name: 'settings.kind' })).plan;
  const word = stepWord(words);
  const copy = useAction(async () => {
    if (plan === null) return;
    await invoke('text.copy', { text: scriptOf(plan, words) });
    toast({ title: `The ${word}s are copied` });
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
      {applied !== null && <NotApplied applied={applied} word={word} isNew={course.resource === null} />}
      <div className={`row ${styles.planHead}`}>
        <p className="grow mut" role="status">
          {apply.state === 'busy'
            ? `Running ${wordCount(left, word)} on the target…`
            : plan.steps.length === 0
              ? 'Nothing has to run on it. This is what can be asked for:'
              : left === 0
                ? 'Everything is in place: nothing has to run.'
                : `${wordCount(left, word)} to run, ${plan.steps.length - left} in place already.${applied === null ? ' Nothing ran yet.' : ''}`}
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
      {byPlace(plan.steps).map((group) => (
        <section key={group.place} aria-label={group.place === null ? WHOLE_SERVER : `${words.place} ${group.place}`}>
          <h3 className={styles.place}>
            <span className="dim">{group.place === null ? WHOLE_SERVER : words.place}</span>{' '}
            {group.place !== null && <span className="mono">{group.place}</span>}
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

interface NotAppliedProps {
  readonly applied: PlanApplied;
  readonly word: string;
  readonly isNew: boolean;
}
const NotApplied = ({ applied, word, isNew }: NotAppliedProps) => (
  <div className={styles.failure}>
    <ErrorState
      error={{
        what: applied.error ?? `A ${word} failed.`,
        safe: `${wordCount(applied.ran, word)} ran before it and can stay: the plan can be run again.${isNew ? ' Nothing can be asked for yet.' : ''}`,
        next: `Give the manager what it lacks, or let the owner run the ${word} by hand; then run the rest.`,
        detail: applied.failedSql,
      }}
    />
  </div>
);
