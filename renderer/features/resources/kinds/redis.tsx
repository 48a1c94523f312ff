/** Redis and Valkey: every node, as which manager, and which keys and channels the levels open. */
import { useWatch } from 'react-hook-form';
import type { RedisSettings } from '../../../../shared/contract/redis';
import { wordCount } from '../../../app/words';
import { Field, Input, Segmented, TextArea } from '../../../ui';
import { asNumber, firstOf, NUMBER_HINT, plainError } from '../field-values';
import styles from '../resources.module.css';
import { TokenField } from '../TokenField';
import type { FieldsProps, KindForm } from './kind';

type Tls = RedisSettings['tls'];
const TLS: Record<Tls, { readonly label: string; readonly hint: string; readonly tone: string }> = {
  'verify-full': { label: 'verify-full', hint: 'Encrypted, and each node proves its name.', tone: '' },
  require: { label: 'require', hint: 'Encrypted, but anybody could answer as a node.', tone: 'warn' },
  disable: {
    label: 'disable',
    hint: 'Not encrypted: passwords travel in the clear. For this machine only.',
    tone: 'warn',
  },
};
const SECRET_HINTS: Record<FieldsProps<RedisSettings>['secret'], string> = {
  new: 'Stored encrypted; never shown again.',
  kept: 'Empty: the stored one is used.',
  barred: 'A new node, the user or TLS changed: type it again.',
};
/** Undefined while all is well. */
const listError = (errors: unknown, otherwise: string) =>
  errors === undefined ? undefined : (firstOf(errors) ?? otherwise);

function Fields({ form, secret }: FieldsProps<RedisSettings>) {
  const { register, control, setValue, formState } = form;
  const errors = formState.errors.settings;
  const settings = useWatch({ control }).settings;
  const tls = settings?.tls ?? 'verify-full';
  return (
    <>
      <TokenField
        label="Nodes"
        spelling="exact"
        placeholder="cache-1.internal:6379"
        value={settings?.nodes ?? []}
        onChange={(next) => setValue('settings.nodes', next, { shouldValidate: true })}
        hint="All of them, replicas and parts of a cluster too: Redis hands its users on to no other node."
        error={listError(errors?.nodes, 'Name at least one node, 50 at most.')}
      />
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
      {tls !== 'disable' && (
        <Field
          label="CA certificate"
          aside="optional, PEM"
          error={errors?.caCertificate?.message}
          hint={
            tls === 'require'
              ? 'With one, each node must be signed by it.'
              : 'Without one, the authorities that this machine trusts.'
          }
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
        label="Keys"
        spelling="exact"
        placeholder="orders:*"
        value={settings?.keyPatterns ?? []}
        onChange={(next) => setValue('settings.keyPatterns', next, { shouldValidate: true })}
        hint="Patterns of the keys that the levels open; * is every key. Names of other keys can still be listed."
        error={listError(errors?.keyPatterns, 'Name at least one pattern, 50 at most.')}
      />
      <TokenField
        label="Channels"
        spelling="exact"
        placeholder="none"
        value={settings?.channelPatterns ?? []}
        onChange={(next) => setValue('settings.channelPatterns', next, { shouldValidate: true })}
        hint="Patterns of the channels to listen on, and with read-write to publish on. Empty: none."
        error={listError(errors?.channelPatterns, '50 patterns at most.')}
      />
      <Field
        label="Database"
        error={errors?.database && `${NUMBER_HINT}, 0 or more.`}
        hint="Where a session starts. It is no border: a Redis user has the same rights in every numbered database."
      >
        <Input
          className={`mono ${styles.short}`}
          inputMode="numeric"
          {...register('settings.database', { setValueAs: asNumber })}
        />
      </Field>
    </>
  );
}

export const redisForm: KindForm<RedisSettings> = {
  empty: {
    kind: 'redis',
    nodes: [],
    managerUser: 'hallpass_manager',
    tls: 'verify-full',
    caCertificate: '',
    database: 0,
    keyPatterns: ['*'],
    channelPatterns: [],
  },
  draftOf: (settings) => ({ ...settings, caCertificate: settings.caCertificate ?? '' }),
  /** An empty certificate is none. */
  settingsOf({ caCertificate = '', ...rest }) {
    return caCertificate.trim() === '' ? rest : { ...rest, caCertificate };
  },
  keepsSecret: (stored, now) =>
    now.nodes.every((node) => stored.nodes.includes(node)) &&
    stored.managerUser === now.managerUser &&
    (stored.tls === now.tls || now.tls === 'verify-full') &&
    stored.caCertificate === now.caCertificate,
  Fields,
  placeOf: ({ managerUser, nodes }) =>
    `${managerUser}@${nodes[0] ?? ''}${nodes.length > 1 ? ` and ${wordCount(nodes.length - 1, 'more node')}` : ''}`,
  Opens: ({ settings }) => (
    <>
      {wordCount(settings.keyPatterns.length, 'key pattern')}:{' '}
      <span className="mono cut">{settings.keyPatterns.join(', ')}</span>
      {settings.channelPatterns.length > 0 && (
        <>
          {wordCount(settings.channelPatterns.length, 'channel pattern')}:{' '}
          <span className="mono cut">{settings.channelPatterns.join(', ')}</span>
        </>
      )}
      <span className="dim nowrap">TLS {settings.tls}</span>
    </>
  ),
};
