/** AWS: which account, with which manager keys, and which role stands for each level. */
import { useWatch } from 'react-hook-form';
import type { AwsSettings } from '../../../../shared/contract/aws';
import { isSameAccount } from '../../../../shared/domain/same-place';
import { wordCount } from '../../../app/words';
import { Field, Input, TextArea } from '../../../ui';
import { asNumber, plainError } from '../field-values';
import styles from '../resources.module.css';
import type { Draft, FieldsProps, KindForm } from './kind';
import { NumberField, SecretField, type SecretHints } from './parts/fields';
import { LevelRoles } from './parts/level-roles';
import { managerRights } from './parts/words';

type DraftRole = Draft<AwsSettings>['roles'][number];
const SECRET_HINTS: SecretHints = {
  new: 'Key id, a colon, secret access key; temporary keys with their session token behind. Stored encrypted, never shown again.',
  kept: 'Empty: the stored keys are used.',
  barred: 'Account, region or endpoint changed: give the keys again.',
};
/** What is left empty is not there. */
const orNothing = (text: unknown) => (text === '' ? undefined : text);

interface SessionPolicyProps {
  readonly role: DraftRole;
  readonly error: string | undefined;
  readonly onChange: (role: DraftRole) => void;
}
function SessionPolicy({ role: { sessionPolicy = '', ...role }, error, onChange }: SessionPolicyProps) {
  return (
    <Field
      label="Session policy"
      aside="optional, JSON"
      error={error}
      hint="Narrows each session to what this and the role both allow."
    >
      <TextArea
        rows={1}
        className="mono"
        spellCheck={false}
        placeholder='{"Version": "2012-10-17", "Statement": [ … ]}'
        value={sessionPolicy}
        onChange={(event) => {
          const typed = event.currentTarget.value;
          onChange(typed.trim() === '' ? role : { ...role, sessionPolicy: typed });
        }}
      />
    </Field>
  );
}

function Fields({ form, secret }: FieldsProps<AwsSettings>) {
  const { register, control, setValue, formState } = form;
  const errors = formState.errors.settings;
  const settings = useWatch({ control }).settings;
  const roles = (settings?.roles ?? []) as DraftRole[];
  const setRoles = (next: DraftRole[]) => setValue('settings.roles', next, { shouldValidate: formState.isSubmitted });
  return (
    <>
      <div className={styles.half}>
        <Field label="Account" error={plainError(errors?.accountId?.message, settings?.accountId)}>
          <Input
            className="mono"
            inputMode="numeric"
            placeholder="123456789012"
            {...register('settings.accountId', { setValueAs: (text: string) => text.replace(/[\s-]/g, '') })}
          />
        </Field>
        <Field label="Region" error={plainError(errors?.region?.message, settings?.region)}>
          <Input className="mono" placeholder="eu-central-1" {...register('settings.region')} />
        </Field>
      </div>
      <SecretField
        label="Manager keys"
        secret={secret}
        input={register('secret')}
        hints={SECRET_HINTS}
        error={formState.errors.secret?.message}
        placeholder="AKIA…:…"
        figures="mono"
      />
      <LevelRoles
        roles={roles}
        onChange={setRoles}
        empty={{ level: '', role: '', createsAccess: false }}
        errorsOf={(index) => errors?.roles?.[index]}
        listError={errors?.roles?.root?.message ?? errors?.roles?.message}
        placeholder="hallpass-orders-read-only"
        creates="A holder can make users, keys or roles"
      >
        {(role, onChange, index) => (
          <SessionPolicy role={role} error={errors?.roles?.[index]?.sessionPolicy?.message} onChange={onChange} />
        )}
      </LevelRoles>
      <NumberField
        label="Longest session"
        aside="minutes"
        input={register('settings.maxSessionMinutes', { setValueAs: asNumber })}
        hint="What every role above allows (its maximum session duration). A longer grant is asked for again."
        error={errors?.maxSessionMinutes}
        range="from 15 to 720"
      />
      <div className={styles.half}>
        <Field label="External id" aside="optional" error={errors?.externalId?.message}>
          <Input className="mono" {...register('settings.externalId', { setValueAs: orNothing })} />
        </Field>
        <Field
          label="Endpoint"
          aside="optional"
          error={errors?.endpointUrl?.message}
          hint="Instead of AWS’s own addresses."
        >
          <Input
            className="mono"
            placeholder="https://…"
            {...register('settings.endpointUrl', { setValueAs: orNothing })}
          />
        </Field>
      </div>
    </>
  );
}

export const awsForm: KindForm<AwsSettings> = {
  empty: {
    kind: 'aws',
    accountId: '',
    region: 'us-east-1',
    maxSessionMinutes: 60,
    roles: [{ level: 'read-only', role: '', createsAccess: false }],
  },
  draftOf: (settings) => settings,
  settingsOf: (read) => read,
  keepsSecret: isSameAccount,
  Fields,
  test: {
    does: 'makes a session of each role and drops it',
    says: 'Whether these keys can make and end a session of each role, and which command mends what is missing; and the least policy they need.',
    recipeOf: managerRights,
  },
  plan: { place: 'account', script: 'shell' },
  placeOf: ({ accountId, region }) => `account ${accountId}, ${region}`,
  Opens: ({ settings }) => (
    <>
      {wordCount(settings.roles.length, 'role')}:{' '}
      <span className="mono cut">{settings.roles.map(({ role }) => role).join(', ')}</span>
      <span className="dim nowrap">sessions up to {settings.maxSessionMinutes} min</span>
    </>
  ),
};
