/** An SSH host: how it is reached, which keys it shows, the authority that signs, and which account each level means. */
import { KeyRound, Plus, X } from 'lucide-react';
import { useState } from 'react';
import { useFieldArray, useWatch } from 'react-hook-form';
import { SSH_CA_SEED_PREFIX, type SshSettings } from '../../../../shared/contract/ssh';
import { toBase64url } from '../../../../shared/crypto/bytes';
import { isSameHost } from '../../../../shared/domain/same-place';
import { wordCount } from '../../../app/words';
import { Button, Field, Input, Segmented, TextArea } from '../../../ui';
import { asNumber, listError, plainError } from '../field-values';
import styles from '../resources.module.css';
import { TokenField } from '../TokenField';
import type { FieldsProps, KindForm } from './kind';
import { HostPort, type SecretHints, SecretInput, secretHint } from './parts/fields';
import { nameOf } from './parts/level-roles';

const SECRET_HINTS: SecretHints = {
  new: 'An Ed25519 private key (OpenSSH or PKCS#8). Stored encrypted; never shown again.',
  barred: 'Host, port or hook changed: give the key again.',
};
const DEFAULT_HOOK = { user: 'root', command: '/usr/local/sbin/hallpass-ssh-hook' };
const newLogin = (level: string): SshSettings['logins'][number] => ({
  level,
  user: '',
  principals: [],
  command: '',
  rights: 'limited',
  permits: ['pty'],
});
const SEED_BYTES = 32;
/** One line each in the field, as they stand in a host's `…_key.pub` files. */
const asLines = (text: string): string[] =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');

function Fields({ form, secret }: FieldsProps<SshSettings>) {
  const { register, control, setValue, formState } = form;
  const errors = formState.errors.settings;
  const values = useWatch({ control });
  const settings = values.settings;
  const hook = settings?.hook ?? null;
  /** As typed: lines that are not whole yet would not survive being read and written back. */
  const [keys, setKeys] = useState(() => (settings?.hostKeys ?? []).join('\n'));
  const isMade = (values.secret ?? '').startsWith(SSH_CA_SEED_PREFIX);
  const makeAuthority = () =>
    setValue('secret', `${SSH_CA_SEED_PREFIX}${toBase64url(crypto.getRandomValues(new Uint8Array(SEED_BYTES)))}`, {
      shouldDirty: true,
      shouldValidate: true,
    });
  return (
    <>
      <HostPort
        host={register('settings.host')}
        typedHost={settings?.host}
        port={register('settings.port', { setValueAs: asNumber })}
        placeholder="web-1.internal"
        errors={errors}
      />
      <Field
        label="Host keys"
        aside="one per line"
        error={listError(errors?.hostKeys, 'At least one line, as in /etc/ssh/ssh_host_ed25519_key.pub.')}
        hint="Pinned: a host that shows another key is not talked to. Take them from the host itself: cat /etc/ssh/ssh_host_ed25519_key.pub"
      >
        <TextArea
          rows={2}
          className="mono"
          spellCheck={false}
          placeholder="ssh-ed25519 AAAA…"
          value={keys}
          onChange={(event) => {
            setKeys(event.target.value);
            setValue('settings.hostKeys', asLines(event.target.value), { shouldDirty: true });
          }}
        />
      </Field>
      <Field
        label="Key of the certificate authority"
        error={formState.errors.secret?.message}
        hint={
          isMade
            ? 'A new one: after “Test connection” the recipe has its public half for the host.'
            : secretHint(secret, SECRET_HINTS)
        }
      >
        <div className="row">
          <SecretInput secret={secret} input={register('secret')} placeholder="paste a private key" />
          <Button data-make-authority onClick={makeAuthority}>
            <KeyRound size={14} aria-hidden />
            Make one
          </Button>
        </div>
      </Field>
      <Logins form={form} />
      <TokenField
        label="Only from"
        spelling="exact"
        value={settings?.sourceAddresses ?? []}
        onChange={(next) => setValue('settings.sourceAddresses', next, { shouldValidate: true, shouldDirty: true })}
        hint="Addresses or networks from which the certificates may be used, such as 10.0.0.0/8. Empty: from anywhere."
        error={listError(errors?.sourceAddresses, 'Addresses or networks.')}
      />
      <Field
        label="Hook on the host"
        hint={
          hook === null ? (
            <span className="warn">
              Without it an early end waits until the certificate runs out, and open sessions are never cut. Requesters
              and approvers are told.
            </span>
          ) : (
            'A script that keeps the revocation list and cuts sessions. The recipe installs it.'
          )
        }
      >
        <div className="row">
          <Segmented
            label="Hook on the host"
            value={hook === null ? 'none' : 'installed'}
            onChange={(next) =>
              setValue('settings.hook', next === 'none' ? null : DEFAULT_HOOK, {
                shouldDirty: true,
                shouldValidate: true,
              })
            }
            options={[
              { value: 'installed', label: 'Installed' },
              { value: 'none', label: 'None' },
            ]}
          />
        </div>
      </Field>
      {hook !== null && (
        <div className={styles.half}>
          <Field label="Its account" error={plainError(errors?.hook?.user?.message, hook.user)}>
            <Input className="mono" autoComplete="off" {...register('settings.hook.user')} />
          </Field>
          <Field label="Its command" error={plainError(errors?.hook?.command?.message, hook.command)}>
            <Input className="mono" autoComplete="off" {...register('settings.hook.command')} />
          </Field>
        </div>
      )}
    </>
  );
}

function Logins({ form }: Pick<FieldsProps<SshSettings>, 'form'>) {
  const { register, control, setValue, formState } = form;
  const { fields, append, remove } = useFieldArray({ control, name: 'settings.logins' });
  const logins = useWatch({ control, name: 'settings.logins' }) ?? [];
  const errors = formState.errors.settings?.logins;
  return (
    <fieldset className={styles.logins}>
      <legend>Levels</legend>
      {fields.map((field, at) => (
        <div key={field.id} className={styles.login}>
          <div className={styles.loginFields}>
            <Field label="Level" error={errors?.[at]?.level && 'Lower-case letters, digits and dashes.'}>
              <Input className="mono" placeholder="shell" {...register(`settings.logins.${at}.level`)} />
            </Field>
            <Field label="Account" error={plainError(errors?.[at]?.user?.message, logins[at]?.user)}>
              <Input
                className="mono"
                placeholder="deploy"
                autoComplete="off"
                {...register(`settings.logins.${at}.user`)}
              />
            </Field>
            <Field label="Rights">
              <Segmented
                label="Rights"
                value={logins[at]?.rights ?? 'limited'}
                onChange={(next) => setValue(`settings.logins.${at}.rights`, next, { shouldDirty: true })}
                options={[
                  { value: 'limited', label: 'Limited' },
                  { value: 'admin', label: 'Admin' },
                ]}
              />
            </Field>
            {fields.length > 1 && (
              <button
                type="button"
                className={`hp-icon-button ${styles.removeLevel}`}
                aria-label={`Remove ${nameOf({ level: logins[at]?.level ?? '' })}`}
                onClick={() => remove(at)}
              >
                <X size={14} aria-hidden />
              </button>
            )}
          </div>
          <div className={styles.half}>
            <Field
              label="Only this command"
              aside="optional"
              error={plainError(errors?.[at]?.command?.message, logins[at]?.command)}
            >
              <Input className="mono" placeholder="a shell" {...register(`settings.logins.${at}.command`)} />
            </Field>
            <TokenField
              label="Principals"
              spelling="exact"
              value={logins[at]?.principals ?? []}
              onChange={(next) =>
                setValue(`settings.logins.${at}.principals`, next, { shouldValidate: true, shouldDirty: true })
              }
              hint="Empty: the account’s name."
              error={errors?.[at]?.principals === undefined ? undefined : 'Letters, digits and . _ - @ only.'}
            />
          </div>
        </div>
      ))}
      {errors?.root?.message !== undefined && <span className="bad small">{errors.root.message}</span>}
      <div className="row">
        <Button size="s" data-another-level onClick={() => append(newLogin(''))}>
          <Plus size={13} aria-hidden />
          Another level
        </Button>
      </div>
    </fieldset>
  );
}

export const sshForm: KindForm<SshSettings> = {
  empty: {
    kind: 'ssh',
    host: '',
    port: 22,
    hostKeys: [],
    logins: [newLogin('shell')],
    sourceAddresses: [],
    hook: DEFAULT_HOOK,
  },
  draftOf: (settings) => settings,
  settingsOf: (read) => read,
  keepsSecret: isSameHost,
  Fields,
  test: {
    does: 'logs in with a certificate; changes nothing',
    says: 'Whether the host shows a pinned key, takes certificates of this authority, and cuts sessions; and what to run on the host, once, so that it does.',
    recipeOf: () => 'What to run on the host',
  },
  plan: { place: 'host', script: 'shell' },
  placeOf: ({ host, port, logins }) => `${logins.map(({ user }) => user).join(', ')} on ${host}:${port}`,
  Opens: ({ settings }) => (
    <>
      {wordCount(settings.logins.length, 'level')}:{' '}
      <span className="mono cut">{settings.logins.map(({ level, user }) => `${level} as ${user}`).join(', ')}</span>
      <span className="dim nowrap">{settings.hook === null ? 'no hook' : 'sessions are cut'}</span>
    </>
  ),
};
