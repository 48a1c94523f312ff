/** What a kind's test and plan are called on the screens, and how a plan is copied. Pure. */
import type { LevelPlan } from '../../../../../shared/contract/resources';

/** What its test is about, for somebody who has not run it. */
export interface TestWords {
  /** Beside the button: "logs in and tries the rights; changes nothing". */
  readonly does: string;
  /** What it will say, in a sentence or two. */
  readonly says: string;
  /** Over what it gives to run by hand. */
  recipeOf(targetLabel: string): string;
}
export const managerRights = (targetLabel: string): string => `The manager’s least rights on ${targetLabel}`;
export interface PlanWords {
  /** What its steps are grouped by: "database", "account". */
  readonly place: string;
  readonly script: keyof typeof SCRIPTS;
}
/** What one step is, and how steps are written down to be run by hand. */
const SCRIPTS = {
  sql: { step: 'statement', comment: '--', end: ';' },
  shell: { step: 'command', comment: '#', end: '' },
} as const;
export const stepWord = ({ script }: PlanWords): string => SCRIPTS[script].step;

/** Where steps belong that concern no single database. */
export const WHOLE_SERVER = 'the whole server';

type Steps = LevelPlan['steps'];
/** The steps of each place, in the order they run; null: the whole server. */
export function byPlace(steps: Steps): { place: string | null; steps: Steps }[] {
  const groups = new Map<string | null, Steps>();
  for (const step of steps) groups.set(step.database, [...(groups.get(step.database) ?? []), step]);
  return [...groups].map(([place, own]) => ({ place, steps: own }));
}
/** What is left to run, as one text for the target's own client. */
export function scriptOf(plan: LevelPlan, words: PlanWords): string {
  const { comment, end } = SCRIPTS[words.script];
  return byPlace(plan.steps.filter((step) => !step.done))
    .map(({ place, steps }) =>
      [
        `${comment} ${place === null ? WHOLE_SERVER : `${words.place}: ${place.replaceAll('\n', ' ')}`}`,
        ...steps.map((step) => `${step.sql}${end}`),
      ].join('\n'),
    )
    .join('\n\n');
}
