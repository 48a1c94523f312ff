/** Redis and Valkey: every node, as which manager, and which keys and channels the levels open. */
import { useWatch } from 'react-hook-form';
import type { RedisSettings } from '../../../../shared/contract/redis';
import { areSameNodes } from '../../../../shared/domain/same-place';
import { wordCount } from '../../../app/words';
import { asNumber, listError } from '../field-values';
import { TokenField } from '../TokenField';
import type { FieldsProps, KindForm } from './kind';
import {
  type Choices,
  NO_CERTIFICATE,
  NumberField,
  withCertificateText,
  withoutEmptyCertificate,
} from './parts/fields';
import { SignInFields } from './parts/sign-in';
import { managerRights } from './parts/words';

const TLS: Choices<RedisSettings['tls']> = {
  'verify-full': {
    label: 'verify-full',
    hint: 'Encrypted, and each node proves its name.',
    tone: '',
    certificate: NO_CERTIFICATE,
  },
  require: {
    label: 'require',
    hint: 'Encrypted, but anybody could answer as a node.',
    tone: 'warn',
    certificate: 'With one, each node must be signed by it.',
  },
  disable: {
    label: 'disable',
    hint: 'Not encrypted: passwords travel in the clear. For this machine only.',
    tone: 'warn',
  },
};

function Fields({ form, secret }: FieldsProps<RedisSettings>) {
  const { register, control, setValue, formState } = form;
  const errors = formState.errors.settings;
  const settings = useWatch({ control }).settings;
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
      <SignInFields<RedisSettings> form={form} secret={secret} choices={TLS} place="A new node, the user or TLS" />
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
      <NumberField
        label="Database"
        input={register('settings.database', { setValueAs: asNumber })}
        hint="Where a session starts. It is no border: a Redis user has the same rights in every numbered database."
        error={errors?.database}
        range="from 0 to 65535"
      />
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
  draftOf: withCertificateText,
  settingsOf: withoutEmptyCertificate,
  keepsSecret: areSameNodes,
  Fields,
  test: {
    does: 'logs in and tries the rights; changes nothing',
    says: 'What the manager may do on each node, what it lacks, and which command mends it; and the least rights it needs.',
    recipeOf: managerRights,
  },
  plan: { place: 'node', script: 'shell' },
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
