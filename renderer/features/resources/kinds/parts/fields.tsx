/** Fields that forms of several kinds have. Each takes what `register` gave, so that a part knows no kind's settings. */
import type { ReactNode } from 'react';
import type { UseFormRegisterReturn } from 'react-hook-form';
import { Field, Input, Segmented, TextArea } from '../../../../ui';
import { NUMBER_HINT, plainError } from '../../field-values';
import styles from '../../resources.module.css';

/** `new`: nothing is stored yet. `kept`: what is stored is used when nothing is typed. `barred`: it may not be sent there. */
export type SecretState = 'new' | 'kept' | 'barred';
export type SecretHints = { readonly barred: string } & Partial<Record<SecretState, string>>;
const SECRET_HINTS = { new: 'Stored encrypted; never shown again.', kept: 'Empty: the stored one is used.' };
export const secretHint = (secret: SecretState, hints: SecretHints): string => ({ ...SECRET_HINTS, ...hints })[secret];
/** What stands in the empty field of a secret. */
export const secretPlaceholder = (secret: SecretState, otherwise?: string): string | undefined =>
  secret === 'kept' ? '•••••••• stored' : otherwise;

interface SecretInputProps {
  readonly secret: SecretState;
  readonly input: UseFormRegisterReturn;
  readonly placeholder?: string;
  readonly figures?: 'text' | 'mono';
}
export const SecretInput = ({ secret, input, placeholder, figures = 'text' }: SecretInputProps) => (
  <Input
    type="password"
    className={figures === 'mono' ? 'mono' : ''}
    autoComplete="new-password"
    placeholder={secretPlaceholder(secret, placeholder)}
    {...input}
  />
);

interface SecretFieldProps extends SecretInputProps {
  readonly label: string;
  readonly hints: SecretHints;
  readonly error: string | undefined;
}
export const SecretField = ({ label, hints, error, ...rest }: SecretFieldProps) => (
  <Field label={label} error={error} hint={secretHint(rest.secret, hints)}>
    <SecretInput {...rest} />
  </Field>
);

type Problem = { readonly message?: string | undefined } | undefined;
interface HostPortProps {
  readonly host: UseFormRegisterReturn;
  readonly typedHost: string | undefined;
  /** Registered with `asNumber`. */
  readonly port: UseFormRegisterReturn;
  readonly placeholder: string;
  readonly errors: { readonly host?: Problem; readonly port?: Problem } | undefined;
}
export const HostPort = ({ host, typedHost, port, placeholder, errors }: HostPortProps) => (
  <div className={styles.hostPort}>
    <Field label="Host" error={plainError(errors?.host?.message, typedHost)}>
      <Input className="mono" placeholder={placeholder} {...host} />
    </Field>
    <Field label="Port" error={portError(errors?.port)}>
      <Input className="mono" inputMode="numeric" {...port} />
    </Field>
  </div>
);
export const portError = (error: Problem): string | undefined => error && `${NUMBER_HINT} from 1 to 65535.`;

interface Choice {
  readonly label: string;
  /** What it means. */
  readonly hint: string;
  /** `warn`: it is not the safe one. */
  readonly tone: '' | 'warn';
  /** Of TLS: what a certificate of an authority is good for; left out: it is not asked for. */
  readonly certificate?: string;
}
export type Choices<V extends string> = Readonly<Record<V, Choice>>;
interface ChoiceFieldProps<V extends string> {
  readonly label: string;
  readonly choices: Choices<V>;
  readonly value: V;
  readonly onChange: (next: V) => void;
  readonly figures?: 'text' | 'mono';
}
/** A few choices, with what the chosen one means below. */
export function ChoiceField<V extends string>({ label, choices, value, onChange, figures }: ChoiceFieldProps<V>) {
  return (
    <Field label={label} hint={<span className={choices[value].tone}>{choices[value].hint}</span>}>
      <div className="row">
        <Segmented
          label={label}
          figures={figures ?? 'text'}
          value={value}
          onChange={onChange}
          options={(Object.keys(choices) as V[]).map((one) => ({ value: one, label: choices[one].label }))}
        />
      </div>
    </Field>
  );
}
/** For values that hold a PEM text: an empty field is no certificate. */
export function withoutEmptyCertificate<T extends { caCertificate?: string | undefined }>(read: T): T {
  const { caCertificate = '', ...rest } = read;
  return caCertificate.trim() === '' ? (rest as T) : read;
}
/** The other way round: a field holds text, also where there is none. */
export const withCertificateText = <T extends { caCertificate?: string | undefined }>(stored: T) => ({
  ...stored,
  caCertificate: stored.caCertificate ?? '',
});
interface CertificateFieldProps {
  readonly input: UseFormRegisterReturn;
  readonly value: string | undefined;
  readonly error: string | undefined;
  readonly hint?: ReactNode;
}
export const CertificateField = ({ input, value, error, hint }: CertificateFieldProps) => (
  <Field label="CA certificate" aside="optional, PEM" error={error} hint={hint}>
    <TextArea
      rows={2}
      className="mono"
      spellCheck={false}
      placeholder="-----BEGIN CERTIFICATE-----"
      {...input}
      value={value ?? ''}
    />
  </Field>
);
export const NO_CERTIFICATE = 'Without one, the authorities that this machine trusts.';

interface NumberFieldProps {
  readonly label: string;
  readonly aside?: string;
  /** Registered with `asNumber`. */
  readonly input: UseFormRegisterReturn;
  readonly hint: string;
  readonly error: Problem;
  /** Which numbers are taken: "from 1 to 100". */
  readonly range: string;
}
/** A short whole number. */
export const NumberField = ({ label, aside, input, hint, error, range }: NumberFieldProps) => (
  <Field label={label} aside={aside} hint={hint} error={error && `${NUMBER_HINT} ${range}.`}>
    <Input className={`mono ${styles.short}`} inputMode="numeric" {...input} />
  </Field>
);
