/**
 * The course of adding or editing a resource: form, test, plan, apply, save. What is typed survives every error; the
 * secret lives in the form's state only, and goes with it.
 */
import { zodResolver } from '@hookform/resolvers/zod';
import { useEffect, useRef, useState } from 'react';
import { type FieldPath, type UseFormReturn, useForm, useWatch } from 'react-hook-form';
import type { ConnectionReport, LevelPlan, PlanApplied, Resource } from '../../../shared/contract/resources';
import { type Action, useAction } from '../../app/action';
import { ApiError, api } from '../../app/api';
import { toUserError } from '../../app/bridge';
import { useGo } from '../../app/navigation';
import { invalidate } from '../../app/queries';
import { type ShownError, toast } from '../../ui';
import {
  addressOf,
  changeOf,
  dropForm,
  EMPTY,
  FACTS,
  formOf,
  keepForm,
  keptForm,
  type ReadForm,
  ResourceForm,
  type Step,
  settingsOf,
  stepOf,
} from './form';

export type Form = UseFormReturn<ResourceForm, unknown, ReadForm>;
export interface Guide {
  readonly form: Form;
  readonly resource: Resource | null;
  readonly step: Step;
  /** Goes there when what stands before is filled in well. */
  readonly goTo: (step: Step) => void;
  readonly failure: ShownError | null;
  /** The last test, and whether it is of what the form says now. */
  readonly report: ConnectionReport | null;
  readonly reportIs: 'current' | 'old';
  readonly test: Action<[]>;
  readonly plan: LevelPlan | null;
  readonly planning: Action<[]>;
  readonly applied: PlanApplied | null;
  /** Runs what is not done yet and then saves. */
  readonly apply: Action<[]>;
  /** Saves without running anything on the target. */
  readonly save: Action<[]>;
  readonly added: Resource | null;
  /** Whether there is something to throw away, and doing so. */
  readonly touched: boolean;
  readonly discard: () => void;
}

/** Longer than most, since each line is one thing that the steps share; none of them decides anything by itself. */
export function useGuide(resource: Resource | null, names: ReadonlySet<string>): Guide {
  const go = useGo();
  const key = resource?.id ?? 'new';
  const form: Form = useForm<ResourceForm, unknown, ReadForm>({
    resolver: zodResolver(ResourceForm),
    defaultValues: keptForm(key) ?? (resource === null ? EMPTY : formOf(resource)),
  });
  const values = useWatch({ control: form.control });
  const saved = useRef(false);
  const { isDirty } = form.formState;
  useEffect(() => {
    // an untouched form is not kept: it would hide what others change meanwhile
    if (isDirty && !saved.current) keepForm(key, values as ResourceForm);
  }, [key, values, isDirty]);
  const [step, setStep] = useState<Step>('facts');
  const [failure, setFailure] = useState<ShownError | null>(null);
  const [tested, setTested] = useState<{ readonly of: string; readonly report: ConnectionReport } | null>(null);
  const [plan, setPlan] = useState<LevelPlan | null>(null);
  const [applied, setApplied] = useState<PlanApplied | null>(null);
  const [added, setAdded] = useState<Resource | null>(null);

  const read = (): ReadForm => ResourceForm.parse(form.getValues());
  const fail = (error: unknown): true => {
    const fields = error instanceof ApiError ? Object.entries(error.fields) : [];
    for (const [path, message] of fields)
      form.setError(path.replace(/^target\./, '') as FieldPath<ResourceForm>, { message });
    const first = fields[0]?.[0].replace(/^target\./, '');
    if (first !== undefined) setStep(stepOf(first));
    setFailure(toUserError(error));
    return true;
  };
  const loadPlan = async () => setPlan(await api('resources.plan', { body: addressOf(read(), resource) }));
  const store = async () => {
    const form = read();
    if (resource === null) {
      const made = await api('resources.create', { body: { ...form, settings: settingsOf(form) } });
      setAdded(made);
      setStep('done');
    } else {
      await api('resources.change', { params: { id: resource.id }, body: changeOf(form, resource) });
      toast({ title: `${resource.name} is saved` });
      go('/resources', { resource: resource.id });
    }
    saved.current = true;
    dropForm(key);
    invalidate(['resources.list', 'catalog.list']);
  };
  const filled = async (upTo: 'facts' | 'all'): Promise<boolean> => {
    const name = form.getValues('name');
    if (!(await form.trigger(upTo === 'facts' ? [...FACTS] : undefined, { shouldFocus: true }))) {
      const facts = FACTS.some((field) => form.getFieldState(field).error !== undefined);
      if (upTo === 'all') setStep(facts ? 'facts' : 'connection');
      return false;
    }
    if (resource !== null || !names.has(name)) return true;
    form.setError('name', { message: 'There is a resource of this name already (it may be archived).' });
    form.setFocus('name');
    setStep('facts');
    return false;
  };

  const test = useAction(async () => {
    setFailure(null);
    if (!(await filled('all'))) return;
    const address = addressOf(read(), resource);
    setTested({ of: JSON.stringify(address), report: await api('resources.test', { body: address }) });
  }, fail);
  const planning = useAction(async () => {
    setFailure(null);
    setPlan(null);
    await loadPlan();
  }, fail);
  const apply = useAction(async () => {
    setFailure(null);
    setApplied(null);
    if (plan?.steps.some((one) => !one.done)) {
      const result = await runPlan(addressOf(read(), resource), plan.digest);
      if (!result.ok) {
        if ('changed' in result) setFailure(result.changed);
        else setApplied(result);
        await loadPlan(); // what ran is marked as done now
        return;
      }
    }
    await store();
  }, fail);
  const save = useAction(async () => {
    setFailure(null);
    if (await filled('all')) await store();
  }, fail);
  const move = useAction(async (next: Step) => {
    setFailure(null);
    const good = next === 'facts' || (await filled(next === 'connection' ? 'facts' : 'all'));
    if (!good) return;
    setStep(next);
    if (next === 'plan') {
      setApplied(null);
      planning.run();
    }
  }, fail);
  const parsed = ResourceForm.safeParse(values);
  const current = parsed.success && tested?.of === JSON.stringify(addressOf(parsed.data, resource));
  return {
    ...{ form, resource, step, failure, test, plan, planning, applied, apply, save, added },
    goTo: move.run,
    touched: isDirty || keptForm(key) !== undefined,
    discard() {
      saved.current = true;
      dropForm(key);
    },
    report: tested?.report ?? null,
    reportIs: current ? 'current' : 'old',
  };
}

type Ran = PlanApplied | { readonly ok: false; readonly changed: ShownError };
/** A plan that no longer fits is not an error of the form: the new one is shown. */
async function runPlan(target: ReturnType<typeof addressOf>, digest: string): Promise<Ran> {
  try {
    return await api('resources.apply', { body: { target, digest } });
  } catch (error) {
    if (!(error instanceof ApiError) || error.code !== 'conflict') throw error;
    const changed = {
      what: error.what,
      safe: 'Nothing was run.',
      next: 'The plan below is made anew. Look at it, then run it.',
    };
    return { ok: false, changed };
  }
}
