/** MySQL and MariaDB: how a server is reached, as which manager, which schemas the levels open, and where holders come from. */
import { useWatch } from 'react-hook-form';
import type { MysqlSettings } from '../../../../shared/contract/mysql';
import { isSamePlace } from '../../../../shared/domain/same-place';
import { wordCount } from '../../../app/words';
import { Field, Input } from '../../../ui';
import { asNumber, asOptionalText, listError, plainError } from '../field-values';
import styles from '../resources.module.css';
import { TokenField } from '../TokenField';
import type { FieldsProps, KindForm } from './kind';
import { HostPort, NumberField, withCertificateText, withoutEmptyCertificate } from './parts/fields';
import { SignInFields, SQL_TLS } from './parts/sign-in';
import { managerRights } from './parts/words';

function Fields({ form, secret }: FieldsProps<MysqlSettings>) {
  const { register, control, setValue, formState } = form;
  const errors = formState.errors.settings;
  const settings = useWatch({ control }).settings;
  return (
    <>
      <HostPort
        host={register('settings.host')}
        typedHost={settings?.host}
        port={register('settings.port', { setValueAs: asNumber })}
        placeholder="db.internal or /run/mysqld/mysqld.sock"
        errors={errors}
      />
      <SignInFields<MysqlSettings> form={form} secret={secret} choices={SQL_TLS} place="Host, port, user or TLS" />
      <TokenField
        label="Schemas"
        spelling="exact"
        placeholder="orders"
        value={settings?.schemas ?? []}
        onChange={(next) => setValue('settings.schemas', next, { shouldValidate: true })}
        hint="Also called databases. The levels open the tables of these, today’s and later ones; clients start in the first."
        error={listError(errors?.schemas, 'Name at least one schema, 50 at most.')}
      />
      <div className={styles.half}>
        <Field
          label="Holders come from"
          error={plainError(errors?.userHost?.message, settings?.userHost)}
          hint="The host part of their account: % is everywhere, 10.1.% a network."
        >
          <Input className="mono" placeholder="%" {...register('settings.userHost')} />
        </Field>
        <NumberField
          label="Connections per log-in"
          input={register('settings.connectionLimit', { setValueAs: asNumber })}
          hint="How many sessions one grant may have open at once."
          error={errors?.connectionLimit}
          range="from 1 to 100"
        />
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
  draftOf: withCertificateText,
  settingsOf: withoutEmptyCertificate,
  keepsSecret: isSamePlace,
  Fields,
  test: {
    does: 'logs in and tries the rights; changes nothing',
    says: 'What the manager’s log-in may do, what it lacks, and which statement mends it; and the least rights it needs on this version of MySQL or MariaDB.',
    recipeOf: managerRights,
  },
  plan: { place: 'schema', script: 'sql' },
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
