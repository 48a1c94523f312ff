/** Pictures of a Kubernetes resource: its form, tested with a level that is more than it says, its plan, and its facts. */
import { fine, wrong } from '../../../../electron/service/provisioners/checks';
import type { KubernetesSettings } from '../../../../shared/contract/kubernetes';
import type { ConnectionReport, LevelPlan } from '../../../../shared/contract/resources';
import * as fixtures from '../fixtures';
import type { KindPictures } from './pictures';

const settings: KubernetesSettings = {
  kind: 'kubernetes',
  server: 'https://shop-cluster.internal:6443',
  caCertificate: '-----BEGIN CERTIFICATE-----',
  namespace: 'hallpass',
  roles: [
    {
      level: 'read-only',
      roleKind: 'ClusterRole',
      role: 'view',
      namespaces: ['shop', 'checkout'],
      createsAccess: false,
    },
    { level: 'read-write', roleKind: 'ClusterRole', role: 'edit', namespaces: ['shop'], createsAccess: true },
  ],
};
/** The beginning of what the provisioner makes. */
const RECIPE = `# Apply once as an administrator of the cluster: kubectl apply -f -
apiVersion: v1
kind: Namespace
metadata:
  name: hallpass
---
apiVersion: v1
kind: ServiceAccount
metadata:
  name: hallpass-manager
  namespace: hallpass
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: hallpass-manager-accounts
  namespace: hallpass
rules:
- apiGroups: [""]
  resources: [serviceaccounts]
  verbs: [get, list, create, patch, delete]
- apiGroups: [""]
  resources: [serviceaccounts/token]
  verbs: [create]`;
const levels: LevelPlan['levels'] = [
  {
    name: 'read-only',
    description: 'What ClusterRole view allows in shop, checkout.',
    targetRole: 'view',
    createsAccess: false,
  },
  { name: 'read-write', description: 'What ClusterRole edit allows in shop.', targetRole: 'edit', createsAccess: true },
];
const report: ConnectionReport = {
  ok: false,
  targetLabel: 'Kubernetes 1.32',
  serverVersion: 'v1.32.13',
  checks: [
    fine('Connection', `${settings.server} answers as Kubernetes v1.32.13, its certificate is trusted.`),
    fine('Service accounts', 'The manager may make them and their tokens in hallpass.'),
    wrong(
      'Bindings',
      'The manager may not create rolebindings in checkout.',
      'Apply the recipe below with kubectl apply -f -.',
    ),
    wrong(
      'Level read-only',
      'ClusterRole edit may create pods: a holder can start or learn what outlives the grant.',
      'Mark the level as one that creates access, or name a role with less.',
    ),
    fine('Making a temporary account', 'Tried as a dry run.'),
  ],
  recipe: RECIPE,
};
const cluster = {
  ...fixtures.ordersDb,
  id: fixtures.ordersDb.id.replace(/.$/, 'k'),
  name: 'shop-cluster',
  kind: 'kubernetes',
  description: 'Shop and checkout.',
  targetLabel: 'Kubernetes 1.32',
  levels,
  settings,
};

export const kubernetes: KindPictures = {
  resource: cluster,
  field: 'input[name="settings.server"]',
  async fill({ type, press }) {
    await type('input[name="settings.server"]', settings.server);
    await type('input[name=secret]', 'not shown again');
    for (const namespace of ['shop', 'checkout']) {
      await type('input[aria-label=Namespaces]', namespace);
      await press('Enter');
    }
  },
  report,
  plan: { digest: 'd1', levels, steps: [], notes: [] },
  limits: [
    'Kubernetes makes no token shorter than 10 minutes: a shorter grant is ended by deleting its account, not by the token’s own limit.',
    'What is open when the grant ends (exec, port-forward, a watch) is not cut: Kubernetes checks rights when a request begins.',
    'A token that was used in the last seconds is recognised for up to 10 more after the end, without any rights.',
  ],
  command: 'kubectl --kubeconfig /run/user/1000/hallpass/leases/3m/kubeconfig',
  files: ['/run/user/1000/hallpass/leases/3m/kubeconfig'],
  lastError: 'https://shop-cluster.internal:6443 answered 503: the server is currently unable to handle the request.',
};
