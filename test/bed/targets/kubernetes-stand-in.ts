/**
 * A stand-in that speaks the part of the Kubernetes API which the provisioner uses: for faults that a real API server can't be
 * asked for, and so that the provisioner is tested at all where none can be run. It is not Kubernetes: it holds objects in
 * memory, knows RBAC for whole resources only, forgets a deleted account's tokens at once, and takes manifests as they come.
 * What is said of Kubernetes itself is proven against the real API server (kubernetes.ts), and only there.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { createServer, type Server } from 'node:https';
import { makeCertificate } from '../../../electron/service/http/certificate';
import { answering, bodyOf } from '../answering';
import { systemRandom } from '../postgres-target';
import type { KubernetesObject } from './kubernetes';

/** What goes wrong with the next call that `matches`. `…-saved`: it was done, and the answer got lost. */
export interface Fault {
  readonly matches: (method: string, path: string) => boolean;
  readonly kind: 'reset' | 'reset-saved' | 'answer';
  readonly answer?: { readonly status: number; readonly body: string; readonly headers?: Record<string, string> };
}
export interface KubernetesStandIn {
  readonly server: string;
  readonly port: number;
  readonly caCertificate: string;
  readonly adminToken: string;
  /** `METHOD path` of every call so far. */
  readonly calls: readonly string[];
  fail(fault: Fault): void;
  /** Straight to the objects, as an administrator. */
  call(
    method: string,
    path: string,
    body?: KubernetesObject,
    token?: string,
  ): { status: number; body: KubernetesObject };
  stop(): Promise<void>;
}

const RBAC = '/apis/rbac.authorization.k8s.io/v1';
const REVIEWS = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
const says = (status: number, message: string): { status: number; body: KubernetesObject } => ({
  status,
  body: { kind: 'Status', status: 'Failure', message, code: status },
});

export async function startKubernetesStandIn(): Promise<KubernetesStandIn> {
  const { certificatePem, keyPem } = await makeCertificate(systemRandom, new Date());
  const adminToken = randomBytes(24).toString('base64url');
  const objects = createObjects(adminToken);
  const calls: string[] = [];
  const faults: Fault[] = [];
  const server = createServer(
    { cert: certificatePem, key: keyPem },
    answering(async (request, response) => {
      const method = request.method ?? '';
      const path = request.url ?? '';
      calls.push(`${method} ${path}`);
      const body = await readBody(request);
      const at = faults.findIndex((fault) => fault.matches(method, path));
      const fault = at < 0 ? undefined : faults.splice(at, 1)[0];
      const token = (request.headers.authorization ?? '').replace(/^Bearer /, '');
      if (fault?.kind === 'reset') return void request.socket.destroy();
      const answer = fault?.kind === 'answer' ? undefined : objects.answer(method, path, body, token);
      if (fault?.kind === 'reset-saved') return void request.socket.destroy();
      const status = fault?.answer?.status ?? answer?.status ?? 500;
      response.writeHead(status, { 'content-type': 'application/json', ...fault?.answer?.headers });
      response.end(fault?.answer?.body ?? JSON.stringify(answer?.body));
    }),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const { port } = server.address() as { port: number };
  return {
    server: `https://127.0.0.1:${port}`,
    port,
    caCertificate: certificatePem,
    adminToken,
    calls,
    fail: (fault) => void faults.push(fault),
    call: (method, path, body, token = adminToken) => objects.answer(method, path, body, token),
    stop: () => closeServer(server),
  };
}

const closeServer = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
async function readBody(request: IncomingMessage): Promise<KubernetesObject | undefined> {
  const text = await bodyOf(request);
  return text === '' ? undefined : JSON.parse(text);
}

/** The objects by path, and who may do what with them. */
function createObjects(adminToken: string) {
  const byPath = new Map<string, KubernetesObject>();
  const tokens = new Map<string, string>();
  const accountOf = (token: string): KubernetesObject | undefined => {
    const path = tokens.get(token);
    const account = path === undefined ? undefined : byPath.get(path);
    return account && token.startsWith(account.metadata.uid) ? account : undefined;
  };
  const rulesFor = (account: KubernetesObject, namespace: string | undefined): KubernetesObject[] => {
    const { name, namespace: home } = account.metadata;
    return [...byPath.entries()].flatMap(([path, binding]) => {
      const holds =
        path.startsWith(`${RBAC}/clusterrolebindings/`) ||
        path.startsWith(`${RBAC}/namespaces/${namespace}/rolebindings/`);
      const isFor =
        holds && binding.subjects?.some((one: KubernetesObject) => one.name === name && one.namespace === home);
      if (!isFor) return [];
      const { kind, name: role } = binding.roleRef;
      const place =
        kind === 'ClusterRole' ? `${RBAC}/clusterroles/${role}` : `${RBAC}/namespaces/${namespace}/roles/${role}`;
      return byPath.get(place)?.rules ?? [];
    });
  };
  const may = (account: KubernetesObject, verb: string, resource: string, namespace: string | undefined): boolean =>
    rulesFor(account, namespace).some(
      ({ verbs, resources }) =>
        (verbs.includes('*') || verbs.includes(verb)) && (resources?.includes('*') || resources?.includes(resource)),
    );

  const create = (url: URL, body: KubernetesObject) => {
    const path = `${url.pathname}/${body.metadata.name}`;
    if (byPath.has(path)) return says(409, `${body.metadata.name} already exists`);
    const namespace = /\/namespaces\/([^/]+)\//.exec(`${url.pathname}/`)?.[1];
    const metadata = { ...body.metadata, uid: randomUUID(), ...(namespace ? { namespace } : {}) };
    if (!url.searchParams.has('dryRun')) byPath.set(path, { ...body, metadata });
    return { status: 201, body: { ...body, metadata } };
  };
  const createToken = (path: string, body: KubernetesObject) => {
    const account = byPath.get(path);
    if (!account) return says(404, 'service account not found');
    const seconds = body.spec.expirationSeconds;
    if (seconds < 600) return says(422, 'may not specify a duration less than 10 minutes');
    const token = `${account.metadata.uid}.${randomBytes(24).toString('base64url')}`;
    tokens.set(token, path);
    return {
      status: 201,
      body: { status: { token, expirationTimestamp: new Date(Date.now() + seconds * 1_000).toISOString() } },
    };
  };
  const list = (url: URL) => {
    const wanted = (url.searchParams.get('labelSelector') ?? '').split(',').filter((one) => one !== '');
    const all = [...byPath.entries()]
      .filter(([path]) => path.startsWith(`${url.pathname}/`) && !path.slice(url.pathname.length + 1).includes('/'))
      .map(([, object]) => object)
      .filter(({ metadata }) =>
        wanted.every((one) => metadata.labels?.[one.split('=')[0] ?? ''] === one.split('=')[1]),
      );
    const from = Number(url.searchParams.get('continue') ?? 0);
    const limit = Math.min(Number(url.searchParams.get('limit') ?? 500), 7); // small, so that pages are read
    const more = from + limit < all.length ? { continue: String(from + limit) } : {};
    return { status: 200, body: { kind: 'List', metadata: more, items: all.slice(from, from + limit) } };
  };
  const remove = (path: string, body: KubernetesObject | undefined) => {
    const object = byPath.get(path);
    if (!object) return says(404, 'not found');
    if (body?.preconditions && body.preconditions.uid !== object.metadata.uid)
      return says(409, 'the UID does not match');
    byPath.delete(path);
    return { status: 200, body: { kind: 'Status', status: 'Success' } };
  };
  const patch = (path: string, body: KubernetesObject) => {
    const object = byPath.get(path);
    if (!object) return says(404, 'not found');
    const annotations = { ...object.metadata.annotations, ...body.metadata.annotations };
    byPath.set(path, { ...object, metadata: { ...object.metadata, annotations } });
    return { status: 200, body: byPath.get(path) as KubernetesObject };
  };
  return {
    answer(method: string, path: string, body: KubernetesObject | undefined, token: string) {
      const [place = '', query = ''] = path.split('?');
      const url = new URL(`https://stand.in${decodeURIComponent(place)}?${query}`);
      const account = token === adminToken ? 'admin' : accountOf(token);
      if (!account) return says(401, 'Unauthorized');
      if (url.pathname === REVIEWS && body)
        return { status: 201, body: { ...body, status: { allowed: account === 'admin' } } };
      if (url.pathname === '/version')
        return { status: 200, body: { gitVersion: 'v0.0.0-stand-in', major: '0', minor: '0' } };
      const [, namespace, resource = url.pathname.split('/').at(-2) ?? '', name] =
        /\/namespaces\/([^/]+)\/([^/]+)(?:\/([^/]+))?/.exec(url.pathname) ?? [];
      const verb = method === 'GET' ? (name ? 'get' : 'list') : method === 'POST' ? 'create' : method.toLowerCase();
      if (account !== 'admin' && !may(account, verb, resource, namespace))
        return says(403, `may not ${verb} ${resource}`);
      const isList = /\/(serviceaccounts|rolebindings|clusterrolebindings|configmaps|secrets)$/.test(url.pathname);
      if (method === 'GET' && isList) return list(url);
      if (method === 'GET') {
        const object = byPath.get(url.pathname);
        return object ? { status: 200, body: object } : says(404, `${url.pathname} not found`);
      }
      if (method === 'POST' && url.pathname.endsWith('/token'))
        return createToken(url.pathname.slice(0, -'/token'.length), body ?? {});
      if (method === 'POST' && body) return create(url, body);
      if (method === 'PATCH' && body) return patch(url.pathname, body);
      return method === 'DELETE' ? remove(url.pathname, body) : says(405, 'not known here');
    },
  };
}
