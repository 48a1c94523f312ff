/** Adding or editing a resource, in steps: what it is, how it is reached, what runs on it, what comes next. */
import { ArrowLeft, ArrowRight, Check } from 'lucide-react';
import { type ReactNode, useEffect, useMemo, useRef } from 'react';
import type { Resource } from '../../../shared/contract/resources';
import { assertNever } from '../../../shared/domain/assert-never';
import { useKeys } from '../../app/keys';
import { useGo } from '../../app/navigation';
import { wordCount } from '../../app/words';
import { Button, ErrorState, Kbd, Page } from '../../ui';
import { ConnectionStep } from './ConnectionStep';
import { DoneStep } from './DoneStep';
import { FactsStep } from './FactsStep';
import { STEPS, type Step } from './form';
import { formOfKind } from './kinds';
import { stepWord } from './kinds/parts/words';
import { PlanStep } from './PlanStep';
import styles from './resources.module.css';
import { type Guide as Course, useGuide } from './useGuide';

const TITLES: Record<Step, string> = {
  facts: 'What it is',
  connection: 'How it is reached',
  plan: 'What runs on it',
  done: 'Done',
};

export interface GuideProps {
  /** Null: a new one. */
  readonly resource: Resource | null;
  readonly resources: readonly Resource[];
}
export function Guide({ resource, resources }: GuideProps) {
  const go = useGo();
  const names = useMemo(() => new Set(resources.map((one) => one.name)), [resources]);
  const course = useGuide(resource, names);
  const { step, failure } = course;
  const heading = useRef<HTMLHeadingElement>(null);
  const first = useRef(true);
  // biome-ignore lint/correctness/useExhaustiveDependencies: each step begins at its heading
  useEffect(() => {
    if (!first.current) heading.current?.focus();
    first.current = false;
  }, [step]);
  const leave = () => go('/resources', resource === null ? {} : { resource: resource.id });
  const next = nextOf(course);
  useKeys([{ keys: 'ctrl+enter', label: next?.label ?? 'Next', run: () => next?.run() }]);
  const steps = resource === null ? STEPS : STEPS.filter((one) => one !== 'done');
  return (
    <Page
      title={resource === null ? 'Add a resource' : `Edit ${resource.name}`}
      about={
        resource === null
          ? 'a database, a host, a cloud account, a secret; nothing runs before you have seen it'
          : 'the stored secret stays unless you type another'
      }
      actions={
        step !== 'done' && (
          <Button look="quiet" onClick={leave}>
            <ArrowLeft size={14} aria-hidden />
            Back to the list
          </Button>
        )
      }
      fixed={<Steps steps={steps} course={course} />}
    >
      <div className={styles.guide}>
        <section className={styles.step} aria-labelledby="guide-step">
          <h2 id="guide-step" ref={heading} tabIndex={-1} className={styles.stepTitle}>
            {TITLES[step]}
          </h2>
          {failure !== null && (
            <div className={styles.failure}>
              <ErrorState
                error={failure}
                onRetry={step === 'plan' && course.plan === null ? course.planning.run : undefined}
              />
            </div>
          )}
          <StepBody course={course} resources={resources} />
        </section>
        {step !== 'done' && (
          <footer className={styles.foot}>
            <span className="dim grow">
              {course.touched ? 'What you typed is kept when you leave, but for the secret.' : ''}
            </span>
            {course.touched && (
              <Button
                look="quiet"
                onClick={() => {
                  course.discard();
                  leave();
                }}
              >
                Discard
              </Button>
            )}
            {step !== 'facts' && <Button onClick={() => course.goTo(before(step))}>Back</Button>}
            {(resource !== null || step === 'plan') && <SaveOnly course={course} />}
            {next !== null && (
              <Button look="primary" data-next state={next.state} disabled={next.barred} onClick={next.run}>
                {next.label}
                {step === 'plan' ? <Check size={14} aria-hidden /> : <ArrowRight size={14} aria-hidden />}
                <span className="not-narrow">
                  <Kbd>Ctrl ↵</Kbd>
                </span>
              </Button>
            )}
          </footer>
        )}
      </div>
    </Page>
  );
}
const before = (step: Step): Step => STEPS[Math.max(0, STEPS.indexOf(step) - 1)] ?? 'facts';

function StepBody({
  course,
  resources,
}: {
  readonly course: Course;
  readonly resources: readonly Resource[];
}): ReactNode {
  switch (course.step) {
    case 'facts':
      return <FactsStep form={course.form} resource={course.resource} resources={resources} />;
    case 'connection':
      return <ConnectionStep course={course} />;
    case 'plan':
      return <PlanStep course={course} />;
    case 'done':
      return course.added === null ? null : <DoneStep resource={course.added} />;
    default:
      return assertNever(course.step);
  }
}

interface Next {
  readonly label: string;
  readonly run: () => void;
  readonly state: 'idle' | 'busy';
  readonly barred: boolean;
}
function nextOf({ form, step, goTo, plan, planning, apply, save, resource }: Course): Next | null {
  const open = { state: 'idle', barred: false } as const;
  switch (step) {
    case 'facts':
      return { ...open, label: 'How it is reached', run: () => goTo('connection') };
    case 'connection':
      return { ...open, label: 'See the plan', run: () => goTo('plan') };
    case 'plan': {
      const count = plan?.steps.filter((one) => !one.done).length ?? 0;
      const then = resource === null ? 'add it' : 'save';
      const word = stepWord(formOfKind(form.getValues('settings.kind')).plan);
      const label =
        plan === null
          ? `Run it and ${then}`
          : count > 0
            ? `Run ${wordCount(count, word)} and ${then}`
            : resource === null
              ? 'Add it'
              : 'Save';
      const busy = planning.state === 'busy' || save.state === 'busy';
      return { label, run: apply.run, state: apply.state, barred: plan === null || busy };
    }
    case 'done':
      return null;
    default:
      return assertNever(step);
  }
}
function SaveOnly({ course }: { readonly course: Course }) {
  const { resource, step, plan, save, apply } = course;
  if (step === 'plan' && plan !== null && plan.steps.every((one) => one.done)) return null;
  return (
    <Button state={save.state} disabled={apply.state === 'busy'} onClick={() => save.run()}>
      {resource === null ? 'Add without running' : step === 'plan' ? 'Save without running' : 'Save'}
    </Button>
  );
}

function Steps({ steps, course }: { readonly steps: readonly Step[]; readonly course: Course }) {
  const { step, goTo, resource } = course;
  const at = steps.indexOf(step);
  return (
    <nav aria-label="Steps">
      <ol className={styles.steps}>
        {steps.map((one, index) => (
          <li key={one}>
            <button
              type="button"
              aria-current={one === step ? 'step' : undefined}
              disabled={one === 'done' || step === 'done' || (resource === null && index > at + 1)}
              onClick={() => one !== step && goTo(one)}
            >
              <span className={styles.stepNumber} data-done={index < at || step === 'done' || undefined} aria-hidden>
                {index < at || step === 'done' ? <Check size={12} /> : index + 1}
              </span>
              {TITLES[one]}
            </button>
          </li>
        ))}
      </ol>
    </nav>
  );
}
