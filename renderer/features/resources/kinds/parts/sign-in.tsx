/** How the service signs in where a manager has a name and a password: the two, TLS, and who vouches for the server. */
import { type UseFormReturn, useWatch } from 'react-hook-form';
import type { MysqlSettings } from '../../../../../shared/contract/mysql';
import type { RedisSettings } from '../../../../../shared/contract/redis';
import type { PostgresSettings } from '../../../../../shared/contract/resources';
import type { ManagerLogin } from '../../../../../shared/domain/same-place';
import { Field, Input } from '../../../../ui';
import { plainError } from '../../field-values';
import styles from '../../resources.module.css';
import type { FieldsProps } from '../kind';
import { CertificateField, ChoiceField, type Choices, NO_CERTIFICATE, SecretField } from './fields';

type SignIn = PostgresSettings | MysqlSettings | RedisSettings;
interface SignInProps<S extends SignIn> {
  readonly form: FieldsProps<S>['form'];
  readonly secret: FieldsProps<S>['secret'];
  readonly choices: Choices<S['tls']>;
  /** What changed when the stored password may not be sent: "Host, port, user or TLS". */
  readonly place: string;
}
export function SignInFields<S extends SignIn>({ form, secret, choices, place }: SignInProps<S>) {
  // of each kind's form only what all of them have
  const { register, control, setValue, formState } = form as unknown as UseFormReturn<{
    settings: ManagerLogin;
    secret: string;
  }>;
  const errors = formState.errors.settings;
  const settings = useWatch({ control }).settings;
  const tls = (settings?.tls ?? 'verify-full') as S['tls'];
  return (
    <>
      <div className={styles.half}>
        <Field label="Manager user" error={plainError(errors?.managerUser?.message, settings?.managerUser)}>
          <Input className="mono" autoComplete="off" {...register('settings.managerUser')} />
        </Field>
        <SecretField
          label="Manager password"
          secret={secret}
          input={register('secret')}
          hints={{ barred: `${place} changed: type it again.` }}
          error={formState.errors.secret?.message}
        />
      </div>
      <ChoiceField
        label="TLS"
        figures="mono"
        choices={choices}
        value={tls}
        onChange={(next) => setValue('settings.tls', next)}
      />
      {choices[tls].certificate !== undefined && (
        <CertificateField
          input={register('settings.caCertificate')}
          value={settings?.caCertificate}
          error={errors?.caCertificate?.message}
          hint={choices[tls].certificate}
        />
      )}
    </>
  );
}

/** In the words of the clients of both databases. */
export const SQL_TLS: Choices<'verify-full' | 'require' | 'prefer' | 'disable'> = {
  'verify-full': {
    label: 'verify-full',
    hint: 'Encrypted, and the server proves its name.',
    tone: '',
    certificate: NO_CERTIFICATE,
  },
  require: { label: 'require', hint: 'Encrypted, but anybody could answer as this server.', tone: 'warn' },
  prefer: { label: 'prefer', hint: 'Encrypted when the server offers it; not proven.', tone: 'warn' },
  disable: { label: 'disable', hint: 'Not encrypted. For sockets and this machine only.', tone: 'warn' },
};
