/** Webhook: where somebody's own receiver answers, how it proves itself, and the key both sides share. */
import { useWatch } from 'react-hook-form';
import type { WebhookSettings } from '../../../../shared/contract/webhook';
import { isSameReceiver } from '../../../../shared/domain/same-place';
import { Field, Input } from '../../../ui';
import { plainError } from '../field-values';
import type { FieldsProps, KindForm } from './kind';
import { CertificateField, SecretField, type SecretHints, withCertificateText } from './parts/fields';
import { asPin, PinField, withoutEmptyTexts } from './parts/receiver';

const SECRET_HINTS: SecretHints = {
  new: '32 characters at least, the same on both sides: openssl rand -base64 32. Stored encrypted.',
  barred: 'Address or certificate changed: type it again.',
};

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
      <SecretField
        label="Shared key"
        secret={secret}
        input={register('secret')}
        hints={SECRET_HINTS}
        error={formState.errors.secret?.message}
      />
      <PinField
        input={register('settings.certificatePin', { setValueAs: asPin })}
        error={errors?.certificatePin?.message}
        hint="Exactly this certificate, whoever signed it: openssl x509 -fingerprint -sha256."
      />
      <CertificateField
        input={register('settings.caCertificate')}
        value={settings?.caCertificate}
        error={errors?.caCertificate?.message}
        hint="Without one, the authorities that the service’s machine trusts."
      />
      <p className="dim small">
        Anybody can add a target in any language: docs/webhook-protocol.md has the protocol, test vectors, and receivers
        of 60 lines.
      </p>
    </>
  );
}

export const webhookForm: KindForm<WebhookSettings> = {
  empty: { kind: 'webhook', url: '', caCertificate: '' },
  draftOf: withCertificateText,
  settingsOf: withoutEmptyTexts,
  keepsSecret: isSameReceiver,
  Fields,
  test: {
    does: 'calls it as it should be, and as it should not',
    says: 'Whether the receiver answers a call with the key, and whether it refuses calls that are unsigned, changed, late or played again. Nothing is made.',
    recipeOf: () => 'What the receiver has to answer',
  },
  plan: { place: 'receiver', script: 'shell' },
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
