/**
 * Kubernetes: a kubeconfig of its own per grant, beside a file with the token, both 0600 and alone in the lease folder; so
 * `kubectl --kubeconfig …` works and ending is unlinking. On wish also a context in the person's own kubeconfig, which points
 * to the token's file and holds no secret: `kubectl --context <resource>`.
 * Why a file for the token: kubectl and every client library read `tokenFile` again while they run, so an extension, which
 * brings a new token, reaches them.
 * A kubeconfig that can't be edited line by line is left alone, and said: the grant then has its own file only.
 */
import { createHash } from 'node:crypto';
import { delimiter, isAbsolute, join } from 'node:path';
import { KubernetesCredential } from '../../../../shared/contract/kubernetes';
import { InjectionError } from '../errors';
import { editShared, readShared, type SurgeryDeps } from '../file-surgery';
import {
  contextsIn,
  foreignContexts,
  type KubeContext,
  kubeconfigProblem,
  kubeGrantsIn,
  setContexts,
} from '../kubeconfig-contexts';
import type { LoginShell } from '../login-shell';
import type { KubernetesPlace } from '../place';
import { replaceOwn } from '../private-files';
import { shellWord } from './libpq';
import { allocateNames } from './postgres';
import type { CredentialFacts, InjectionTarget, Live, LiveAt, TargetContext } from './target';

export interface KubernetesTargetDeps {
  readonly surgery: SurgeryDeps;
  readonly platform: NodeJS.Platform;
  readonly homeDir: string;
  readonly loginShell: LoginShell;
  readonly profile: string;
  /** The setting `kubeconfigPlace`; left out: a file of its own. */
  readonly kubeconfigPlace?: () => 'own' | 'merged';
}
type KubernetesInjection = InjectionTarget<KubernetesCredential, KubernetesPlace>;

const TOKEN_FILE = 'token';
const CONFIG_FILE = 'kubeconfig';
const CA_FILE = 'ca.pem';
const tokenOf = (entry: Pick<Live, 'leaseFolder'>): string => join(entry.leaseFolder, TOKEN_FILE);
const configOf = (entry: Pick<Live, 'leaseFolder'>): string => join(entry.leaseFolder, CONFIG_FILE);
const caOf = (entry: Pick<Live, 'leaseFolder'>): string => join(entry.leaseFolder, CA_FILE);
const isKubernetes = (entry: Live): entry is LiveAt<KubernetesPlace> => entry.place.kind === 'kubernetes';

/** What the reveal window lists. Pure; holds the token. */
export const kubernetesFacts = (credential: KubernetesCredential): CredentialFacts => [
  ['Server', credential.server],
  ['Namespace', credential.namespace],
  ['Service account', credential.user],
  ['Token', credential.token],
  ['Token ends', new Date(credential.tokenEndsAt).toISOString()],
];

/** JSON is YAML, and has no doubts about quotes. Points to the token, so it holds no secret itself. */
function configText(entry: Pick<Live, 'leaseFolder' | 'resource'>, place: KubernetesPlace): string {
  const name = entry.resource;
  const authority = place.hasCa ? { 'certificate-authority': caOf(entry) } : {};
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server: place.server, ...authority } }],
    users: [{ name, user: { tokenFile: tokenOf(entry) } }],
    contexts: [{ name, context: { cluster: name, user: name, namespace: place.namespace } }],
    'current-context': name,
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}

export function createKubernetesTarget(deps: KubernetesTargetDeps, context: TargetContext): KubernetesInjection {
  const { files } = deps.surgery;
  const usual = join(deps.homeDir, '.kube', 'config');
  const freshName = () => Buffer.from(deps.surgery.random.bytes(6)).toString('hex');
  const ours = () => context.live().filter(isKubernetes);
  const textOf = async (path: string): Promise<string | null> =>
    (await readShared(files, path))?.toString('latin1') ?? null;

  const clean = async (path: string): Promise<void> =>
    editShared(deps.surgery, path, (before) => {
      const text = before?.toString('latin1') ?? null;
      const live = ours().filter(({ place }) => place.mergedInto === path);
      const names = allocateNames(live, foreignContexts(text ?? '', deps.profile));
      const wanted = live.map(
        (entry): KubeContext => ({
          grantId: entry.grantId,
          names: names.get(entry.grantId) ?? [],
          server: entry.place.server,
          caFile: entry.place.hasCa ? caOf(entry) : null,
          tokenFile: tokenOf(entry),
          namespace: entry.place.namespace,
        }),
      );
      const result = setContexts(text, deps.profile, wanted);
      if (result.fileIsOurs) return before === null ? { kind: 'same' } : { kind: 'delete' };
      return result.text === text ? { kind: 'same' } : { kind: 'write', bytes: Buffer.from(result.text, 'latin1') };
    });

  /** The first file of KUBECONFIG that is there, else its first; without one the usual. As `kubectl config` does. */
  const sharedPath = async (): Promise<string | null> => {
    const { values } = await deps.loginShell.environment();
    if (!values.KUBECONFIG) return usual;
    const named = values.KUBECONFIG.split(delimiter).filter((path) => isAbsolute(path));
    for (const path of named) if (await files.facts(path)) return path;
    return named[0] ?? null;
  };
  /** Where a context goes, or why it goes nowhere. Nothing here keeps a grant from its own file. */
  const mergePlan = async (): Promise<Pick<KubernetesPlace, 'mergedInto' | 'leftOut'> & { bytes: Buffer | null }> => {
    const nowhere = (leftOut: string | null) => ({ mergedInto: null, leftOut, bytes: null });
    if (deps.kubeconfigPlace?.() !== 'merged') return nowhere(null);
    const path = await sharedPath();
    if (!path) return nowhere('KUBECONFIG in your shell names no whole path, so no context was written.');
    try {
      const bytes = await readShared(files, path);
      if (bytes === null && !(await files.facts(join(path, '..'))))
        return nowhere(`There is no folder for ${path}, so no context was written.`);
      const problem = bytes === null ? null : kubeconfigProblem(bytes.toString('latin1'));
      if (problem) return nowhere(`${path} ${problem}, so it was left alone and no context was written.`);
      return { mergedInto: path, leftOut: null, bytes };
    } catch (error) {
      const why = error instanceof InjectionError ? error.userError.what : `${path} can’t be read.`;
      return nowhere(`${why} No context was written.`);
    }
  };

  return {
    kind: 'kubernetes',
    async plan({ server, namespace, user, tokenEndsAt, caCertificate }) {
      const { bytes, ...merge } = await mergePlan();
      const hasCa = caCertificate !== undefined;
      return {
        place: { kind: 'kubernetes', server, namespace, user, tokenEndsAt, hasCa, ...merge },
        preImageHash: bytes && createHash('sha256').update(bytes).digest('hex'),
      };
    },
    async inject(entry, credential) {
      // In one step each: a client that reads while a new token takes the old one's place gets one or the other.
      const put = (path: string, text: string) => replaceOwn(files, path, Buffer.from(text), freshName());
      if (credential.caCertificate !== undefined) await put(caOf(entry), credential.caCertificate);
      await put(tokenOf(entry), credential.token);
      await put(configOf(entry), configText(entry, entry.place));
      if (entry.place.mergedInto !== null) await clean(entry.place.mergedInto);
    },
    async clean(paths) {
      for (const path of paths) await clean(path);
    },
    sharedFiles(known) {
      const live = ours().flatMap(({ place }) => (place.mergedInto === null ? [] : [place.mergedInto]));
      return [...new Set([...known, ...live, usual])];
    },
    async traces(path) {
      return kubeGrantsIn((await textOf(path)) ?? '', deps.profile);
    },
    sharedFileOf: (place) => place.mergedInto,
    async describe(entry) {
      const { mergedInto, hasCa, leftOut } = entry.place;
      const text = mergedInto === null ? null : await textOf(mergedInto);
      const names = contextsIn(text ?? '', deps.profile).get(entry.grantId) ?? [];
      const context = names.includes(entry.resource) ? entry.resource : names[0];
      const own = deps.platform === 'win32' ? `"${configOf(entry)}"` : shellWord(configOf(entry));
      const command = context ? `kubectl --context ${shellWord(context)}` : `kubectl --kubeconfig ${own}`;
      const warnings = leftOut === null ? [] : [leftOut];
      if (mergedInto !== null && !context) warnings.push(`${mergedInto} was changed since; use the command as shown.`);
      return {
        files: [
          tokenOf(entry),
          configOf(entry),
          ...(hasCa ? [caOf(entry)] : []),
          ...(mergedInto === null ? [] : [mergedInto]),
        ],
        command,
        warnings,
      };
    },
    async secretOf(entry) {
      const { server, namespace, user, tokenEndsAt, hasCa } = entry.place;
      if (!(await files.facts(tokenOf(entry)))) return null;
      const token = (await files.read(tokenOf(entry))).toString('utf8');
      const caCertificate = hasCa ? (await files.read(caOf(entry))).toString('utf8') : undefined;
      const authority = caCertificate === undefined ? {} : { caCertificate };
      const read = { kind: 'kubernetes', server, ...authority, namespace, user, token, tokenEndsAt };
      return KubernetesCredential.safeParse(read).data ?? null;
    },
    environment: (entry) => ({ KUBECONFIG: configOf(entry) }),
    copyText: (credential) => credential.token,
    facts: kubernetesFacts,
  };
}
