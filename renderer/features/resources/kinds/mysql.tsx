/** MySQL and MariaDB: how a server is reached, as which manager, which schemas the levels open, and where holders come from. */
import { useWatch } from 'react-hook-form';
import type { MysqlSettings } from '../../../../shared/contract/mysql';
import { wordCount } from '../../../app/words';
import { Field, Input, Segmented, TextArea } from '../../../ui';
import { asNumber, asOptionalText, firstOf, NUMBER_HINT, plainError } from '../field-values';
import styles from '../resources.module.css';
import { TokenField } from '../TokenField';
import type { FieldsProps, KindForm } from './kind';

type Tls = MysqlSettings['tls'];
const TLS: Record<Tls, { readonly label: string; readonly hint: string; readonly tone: string }> = {
  'verify-full': { label: 'verify-full', hint: 'Encrypted, and the server proves its name.', tone: '' },
  require: { label: 'require', hint: 'Encrypted, but anybody could answer as this server.', tone: 'warn' },
  prefer: { label: 'prefer', hint: 'Encrypted when the server offers it; not proven.', tone: 'warn' },
  disable: { label: 'disable', hint: 'Not encrypted. For sockets and this machine only.', tone: 'warn' },
};
const SECRET_HINTS: Record<FieldsProps<MysqlSettings>['secret'], string> = {
  new: 'Stored encrypted; never shown again.',
  kept: 'Empty: the stored one is used.',
  barred: 'Host, port, user or TLS changed: type it again.',
};

function Fields({ form, secret }: FieldsProps<MysqlSettings>) {
  const { register, control, setValue, formState } = form;
  const errors = formState.errors.settings;
  const settings = useWatch({ control }).settings;
  return (
    <>
      <div className={styles.hostPort}>
        <Field label="Host" error={plainError(errors?.host?.message, settings?.host)}>
          <Input className="mono" placeholder="db.internal or /run/mysqld/mysqld.sock" {...register('settings.host')} />
        </Field>
        <Field label="Port" error={errors?.port && `${NUMBER_HINT} from 1 to 65535.`}>
          <Input className="mono" inputMode="numeric" {...register('settings.port', { setValueAs: asNumber })} />
        </Field>
      </div>
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
      <TlsFields form={form} secret={secret} />
      <TokenField
        label="Schemas"
        spelling="exact"
        placeholder="orders"
        value={settings?.schemas ?? []}
        onChange={(next) => setValue('settings.schemas', next, { shouldValidate: true })}
        hint="Also called databases. The levels open the tables of these, today’s and later ones; clients start in the first."
        error={
          errors?.schemas === undefined
            ? undefined
            : (firstOf(errors.schemas) ?? 'Name at least one schema, 50 at most.')
        }
      />
      <div className={styles.half}>
        <Field
          label="Holders come from"
          error={plainError(errors?.userHost?.message, settings?.userHost)}
          hint="The host part of their account: % is everywhere, 10.1.% a network."
        >
          <Input className="mono" placeholder="%" {...register('settings.userHost')} />
        </Field>
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
      </div>
      <Field
        label="Schema for events"
        aside="optional"
        error={plainError(errors?.deadlineSchema?.message, settings?.deadlineSchema)}
        hint="The server then ends each log-in at its deadline by itself, also while this service is down. Its event scheduler must be on."
      >
        <Input className="mono" {...register('settings.deadlineSchema', { setValueAs: asOptionalText })} />
      </Field>
    </>
  );
}

function TlsFields({ form }: FieldsProps<MysqlSettings>) {
  const { register, control, setValue, formState } = form;
  const settings = useWatch({ control }).settings;
  const tls = settings?.tls ?? 'prefer';
  return (
    <>
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
          error={formState.errors.settings?.caCertificate?.message}
          hint="Without one, the authorities that this machine trusts; MySQL’s own programs need one."
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
    </>
  );
}

export const mysqlForm: KindForm<MysqlSettings> = {
  empty: {
    kind: 'mysql',
    host: '',
    port: 3306,
    managerUser: 'hallpass_manager',
    tls: 'verify-full',
    caCertificate: '',
    schemas: [],
    userHost: '%',
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
  placeOf: ({ managerUser, host, port }) => `${managerUser}@${host.startsWith('/') ? host : `${host}:${port}`}`,
  Opens: ({ settings }) => (
    <>
      {wordCount(settings.schemas.length, 'schema')}: <span className="mono cut">{settings.schemas.join(', ')}</span>
      {settings.deadlineSchema !== undefined && <span className="nowrap">ended by the server too</span>}
      {settings.userHost !== '%' && (
        <span>
          from <span className="mono">{settings.userHost}</span>
        </span>
      )}
      <span className="dim nowrap">TLS {settings.tls}</span>
    </>
  ),
};
