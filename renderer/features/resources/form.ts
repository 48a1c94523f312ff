/** What the form holds, what is sent of it, and what is kept while somebody looks elsewhere: all but the secret. */
import type { z } from 'zod';
import {
  NewResource,
  type Resource,
  type ResourceSettings,
  type TargetAddress,
} from '../../../shared/contract/resources';
import { DEFAULT_TARGET_CONCURRENCY } from '../../../shared/domain/limits';
import { KINDS } from '../../ui/kinds';
import { formOfKind } from './kinds';

export const ResourceForm = NewResource.omit({ levels: true });
export type ResourceForm = z.input<typeof ResourceForm>;
export type ReadForm = z.output<typeof ResourceForm>;

export const STEPS = ['facts', 'connection', 'plan', 'done'] as const;
export type Step = (typeof STEPS)[number];
export const FACTS = [
  'name',
  'description',
  'environment',
  'risk',
  'tags',
  'owners',
  'dependsOn',
  'concurrency',
] as const;
/** The step on which a field stands, by its path: "settings.host" → connection. */
export const stepOf = (path: string): Step =>
  FACTS.some((name) => path === name || path.startsWith(`${name}.`)) ? 'facts' : 'connection';

/** A new resource is taken for production until somebody says otherwise: the stricter guess. */
export const EMPTY: ResourceForm = {
  name: '',
  description: '',
  environment: 'production',
  risk: 'moderate',
  tags: [],
  owners: [],
  dependsOn: [],
  concurrency: DEFAULT_TARGET_CONCURRENCY,
  settings: formOfKind(KINDS[0]).empty,
  secret: '',
};
export function formOf(resource: Resource): ResourceForm {
  const { name, description, environment, risk, tags, owners, dependsOn, settings } = resource;
  return {
    ...{ name, description, environment, risk, tags, owners, dependsOn },
    settings: settings === null ? EMPTY.settings : formOfKind(settings.kind).draftOf(settings),
    secret: '',
    concurrency: resource.concurrency,
  };
}

/** The settings as they are sent. */
export const settingsOf = ({ settings }: Pick<ReadForm, 'settings'>): ResourceSettings =>
  formOfKind(settings.kind).settingsOf(settings);
/** Where to look, with the typed secret, or else the stored one. */
export function addressOf(form: ReadForm, resource: Resource | null): z.input<typeof TargetAddress> {
  const address = { settings: settingsOf(form), name: form.name };
  if (resource === null) return { ...address, secret: form.secret };
  return { ...address, resourceId: resource.id, ...(form.secret === '' ? {} : { secret: form.secret }) };
}
/** True when the stored secret may be used: the service sends it only to the place it was given for. */
export function keepsSecret(stored: ResourceSettings | null, now: ResourceSettings): boolean {
  return stored !== null && stored.kind === now.kind && formOfKind(now.kind).keepsSecret(stored, now);
}
/** What a change sends: settings only when they differ, so that changing a tag does not knock at the target. */
export function changeOf(form: ReadForm, resource: Resource) {
  const { description, environment, risk, tags, owners, dependsOn, concurrency, secret } = form;
  const settings = settingsOf(form);
  const same = JSON.stringify(sorted(settings)) === JSON.stringify(sorted(resource.settings ?? {}));
  return {
    ...{ description, environment, risk, tags, owners, dependsOn, concurrency },
    ...(same ? {} : { settings }),
    ...(secret === '' ? {} : { secret }),
  };
}
const sorted = (value: object) => Object.entries(value).sort(([a], [b]) => a.localeCompare(b));

const kept = new Map<string, ResourceForm>();
/** `key`: a resource id, or "new". The secret is not kept. */
export const keepForm = (key: string, form: ResourceForm): void => void kept.set(key, { ...form, secret: '' });
export const keptForm = (key: string): ResourceForm | undefined => kept.get(key);
export const dropForm = (key: string): void => void kept.delete(key);
