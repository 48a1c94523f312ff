/** What a person is shown, typed into a real shell with the real kubectl; against a real API server where one can be run. */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createInjector, desktopInjectorDeps, type Injector } from '../../../electron/main/injection';
import { createKubernetesProvisioner } from '../../../electron/service/provisioners/kubernetes';
import type { LocalInjection } from '../../../shared/contract/ipc';
import type { KubernetesCredential } from '../../../shared/contract/kubernetes';
import { chance26, levelNamed, newPrincipal } from '../../bed/postgres-target';
import { type KubernetesCluster, kubectl, kubernetesBinaries, startKubernetes } from '../../bed/targets/kubernetes';
import { makeKubernetesTarget } from '../../bed/targets/kubernetes-target';

const run = promisify(execFile);
const binaries = kubernetesBinaries();
if (kubectl() === null) console.warn('Not run with kubectl: it is not installed here.');

let root: string;
let injector: Injector;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'hallpass-kubectl-'));
});
afterEach(async () => {
  for (const { grantId } of injector.list()) await injector.remove(grantId, 'returned'); // their keepers end with them
  await injector.stop();
  rmSync(root, { recursive: true, force: true });
});

/** A profile of the app; `env` as the person's shell has it. */
function start(place: 'own' | 'merged', env: Readonly<Record<string, string>> = {}, folder = 'data'): Injector {
  mkdirSync(join(root, folder), { recursive: true });
  injector = createInjector(
    desktopInjectorDeps({
      userDataDir: join(root, folder),
      clockOffsetMs: () => 0,
      pgServiceFile: () => null,
      kubeconfigPlace: () => place,
      log: () => undefined,
      sweepCommand: null,
      env: { PATH: process.env.PATH ?? '', HOME: root, SHELL: '/bin/sh', ...env },
      homeDir: root,
    }),
  );
  return injector;
}
const newCredential = (over: Partial<KubernetesCredential> = {}): KubernetesCredential => ({
  kind: 'kubernetes',
  server: 'https://shop.internal:6443',
  namespace: 'shop',
  user: `hp-${chance26()}`,
  token: randomBytes(40).toString('base64url'),
  tokenEndsAt: Date.now() + 3_600_000,
  ...over,
});
const inject = (credential: KubernetesCredential, level = 'read-only', grantId = `grt_${chance26()}`) =>
  injector.inject({ grantId, resource: 'shop-cluster', level, credential, expiresAt: Date.now() + 3_600_000 });
const type = async (local: LocalInjection, rest: string, env: Readonly<Record<string, string>> = {}) =>
  (
    await run('/bin/sh', ['-c', `${local.command} ${rest}`], {
      env: { PATH: process.env.PATH ?? '', HOME: root, ...env },
    })
  ).stdout;
const seen = async (local: LocalInjection, env: Readonly<Record<string, string>> = {}) => {
  const config = JSON.parse(await type(local, 'config view --minify --raw -o json', env));
  return { server: config.clusters[0].cluster.server, user: config.users[0].user, context: config.contexts[0].context };
};
const tokenFile = (local: LocalInjection): string => local.files.find((path) => path.endsWith('/token')) ?? '';
const THEIRS = `# mine, by hand
apiVersion: v1
kind: Config
clusters:
  # the old one
  - name: dev
    cluster: {server: "https://dev.internal:6443"}
contexts:
  - {name: dev, context: {cluster: dev, user: me}}
current-context: dev   # stays
users:
  - name: me
    user:
      token: not-yours
`;
const makeTheirs = (text = THEIRS): string => {
  mkdirSync(join(root, '.kube'), { recursive: true, mode: 0o700 });
  writeFileSync(join(root, '.kube', 'config'), text, { mode: 0o600 });
  return join(root, '.kube', 'config');
};

if (kubectl() !== null) {
  test('the command shown uses a file of its own, 0600, beside the token; the person’s file is not touched', async () => {
    const file = makeTheirs();
    start('own');
    const credential = newCredential({
      caCertificate: '-----BEGIN CERTIFICATE-----\nQUJD\n-----END CERTIFICATE-----\n',
    });
    const local = await inject(credential);
    expect(local.command).toMatch(/^kubectl --kubeconfig \/\S+\/kubeconfig$/);
    expect(local.command).not.toContain(credential.token);
    for (const path of local.files) expect(statSync(path).mode & 0o777, path).toBe(0o600);
    expect(statSync(dirname(tokenFile(local))).mode & 0o777).toBe(0o700);
    expect(await seen(local)).toMatchObject({
      server: credential.server,
      user: { tokenFile: tokenFile(local) },
      context: { namespace: 'shop' },
    });
    expect(readFileSync(tokenFile(local), 'utf8')).toBe(credential.token);
    expect(await injector.secretOf(local.grantId)).toEqual(credential);
    expect(readFileSync(file, 'utf8')).toBe(THEIRS);
    await injector.remove(local.grantId, 'expired');
    await expect(type(local, 'config view --minify --raw')).rejects.toThrow();
    expect(
      readdirSync(join(root, 'data'), { recursive: true }).filter((name) => String(name).includes('token')),
    ).toEqual([]);
  });

  test('on wish a context in the person’s file points to the token and holds no secret; removal gives every byte back', async () => {
    const file = makeTheirs();
    start('merged');
    const [first, second] = [newCredential(), newCredential()];
    const one = await inject(first);
    const two = await inject(second, 'read-write');
    expect(two.command).toBe('kubectl --context shop-cluster');
    expect((await seen(two)).user).toEqual({ tokenFile: tokenFile(two) });
    const now = injector.list().find(({ grantId }) => grantId === one.grantId) as LocalInjection;
    expect(now.command).toBe('kubectl --context shop-cluster.read-only');
    expect((await seen(now)).user).toEqual({ tokenFile: tokenFile(one) });
    const text = readFileSync(file, 'utf8');
    for (const { token } of [first, second]) expect(text).not.toContain(token);
    const names = await run(kubectl() ?? '', ['config', 'get-contexts', '-o', 'name'], {
      env: { HOME: root, PATH: process.env.PATH },
    });
    expect(names.stdout.trim().split('\n').sort()).toEqual(
      ['dev', 'shop-cluster', 'shop-cluster.read-only', 'shop-cluster.read-write'].sort(),
    );
    await injector.remove(two.grantId, 'returned');
    const left = injector.list().find(({ grantId }) => grantId === one.grantId) as LocalInjection;
    expect(left.command).toBe('kubectl --context shop-cluster');
    expect((await seen(left)).user).toEqual({ tokenFile: tokenFile(one) });
    await injector.remove(one.grantId, 'expired');
    expect(readFileSync(file, 'utf8')).toBe(THEIRS);
  });

  test('after kubectl itself wrote the file anew, ours work and go without a trace', async () => {
    const file = makeTheirs();
    start('merged');
    const local = await inject(newCredential());
    await run(kubectl() ?? '', ['config', 'use-context', 'shop-cluster'], {
      env: { HOME: root, PATH: process.env.PATH },
    });
    expect(readFileSync(file, 'utf8')).not.toContain('>>>');
    expect((await seen(local)).user).toEqual({ tokenFile: tokenFile(local) });
    expect((await injector.remove(local.grantId, 'returned')).state).toBe('removed');
    const after = readFileSync(file, 'utf8');
    expect(after).not.toContain('hallpass-');
    expect(after).toContain('not-yours');
    const names = await run(kubectl() ?? '', ['config', 'get-contexts', '-o', 'name'], {
      env: { HOME: root, PATH: process.env.PATH },
    });
    expect(names.stdout.trim()).toBe('dev');
  });

  test('KUBECONFIG of the shell decides which file; a link stays a link; a file that was not there is made and goes', async () => {
    mkdirSync(join(root, 'real'));
    writeFileSync(join(root, 'real', 'a'), THEIRS, { mode: 0o600 });
    symlinkSync(join(root, 'real', 'a'), join(root, 'a'));
    const KUBECONFIG = `${join(root, 'missing')}:${join(root, 'a')}`;
    start('merged', { KUBECONFIG });
    const local = await inject(newCredential());
    expect(local.files).toContain(join(root, 'a'));
    expect((await seen(local, { KUBECONFIG })).user).toEqual({ tokenFile: tokenFile(local) });
    await injector.remove(local.grantId, 'expired');
    expect(readFileSync(join(root, 'real', 'a'), 'utf8')).toBe(THEIRS);
    await injector.stop();
    start('merged', { KUBECONFIG: join(root, 'new') }, 'other');
    const made = await inject(newCredential());
    expect(statSync(join(root, 'new')).mode & 0o777).toBe(0o600);
    expect((await seen(made, { KUBECONFIG: join(root, 'new') })).user).toEqual({ tokenFile: tokenFile(made) });
    await injector.remove(made.grantId, 'expired');
    expect(readdirSync(root)).not.toContain('new');
  });

  test.each([
    ['JSON', '{"apiVersion": "v1", "kind": "Config"}'],
    ['empty lists on one line', 'apiVersion: v1\nclusters: null\ncontexts: null\nusers: null\n'],
    ['a multi-line value', `${THEIRS}note: "a\n b"\n`],
  ])(
    'a file that can’t be edited line by line (%s) is left alone, and the grant works from its own',
    async (_, text) => {
      const file = makeTheirs(text);
      start('merged');
      const local = await inject(newCredential());
      expect(local.command).toContain('--kubeconfig');
      expect(local.warnings.join()).toContain(file);
      expect(readFileSync(file, 'utf8')).toBe(text);
      expect((await seen(local)).user).toEqual({ tokenFile: tokenFile(local) });
    },
  );

  test('a context name that the person has stays theirs', async () => {
    const plain = THEIRS.replace('{name: dev, context', '{name: shop-cluster, context');
    const file = makeTheirs(plain);
    start('merged');
    const local = await inject(newCredential());
    expect(local.command).toBe('kubectl --context shop-cluster.read-only');
    await injector.remove(local.grantId, 'expired');
    expect(readFileSync(file, 'utf8')).toBe(plain);
  });

  test('an app that died in between leaves nothing that its next start does not find', async () => {
    const file = makeTheirs();
    start('merged');
    const local = await inject(newCredential());
    await injector.stop();
    rmSync(join(root, 'data', 'injections', `${local.grantId}.json`)); // the journal is lost
    start('merged');
    await injector.sweep();
    expect(readFileSync(file, 'utf8')).toBe(THEIRS);
    expect(() => statSync(tokenFile(local))).toThrow();
  });
}

const cannot = typeof binaries === 'string' ? binaries : null;
if (cannot !== null) console.warn(`kubectl: not run against a cluster: ${cannot}.`);
if (typeof binaries !== 'string' && kubectl() !== null)
  describe('on a real API server', () => {
    let cluster: KubernetesCluster;
    beforeAll(async () => {
      cluster = await startKubernetes(binaries);
    });
    afterAll(() => cluster?.stop());

    test('kubectl reads with it, may not write, gets a newer token while it is held, and is refused after the end', async () => {
      const provisioner = createKubernetesProvisioner();
      const target = await makeKubernetesTarget(cluster, provisioner);
      const level = levelNamed((await provisioner.plan(target)).levels, 'read-only');
      const principal = newPrincipal();
      const order = { principal, level, validForMs: 900_000 };
      makeTheirs();
      start('merged');
      const local = await inject(await provisioner.create(target, order));
      expect(await type(local, 'get configmaps -o name')).toContain('configmap/prices');
      await expect(type(local, 'delete configmap prices')).rejects.toThrow(/forbidden/i);
      const next = await provisioner.create(target, order);
      const grantId = local.grantId;
      const again = { grantId, resource: 'shop-cluster', level: 'read-only', credential: next, issue: 2 };
      await injector.inject({ ...again, expiresAt: Date.now() + 3_600_000 });
      expect(readFileSync(tokenFile(local), 'utf8')).toBe(next.token);
      expect(await type(local, 'get configmaps -o name')).toContain('configmap/prices');
      await provisioner.end(target, principal);
      await expect(type(local, 'get configmaps -o name')).rejects.toThrow(/forbidden|Unauthorized|logged in/i);
      await provisioner.close();
    });
  });
