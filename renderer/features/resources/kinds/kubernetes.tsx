/** Kubernetes: which API server, where its service accounts are made, and which role stands for each level and where. */
import { useWatch } from 'react-hook-form';
import type { KubernetesSettings } from '../../../../shared/contract/kubernetes';
import { isSameCluster } from '../../../../shared/domain/same-place';
import { wordCount } from '../../../app/words';
import { Field, Input, Segmented } from '../../../ui';
import { firstOf, plainError } from '../field-values';
import styles from '../resources.module.css';
import { TokenField } from '../TokenField';
import type { Draft, FieldsProps, KindForm } from './kind';
import {
  CertificateField,
  NO_CERTIFICATE,
  SecretField,
  type SecretHints,
  withCertificateText,
  withoutEmptyCertificate,
} from './parts/fields';
import { LevelRoles, nameOf } from './parts/level-roles';
import { managerRights } from './parts/words';

type DraftRole = Draft<KubernetesSettings>['roles'][number];
const KINDS = [
  { value: 'ClusterRole', label: 'ClusterRole' },
  { value: 'Role', label: 'Role' },
] as const;
const SECRET_HINTS: SecretHints = {
  new: 'Of the service account that the test’s recipe makes. Stored encrypted; never shown again.',
  barred: 'Server or CA certificate changed: give it again.',
};

interface WhereProps {
  readonly role: DraftRole;
  readonly error: string | undefined;
  readonly onChange: (role: DraftRole) => void;
}
/** Which kind of role it is, and in which namespaces it holds. */
function Where({ role, error, onChange }: WhereProps) {
  const namespaces = role.namespaces ?? [];
  return (
    <>
      <div className="row">
        <Segmented
          label={`Kind of role of ${nameOf(role)}`}
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
        error={error}
      />
    </>
  );
}
/** Of the list, or of one name in it. */
const namespacesError = (found: { readonly message?: string } | undefined): string | undefined =>
  firstOf(found) ?? found?.message;

function Fields({ form, secret }: FieldsProps<KubernetesSettings>) {
  const { register, control, setValue, formState } = form;
  const errors = formState.errors.settings;
  const settings = useWatch({ control }).settings;
  const roles = (settings?.roles ?? []) as DraftRole[];
  const setRoles = (next: DraftRole[]) => setValue('settings.roles', next, { shouldValidate: formState.isSubmitted });
  return (
    <>
      <Field label="API server" error={plainError(errors?.server?.message, settings?.server)}>
        <Input className="mono" placeholder="https://cluster.internal:6443" {...register('settings.server')} />
      </Field>
      <CertificateField
        input={register('settings.caCertificate')}
        value={settings?.caCertificate}
        error={errors?.caCertificate?.message}
        hint={`The cluster’s own authority. ${NO_CERTIFICATE}`}
      />
      <div className={styles.half}>
        <Field
          label="Namespace for accounts"
          error={plainError(errors?.namespace?.message, settings?.namespace)}
          hint="One of its own: nothing else should live there."
        >
          <Input className="mono" placeholder="hallpass" {...register('settings.namespace')} />
        </Field>
        <SecretField
          label="Manager token"
          secret={secret}
          input={register('secret')}
          hints={SECRET_HINTS}
          error={formState.errors.secret?.message}
          placeholder="eyJhbGciOi…"
          figures="mono"
        />
      </div>
      <LevelRoles
        roles={roles}
        onChange={setRoles}
        empty={{ level: '', role: '', namespaces: [] }}
        errorsOf={(index) => errors?.roles?.[index]}
        listError={errors?.roles?.root?.message ?? errors?.roles?.message}
        placeholder="view"
        creates="A holder can start pods, read secrets or make accounts"
      >
        {(role, onChange, index) => (
          <Where role={role} error={namespacesError(errors?.roles?.[index]?.namespaces)} onChange={onChange} />
        )}
      </LevelRoles>
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
  draftOf: withCertificateText,
  settingsOf: withoutEmptyCertificate,
  keepsSecret: isSameCluster,
  Fields,
  test: {
    does: 'logs in and tries the rights; changes nothing',
    says: 'What the manager’s token may do, what it lacks, and whether a role allows more than its level says; and a manifest of the least rights it needs.',
    recipeOf: managerRights,
  },
  plan: { place: 'cluster', script: 'shell' },
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
