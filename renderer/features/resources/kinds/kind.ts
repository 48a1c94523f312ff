/** What the screens of resources ask of a kind of target: its fields, and how its settings are read and shown. */
import type { ReactNode } from 'react';
import type { UseFormReturn } from 'react-hook-form';
import type { z } from 'zod';
import type { ResourceSettings } from '../../../../shared/contract/resources';
import type { SecretState } from './parts/fields';
import type { PlanWords, TestWords } from './parts/words';

/** Settings as a form holds them: before defaults, empty texts where nothing is typed. */
export type Draft<S extends ResourceSettings> = Extract<z.input<typeof ResourceSettings>, { kind: S['kind'] }>;

export interface FieldsProps<S extends ResourceSettings> {
  readonly form: UseFormReturn<{ settings: Draft<S>; secret: string }>;
  readonly secret: SecretState;
}
export interface KindForm<S extends ResourceSettings = ResourceSettings> {
  /** What a new resource begins with. */
  readonly empty: Draft<S>;
  draftOf(settings: S): Draft<S>;
  /** What is sent of a form that was read. */
  settingsOf(read: S): S;
  /** Whether the stored secret may be sent under `now`. The service decides; this says so before it is asked. */
  keepsSecret(stored: S, now: S): boolean;
  /** The fields under `settings.…`, and `secret`. */
  Fields(props: FieldsProps<S>): ReactNode;
  readonly test: TestWords;
  readonly plan: PlanWords;
  /** Where it is, in one line: "manager@host:5432/orders". */
  placeOf(settings: S): string;
  /** What its levels open, and how it is reached. */
  Opens(props: { readonly settings: S }): ReactNode;
}
