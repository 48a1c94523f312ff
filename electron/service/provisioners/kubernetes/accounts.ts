/**
 * One service account for one grant: made with its bindings and a token, ended, read back, listed.
 * Order at the end: bindings first, they take effect at once; then the account, with which every token of it dies (the API
 * server may still recognise one that it saw in the last ten seconds, without any rights by then).
 */
import { z } from 'zod';
import {
  type KubernetesCredential,
  type KubernetesRole,
  MIN_KUBERNETES_TOKEN_S,
} from '../../../../shared/contract/kubernetes';
import type { Level } from '../../../../shared/contract/resources';
import { type CleanUp, type CreateOrder, type ReadBack, TargetError } from '../provisioner';
import { type Answer, type KubernetesApi, type KubernetesTarget, refusal } from './api';
import {
  accountManifest,
  accountNotes,
  accountsPath,
  allPlaces,
  bindingManifest,
  bindingsPath,
  EVERYWHERE,
  FoundList,
  FoundObject,
  isOurs,
  objectName,
  placesOf,
  principalOf,
  rememberedPlaces,
  selectorOf,
  type Where,
} from './objects';

/** Two creations of the same principal at once, or an object that vanished between look and change: look again, this often. */
const ATTEMPTS = 4;
const PAGE = 500;
const MAX_PAGES = 200;

/** The role of a level. Levels are the settings'; what they don't name can't be given. */
export function roleOf(target: KubernetesTarget, level: Pick<Level, 'name'>): KubernetesRole {
  const found = target.settings.roles.find((role) => role.level === level.name);
  if (!found) throw new TargetError('refused', `The settings name no role for the level ${level.name}.`);
  return found;
}

const readObject = (what: string, answer: Answer): FoundObject => {
  const object = FoundObject.safeParse(answer.body);
  if (!object.success) throw new TargetError('refused', `${what}: the answer is not an object of Kubernetes.`);
  return object.data;
};

/** The object there; null when there is none. */
async function look(api: KubernetesApi, target: KubernetesTarget, path: string, what: string) {
  const answer = await api.ask(target, { method: 'GET', path });
  if (answer.status === 404) return null;
  if (answer.status !== 200) throw refusal(target, what, answer);
  return readObject(what, answer);
}

/** Deletes exactly what was looked at: never one that somebody made meanwhile under the same name. */
async function remove(api: KubernetesApi, target: KubernetesTarget, path: string, object: FoundObject, what: string) {
  const body = { apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { uid: object.metadata.uid } };
  const answer = await api.ask(target, { method: 'DELETE', path, body });
  const isGone = answer.status === 404 || answer.status === 409; // 409: another one by now; the read-back tells
  if (!isGone && (answer.status < 200 || answer.status > 299)) throw refusal(target, what, answer);
}

export async function createAccount(
  api: KubernetesApi,
  target: KubernetesTarget,
  order: CreateOrder,
): Promise<KubernetesCredential> {
  const role = roleOf(target, order.level);
  const name = objectName(order.principal);
  await ensureAccount(api, target, name, placesOf(role));
  await Promise.all(placesOf(role).map((where) => ensureBinding(api, target, name, role, where)));
  const { token, endsAt } = await requestToken(api, target, name, order.validForMs);
  await proveLogIn(api, target, token);
  const { server, caCertificate } = target.settings;
  return {
    kind: 'kubernetes',
    server,
    ...(caCertificate === undefined ? {} : { caCertificate }),
    namespace: role.namespaces[0] ?? 'default',
    user: name,
    token,
    tokenEndsAt: endsAt,
  };
}

async function ensureAccount(api: KubernetesApi, target: KubernetesTarget, name: string, places: readonly Where[]) {
  const what = `Making the service account ${name}`;
  const path = `${accountsPath(target)}/${name}`;
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const body = accountManifest(target, name, places);
    const made = await api.ask(target, { method: 'POST', path: accountsPath(target), body });
    if (made.status === 201) return;
    if (made.status !== 409) throw refusal(target, what, made);
    const there = await look(api, target, path, what);
    if (!there) continue;
    if (!isOurs(there, target.resourceId))
      throw new TargetError('conflict', `A service account ${name} is there that was not made for this resource.`);
    if (there.metadata.deletionTimestamp)
      throw new TargetError('unreachable', `The service account ${name} is being removed; it can be made after that.`);
    const known = rememberedPlaces(there);
    if (places.every((where) => known.includes(where))) return;
    const annotations = accountNotes([...new Set([...known, ...places])]);
    const noted = await api.ask(target, { method: 'PATCH', path, body: { metadata: { annotations } } });
    if (noted.status === 200) return;
    if (noted.status !== 404) throw refusal(target, what, noted);
  }
  throw new TargetError('unreachable', `${what}: it comes and goes; somebody else is at it.`);
}

async function ensureBinding(
  api: KubernetesApi,
  target: KubernetesTarget,
  name: string,
  role: KubernetesRole,
  where: Where,
) {
  const what = `Binding ${role.roleKind} ${role.role} ${where === EVERYWHERE ? 'in the cluster' : `in ${where}`}`;
  const path = `${bindingsPath(where)}/${name}`;
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const body = bindingManifest(target, name, role, where);
    const made = await api.ask(target, { method: 'POST', path: bindingsPath(where), body });
    if (made.status === 201) return;
    if (made.status !== 409) throw refusal(target, what, made);
    const there = await look(api, target, path, what);
    if (!there) continue;
    if (!isOurs(there, target.resourceId))
      throw new TargetError('conflict', `${what}: one of that name is there that was not made for this resource.`);
    if (there.roleRef?.kind === role.roleKind && there.roleRef.name === role.role) return;
    await remove(api, target, path, there, what); // a binding's role can't be changed, only another one made
  }
  throw new TargetError('unreachable', `${what}: it comes and goes; somebody else is at it.`);
}

const TokenAnswer = z.object({
  status: z.object({ token: z.string().min(1), expirationTimestamp: z.iso.datetime({ offset: true }) }),
});

async function requestToken(api: KubernetesApi, target: KubernetesTarget, name: string, validForMs: number) {
  const what = `Asking for a token of ${name}`;
  const expirationSeconds = Math.max(MIN_KUBERNETES_TOKEN_S, Math.ceil(validForMs / 1_000));
  const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds } };
  const answer = await api.ask(target, { method: 'POST', path: `${accountsPath(target)}/${name}/token`, body });
  if (answer.status !== 201) throw refusal(target, what, answer);
  const read = TokenAnswer.safeParse(answer.body);
  if (!read.success) throw new TargetError('refused', `${what}: the answer holds no token.`);
  return { token: read.data.status.token, endsAt: Date.parse(read.data.status.expirationTimestamp) };
}

/** Read back with the token itself: the API server takes it (else 401). What it may do is the role's. */
async function proveLogIn(api: KubernetesApi, target: KubernetesTarget, token: string): Promise<void> {
  const body = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectAccessReview',
    spec: { resourceAttributes: { verb: 'get', resource: 'pods', namespace: target.settings.namespace } },
  };
  const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
  const answer = await api.ask(target, { method: 'POST', path, body, token });
  if (answer.status !== 201) throw refusal(target, 'The token was made, but it can not be used', answer);
}

/** The account when it is ours. What others made under our name is theirs: not looked at, not ended. */
async function ourAccount(api: KubernetesApi, target: KubernetesTarget, name: string): Promise<FoundObject | null> {
  const account = await look(api, target, `${accountsPath(target)}/${name}`, `Looking for the service account ${name}`);
  return account && isOurs(account, target.resourceId) ? account : null;
}
interface Binding {
  readonly where: Where;
  readonly object: FoundObject;
}
async function ourBindings(
  api: KubernetesApi,
  target: KubernetesTarget,
  name: string,
  places: readonly Where[],
): Promise<Binding[]> {
  const all = await Promise.all(
    places.map(async (where) => {
      const object = await look(api, target, `${bindingsPath(where)}/${name}`, `Looking for bindings in ${where}`);
      return object && isOurs(object, target.resourceId) ? { where, object } : null;
    }),
  );
  return all.filter((binding) => binding !== null);
}

/** Bindings, then the account, then a look at both. A binding that can't be taken away keeps nothing else from ending. */
export async function endAccount(api: KubernetesApi, target: KubernetesTarget, principal: string): Promise<ReadBack> {
  const name = objectName(principal);
  const account = await ourAccount(api, target, name);
  const places = [...new Set([...(account ? rememberedPlaces(account) : []), ...allPlaces(target)])];
  const outcomes = await Promise.allSettled(places.map((where) => unbind(api, target, name, where)));
  if (account) {
    const what = `Deleting the service account ${name}`;
    await remove(api, target, `${accountsPath(target)}/${name}`, account, what);
  }
  // A place that refuses us is clean-up's to tell. One that did not answer is asked again before this counts as ended.
  for (const outcome of outcomes) if (outcome.status === 'rejected' && !isRefused(outcome.reason)) throw outcome.reason;
  return await readAccount(api, target, principal);
}
const isRefused = (error: unknown): boolean => error instanceof TargetError && error.kind === 'refused';

async function unbind(api: KubernetesApi, target: KubernetesTarget, name: string, where: Where): Promise<void> {
  for (const { object } of await ourBindings(api, target, name, [where]))
    await remove(api, target, `${bindingsPath(where)}/${name}`, object, `Deleting the binding in ${where}`);
}

/** Asks the server. Without its account no token of it is taken, so the account is what "can log in" means. */
export async function readAccount(api: KubernetesApi, target: KubernetesTarget, principal: string): Promise<ReadBack> {
  const name = objectName(principal);
  const account = await ourAccount(api, target, name);
  const bindings = account ? [] : await ourBindings(api, target, name, allPlaces(target)).catch(quietWhenRefused);
  return { exists: account !== null || bindings.length > 0, canLogIn: account !== null, sessionCount: 0 };
}
function quietWhenRefused(error: unknown): Binding[] {
  if (isRefused(error)) return [];
  throw error;
}

export async function clearAccount(api: KubernetesApi, target: KubernetesTarget, principal: string): Promise<CleanUp> {
  const name = objectName(principal);
  if (await ourAccount(api, target, name))
    throw new TargetError('conflict', `${principal} is still in use: end it before cleaning up.`);
  const residue: { kind: string; detail: string }[] = [];
  for (const where of allPlaces(target)) {
    try {
      await unbind(api, target, name, where);
    } catch (error) {
      if (!isRefused(error)) throw error;
      residue.push({ kind: 'binding', detail: error instanceof Error ? error.message : 'refused' });
    }
  }
  return { done: residue.length === 0, residue };
}

/** Accounts with our mark, and bindings whose account somebody deleted by hand. */
export async function listAccounts(api: KubernetesApi, target: KubernetesTarget): Promise<string[]> {
  const paths = [accountsPath(target), ...allPlaces(target).map(bindingsPath)];
  const names = new Set<string>();
  for (const path of paths)
    for (const object of await pages(api, target, path)) {
      const principal = principalOf(object.metadata.name);
      if (principal !== null && isOurs(object, target.resourceId)) names.add(principal);
    }
  return [...names].sort();
}

async function pages(api: KubernetesApi, target: KubernetesTarget, path: string): Promise<FoundObject[]> {
  const all: FoundObject[] = [];
  let next = '';
  for (let page = 0; page < MAX_PAGES; page++) {
    const query = new URLSearchParams({ labelSelector: selectorOf(target.resourceId), limit: String(PAGE) });
    if (next) query.set('continue', next);
    const answer = await api.ask(target, { method: 'GET', path: `${path}?${query}` });
    if (answer.status !== 200) throw refusal(target, 'Listing what is ours', answer);
    const list = FoundList.safeParse(answer.body);
    if (!list.success) throw new TargetError('refused', 'Listing what is ours: the answer is not a list.');
    all.push(...list.data.items);
    next = list.data.metadata?.continue ?? '';
    if (!next) return all;
  }
  throw new TargetError('unreachable', 'Listing what is ours: the list does not end.');
}
