/** PostgreSQL: how a server is reached, as which manager, and which schemas the levels open. */
import { useWatch } from 'react-hook-form';
import type { PostgresSettings } from '../../../../shared/contract/resources';
import { isSamePlace } from '../../../../shared/domain/same-place';
import { wordCount } from '../../../app/words';
import { Field, Input } from '../../../ui';
import { asNumber, asOptionalNumber, asOptionalText, listError, plainError } from '../field-values';
import styles from '../resources.module.css';
import { TokenField } from '../TokenField';
import type { FieldsProps, KindForm } from './kind';
import { HostPort, NumberField, portError, withCertificateText, withoutEmptyCertificate } from './parts/fields';
import { SignInFields, SQL_TLS } from './parts/sign-in';
import { managerRights } from './parts/words';

function Fields({ form, secret }: FieldsProps<PostgresSettings>) {
  const { register, control, setValue, formState } = form;
  const errors = formState.errors.settings;
  const settings = useWatch({ control }).settings;
  return (
    <>
      <HostPort
        host={register('settings.host')}
        typedHost={settings?.host}
        port={register('settings.port', { setValueAs: asNumber })}
        placeholder="db.internal or /var/run/postgresql"
        errors={errors}
      />
      <Field label="Database" error={plainError(errors?.database?.message, settings?.database)}>
        <Input className="mono" placeholder="orders" {...register('settings.database')} />
      </Field>
      <SignInFields<PostgresSettings> form={form} secret={secret} choices={SQL_TLS} place="Host, port, user or TLS" />
      <TokenField
        label="Schemas"
        spelling="exact"
        value={settings?.schemas ?? []}
        onChange={(next) => setValue('settings.schemas', next, { shouldValidate: true })}
        hint="The levels open the tables of these, today’s and later ones."
        error={listError(errors?.schemas, 'Name at least one schema, 50 at most.')}
      />
      <NumberField
        label="Connections per log-in"
        input={register('settings.connectionLimit', { setValueAs: asNumber })}
        hint="How many sessions one grant may have open at once."
        error={errors?.connectionLimit}
        range="from 1 to 100"
      />
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
        <Field label="Its port" error={portError(errors?.clientPort)}>
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
  draftOf: withCertificateText,
  settingsOf: withoutEmptyCertificate,
  keepsSecret: isSamePlace,
  Fields,
  test: {
    does: 'logs in and tries the rights; changes nothing',
    says: 'What the manager’s log-in may do, what it lacks, and which statement mends it; and the least rights it needs on this version of PostgreSQL.',
    recipeOf: managerRights,
  },
  plan: { place: 'database', script: 'sql' },
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
