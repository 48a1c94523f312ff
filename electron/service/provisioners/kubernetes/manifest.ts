/**
 * The least rights of the manager as a manifest to apply once. Every name in it is of a form that YAML reads as it is
 * (labels, or quoted). `bind` on named roles is what lets the manager give a role that it doesn't hold itself.
 */
import type { KubernetesRole, KubernetesSettings } from '../../../../shared/contract/kubernetes';
import { EVERYWHERE, placesOf, type Where } from './objects';

const MANAGER = 'hallpass-manager';

/** Shown by the connection test; docs/kubernetes.md explains each part. */
export function manifestFor(settings: KubernetesSettings): string {
  const places = [...new Set(settings.roles.flatMap(placesOf))];
  return [
    head(settings),
    accounts(settings),
    ...places.filter((where) => where !== EVERYWHERE).map((where) => bindings(settings, where)),
    ...cluster(settings),
    token(settings),
  ].join('\n---\n');
}

const head = ({ namespace }: KubernetesSettings) => `# Apply once as an administrator of the cluster: kubectl apply -f -
apiVersion: v1
kind: Namespace
metadata:
  name: ${namespace}
---
apiVersion: v1
kind: ServiceAccount
metadata:
  name: ${MANAGER}
  namespace: ${namespace}`;

/** Accounts of grants live in a namespace of their own, so that the manager can make tokens of no others. */
const accounts = ({ namespace }: KubernetesSettings) => `${role('Role', `${MANAGER}-accounts`, namespace)}
rules:
- apiGroups: [""]
  resources: [serviceaccounts]
  verbs: [get, list, create, patch, delete]
- apiGroups: [""]
  resources: [serviceaccounts/token]
  verbs: [create]
---
${bound('Role', `${MANAGER}-accounts`, namespace, namespace)}`;

const bindings = (settings: KubernetesSettings, where: Where) => {
  const here = settings.roles.filter((level) => placesOf(level).includes(where));
  return `${role('Role', `${MANAGER}-bindings`, where)}
rules:
- apiGroups: [rbac.authorization.k8s.io]
  resources: [rolebindings]
  verbs: [get, list, create, delete]
${(['ClusterRole', 'Role'] as const).map((kind) => binds(here, kind, kind === 'Role' ? '[get, bind]' : '[bind]')).join('')}---
${bound('Role', `${MANAGER}-bindings`, where, settings.namespace)}`;
};

/** ClusterRoles are looked at by the connection test; where a level holds in the whole cluster they are bound there too. */
function cluster(settings: KubernetesSettings): string[] {
  const all = settings.roles.filter((level) => level.roleKind === 'ClusterRole');
  if (all.length === 0) return [];
  const everywhere = all.filter((level) => placesOf(level).includes(EVERYWHERE));
  const rules =
    everywhere.length === 0
      ? ''
      : `- apiGroups: [rbac.authorization.k8s.io]
  resources: [clusterrolebindings]
  verbs: [get, list, create, delete]
${binds(everywhere, 'ClusterRole', '[bind]')}`;
  return [
    `${role('ClusterRole', MANAGER, null)}
rules:
${binds(all, 'ClusterRole', '[get]')}${rules}---
${bound('ClusterRole', MANAGER, null, settings.namespace)}`,
  ];
}

function binds(levels: readonly KubernetesRole[], kind: KubernetesRole['roleKind'], verbs: string): string {
  const names = [...new Set(levels.filter((level) => level.roleKind === kind).map((level) => level.role))];
  if (names.length === 0) return '';
  return `- apiGroups: [rbac.authorization.k8s.io]
  resources: [${kind === 'ClusterRole' ? 'clusterroles' : 'roles'}]
  resourceNames: [${names.map((name) => JSON.stringify(name)).join(', ')}]
  verbs: ${verbs}
`;
}

const role = (kind: KubernetesRole['roleKind'], name: string, namespace: string | null) =>
  `apiVersion: rbac.authorization.k8s.io/v1
kind: ${kind}
metadata:
  name: ${name}${namespace === null ? '' : `\n  namespace: ${namespace}`}`;

const bound = (kind: KubernetesRole['roleKind'], name: string, where: string | null, accountsIn: string) =>
  `apiVersion: rbac.authorization.k8s.io/v1
kind: ${where === null ? 'ClusterRoleBinding' : 'RoleBinding'}
metadata:
  name: ${name}${where === null ? '' : `\n  namespace: ${where}`}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ${kind}
  name: ${name}
subjects:
- kind: ServiceAccount
  name: ${MANAGER}
  namespace: ${accountsIn}`;

/** The manager's own token: one that stays until the Secret is deleted, because it has to work at every hour. */
const token = ({ namespace }: KubernetesSettings) => `apiVersion: v1
kind: Secret
metadata:
  name: ${MANAGER}
  namespace: ${namespace}
  annotations:
    kubernetes.io/service-account.name: ${MANAGER}
type: kubernetes.io/service-account-token
# Its token is what goes into "Manager token":
#   kubectl -n ${namespace} get secret ${MANAGER} -o jsonpath='{.data.token}' | base64 -d`;
