/**
 * A Kubernetes API server that the fault proxy is put before. Its line is TLS: the proxy ends the service's and begins one of its
 * own to the server, with a certificate that the target's settings name, so that it hears the words and cuts at them. The API
 * server is left to go on where only the service's end of a commit is reset: it has the whole call by then.
 */
import { makeCertificate } from '../../../electron/service/http/certificate';
import { createKubernetesProvisioner } from '../../../electron/service/provisioners/kubernetes';
import type { Target } from '../../../electron/service/provisioners/provisioner';
import type { KubernetesCredential, KubernetesSettings } from '../../../shared/contract/kubernetes';
import { MINUTE_MS } from '../../../shared/domain/instant';
import { levelNamed, systemRandom } from '../../bed/postgres-target';
import { kubectl, kubernetesBinaries, startKubernetes } from '../../bed/targets/kubernetes';
import { makeKubernetesTarget } from '../../bed/targets/kubernetes-target';
import { answeredAlone, type ProxiedTarget, saying } from './proxied-targets';

const ACCOUNTS = '/api/v1/namespaces/hallpass/serviceaccounts';
const CONFIGMAPS = '/api/v1/namespaces/shop/configmaps';
/** On a connection that was kept, a reset is taken for its idle end once: the call is made again. */
const SPEECH = { strikes: 2, server: 'goes on' } as const;

/** Why no cluster can be run here, in words; null when it can. */
export function kubernetesMissing(): string | null {
  const binaries = kubernetesBinaries();
  if (typeof binaries === 'string') return `not run against a cluster: ${binaries}`;
  return kubectl() === null ? 'not run against a cluster: no kubectl here (it applies the recipe)' : null;
}

export async function proxiedKubernetes(): Promise<ProxiedTarget> {
  const binaries = kubernetesBinaries();
  if (typeof binaries === 'string') throw new Error(binaries);
  const cluster = await startKubernetes(binaries);
  const provisioner = createKubernetesProvisioner();
  const target = await makeKubernetesTarget(cluster, provisioner);
  const level = levelNamed((await provisioner.plan(target)).levels, 'read-only');
  const { certificatePem, keyPem } = await makeCertificate(systemRandom, new Date());
  return {
    provisioner,
    target,
    port: cluster.port,
    tls: { certificate: certificatePem, key: keyPem, serverCa: cluster.caCertificate },
    through: (port) => ({
      ...target,
      settings: { ...target.settings, server: `https://127.0.0.1:${port}`, caCertificate: certificatePem },
    }),
    level,
    moments: [
      saying('create', /"kind":"ServiceAccount","metadata"/, SPEECH),
      saying('create', /"kind":"RoleBinding"/, SPEECH),
      saying('create', /"kind":"TokenRequest"/, { ...SPEECH, reply: /"expirationTimestamp"[\s\S]*\}\s*$/ }),
      saying('extend', /"kind":"TokenRequest"/, { ...SPEECH, reply: /"expirationTimestamp"[\s\S]*\}\s*$/ }),
      saying('end', /DELETE \S+\/rolebindings\/[\s\S]*"kind":"DeleteOptions"/, SPEECH),
      saying('end', /DELETE \S+\/serviceaccounts\/[\s\S]*"kind":"DeleteOptions"/, SPEECH),
    ],
    sessions: 'none',
    attacks: 'at once',
    silence: 'also on a kept line',
    /** A token for longer. */
    extend: (over, principal) =>
      provisioner.create(over as Target<KubernetesSettings>, { principal, level, validForMs: 30 * MINUTE_MS }),
    async logIn(credential) {
      const { token } = credential as KubernetesCredential;
      const { status } = await cluster.call('GET', `${CONFIGMAPS}/prices`, undefined, token);
      if (status !== 200) throw new Error(`HTTP ${status}`);
      return { cut: new Promise<void>(() => undefined) };
    },
    secretsOf: (credential) => [(credential as KubernetesCredential).token],
    lostIn(reply) {
      const token = /"token":"([^"]+)"/.exec(reply)?.[1];
      if (token === undefined) return null;
      const place = { server: cluster.server, namespace: 'shop', user: '' };
      return { kind: 'kubernetes', ...place, token, tokenEndsAt: 0 };
    },
    /** Without its account no token is taken; what is bound to the name of one that is gone opens nothing, and is none the less looked for. */
    async look(principal) {
      const name = principal.replace('_', '-');
      const account = await cluster.call('GET', `${ACCOUNTS}/${name}`);
      const bindings = await cluster.call('GET', '/apis/rbac.authorization.k8s.io/v1/rolebindings');
      const left = bindings.body.items.filter((one: { metadata: { name: string } }) => one.metadata.name === name);
      return { canLogIn: account.status === 200 || left.length > 0, sessions: 0 };
    },
    settled: answeredAlone,
    async stop() {
      await provisioner.close();
      await cluster.stop();
    },
  };
}
