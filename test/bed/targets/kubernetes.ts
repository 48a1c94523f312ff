/**
 * A real Kubernetes API server for tests: etcd and kube-apiserver, started here with RBAC, on loopback, and stopped by their
 * process. No nodes and no controllers run: service accounts, bindings, tokens and rights are all the API server's own work, but
 * nothing starts pods, and roles that a controller would put together (`view`, `edit`) are empty.
 *
 * No package has a kube-apiserver for tests. Say where one is with HALLPASS_KUBE_APISERVER (and etcd with HALLPASS_ETCD, when
 * it is not on the PATH); without it the tests say that they were not run against a cluster.
 */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { createServer } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { Program } from '../processes';
import { until } from '../until';
import { startKept } from './kept-program';

export interface KubernetesBinaries {
  readonly apiServer: string;
  readonly etcd: string;
}
const onPath = (name: string): string | null =>
  [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/bin']
    .map((folder) => join(folder, name))
    .find((path) => existsSync(path)) ?? null;

/** Where both are; else why a cluster can't be run here. */
export function kubernetesBinaries(): KubernetesBinaries | string {
  const named = process.env.HALLPASS_KUBE_APISERVER;
  const apiServer = named ?? onPath('kube-apiserver');
  if (!apiServer || !existsSync(apiServer))
    return `no kube-apiserver here${named ? ` at ${named}` : ''} (name one with HALLPASS_KUBE_APISERVER)`;
  const etcd = process.env.HALLPASS_ETCD ?? onPath('etcd');
  if (!etcd || !existsSync(etcd)) return 'no etcd here (apt-get install etcd-server, or name one with HALLPASS_ETCD)';
  return { apiServer, etcd };
}
/** `kubectl`, where it is installed. */
export const kubectl = (): string | null => onPath('kubectl');

export interface KubernetesCluster {
  /** `https://127.0.0.1:<port>` */
  readonly server: string;
  readonly port: number;
  readonly caCertificate: string;
  /** Of an administrator of the cluster. */
  readonly adminToken: string;
  /** A call with any token (the administrator's when left out). The body is parsed JSON. */
  call(
    method: string,
    path: string,
    body?: unknown,
    token?: string,
  ): Promise<{ status: number; body: KubernetesObject }>;
  /** Opens a watch and resolves with its end; `lines` grows. */
  watch(path: string, token: string): Promise<OpenWatch>;
  /** Makes the objects of a manifest as kubectl would, one call each. JSON objects only. */
  apply(objects: readonly KubernetesObject[]): Promise<void>;
  stop(): Promise<void>;
}
// biome-ignore lint/suspicious/noExplicitAny: objects of Kubernetes in tests, looked into where a test knows their form
export type KubernetesObject = Record<string, any>;
export interface OpenWatch {
  readonly status: number;
  lines(): readonly string[];
  isOpen(): boolean;
  close(): void;
}

/** Starts both and waits until the API server is ready. @throws with its last words when it is not */
export async function startKubernetes({ apiServer, etcd }: KubernetesBinaries): Promise<KubernetesCluster> {
  const folder = mkdtempSync(join(tmpdir(), 'hallpass-kubernetes-'));
  const programs: Program[] = [];
  const stop = async () => {
    for (const program of [...programs].reverse()) await program.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const [client, peer, port] = [await freePort(), await freePort(), await freePort()];
    const store = `http://127.0.0.1:${client}`;
    programs.push(startKept(folder, etcd, etcdArguments(folder, store, `http://127.0.0.1:${peer}`), quietly(folder)));
    const adminToken = randomBytes(24).toString('base64url');
    writeFileSync(join(folder, 'tokens.csv'), `${adminToken},admin,admin,"system:masters"\n`, { mode: 0o600 });
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const key = privateKey.export({ type: 'pkcs8', format: 'pem' });
    writeFileSync(join(folder, 'accounts.key'), key, { mode: 0o600 });
    const server = startKept(folder, apiServer, apiServerArguments(folder, store, port), quietly(folder));
    programs.push(server);
    const certificate = join(folder, 'certificates', 'apiserver.crt');
    await until('the API server to have a certificate', () => isRunning(server) && existsSync(certificate), 60_000);
    const caCertificate = readFileSync(certificate, 'utf8');
    const at = { server: `https://127.0.0.1:${port}`, port, caCertificate, adminToken };
    await until(
      'the API server to be ready',
      async () => isRunning(server) && (await call(at, 'GET', '/readyz')).status === 200,
      60_000,
    );
    return {
      ...at,
      call: (method, path, body, token) => call(at, method, path, body, token),
      watch: (path, token) => openWatch(at, path, token),
      async apply(objects) {
        for (const object of objects) {
          const { status, body } = await call(at, 'POST', collectionOf(object), object);
          if (status !== 201 && status !== 409)
            throw new Error(`${object.kind} ${object.metadata.name}: ${body.message}`);
        }
      },
      stop,
    };
  } catch (error) {
    const words = programs.at(-1)?.output() ?? '';
    await stop();
    throw new Error(`No cluster was started: ${words.slice(-2_000)}`, { cause: error });
  }
}

function isRunning(program: Program): true {
  if (program.process.exitCode !== null) throw new Error(`${program.name} ended with ${program.process.exitCode}`);
  return true;
}
const quietly = (folder: string) => ({ cwd: folder, env: { PATH: process.env.PATH, HOME: homedir(), TZ: 'UTC' } });

const etcdArguments = (folder: string, client: string, peer: string) => [
  ...['--name', 'test', '--data-dir', join(folder, 'etcd'), '--log-level', 'error'],
  ...['--listen-client-urls', client, '--advertise-client-urls', client],
  ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer, '--initial-cluster', `test=${peer}`],
];
const apiServerArguments = (folder: string, store: string, port: number) => [
  ...['--etcd-servers', store, '--bind-address', '127.0.0.1', '--secure-port', String(port)],
  ...['--cert-dir', join(folder, 'certificates'), '--token-auth-file', join(folder, 'tokens.csv')],
  ...['--service-account-issuer', 'https://kubernetes.default.svc', '--service-cluster-ip-range', '10.0.0.0/24'],
  ...['--service-account-key-file', join(folder, 'accounts.key')],
  ...['--service-account-signing-key-file', join(folder, 'accounts.key')],
  ...['--authorization-mode', 'RBAC', '--disable-admission-plugins', 'ServiceAccount'],
  ...['--endpoint-reconciler-type', 'none', '--v', '0'],
];

interface At {
  readonly port: number;
  readonly caCertificate: string;
  readonly adminToken: string;
}
const optionsFor = (at: At, token: string) => ({
  host: '127.0.0.1',
  port: at.port,
  ca: at.caCertificate,
  // The certificate that it makes for itself names 127.0.0.1; chain and name are checked as anywhere.
  headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', accept: 'application/json' },
  agent: false as const,
});
function call(
  at: At,
  method: string,
  path: string,
  body?: unknown,
  token = at.adminToken,
): Promise<{ status: number; body: KubernetesObject }> {
  return new Promise((resolve, reject) => {
    const sent = request({ ...optionsFor(at, token), method, path }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.once('error', reject);
      answer.once('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        resolve({ status: answer.statusCode ?? 0, body: text.startsWith('{') ? JSON.parse(text) : { text } });
      });
    });
    sent.once('error', reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

function openWatch(at: At, path: string, token: string): Promise<OpenWatch> {
  return new Promise((resolve, reject) => {
    const sent = request({ ...optionsFor(at, token), method: 'GET', path }, (answer) => {
      let text = '';
      let open = true;
      answer.on('data', (chunk: Buffer) => {
        text += chunk.toString('utf8');
      });
      answer.once('error', () => undefined);
      answer.once('close', () => {
        open = false;
      });
      resolve({
        status: answer.statusCode ?? 0,
        lines: () => text.split('\n').filter((line) => line !== ''),
        isOpen: () => open,
        close: () => sent.destroy(),
      });
    });
    sent.once('error', reject);
    sent.end();
  });
}

const PLURALS: Readonly<Record<string, string>> = {
  Namespace: 'namespaces',
  ServiceAccount: 'serviceaccounts',
  Secret: 'secrets',
  ConfigMap: 'configmaps',
  Role: 'roles',
  RoleBinding: 'rolebindings',
  ClusterRole: 'clusterroles',
  ClusterRoleBinding: 'clusterrolebindings',
};
function collectionOf({ apiVersion, kind, metadata }: KubernetesObject): string {
  const root = apiVersion === 'v1' ? '/api/v1' : `/apis/${apiVersion}`;
  const namespace = metadata.namespace ? `/namespaces/${metadata.namespace}` : '';
  const plural = PLURALS[kind];
  if (!plural) throw new Error(`No way is known to make a ${kind}.`);
  return `${root}${namespace}/${plural}`;
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => resolve(port));
    });
  });
}
