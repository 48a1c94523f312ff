/** Kubernetes: the facts of every provisioner and its own, on a real API server where one can be run. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  createKubernetesProvisioner,
  type KubernetesProvisioner,
} from '../../../electron/service/provisioners/kubernetes';
import { KIND_WORDS } from '../../../renderer/ui/kinds';
import type { KubernetesCredential } from '../../../shared/contract/kubernetes';
import type { Level } from '../../../shared/contract/resources';
import { levelNamed, newPrincipal } from '../../bed/postgres-target';
import {
  type KubernetesCluster,
  type KubernetesObject,
  kubectl,
  kubernetesBinaries,
  type OpenWatch,
  startKubernetes,
} from '../../bed/targets/kubernetes';
import {
  type KubernetesTestTarget,
  makeKubernetesTarget,
  settingsFor,
  typeAsAdmin,
} from '../../bed/targets/kubernetes-target';
import { until } from '../../bed/until';
import { describeProvisionerContract } from './contract';

const binaries = kubernetesBinaries();
const reason =
  typeof binaries === 'string' ? binaries : kubectl() === null ? 'no kubectl here (it applies the recipe)' : null;
if (reason !== null) console.warn(`Kubernetes: not run against a cluster: ${reason}.`);

const GONE = { exists: false, canLogIn: false, sessionCount: 0 };
const name = (principal: string) => principal.replace('_', '-');
const CONFIGMAPS = '/api/v1/namespaces/shop/configmaps';

/** A "session" is a token that the API server takes; each use is a request of its own. */
async function logIn(cluster: KubernetesCluster, { token, namespace }: KubernetesCredential) {
  const as = async (method: string, path: string, body?: unknown) => {
    const answer = await cluster.call(method, path, body, token);
    if (answer.status > 299) throw Object.assign(new Error(answer.body.message), { status: answer.status });
    return answer.body;
  };
  await as('GET', `/api/v1/namespaces/${namespace}/configmaps/prices`);
  const forbidden: readonly (readonly [string, string, unknown?])[] = [
    ['POST', CONFIGMAPS, { metadata: { name: 'mine' } }],
    ['DELETE', `${CONFIGMAPS}/prices`],
    ['GET', '/api/v1/namespaces/backoffice/configmaps'],
    ['GET', '/api/v1/namespaces/shop/secrets'],
    ['POST', '/api/v1/namespaces/hallpass/serviceaccounts', { metadata: { name: 'mine' } }],
  ];
  return {
    use: () => as('GET', `${CONFIGMAPS}/prices`),
    forbidden: forbidden.map(([method, path, body]) => ({
      what: `${method} ${path}`,
      attempt: () => as(method, path, body),
    })),
    cut: new Promise<void>(() => undefined),
    close: async () => undefined,
  };
}

if (reason === null && typeof binaries !== 'string') {
  describeProvisionerContract({
    name: 'Kubernetes',
    sessions: 'none',
    ended: 'refused',
    repeated: 'keeps',
    async start() {
      const cluster = await startKubernetes(binaries);
      const provisioner = createKubernetesProvisioner();
      const target = await makeKubernetesTarget(cluster, provisioner);
      const accounts = '/api/v1/namespaces/hallpass/serviceaccounts';
      return {
        provisioner,
        target,
        level: levelNamed((await provisioner.plan(target)).levels, 'read-only'),
        wrongSecret: 'bm90LXRoZS10b2tlbg.bm90LXRoZS10b2tlbg.bm90',
        at: (port) => ({ ...target, settings: { ...target.settings, server: `https://127.0.0.1:${port}` } }),
        logIn: (credential) => logIn(cluster, credential),
        foreign: {
          make: async (principal) =>
            void (await cluster.call('POST', accounts, { metadata: { name: name(principal) } })),
          isWhole: async (principal) => (await cluster.call('GET', `${accounts}/${name(principal)}`)).status === 200,
          remove: async (principal) => void (await cluster.call('DELETE', `${accounts}/${name(principal)}`)),
        },
        async stop() {
          await provisioner.close();
          await cluster.stop();
        },
      };
    },
  });

  describe('Kubernetes, on a real API server', () => {
    let cluster: KubernetesCluster;
    let provisioner: KubernetesProvisioner;
    let target: KubernetesTestTarget;
    let levels: readonly Level[];
    beforeAll(async () => {
      cluster = await startKubernetes(binaries);
      provisioner = createKubernetesProvisioner();
      target = await makeKubernetesTarget(cluster, provisioner);
      ({ levels } = await provisioner.plan(target));
    });
    afterAll(async () => {
      await provisioner?.close();
      await cluster?.stop();
    });
    const create = (principal: string, level = 'read-only', validForMs = 900_000) =>
      provisioner.create(target, { principal, level: levelNamed(levels, level), validForMs });
    const takeAway = async (principal: string) => {
      expect((await provisioner.end(target, principal)).readBack).toEqual(GONE);
      expect(await provisioner.cleanUp(target, principal)).toEqual({ done: true, residue: [] });
    };
    const statusOf = async (token: string, path: string, method = 'GET', body?: unknown) =>
      (await cluster.call(method, path, body, token)).status;
    const reviewOf = async (token: string): Promise<KubernetesObject> =>
      (await cluster.call('POST', '/apis/authentication.k8s.io/v1/tokenreviews', { spec: { token } })).body.status;
    const wrongOnes = async (settings = target.settings, secret = target.secret) =>
      (await provisioner.test({ ...target, settings, secret })).checks.filter((check) => !check.ok);

    test('the token dies with the account: refused at once where it was not seen, within its ten seconds where it was', async () => {
      const principal = newPrincipal();
      const fresh = await create(principal);
      const used = await create(principal);
      expect(await statusOf(used.token, CONFIGMAPS)).toBe(200);
      expect(await reviewOf(used.token)).toMatchObject({
        authenticated: true,
        user: { username: `system:serviceaccount:hallpass:${name(principal)}` },
      });
      await takeAway(principal);
      // No right is left at once, whether or not the token is still recognised.
      expect([401, 403]).toContain(await statusOf(used.token, CONFIGMAPS));
      expect(await statusOf(used.token, '/api/v1/namespaces/shop/secrets')).not.toBe(200);
      await until('the old tokens to be refused', async () => (await statusOf(used.token, CONFIGMAPS)) === 401, 15_000);
      expect(await statusOf(fresh.token, CONFIGMAPS)).toBe(401);
      expect((await reviewOf(used.token)).authenticated).not.toBe(true);
      expect((await cluster.call('GET', `/api/v1/namespaces/hallpass/serviceaccounts/${name(principal)}`)).status).toBe(
        404,
      );
    });

    test('what an administrator is shown to type ends it by hand, and nothing else', async () => {
      const [principal, other, everywhere] = [newPrincipal(), newPrincipal(), newPrincipal()];
      const [gone, stays, all] = [await create(principal), await create(other), await create(everywhere, 'everywhere')];
      for (const one of [principal, everywhere])
        typeAsAdmin(cluster, KIND_WORDS.kubernetes.endByHand?.(one) ?? 'false');
      for (const { token } of [gone, all])
        await until('it to be refused', async () => (await statusOf(token, CONFIGMAPS)) === 401, 15_000);
      const rbac = '/apis/rbac.authorization.k8s.io/v1';
      const bindingOf = (one: string, where: string) =>
        statusOf(cluster.adminToken, `${rbac}/${where}bindings/${name(one)}`);
      expect(await bindingOf(principal, 'namespaces/shop/role')).toBe(404);
      expect(await bindingOf(everywhere, 'clusterrole')).toBe(404);
      expect(await bindingOf(other, 'namespaces/shop/role')).toBe(200);
      expect(await provisioner.readBack(target, principal)).toEqual(GONE);
      expect(await provisioner.readBack(target, everywhere)).toEqual(GONE);
      expect(await statusOf(stays.token, CONFIGMAPS)).toBe(200);
      for (const one of [principal, other, everywhere]) await takeAway(one);
    });

    test('a token has the grant’s length, and ten minutes at least', async () => {
      const [short, long] = [newPrincipal(), newPrincipal()];
      const began = Date.now();
      const lengths = [await create(short, 'read-only', 60_000), await create(long, 'read-only', 3_600_000)].map(
        ({ tokenEndsAt }) => Math.round((tokenEndsAt - began) / 60_000),
      );
      expect(lengths).toEqual([10, 60]);
      for (const principal of [short, long]) await takeAway(principal);
    });

    test('a level of several namespaces holds in each and nowhere else; one of the cluster holds everywhere', async () => {
      const [several, everywhere, audit] = [newPrincipal(), newPrincipal(), newPrincipal()];
      const some = await create(several, 'read-write');
      const all = await create(everywhere, 'everywhere');
      const role = await create(audit, 'audit');
      const body = { metadata: { name: 'made' } };
      expect(await statusOf(some.token, CONFIGMAPS, 'POST', body)).toBe(201);
      expect(await statusOf(some.token, '/api/v1/namespaces/backoffice/configmaps/prices')).toBe(200);
      expect(await statusOf(some.token, '/api/v1/namespaces/default/configmaps')).toBe(403);
      expect(await statusOf(all.token, '/api/v1/namespaces/default/configmaps')).toBe(200);
      expect(await statusOf(all.token, CONFIGMAPS, 'POST', body)).toBe(403);
      expect(await statusOf(role.token, '/api/v1/namespaces/shop/events')).toBe(200);
      expect(await statusOf(role.token, CONFIGMAPS)).toBe(403);
      expect(await provisioner.list(target)).toEqual([several, everywhere, audit].sort());
      await cluster.call('DELETE', `${CONFIGMAPS}/made`);
      for (const principal of [several, everywhere, audit]) await takeAway(principal);
      const left = await Promise.all(
        ['namespaces/shop/rolebindings', 'namespaces/backoffice/rolebindings', 'clusterrolebindings'].map((kind) =>
          cluster.call('GET', `/apis/rbac.authorization.k8s.io/v1/${kind}?labelSelector=hallpass/resource`),
        ),
      );
      expect(left.flatMap(({ body: list }) => list.items)).toEqual([]);
    });

    test('a watch that is open stays open: what limits() says, and a new one is refused', async () => {
      const principal = newPrincipal();
      const { token } = await create(principal);
      const path = `${CONFIGMAPS}?watch=true&resourceVersion=0`;
      const watch: OpenWatch = await cluster.watch(path, token);
      const saw = (what: string) => watch.lines().some((line) => line.includes(`"name":"${what}"`));
      await until('the watch to begin', () => saw('prices'));
      await takeAway(principal);
      await cluster.call('POST', CONFIGMAPS, { metadata: { name: 'later' } });
      await until('the open watch to see what comes later', () =>
        watch.lines().some((line) => line.includes('"later"')),
      );
      expect(watch.isOpen()).toBe(true);
      expect((await cluster.watch(path, token)).status).not.toBe(200);
      watch.close();
      await cluster.call('DELETE', `${CONFIGMAPS}/later`);
      expect(provisioner.limits(target.settings, levelNamed(levels, 'read-only')).join(' ')).toContain('watch');
    });

    test('bindings are found although the settings name other namespaces by then', async () => {
      const principal = newPrincipal();
      await create(principal, 'read-write');
      const fewer = { ...target, settings: { ...target.settings, roles: target.settings.roles.slice(0, 1) } };
      expect((await provisioner.end(fewer, principal)).readBack).toEqual(GONE);
      const { status } = await cluster.call(
        'GET',
        `/apis/rbac.authorization.k8s.io/v1/namespaces/backoffice/rolebindings/${name(principal)}`,
      );
      expect(status).toBe(404);
      expect(await provisioner.cleanUp(fewer, principal)).toEqual({ done: true, residue: [] });
    });

    test('a binding whose account somebody deleted by hand is listed and goes', async () => {
      const principal = newPrincipal();
      const { token } = await create(principal);
      await cluster.call('DELETE', `/api/v1/namespaces/hallpass/serviceaccounts/${name(principal)}`);
      expect(await provisioner.readBack(target, principal)).toEqual({ exists: true, canLogIn: false, sessionCount: 0 });
      expect(await provisioner.list(target)).toEqual([principal]);
      await takeAway(principal);
      expect(await provisioner.list(target)).toEqual([]);
      expect(await statusOf(token, CONFIGMAPS)).not.toBe(200);
    });

    test('an account that a finalizer keeps is not called ended, and is when it has gone', async () => {
      const principal = newPrincipal();
      await create(principal);
      const path = `/api/v1/namespaces/hallpass/serviceaccounts/${name(principal)}`;
      const account = (await cluster.call('GET', path)).body;
      await cluster.call('PUT', path, {
        ...account,
        metadata: { ...account.metadata, finalizers: ['example.org/wait'] },
      });
      expect((await provisioner.end(target, principal)).readBack).toEqual({
        exists: true,
        canLogIn: true,
        sessionCount: 0,
      });
      await expect(provisioner.cleanUp(target, principal)).rejects.toMatchObject({ kind: 'conflict' });
      await expect(create(principal)).rejects.toMatchObject({ kind: 'unreachable' });
      const held = (await cluster.call('GET', path)).body;
      await cluster.call('PUT', path, { ...held, metadata: { ...held.metadata, finalizers: [] } });
      await takeAway(principal);
    });

    test('a binding of our name that others made is not taken over and not removed', async () => {
      const principal = newPrincipal();
      const path = '/apis/rbac.authorization.k8s.io/v1/namespaces/shop/rolebindings';
      const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'shop:reader' };
      await cluster.call('POST', path, { metadata: { name: name(principal) }, roleRef, subjects: [] });
      await expect(create(principal)).rejects.toMatchObject({ kind: 'conflict' });
      expect((await provisioner.end(target, principal)).readBack).toEqual(GONE);
      expect((await cluster.call('GET', `${path}/${name(principal)}`)).status).toBe(200);
      await cluster.call('DELETE', `${path}/${name(principal)}`);
    });

    test('a namespace that refuses the manager is residue; the account and its token are gone all the same', async () => {
      const principal = newPrincipal();
      const { token } = await create(principal, 'read-write');
      const path = '/apis/rbac.authorization.k8s.io/v1/namespaces/backoffice/rolebindings/hallpass-manager-bindings';
      const { metadata, roleRef, subjects } = (await cluster.call('GET', path)).body;
      await cluster.call('DELETE', path);
      await until('the right to be gone', async () => (await wrongOnes()).length > 0);
      expect((await provisioner.end(target, principal)).readBack.canLogIn).toBe(false);
      await until('the token to be refused', async () => (await statusOf(token, CONFIGMAPS)) === 401, 15_000);
      const { done, residue } = await provisioner.cleanUp(target, principal);
      expect(done).toBe(false);
      expect(residue[0]?.kind).toBe('binding');
      expect(residue[0]?.detail).toContain('backoffice');
      const again = { metadata: { name: metadata.name }, roleRef, subjects };
      await cluster.call('POST', path.replace(/\/[^/]+$/, ''), again);
      await until('the right to be back', async () => (await wrongOnes()).length === 0);
      expect(await provisioner.cleanUp(target, principal)).toEqual({ done: true, residue: [] });
    });

    test('the manager of the recipe may make no other token, bind no other role, and read nothing of the shops', async () => {
      const bind = '/apis/rbac.authorization.k8s.io/v1/namespaces/shop/rolebindings';
      const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' };
      const subjects = [{ kind: 'User', name: 'mallory' }];
      const attempts: readonly (readonly [string, string, unknown?])[] = [
        ['POST', bind, { metadata: { name: 'too-much' }, roleRef, subjects }],
        ['POST', '/apis/rbac.authorization.k8s.io/v1/clusterroles', { metadata: { name: 'x' }, rules: [] }],
        ['POST', '/api/v1/namespaces/default/serviceaccounts/default/token', { spec: {} }],
        ['GET', '/api/v1/namespaces/shop/configmaps'],
        ['GET', '/api/v1/namespaces/hallpass/secrets'],
      ];
      for (const [method, path, body] of attempts)
        expect(await statusOf(target.secret, path, method, body), `${method} ${path}`).toBe(403);
    });

    test('what is missing is told with what to do: rights, roles, an unmarked dangerous level, a role without rules', async () => {
      expect(await wrongOnes()).toEqual([]);
      const role = (over: object) => ({
        ...target.settings,
        roles: [{ ...settingsFor(cluster).roles[0], ...over } as (typeof target.settings.roles)[number]],
      });
      const admin = cluster.adminToken;
      expect((await wrongOnes(role({ role: 'nowhere' }), admin))[0]?.detail).toContain('no ClusterRole nowhere');
      expect((await wrongOnes(role({ role: 'shop-editor' }), admin))[0]?.detail).toContain('pods');
      expect((await wrongOnes(role({ role: 'view' }), admin))[0]?.detail).toContain('gives no rights');
      expect((await wrongOnes(role({ role: 'cluster-admin' })))[0]?.detail).toContain('may not bind');
      const elsewhere = await wrongOnes({ ...target.settings, namespace: 'default' });
      expect(elsewhere.map((check) => check.name)).toContain('Service accounts');
      const report = await provisioner.test({ ...target, secret: admin });
      expect(report.checks.at(-1)?.detail).toContain('needs far less');
    });

    test('a certificate of another authority, or of another name, is refused before a token is sent', async () => {
      const { caCertificate: _, ...withoutCa } = target.settings;
      const byName = { ...target.settings, server: target.settings.server.replace('127.0.0.1', '[::ffff:127.0.0.1]') };
      for (const settings of [withoutCa, byName]) {
        const wrong = { ...target, settings };
        await expect(provisioner.list(wrong)).rejects.toMatchObject({ kind: 'refused' });
        await expect(provisioner.list(wrong)).rejects.toThrow(/certificate/);
      }
    });

    test('a level that the settings don’t name can’t be given', async () => {
      const level = { name: 'admin', description: '', targetRole: 'cluster-admin', createsAccess: true };
      const order = { principal: newPrincipal(), level, validForMs: 900_000 };
      await expect(provisioner.create(target, order)).rejects.toMatchObject({ kind: 'refused' });
      expect(await provisioner.list(target)).toEqual([]);
    });
  });
} else
  test('Kubernetes: not run against a cluster', () => {
    expect(reason).not.toBeNull();
  });
