/** Where signed calls go: of the webhook kind, and of a secret that a webhook changes. */
import type { UseFormRegisterReturn } from 'react-hook-form';
import { Field, Input } from '../../../../ui';
import { withoutEmptyCertificate } from './fields';

/** Read as one line of hex, however it was copied: "AA:BB:…" too. */
export const asPin = (text: unknown): string | undefined =>
  String(text ?? '')
    .replaceAll(':', '')
    .trim()
    .toLowerCase() || undefined;

interface PinFieldProps {
  /** Registered with `asPin`. */
  readonly input: UseFormRegisterReturn;
  readonly error: string | undefined;
  readonly hint?: string;
}
export const PinField = ({ input, error, hint }: PinFieldProps) => (
  <Field
    label="Pinned certificate"
    aside="optional, SHA-256"
    error={error && 'The 64 hex digits of its SHA-256.'}
    hint={hint}
  >
    <Input className="mono" {...input} />
  </Field>
);

/** Empty texts are none. */
export function withoutEmptyTexts<
  T extends { caCertificate?: string | undefined; certificatePin?: string | undefined },
>(read: T): T {
  const { certificatePin, ...rest } = withoutEmptyCertificate(read);
  return (certificatePin === undefined ? rest : { ...rest, certificatePin }) as T;
}
