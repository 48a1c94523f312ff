/** Secret: what is checked out, to how many at once, and who changes it when it comes back. */
import { useWatch } from 'react-hook-form';
import type { Rotation, SecretSettings } from '../../../../shared/contract/secret';
import { wordCount } from '../../../app/words';
import { Field, Input, TextArea } from '../../../ui';
import { asNumber, plainError } from '../field-values';
import type { FieldsProps, KindForm } from './kind';
import {
  CertificateField,
  ChoiceField,
  type Choices,
  NumberField,
  type SecretHints,
  secretHint,
  secretPlaceholder,
  withCertificateText,
} from './parts/fields';
import { asPin, PinField, withoutEmptyTexts } from './parts/receiver';

const SECRET_HINTS: SecretHints = {
  new: 'One NAME=value on a line; programs get them by these names. Stored encrypted; never shown here again.',
  kept: 'Empty: the stored one is used. Typed: it takes its place, and who holds the old one stays on the books.',
  barred: 'What changes it is another now: type it again.',
};
const ROTATIONS: Choices<Rotation['by']> = {
  nobody: {
    label: 'Nobody',
    hint: 'It stays as it is: whoever held it may still know it. Requester, approver and the record are told so.',
    tone: 'warn',
  },
  command: {
    label: 'A command',
    hint: 'A program in the folder “rotators” of the service’s data folder, put there by whoever runs that machine.',
    tone: '',
  },
  webhook: {
    label: 'A webhook',
    hint: 'Signed calls to a receiver; its key is the line HALLPASS_ROTATION_KEY.',
    tone: '',
  },
};
const EMPTY_ROTATION: { readonly [B in Rotation['by']]: Extract<Rotation, { by: B }> } = {
  nobody: { by: 'nobody' },
  command: { by: 'command', file: '' },
  webhook: { by: 'webhook', url: '', caCertificate: '' },
};

function Fields({ form, secret }: FieldsProps<SecretSettings>) {
  const { register, control, setValue, formState } = form;
  const errors = formState.errors.settings;
  const settings = useWatch({ control }).settings;
  const by = settings?.rotation?.by ?? 'nobody';
  return (
    <>
      <Field label="What it opens" error={plainError(errors?.opens?.message, settings?.opens)}>
        <Input placeholder="GitHub organisation token" {...register('settings.opens')} />
      </Field>
      <Field label="Secret" error={formState.errors.secret?.message} hint={secretHint(secret, SECRET_HINTS)}>
        <TextArea
          rows={3}
          className="mono"
          spellCheck={false}
          autoComplete="off"
          placeholder={secretPlaceholder(secret, 'API_KEY=…')}
          {...register('secret')}
        />
      </Field>
      <NumberField
        label="Holders at once"
        input={register('settings.holders', { setValueAs: asNumber })}
        hint="With several, it is changed when the last of them is done."
        error={errors?.holders}
        range="from 1 to 50"
      />
      <ChoiceField
        label="Changed at the end by"
        choices={ROTATIONS}
        value={by}
        onChange={(next) => setValue('settings.rotation', EMPTY_ROTATION[next], { shouldDirty: true })}
      />
      <RotationFields key={by} form={form} secret={secret} />
    </>
  );
}

function RotationFields({ form }: FieldsProps<SecretSettings>) {
  const { register, control, formState } = form;
  const rotation = useWatch({ control }).settings?.rotation;
  const errors = formState.errors.settings?.rotation as Record<string, { message?: string } | undefined> | undefined;
  if (rotation?.by === 'command')
    return (
      <Field
        label="File"
        error={plainError(errors?.file?.message, rotation.file)}
        hint="A name only. It gets its task, and the secret, on standard input. docs/secret.md has an example."
      >
        <Input className="mono" placeholder="rotate-github" {...register('settings.rotation.file')} />
      </Field>
    );
  if (rotation?.by !== 'webhook') return null;
  return (
    <>
      <Field label="Address" error={plainError(errors?.url?.message, rotation.url)}>
        <Input className="mono" placeholder="https://desk.internal/rotate" {...register('settings.rotation.url')} />
      </Field>
      <PinField
        input={register('settings.rotation.certificatePin', { setValueAs: asPin })}
        error={errors?.certificatePin?.message}
      />
      <CertificateField
        input={register('settings.rotation.caCertificate')}
        value={rotation.caCertificate}
        error={errors?.caCertificate?.message}
      />
    </>
  );
}

const wordRotation = (rotation: Rotation): string => {
  switch (rotation.by) {
    case 'nobody':
      return 'not changed at the end';
    case 'command':
      return `changed by ${rotation.file}`;
    case 'webhook':
      return `changed by ${rotation.url}`;
  }
};

export const secretForm: KindForm<SecretSettings> = {
  empty: { kind: 'secret', opens: '', holders: 1, rotation: EMPTY_ROTATION.nobody },
  draftOf: (settings) => ({
    ...settings,
    rotation: settings.rotation.by === 'webhook' ? withCertificateText(settings.rotation) : settings.rotation,
  }),
  settingsOf: (read) =>
    read.rotation.by === 'webhook' ? { ...read, rotation: withoutEmptyTexts(read.rotation) } : read,
  keepsSecret: (stored, now) => JSON.stringify(sorted(stored.rotation)) === JSON.stringify(sorted(now.rotation)),
  Fields,
  test: {
    does: 'reads its lines and asks whoever changes it; changes nothing',
    says: 'Which names are handed out; and where something changes the secret at the end, whether it answers and finds that the secret works.',
    recipeOf: () => 'What a program that changes it has to answer',
  },
  plan: { place: 'secret', script: 'shell' },
  placeOf: ({ opens }) => opens,
  Opens: ({ settings }) => (
    <>
      {wordCount(settings.holders, 'holder')} at once
      <span className={settings.rotation.by === 'nobody' ? 'warn nowrap' : 'dim cut'}>
        {wordRotation(settings.rotation)}
      </span>
    </>
  ),
};
const sorted = (value: object) => Object.entries(value).sort(([a], [b]) => a.localeCompare(b));
