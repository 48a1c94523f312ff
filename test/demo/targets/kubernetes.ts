/**
 * Kubernetes: a real API server, a manager made by the recipe; kubectl reads with the command that is shown, may not write or look
 * elsewhere, and is refused afterwards. A watch that is open goes on: the limit that requester and approver are told.
 */
import { readFile } from 'node:fs/promises';
import { createKubernetesProvisioner } from '../../../electron/service/provisioners/kubernetes';
import type { LocalInjection } from '../../../shared/contract/ipc';
import { HOUR_MS } from '../../../shared/domain/instant';
import { until } from '../../bed';
import { kubernetesBinaries, startKubernetes } from '../../bed/targets/kubernetes';
import { makeKubernetesTarget } from '../../bed/targets/kubernetes-target';
import { must } from '../timeline';
import type { TargetPlay, TargetStage } from './target-play';

const CONFIGMAPS = '/api/v1/namespaces/shop/configmaps';
/** What the app tells the person to type, with more words behind it. */
const type = (stage: TargetStage, { command }: LocalInjection, words: string) =>
  stage.run('sh', ['-c', `${command} ${words}`]);

export const play: TargetPlay = {
  kind: 'kubernetes',
  title: 'Kubernetes',
  programs: ['kubectl'],
  async missing() {
    const binaries = kubernetesBinaries();
    return typeof binaries === 'string' ? `not run against a cluster: ${binaries}` : null;
  },
  async play(stage) {
    const binaries = kubernetesBinaries();
    if (typeof binaries === 'string') throw new Error(binaries);
    const cluster = await startKubernetes(binaries);
    stage.closing(cluster.stop);
    const provisioner = createKubernetesProvisioner();
    const target = await makeKubernetesTarget(cluster, provisioner);
    await provisioner.close();
    const resource = await stage.add({ name: 'shop-cluster', settings: target.settings, secret: target.secret });
    const held = await stage.ask(resource, 'read-only');
    await stage.step('kubectl reads with it, may not write, and nothing elsewhere', async () => {
      const read = await type(stage, held.injection, 'get configmap prices -o jsonpath={.data.chair}');
      must(read.code === 0 && read.out === '40', `reading: ${read.out} ${read.err}`);
      const write = await type(stage, held.injection, 'delete configmap prices');
      must(write.code !== 0 && write.err.includes('forbidden'), `writing: ${write.out} ${write.err}`);
      const beyond = await type(stage, held.injection, '-n backoffice get configmaps');
      must(beyond.err.includes('forbidden'), `another namespace: ${beyond.out} ${beyond.err}`);
      return `${held.injection.command?.split(' ')[1]}: a chair is ${read.out}; ${write.err.split(':').slice(0, 2).join(':')}`;
    });
    const tokenFile = held.injection.files.find((path) => path.endsWith('/token')) ?? '';
    await stage.step('an extension brings a newer token in place of the old, and kubectl reads on', async () => {
      const first = await readFile(tokenFile, 'utf8');
      const body = { ttlMs: 2 * HOUR_MS, reason: 'Not done yet' };
      await stage.person.call('grants.extend', { params: { id: held.grant.id }, body });
      await until('the newer token', async () => (await readFile(tokenFile, 'utf8')) !== first, 30_000);
      const read = await type(stage, held.injection, 'get configmap prices -o jsonpath={.data.chair}');
      must(read.out === '40', `reading: ${read.out} ${read.err}`);
      return `the token's file holds another one; a chair is ${read.out}`;
    });
    // A copy of the token, as somebody would keep it who wants to go on afterwards.
    const token = await readFile(tokenFile, 'utf8');
    must((await cluster.call('GET', CONFIGMAPS, undefined, token)).status === 200, 'the copied token does not work');
    const watch = await cluster.watch(`${CONFIGMAPS}?watch=true&resourceVersion=0`, token);
    stage.closing(async () => watch.close());
    await until('the watch to begin', () => watch.lines().length > 0);
    const ended = await stage.giveBack(held);
    await stage.step('account and bindings are gone, kubectl has nothing to sign in with', async () => {
      const name = held.principal.replace('_', '-');
      const left = [
        `/api/v1/namespaces/hallpass/serviceaccounts/${name}`,
        `/apis/rbac.authorization.k8s.io/v1/namespaces/shop/rolebindings/${name}`,
      ];
      for (const path of left) must((await cluster.call('GET', path)).status === 404, `${path} is still there`);
      const again = await type(stage, held.injection, 'get configmaps');
      must(again.code !== 0, `kubectl still reads: ${again.out}`);
      const { status } = await cluster.call('GET', CONFIGMAPS, undefined, token);
      must(status === 401 || status === 403, `the copied token still reads: ${status}`);
      return `the copied token gets ${status}; the open watch ${watch.isOpen() ? 'goes on, as was told' : 'has ended'}; read back: ${ended.endProof?.replace('_', ' ')}; ${again.err.split('\n').at(-1)?.slice(0, 90)}`;
    });
  },
};
