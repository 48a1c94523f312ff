/**
 * The Kubernetes provisioner against a stand-in that speaks its part of the API: the facts of every provisioner, and faults on
 * the wire that a real API server can't be asked for. Not run against a cluster here; that is kubernetes.test.ts.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  createKubernetesProvisioner,
  type KubernetesProvisioner,
} from '../../../electron/service/provisioners/kubernetes';
import { manifestFor } from '../../../electron/service/provisioners/kubernetes/manifest';
import type { KubernetesCredential, KubernetesSettings } from '../../../shared/contract/kubernetes';
import { KubernetesSettings as Settings } from '../../../shared/contract/kubernetes';
import type { Level } from '../../../shared/contract/resources';
import { chance26, levelNamed, newPrincipal } from '../../bed/postgres-target';
import { type KubernetesStandIn, startKubernetesStandIn } from '../../bed/targets/kubernetes-stand-in';
import { type KubernetesTestTarget, settingsFor, shopObjects } from '../../bed/targets/kubernetes-target';
import { describeProvisionerContract } from './contract';

const GONE = { exists: false, canLogIn: false, sessionCount: 0 };
const ACCOUNTS = '/api/v1/namespaces/hallpass/serviceaccounts';
const CONFIGMAPS = '/api/v1/namespaces/shop/configmaps';
const RBAC = '/apis/rbac.authorization.k8s.io/v1';
const nameOf = (principal: string) => principal.replace('_', '-');

async function start(): Promise<{ api: KubernetesStandIn; target: KubernetesTestTarget }> {
  const api = await startKubernetesStandIn();
  for (const object of shopObjects()) {
    const { kind, metadata } = object;
    const group = kind === 'Namespace' || kind === 'ConfigMap' ? '/api/v1' : RBAC;
    const place = metadata.namespace ? `/namespaces/${metadata.namespace}` : '';
    api.call('POST', `${group}${place}/${kind.toLowerCase()}s`, object);
  }
  const about = { resourceId: `res_${chance26()}`, resourceName: 'shop-cluster', secret: api.adminToken };
  return { api, target: { ...about, settings: settingsFor(api) } };
}

describeProvisionerContract({
  name: 'Kubernetes (a stand-in for its API server)',
  sessions: 'none',
  ended: 'refused',
  repeated: 'keeps',
  async start() {
    const { api, target } = await start();
    const provisioner = createKubernetesProvisioner();
    return {
      provisioner,
      target,
      level: levelNamed((await provisioner.plan(target)).levels, 'read-only'),
      wrongSecret: 'bm90LXRoZS10b2tlbg.bm90LXRoZS10b2tlbg.bm90',
      at: (port) => ({ ...target, settings: { ...target.settings, server: `https://127.0.0.1:${port}` } }),
      logIn: (credential) => logIn(api, credential),
      foreign: {
        make: async (name) => void api.call('POST', ACCOUNTS, { metadata: { name: nameOf(name) } }),
        isWhole: async (name) => api.call('GET', `${ACCOUNTS}/${nameOf(name)}`).status === 200,
        remove: async (name) => void api.call('DELETE', `${ACCOUNTS}/${nameOf(name)}`),
      },
      async stop() {
        await provisioner.close();
        await api.stop();
      },
    };
  },
});
async function logIn(api: KubernetesStandIn, { token }: KubernetesCredential) {
  const as = async (method: string, path: string, body?: object) => {
    const answer = api.call(method, path, body, token);
    if (answer.status > 299) throw new Error(answer.body.message);
  };
  await as('GET', `${CONFIGMAPS}/prices`);
  return {
    use: () => as('GET', `${CONFIGMAPS}/prices`),
    forbidden: [
      { what: 'change', attempt: () => as('DELETE', `${CONFIGMAPS}/prices`) },
      { what: 'elsewhere', attempt: () => as('GET', '/api/v1/namespaces/backoffice/configmaps/prices') },
      { what: 'accounts', attempt: () => as('POST', ACCOUNTS, { metadata: { name: 'mine' } }) },
    ],
    cut: new Promise<void>(() => undefined),
    close: async () => undefined,
  };
}

describe('faults on the wire', () => {
  let api: KubernetesStandIn;
  let target: KubernetesTestTarget;
  let provisioner: KubernetesProvisioner;
  let level: Level;
  beforeAll(async () => {
    ({ api, target } = await start());
    provisioner = createKubernetesProvisioner();
    level = levelNamed((await provisioner.plan(target)).levels, 'read-write');
  });
  afterAll(async () => {
    await provisioner?.close();
    await api?.stop();
  });
  const create = (principal: string) => provisioner.create(target, { principal, level, validForMs: 900_000 });
  const takeAway = async (principal: string) => {
    expect((await provisioner.end(target, principal)).readBack).toEqual(GONE);
    expect(await provisioner.cleanUp(target, principal)).toEqual({ done: true, residue: [] });
    expect(await provisioner.list(target)).toEqual([]);
  };
  const on = (method: string, part: string) => (called: string, path: string) =>
    called === method && path.includes(part);
  const STEPS_OF_CREATE = [
    on('POST', '/serviceaccounts'),
    on('POST', '/namespaces/shop/rolebindings'),
    on('POST', '/namespaces/backoffice/rolebindings'),
    on('POST', '/token'),
    on('POST', '/selfsubjectaccessreviews'),
  ];
  const STEPS_OF_END = [
    on('GET', '/serviceaccounts/'),
    on('GET', '/namespaces/shop/rolebindings/'),
    on('DELETE', '/namespaces/shop/rolebindings/'),
    on('DELETE', '/namespaces/backoffice/rolebindings/'),
    on('DELETE', '/serviceaccounts/'),
  ];

  test.each(['reset', 'reset-saved'] as const)(
    'a creation that is cut at any step (%s) is repeated or ended, and leaves nothing',
    async (kind) => {
      for (const matches of STEPS_OF_CREATE)
        for (const then of ['again', 'end'] as const) {
          const principal = newPrincipal();
          // Twice: the first may hit a connection that was idle, which is tried once more by itself.
          api.fail({ kind, matches });
          api.fail({ kind, matches });
          const outcome = await create(principal).then(
            () => 'made',
            (error) => error.kind,
          );
          expect(['made', 'unreachable']).toContain(outcome);
          if (then === 'again') expect((await create(principal)).user).toBe(nameOf(principal));
          await takeAway(principal);
        }
    },
  );

  test.each(['reset', 'reset-saved'] as const)(
    'an end that is cut at any step (%s) is not called an end, and the next one is',
    async (kind) => {
      for (const matches of STEPS_OF_END) {
        const principal = newPrincipal();
        const { token } = await create(principal);
        api.fail({ kind, matches });
        api.fail({ kind, matches });
        const first = await provisioner.end(target, principal).then(
          ({ readBack }) => readBack.canLogIn,
          (error) => error.kind,
        );
        expect([false, 'unreachable']).toContain(first);
        if (first === false) expect(api.call('GET', `${CONFIGMAPS}/prices`, undefined, token).status).toBe(401);
        await takeAway(principal);
      }
    },
  );

  const answers: readonly (readonly [
    string,
    { status: number; body: string; headers?: Record<string, string> },
    string,
  ])[] = [
    ['an overloaded server', { status: 429, body: '{"message":"too many"}' }, 'unreachable'],
    ['a server error', { status: 503, body: 'upstream' }, 'unreachable'],
    ['a redirect', { status: 307, body: '', headers: { location: 'https://192.0.2.1/' } }, 'refused'],
    ['no JSON', { status: 200, body: '<html>' }, 'refused'],
    ['another kind of object', { status: 200, body: '{"kind":"Pod"}' }, 'refused'],
    ['an answer without end', { status: 200, body: 'x'.repeat(3 * 1024 * 1024) }, 'refused'],
    ['a refusal that repeats the token', { status: 403, body: '{"message":"TOKEN is not allowed"}' }, 'refused'],
  ];
  test.each(answers)('%s is told for what it is, without the token', async (_, answer, kind) => {
    const body = answer.body.replace('TOKEN', target.secret);
    api.fail({ kind: 'answer', matches: on('GET', '/serviceaccounts?'), answer: { ...answer, body } });
    const error = await provisioner.list(target).catch((cause: unknown) => cause);
    expect(error).toMatchObject({ name: 'TargetError', kind });
    expect(`${error} ${JSON.stringify(error)} ${(error as Error).stack}`).not.toContain(target.secret);
  });

  test('a token answer without a token is refused, and nothing is handed out', async () => {
    const principal = newPrincipal();
    api.fail({ kind: 'answer', matches: on('POST', '/token'), answer: { status: 201, body: '{"status":{}}' } });
    await expect(create(principal)).rejects.toMatchObject({ kind: 'refused' });
    await takeAway(principal);
  });

  test('an account that is replaced by somebody’s between look and delete is left alone', async () => {
    const principal = newPrincipal();
    await create(principal);
    const path = `${ACCOUNTS}/${nameOf(principal)}`;
    api.fail({
      kind: 'reset',
      matches: (method, called) => {
        if (method !== 'DELETE' || called !== path) return false;
        api.call('DELETE', path); // somebody else, just now
        api.call('POST', ACCOUNTS, { metadata: { name: nameOf(principal) } });
        return false;
      },
    });
    expect((await provisioner.end(target, principal)).readBack).toEqual(GONE);
    expect(api.call('GET', path).status).toBe(200);
    api.call('DELETE', path);
  });

  test('the token goes to the server of the settings only, over TLS, and never into a path', async () => {
    await provisioner.list(target);
    expect(api.calls.join('\n')).not.toContain(target.secret);
    const broken = { ...target, secret: 'two\nlines' };
    await expect(provisioner.list(broken)).rejects.toMatchObject({ kind: 'refused' });
    for (const server of [
      'http://plain.internal',
      'https://user:pass@host',
      'https://host/?q=1',
      'https://host/#x',
      'file:///etc',
    ])
      expect(Settings.safeParse({ ...target.settings, server }).success, server).toBe(false);
  });
});

describe('settings and recipe', () => {
  const settings = (over: Partial<KubernetesSettings> = {}): KubernetesSettings =>
    ({ ...settingsFor({ server: 'https://cluster.internal', caCertificate: '' }), ...over }) as KubernetesSettings;

  test('names that would leave a path or a line of YAML are refused', () => {
    for (const role of ['../secrets', 'a/b', 'a b', 'a\nb', '..', '', 'a"b', '%2e%2e'])
      expect(Settings.safeParse(settings({ roles: [{ ...settings().roles[0], role } as never] })).success, role).toBe(
        false,
      );
    for (const namespace of ['Shop', 'a.b', '-a', 'a/b', '*', ''])
      expect(Settings.safeParse(settings({ namespace })).success, namespace).toBe(false);
    const role = { level: 'audit', roleKind: 'Role', role: 'auditor', namespaces: [] };
    expect(Settings.safeParse(settings({ roles: [role as never] })).success).toBe(false);
  });

  test('the recipe asks for no right outside of what the levels name', () => {
    const recipe = manifestFor(settings());
    expect(recipe).not.toMatch(/\*|secrets\]|escalate|impersonate/);
    expect(recipe).toContain('resourceNames: ["shop:reader", "shop-editor"]');
    expect(manifestFor(settings({ roles: settings().roles.slice(0, 1) }))).not.toContain('clusterrolebindings');
  });

  test('limits are told for every level, and one more for levels that create access', () => {
    const provisioner = createKubernetesProvisioner();
    const [plain, strong] = provisioner.proposedLevels('shop', undefined);
    expect(provisioner.limits(settings(), plain as Level).join(' ')).toMatch(/10 minutes.*exec.*10 more/);
    expect(provisioner.limits(settings(), strong as Level)).toHaveLength(4);
    expect(provisioner.secretBarredBy(settings(), settings({ server: 'https://other' }))).not.toBeNull();
    expect(provisioner.serverOf(settings())).not.toBe(provisioner.serverOf(settings({ namespace: 'elsewhere' })));
  });
});
