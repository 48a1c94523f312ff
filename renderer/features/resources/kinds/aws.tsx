/** AWS: which account, with which manager keys, and which role stands for each level. */
import { Plus, X } from 'lucide-react';
import { useWatch } from 'react-hook-form';
import type { AwsSettings } from '../../../../shared/contract/aws';
import { wordCount } from '../../../app/words';
import { Button, Field, Input, TextArea } from '../../../ui';
import { asNumber, NUMBER_HINT, plainError } from '../field-values';
import styles from '../resources.module.css';
import type { Draft, FieldsProps, KindForm } from './kind';

type DraftRole = Draft<AwsSettings>['roles'][number];
const MAX_ROLES = 10;
const SECRET_HINTS: Record<FieldsProps<AwsSettings>['secret'], string> = {
  new: 'Key id, a colon, secret access key; temporary keys with their session token behind. Stored encrypted, never shown again.',
  kept: 'Empty: the stored keys are used.',
  barred: 'Account, region or endpoint changed: give the keys again.',
};
/** What is left empty is not there. */
const orNothing = (text: unknown) => (text === '' ? undefined : text);

interface RoleProps {
  readonly role: DraftRole;
  readonly errors: Partial<Record<'level' | 'role' | 'sessionPolicy', { message?: string }>> | undefined;
  readonly onChange: (role: DraftRole) => void;
  readonly onRemove: (() => void) | null;
}
function RoleFields({ role, errors, onChange, onRemove }: RoleProps) {
  const { sessionPolicy = '', ...rest } = role;
  const name = role.level === '' ? 'this level' : role.level;
  return (
    <fieldset className={styles.awsRole} aria-label={`Level ${role.level}`}>
      <div className={styles.awsRoleHead}>
        <Field label="Level" error={plainError(errors?.level?.message, role.level)}>
          <Input
            className="mono"
            placeholder="read-only"
            value={role.level}
            onChange={(event) => onChange({ ...role, level: event.currentTarget.value })}
          />
        </Field>
        <Field label="Role" error={plainError(errors?.role?.message, role.role)}>
          <Input
            className="mono"
            placeholder="hallpass-orders-read-only"
            value={role.role}
            onChange={(event) => onChange({ ...role, role: event.currentTarget.value })}
          />
        </Field>
        {onRemove !== null && (
          <button type="button" className="hp-icon-button" aria-label={`Remove ${name}`} onClick={onRemove}>
            <X size={14} aria-hidden />
          </button>
        )}
      </div>
      <Field
        label="Session policy"
        aside="optional, JSON"
        error={errors?.sessionPolicy?.message}
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
            onChange(typed.trim() === '' ? rest : { ...rest, sessionPolicy: typed });
          }}
        />
      </Field>
      <label className={styles.awsCreates}>
        <input
          type="checkbox"
          checked={role.createsAccess ?? false}
          onChange={(event) => onChange({ ...role, createsAccess: event.currentTarget.checked })}
        />
        <span>
          A holder can make users, keys or roles
          <span className="small mut"> Those outlive the grant; requester and approver are told.</span>
        </span>
      </label>
    </fieldset>
  );
}

function Fields({ form, secret }: FieldsProps<AwsSettings>) {
  const { register, control, setValue, formState } = form;
  const errors = formState.errors.settings;
  const settings = useWatch({ control }).settings;
  const roles = (settings?.roles ?? []) as DraftRole[];
  const setRoles = (next: DraftRole[]) => setValue('settings.roles', next, { shouldValidate: formState.isSubmitted });
  const listError = errors?.roles?.root?.message ?? errors?.roles?.message;
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
      <Field label="Manager keys" error={formState.errors.secret?.message} hint={SECRET_HINTS[secret]}>
        <Input
          type="password"
          className="mono"
          autoComplete="new-password"
          placeholder={secret === 'kept' ? '•••••••• stored' : 'AKIA…:…'}
          {...register('secret')}
        />
      </Field>
      {roles.map((role, index) => (
        <RoleFields
          // biome-ignore lint/suspicious/noArrayIndexKey: rows have no name of their own until one is typed
          key={index}
          role={role}
          errors={errors?.roles?.[index]}
          onChange={(next) => setRoles(roles.map((other, at) => (at === index ? next : other)))}
          onRemove={roles.length > 1 ? () => setRoles(roles.filter((_, at) => at !== index)) : null}
        />
      ))}
      {listError !== undefined && <p className="bad small">{listError}</p>}
      {roles.length < MAX_ROLES && (
        <div className="row">
          <Button size="s" onClick={() => setRoles([...roles, { level: '', role: '', createsAccess: false }])}>
            <Plus size={13} aria-hidden />
            Add a level
          </Button>
        </div>
      )}
      <Field
        label="Longest session"
        aside="minutes"
        error={errors?.maxSessionMinutes && `${NUMBER_HINT} from 15 to 720.`}
        hint="What every role above allows (its maximum session duration). A longer grant is asked for again."
      >
        <Input
          className={`mono ${styles.short}`}
          inputMode="numeric"
          {...register('settings.maxSessionMinutes', { setValueAs: asNumber })}
        />
      </Field>
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
  keepsSecret: (stored, now) =>
    stored.accountId === now.accountId && stored.region === now.region && stored.endpointUrl === now.endpointUrl,
  Fields,
  placeOf: ({ accountId, region }) => `account ${accountId}, ${region}`,
  Opens: ({ settings }) => (
    <>
      {wordCount(settings.roles.length, 'role')}:{' '}
      <span className="mono cut">{settings.roles.map(({ role }) => role).join(', ')}</span>
      <span className="dim nowrap">sessions up to {settings.maxSessionMinutes} min</span>
    </>
  ),
};
