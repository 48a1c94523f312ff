/** A cluster to give access to, with two shops, roles for the levels, and a manager made by the recipe itself. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KubernetesProvisioner } from '../../../electron/service/provisioners/kubernetes';
import type { Target } from '../../../electron/service/provisioners/provisioner';
import type { KubernetesSettings } from '../../../shared/contract/kubernetes';
import { chance26 } from '../postgres-target';
import { type KubernetesCluster, type KubernetesObject, kubectl } from './kubernetes';

export type KubernetesTestTarget = Target<KubernetesSettings>;
const RBAC = 'rbac.authorization.k8s.io/v1';

/** Two namespaces with a config map each, a ClusterRole for each level, and a Role that only `shop` has. */
export const shopObjects = (): readonly KubernetesObject[] => [
  ...['shop', 'backoffice'].flatMap((name): KubernetesObject[] => [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name } },
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'prices', namespace: name }, data: { chair: '40' } },
  ]),
  {
    apiVersion: RBAC,
    kind: 'ClusterRole',
    metadata: { name: 'shop:reader' },
    rules: [{ apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'list', 'watch'] }],
  },
  {
    apiVersion: RBAC,
    kind: 'ClusterRole',
    metadata: { name: 'shop-editor' },
    rules: [{ apiGroups: [''], resources: ['configmaps', 'pods'], verbs: ['*'] }],
  },
  {
    apiVersion: RBAC,
    kind: 'Role',
    metadata: { name: 'auditor', namespace: 'shop' },
    rules: [{ apiGroups: [''], resources: ['events'], verbs: ['list'] }],
  },
];

export const settingsFor = (cluster: Pick<KubernetesCluster, 'server' | 'caCertificate'>): KubernetesSettings => ({
  kind: 'kubernetes',
  server: cluster.server,
  caCertificate: cluster.caCertificate,
  namespace: 'hallpass',
  roles: [
    { level: 'read-only', roleKind: 'ClusterRole', role: 'shop:reader', namespaces: ['shop'], createsAccess: false },
    {
      level: 'read-write',
      roleKind: 'ClusterRole',
      role: 'shop-editor',
      namespaces: ['shop', 'backoffice'],
      createsAccess: true,
    },
    { level: 'audit', roleKind: 'Role', role: 'auditor', namespaces: ['shop'], createsAccess: false },
    { level: 'everywhere', roleKind: 'ClusterRole', role: 'shop:reader', namespaces: [], createsAccess: false },
  ],
});

/** Puts the shops there, applies the recipe as it is shown (with kubectl), and takes a token of the manager it makes. */
export async function makeKubernetesTarget(
  cluster: KubernetesCluster,
  provisioner: KubernetesProvisioner,
  settings = settingsFor(cluster),
): Promise<KubernetesTestTarget> {
  await cluster.apply(shopObjects());
  const about = { resourceId: `res_${chance26()}`, resourceName: 'shop-cluster', settings };
  const { recipe } = await provisioner.test({ ...about, secret: cluster.adminToken });
  applyManifest(cluster, recipe);
  const path = `/api/v1/namespaces/${settings.namespace}/serviceaccounts/hallpass-manager/token`;
  const { body } = await cluster.call('POST', path, { spec: { expirationSeconds: 3_600 } });
  return { ...about, secret: body.status.token };
}

/** `kubectl apply -f -` as the cluster's administrator. */
export const applyManifest = (cluster: KubernetesCluster, manifest: string): void =>
  typeAsAdmin(cluster, 'kubectl apply -f -', manifest);

/** What an administrator types, with kubectl set up for this cluster. @throws {Error} with what it said when it failed */
export function typeAsAdmin(cluster: KubernetesCluster, command: string, input = ''): void {
  if (!kubectl()) throw new Error('kubectl is not installed.');
  const config = JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name: 'c',
        cluster: {
          server: cluster.server,
          'certificate-authority-data': Buffer.from(cluster.caCertificate).toString('base64'),
        },
      },
    ],
    users: [{ name: 'u', user: { token: cluster.adminToken } }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  });
  const folder = mkdtempSync(join(tmpdir(), 'hallpass-kubectl-')); // 0700: the token is in no argument
  try {
    const file = join(folder, 'config');
    writeFileSync(file, config, { mode: 0o600 });
    const done = spawnSync('/bin/sh', ['-ec', command], {
      input,
      env: { PATH: process.env.PATH, HOME: folder, KUBECONFIG: file },
      encoding: 'utf8',
    });
    if (done.status !== 0) throw new Error(`${command}: ${done.stderr}${done.stdout}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
