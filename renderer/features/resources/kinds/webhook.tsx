/** Webhook: where somebody's own receiver answers, how it proves itself, and the key both sides share. */
import { useWatch } from 'react-hook-form';
import type { WebhookSettings } from '../../../../shared/contract/webhook';
import { Field, Input, TextArea } from '../../../ui';
import { plainError } from '../field-values';
import type { FieldsProps, KindForm } from './kind';

const SECRET_HINTS: Record<FieldsProps<WebhookSettings>['secret'], string> = {
  new: '32 characters at least, the same on both sides: openssl rand -base64 32. Stored encrypted.',
  kept: 'Empty: the stored one is used.',
  barred: 'Address or certificate changed: type it again.',
};

/** Read as one line of hex, however it was copied: "AA:BB:…" too. */
export const asPin = (text: unknown): string | undefined =>
  String(text ?? '')
    .replaceAll(':', '')
    .trim()
    .toLowerCase() || undefined;

function Fields({ form, secret }: FieldsProps<WebhookSettings>) {
  const { register, control, formState } = form;
  const errors = formState.errors.settings;
  const settings = useWatch({ control }).settings;
  return (
    <>
      <Field
        label="Address"
        error={plainError(errors?.url?.message, settings?.url)}
        hint="Calls go below it: …/create, …/end. Redirects are not followed."
      >
        <Input className="mono" placeholder="https://desk.internal/hallpass" {...register('settings.url')} />
      </Field>
      <Field label="Shared key" error={formState.errors.secret?.message} hint={SECRET_HINTS[secret]}>
        <Input
          type="password"
          autoComplete="new-password"
          placeholder={secret === 'kept' ? '•••••••• stored' : undefined}
          {...register('secret')}
        />
      </Field>
      <Field
        label="Pinned certificate"
        aside="optional, SHA-256"
        error={plainError(
          errors?.certificatePin?.message && 'The 64 hex digits of its SHA-256.',
          settings?.certificatePin,
        )}
        hint="Exactly this certificate, whoever signed it: openssl x509 -fingerprint -sha256."
      >
        <Input className="mono" {...register('settings.certificatePin', { setValueAs: asPin })} />
      </Field>
      <Field
        label="CA certificate"
        aside="optional, PEM"
        error={errors?.caCertificate?.message}
        hint="Without one, the authorities that the service’s machine trusts."
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
      <p className="dim small">
        Anybody can add a target in any language: docs/webhook-protocol.md has the protocol, test vectors, and receivers
        of 60 lines.
      </p>
    </>
  );
}

/** Empty texts are none. */
export function withoutEmpty<T extends { caCertificate?: string | undefined; certificatePin?: string | undefined }>(
  read: T,
): T {
  const { caCertificate = '', certificatePin, ...rest } = read;
  return {
    ...rest,
    ...(caCertificate.trim() === '' ? {} : { caCertificate }),
    ...(certificatePin === undefined ? {} : { certificatePin }),
  } as T;
}

export const webhookForm: KindForm<WebhookSettings> = {
  empty: { kind: 'webhook', url: '', caCertificate: '' },
  draftOf: (settings) => ({ ...settings, caCertificate: settings.caCertificate ?? '' }),
  settingsOf: withoutEmpty,
  keepsSecret: (stored, now) =>
    stored.url.replace(/\/+$/, '') === now.url.replace(/\/+$/, '') &&
    stored.caCertificate === now.caCertificate &&
    stored.certificatePin === now.certificatePin,
  Fields,
  placeOf: ({ url }) => url,
  Opens: ({ settings }) => (
    <>
      what its receiver gives
      <span className="dim nowrap">
        {settings.certificatePin !== undefined
          ? 'pinned certificate'
          : settings.url.startsWith('http:')
            ? 'this machine only'
            : 'TLS'}
      </span>
    </>
  ),
};
