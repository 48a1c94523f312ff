/** Kubernetes: which API server, where its service accounts are made, and which role stands for each level and where. */
import { Plus, X } from 'lucide-react';
import { useWatch } from 'react-hook-form';
import type { KubernetesSettings } from '../../../../shared/contract/kubernetes';
import { wordCount } from '../../../app/words';
import { Button, Field, Input, Segmented, TextArea } from '../../../ui';
import { firstOf, plainError } from '../field-values';
import styles from '../resources.module.css';
import { TokenField } from '../TokenField';
import type { Draft, FieldsProps, KindForm } from './kind';

type DraftRole = Draft<KubernetesSettings>['roles'][number];
const MAX_ROLES = 10;
const KINDS = [
  { value: 'ClusterRole', label: 'ClusterRole' },
  { value: 'Role', label: 'Role' },
] as const;
const SECRET_HINTS: Record<FieldsProps<KubernetesSettings>['secret'], string> = {
  new: 'Of the service account that the test’s recipe makes. Stored encrypted; never shown again.',
  kept: 'Empty: the stored one is used.',
  barred: 'Server or CA certificate changed: give it again.',
};

interface RoleErrors {
  readonly level?: { readonly message?: string };
  readonly role?: { readonly message?: string };
  readonly namespaces?: unknown;
}
interface RoleProps {
  readonly role: DraftRole;
  readonly errors: RoleErrors | undefined;
  readonly onChange: (role: DraftRole) => void;
  readonly onRemove: (() => void) | null;
}
function RoleFields({ role, errors, onChange, onRemove }: RoleProps) {
  const name = role.level === '' ? 'this level' : role.level;
  const namespaces = role.namespaces ?? [];
  const messageOf = (found: unknown) => firstOf(found) ?? (found as { message?: string } | undefined)?.message;
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
            placeholder="view"
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
      <div className="row">
        <Segmented
          label={`Kind of role of ${name}`}
          value={role.roleKind ?? 'ClusterRole'}
          onChange={(roleKind) => onChange({ ...role, roleKind })}
          options={KINDS}
        />
      </div>
      <TokenField
        label="Namespaces"
        spelling="exact"
        placeholder="shop"
        value={namespaces}
        onChange={(next) => onChange({ ...role, namespaces: next })}
        hint={
          namespaces.length === 0
            ? 'None named: the level holds in the whole cluster.'
            : 'The level holds in these and nowhere else.'
        }
        error={messageOf(errors?.namespaces)}
      />
      <label className={styles.awsCreates}>
        <input
          type="checkbox"
          checked={role.createsAccess ?? false}
          onChange={(event) => onChange({ ...role, createsAccess: event.currentTarget.checked })}
        />
        <span>
          A holder can start pods, read secrets or make accounts
          <span className="small mut"> Those outlive the grant; requester and approver are told.</span>
        </span>
      </label>
    </fieldset>
  );
}

function Fields({ form, secret }: FieldsProps<KubernetesSettings>) {
  const { register, control, setValue, formState } = form;
  const errors = formState.errors.settings;
  const settings = useWatch({ control }).settings;
  const roles = (settings?.roles ?? []) as DraftRole[];
  const setRoles = (next: DraftRole[]) => setValue('settings.roles', next, { shouldValidate: formState.isSubmitted });
  const listError = errors?.roles?.root?.message ?? errors?.roles?.message;
  return (
    <>
      <Field label="API server" error={plainError(errors?.server?.message, settings?.server)}>
        <Input className="mono" placeholder="https://cluster.internal:6443" {...register('settings.server')} />
      </Field>
      <Field
        label="CA certificate"
        aside="optional, PEM"
        error={errors?.caCertificate?.message}
        hint="The cluster’s own authority. Without one, the authorities that this machine trusts."
      >
        <TextArea
          rows={2}
          className="mono"
          spellCheck={false}
          placeholder="-----BEGIN CERTIFICATE-----"
          {...register('settings.caCertificate')}
          value={settings?.caCertificate ?? ''}
        />
      </Field>
      <div className={styles.half}>
        <Field
          label="Namespace for accounts"
          error={plainError(errors?.namespace?.message, settings?.namespace)}
          hint="One of its own: nothing else should live there."
        >
          <Input className="mono" placeholder="hallpass" {...register('settings.namespace')} />
        </Field>
        <Field label="Manager token" error={formState.errors.secret?.message} hint={SECRET_HINTS[secret]}>
          <Input
            type="password"
            className="mono"
            autoComplete="new-password"
            placeholder={secret === 'kept' ? '•••••••• stored' : 'eyJhbGciOi…'}
            {...register('secret')}
          />
        </Field>
      </div>
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
          <Button size="s" onClick={() => setRoles([...roles, { level: '', role: '', namespaces: [] }])}>
            <Plus size={13} aria-hidden />
            Add a level
          </Button>
        </div>
      )}
    </>
  );
}

export const kubernetesForm: KindForm<KubernetesSettings> = {
  empty: {
    kind: 'kubernetes',
    server: '',
    caCertificate: '',
    namespace: 'hallpass',
    roles: [{ level: 'read-only', roleKind: 'ClusterRole', role: 'view', namespaces: [], createsAccess: false }],
  },
  draftOf: (settings) => ({ ...settings, caCertificate: settings.caCertificate ?? '' }),
  /** An empty certificate is none. */
  settingsOf({ caCertificate = '', ...rest }) {
    return caCertificate.trim() === '' ? rest : { ...rest, caCertificate };
  },
  keepsSecret: (stored, now) => stored.server === now.server && stored.caCertificate === now.caCertificate,
  Fields,
  placeOf: ({ server, namespace }) => `${server}, accounts in ${namespace}`,
  Opens: ({ settings }) => {
    const places = new Set(settings.roles.flatMap(({ namespaces }) => namespaces));
    const isEverywhere = settings.roles.some(({ namespaces }) => namespaces.length === 0);
    return (
      <>
        {wordCount(settings.roles.length, 'role')}:{' '}
        <span className="mono cut">{settings.roles.map(({ role }) => role).join(', ')}</span>
        <span className="dim nowrap">{isEverywhere ? 'whole cluster' : wordCount(places.size, 'namespace')}</span>
      </>
    );
  },
};
