/** Plans of levels: what is shown has a digest, and only what was shown is run. */
import { createHash } from 'node:crypto';
import type { Level, LevelPlan, PlanApplied } from '../../../shared/contract/resources';
import { TargetError } from './provisioner';

type Step = LevelPlan['steps'][number];

/** Of all that a person agrees to by agreeing to a plan, in a fixed order. */
export const planDigest = (shown: unknown): string => createHash('sha256').update(JSON.stringify(shown)).digest('hex');

/** The digest covers what will run, not what is done already. */
export const stepPlan = (levels: Level[], steps: Step[], notes: string[]): LevelPlan => ({
  digest: planDigest([levels, steps.map((step) => [step.database, step.sql])]),
  ...{ levels, steps, notes },
});

/** @throws TargetError `conflict` when the plan is not the one that was shown */
export function checkShown(plan: Pick<LevelPlan, 'digest'>, digest: string, changed = 'The target has changed'): void {
  if (plan.digest !== digest)
    throw new TargetError('conflict', `${changed} since this plan was shown. Look at the new plan first.`);
}

/** For kinds whose levels need nothing on the target. */
export const NOTHING_TO_RUN: PlanApplied = { ok: true, ran: 0, error: null, failedSql: null };

/**
 * Runs the steps that are not done, each by itself, and looks whether each took effect. Stops at the first that did not.
 * @param work.replan the plan against the target as it is then
 * @param work.messageOf a failure in the target's own words
 * @param work.idle why a statement that ran could have had no effect
 */
export async function runSteps(
  digest: string,
  work: {
    replan(): Promise<LevelPlan>;
    run(sql: string): Promise<unknown>;
    messageOf(error: unknown): string;
    readonly idle: string;
  },
): Promise<PlanApplied> {
  const plan = await work.replan();
  checkShown(plan, digest);
  let ran = 0;
  for (const { sql } of plan.steps.filter((step) => !step.done)) {
    try {
      await work.run(sql);
      ran += 1;
    } catch (error) {
      return { ok: false, ran, error: work.messageOf(error), failedSql: sql };
    }
  }
  const left = (await work.replan()).steps.find((step) => !step.done);
  if (!left) return { ok: true, ran, error: null, failedSql: null };
  return { ok: false, ran, error: `${work.idle} ${left.why}`, failedSql: left.sql };
}
