/** Step one: what the resource is. Rules look at these facts, so each says what it decides. */
import { useWatch } from 'react-hook-form';
import type { Resource } from '../../../shared/contract/resources';
import { MAX_TARGET_CONCURRENCY } from '../../../shared/domain/limits';
import { ENVIRONMENTS, RISK_CLASSES } from '../../../shared/domain/states';
import { useApi } from '../../app/queries';
import { EnvironmentMark, Field, Input, KIND_WORDS, KINDS, Segmented } from '../../ui';
import { firstOf, plainError } from './field-values';
import styles from './resources.module.css';
import { TokenField } from './TokenField';
import type { Form } from './useGuide';

const MAX_DESCRIPTION_CHARS = 300;
const COMMON_TAGS = ['personal-data', 'financial', 'regulated'] as const;

export interface FactsStepProps {
  readonly form: Form;
  readonly resource: Resource | null;
  readonly resources: readonly Resource[];
}
export function FactsStep({ form, resource, resources }: FactsStepProps) {
  const { register, control, setValue, formState } = form;
  const { errors } = formState;
  const values = useWatch({ control });
  const groups = useApi('groups.list', {}).data?.items.map((group) => group.name) ?? [];
  const tags = [...new Set([...COMMON_TAGS, ...resources.flatMap((one) => one.tags)])];
  const others = resources.filter((one) => one.state === 'active' && one.name !== values.name).map((one) => one.name);
  const revalidate = { shouldValidate: formState.isSubmitted };
  return (
    <div className={styles.form}>
      <Field
        label="Name"
        error={plainError(errors.name?.message, values.name)}
        hint={
          resource === null
            ? `What people type: ${KIND_WORDS[values.settings?.kind ?? KINDS[0]].commandFor(values.name || 'orders-db')}. It can’t be changed later.`
            : 'Names can’t be changed: the log and the roles on the target use them.'
        }
      >
        <Input
          className="mono"
          autoFocus={resource === null}
          readOnly={resource !== null}
          placeholder="orders-db"
          maxLength={63}
          {...register('name')}
        />
      </Field>
      <Field label="Description" aside="optional" error={errors.description?.message}>
        <Input placeholder="Orders and their lines" maxLength={MAX_DESCRIPTION_CHARS} {...register('description')} />
      </Field>
      <Field label="Environment">
        <div className="row">
          <Segmented
            label="Environment"
            value={values.environment ?? 'production'}
            onChange={(environment) => setValue('environment', environment, revalidate)}
            options={ENVIRONMENTS.map((value) => ({ value, label: <EnvironmentMark environment={value} /> }))}
          />
        </div>
      </Field>
      <Field label="Risk" hint="How bad it is when somebody gets this wrong. Rules and approvers look at it.">
        <div className="row">
          <Segmented
            label="Risk"
            value={values.risk ?? 'moderate'}
            onChange={(risk) => setValue('risk', risk, revalidate)}
            options={RISK_CLASSES.map((value) => ({ value, label: value }))}
          />
        </div>
      </Field>
      <TokenField
        label="Owners"
        value={values.owners ?? []}
        offered={groups}
        onChange={(owners) => setValue('owners', owners, { shouldValidate: true })}
        hint="Groups. Rules that say “owners” mean their people; without any, the administrators."
        error={errors.owners?.message ?? firstOf(errors.owners)}
      />
      <TokenField
        label="Tags"
        value={values.tags ?? []}
        offered={tags}
        onChange={(next) => setValue('tags', next, { shouldValidate: true })}
        hint="What is in it. Rules can ask for more, or deny, by tag."
        error={errors.tags?.message ?? firstOf(errors.tags)}
      />
      <TokenField
        label="Depends on"
        value={values.dependsOn ?? []}
        offered={others}
        onChange={(next) => setValue('dependsOn', next, { shouldValidate: true })}
        hint="Other resources that it needs."
        error={errors.dependsOn?.message ?? firstOf(errors.dependsOn)}
      />
      <Field
        label="Calls at once"
        hint={`How many logins its target makes or ends at the same time, ${MAX_TARGET_CONCURRENCY} at most. The rest waits its turn.`}
        error={errors.concurrency?.message}
      >
        <Input
          className="mono"
          style={{ width: 80 }}
          inputMode="numeric"
          {...register('concurrency', { valueAsNumber: true })}
        />
      </Field>
    </div>
  );
}
