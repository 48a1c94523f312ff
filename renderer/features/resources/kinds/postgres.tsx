/** PostgreSQL: how a server is reached, as which manager, and which schemas the levels open. */
import { useWatch } from 'react-hook-form';
import type { PostgresSettings } from '../../../../shared/contract/resources';
import { wordCount } from '../../../app/words';
import { Field, Input, Segmented, TextArea } from '../../../ui';
import { asNumber, asOptionalNumber, asOptionalText, firstOf, NUMBER_HINT, plainError } from '../field-values';
import styles from '../resources.module.css';
import { TokenField } from '../TokenField';
import type { FieldsProps, KindForm } from './kind';

type Tls = PostgresSettings['tls'];
const TLS: Record<Tls, { readonly label: string; readonly hint: string; readonly tone: string }> = {
  'verify-full': { label: 'verify-full', hint: 'Encrypted, and the server proves its name.', tone: '' },
  require: { label: 'require', hint: 'Encrypted, but anybody could answer as this server.', tone: 'warn' },
  prefer: { label: 'prefer', hint: 'Encrypted when the server offers it; not proven.', tone: 'warn' },
  disable: { label: 'disable', hint: 'Not encrypted. For sockets and this machine only.', tone: 'warn' },
};
const SECRET_HINTS: Record<FieldsProps<PostgresSettings>['secret'], string> = {
  new: 'Stored encrypted; never shown again.',
  kept: 'Empty: the stored one is used.',
  barred: 'Host, port, user or TLS changed: type it again.',
};

function Fields({ form, secret }: FieldsProps<PostgresSettings>) {
  const { register, control, setValue, formState } = form;
  const errors = formState.errors.settings;
  const settings = useWatch({ control }).settings;
  const tls = settings?.tls ?? 'prefer';
  return (
    <>
      <div className={styles.hostPort}>
        <Field label="Host" error={plainError(errors?.host?.message, settings?.host)}>
          <Input className="mono" placeholder="db.internal or /var/run/postgresql" {...register('settings.host')} />
        </Field>
        <Field label="Port" error={errors?.port && `${NUMBER_HINT} from 1 to 65535.`}>
          <Input className="mono" inputMode="numeric" {...register('settings.port', { setValueAs: asNumber })} />
        </Field>
      </div>
      <Field label="Database" error={plainError(errors?.database?.message, settings?.database)}>
        <Input className="mono" placeholder="orders" {...register('settings.database')} />
      </Field>
      <div className={styles.half}>
        <Field label="Manager user" error={plainError(errors?.managerUser?.message, settings?.managerUser)}>
          <Input className="mono" autoComplete="off" {...register('settings.managerUser')} />
        </Field>
        <Field label="Manager password" error={formState.errors.secret?.message} hint={SECRET_HINTS[secret]}>
          <Input
            type="password"
            autoComplete="new-password"
            placeholder={secret === 'kept' ? '•••••••• stored' : undefined}
            {...register('secret')}
          />
        </Field>
      </div>
      <Field label="TLS" hint={<span className={TLS[tls].tone}>{TLS[tls].hint}</span>}>
        <div className="row">
          <Segmented
            label="TLS"
            figures="mono"
            value={tls}
            onChange={(next) => setValue('settings.tls', next)}
            options={(Object.keys(TLS) as Tls[]).map((value) => ({ value, label: TLS[value].label }))}
          />
        </div>
      </Field>
      {tls === 'verify-full' && (
        <Field
          label="CA certificate"
          aside="optional, PEM"
          error={errors?.caCertificate?.message}
          hint="Without one, the authorities that this machine trusts."
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
      )}
      <TokenField
        label="Schemas"
        spelling="exact"
        value={settings?.schemas ?? []}
        onChange={(next) => setValue('settings.schemas', next, { shouldValidate: true })}
        hint="The levels open the tables of these, today’s and later ones."
        error={
          errors?.schemas === undefined
            ? undefined
            : (firstOf(errors.schemas) ?? 'Name at least one schema, 50 at most.')
        }
      />
      <Field
        label="Connections per log-in"
        error={errors?.connectionLimit && `${NUMBER_HINT} from 1 to 100.`}
        hint="How many sessions one grant may have open at once."
      >
        <Input
          className={`mono ${styles.short}`}
          inputMode="numeric"
          {...register('settings.connectionLimit', { setValueAs: asNumber })}
        />
      </Field>
      <div className={styles.hostPort}>
        <Field
          label="Pooler for people"
          aside="optional"
          error={plainError(errors?.clientHost?.message, settings?.clientHost)}
          hint="When people connect through pgbouncer. Host and port above stay the server itself."
        >
          <Input
            className="mono"
            placeholder="pgbouncer.internal"
            {...register('settings.clientHost', { setValueAs: asOptionalText })}
          />
        </Field>
        <Field label="Its port" error={errors?.clientPort && `${NUMBER_HINT} from 1 to 65535.`}>
          <Input
            className="mono"
            inputMode="numeric"
            placeholder="6432"
            {...register('settings.clientPort', { setValueAs: asOptionalNumber })}
          />
        </Field>
      </div>
    </>
  );
}

export const postgresForm: KindForm<PostgresSettings> = {
  empty: {
    kind: 'postgres',
    host: '',
    port: 5432,
    database: '',
    managerUser: 'hallpass_manager',
    tls: 'verify-full',
    caCertificate: '',
    schemas: ['public'],
    connectionLimit: 5,
  },
  draftOf: (settings) => ({ ...settings, caCertificate: settings.caCertificate ?? '' }),
  /** An empty certificate is none. */
  settingsOf({ caCertificate = '', ...rest }) {
    return caCertificate.trim() === '' ? rest : { ...rest, caCertificate };
  },
  keepsSecret: (stored, now) =>
    stored.host === now.host &&
    stored.port === now.port &&
    stored.managerUser === now.managerUser &&
    (stored.tls === now.tls || now.tls === 'verify-full') &&
    stored.caCertificate === now.caCertificate,
  Fields,
  placeOf: ({ managerUser, host, port, database }) => `${managerUser}@${host}:${port}/${database}`,
  Opens: ({ settings }) => (
    <>
      {wordCount(settings.schemas.length, 'schema')}: <span className="mono cut">{settings.schemas.join(', ')}</span>
      <span className="dim nowrap">TLS {settings.tls}</span>
      {(settings.clientHost ?? settings.clientPort) !== undefined && (
        <span className="dim nowrap">
          through{' '}
          <span className="mono">
            {settings.clientHost ?? settings.host}:{settings.clientPort ?? settings.port}
          </span>
        </span>
      )}
    </>
  ),
};
