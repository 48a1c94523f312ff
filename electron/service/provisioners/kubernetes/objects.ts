/**
 * The objects of one grant: a ServiceAccount in our own namespace, and a binding of the level's role in each namespace it
 * holds in (or in the whole cluster). All have the same name, made of the principal's, and carry our mark as labels.
 * The account remembers where its bindings are: settings may have changed when it ends.
 */
import { z } from 'zod';
import type { KubernetesRole } from '../../../../shared/contract/kubernetes';
import { kubernetesName } from '../../../../shared/domain/ids';
import { checkPrincipalName, isPrincipalName } from '../principal-name';
import { type KubernetesTarget, pathOf } from './api';

export function objectName(principal: string): string {
  checkPrincipalName(principal);
  return kubernetesName(principal);
}
export function principalOf(name: string): string | null {
  const principal = name.replace('-', '_');
  return isPrincipalName(principal) ? principal : null;
}

const MANAGED_BY = 'app.kubernetes.io/managed-by';
const RESOURCE = 'hallpass/resource';
const PLACES = 'hallpass/bound-in';
/** Where a binding is: a namespace, or all of the cluster. */
export type Where = string | typeof EVERYWHERE;
export const EVERYWHERE = '*';

/** The labels that make an object ours, and ours of this resource: other installations have other ids. */
export const markOf = (resourceId: string) => ({ [MANAGED_BY]: 'hallpass', [RESOURCE]: resourceId });
export const selectorOf = (resourceId: string): string => `${MANAGED_BY}=hallpass,${RESOURCE}=${resourceId}`;

export const FoundObject = z.object({
  metadata: z.object({
    name: z.string(),
    uid: z.string(),
    labels: z.record(z.string(), z.string()).nullish(),
    annotations: z.record(z.string(), z.string()).nullish(),
    deletionTimestamp: z.string().nullish(),
  }),
  roleRef: z.object({ kind: z.string(), name: z.string() }).optional(),
});
export type FoundObject = z.infer<typeof FoundObject>;
export const FoundList = z.object({
  metadata: z.object({ continue: z.string().nullish() }).nullish(),
  items: z.array(FoundObject),
});
export const isOurs = (found: FoundObject, resourceId: string): boolean =>
  Object.entries(markOf(resourceId)).every(([key, value]) => found.metadata.labels?.[key] === value);

/** Where a level's bindings go. */
export const placesOf = ({ namespaces }: Pick<KubernetesRole, 'namespaces'>): readonly Where[] =>
  namespaces.length === 0 ? [EVERYWHERE] : namespaces;
/** Every place that a binding of this resource may be in, by its settings. */
export const allPlaces = ({ settings }: KubernetesTarget): readonly Where[] => [
  ...new Set(settings.roles.flatMap(placesOf)),
];
const Places = z.array(z.string().regex(/^(\*|[a-z0-9-]{1,63})$/)).max(200);
/** What the account remembers; nothing when somebody changed it beyond reading. */
export function rememberedPlaces(account: FoundObject): readonly Where[] {
  try {
    return Places.parse(JSON.parse(account.metadata.annotations?.[PLACES] ?? '[]'));
  } catch {
    return [];
  }
}

export const accountsPath = ({ settings }: KubernetesTarget): string =>
  pathOf('api', 'v1', 'namespaces', settings.namespace, 'serviceaccounts');
export const bindingsPath = (where: Where): string =>
  where === EVERYWHERE
    ? pathOf('apis', 'rbac.authorization.k8s.io', 'v1', 'clusterrolebindings')
    : pathOf('apis', 'rbac.authorization.k8s.io', 'v1', 'namespaces', where, 'rolebindings');
export const rolePath = ({ roleKind, role }: KubernetesRole, where: Where): string =>
  roleKind === 'ClusterRole'
    ? pathOf('apis', 'rbac.authorization.k8s.io', 'v1', 'clusterroles', role)
    : pathOf('apis', 'rbac.authorization.k8s.io', 'v1', 'namespaces', where, 'roles', role);

const about = 'Temporary access made by Hallpass. It is removed by itself; changes here are lost.';

export const accountManifest = (target: KubernetesTarget, name: string, places: readonly Where[]) => ({
  apiVersion: 'v1',
  kind: 'ServiceAccount',
  metadata: { name, labels: markOf(target.resourceId), annotations: accountNotes(places) },
  // Nothing runs as it: a pod that names it would get no token by itself.
  automountServiceAccountToken: false,
});
export const accountNotes = (places: readonly Where[]) => ({
  'hallpass/about': about,
  [PLACES]: JSON.stringify(places),
});
export const bindingManifest = (target: KubernetesTarget, name: string, role: KubernetesRole, where: Where) => ({
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: where === EVERYWHERE ? 'ClusterRoleBinding' : 'RoleBinding',
  metadata: { name, labels: markOf(target.resourceId), annotations: { 'hallpass/about': about } },
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: role.roleKind, name: role.role },
  subjects: [{ kind: 'ServiceAccount', name, namespace: target.settings.namespace }],
});
