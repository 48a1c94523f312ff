/**
 * What the manager's account needs on a cluster, whether it has it, and whether the roles of the levels are what they are said
 * to be. The server itself is asked (SelfSubjectAccessReview, and a dry run of what a grant makes), never our own idea of RBAC.
 */

import { z } from 'zod';
import type { KubernetesRole } from '../../../../shared/contract/kubernetes';
import type { ConnectionReport } from '../../../../shared/contract/resources';
import { type Check, fine, wrong } from '../checks';
import { TRIAL_PRINCIPAL } from '../principal-name';
import { TargetError } from '../provisioner';
import { type KubernetesApi, type KubernetesTarget, refusal, wordsOf } from './api';
import { manifestFor } from './manifest';
import {
  accountManifest,
  accountsPath,
  allPlaces,
  bindingManifest,
  bindingsPath,
  EVERYWHERE,
  objectName,
  placesOf,
  rolePath,
  type Where,
} from './objects';

/** The recipe stands below the checks. */
const APPLY = 'Apply the recipe below with kubectl apply -f -.';

const Version = z.object({ gitVersion: z.string().max(100), major: z.string(), minor: z.string() });

export const labelOf = (version: string | null): string =>
  version === null ? 'Kubernetes' : `Kubernetes ${/^v?(\d+\.\d+)/.exec(version)?.[1] ?? version}`;

/** Checks a connection and the manager's rights. What makes every call fail (no answer, a wrong token) is thrown. */
export async function checkManager(api: KubernetesApi, target: KubernetesTarget): Promise<ConnectionReport> {
  const answer = await api.ask(target, { method: 'GET', path: '/version' });
  const version = Version.safeParse(answer.body);
  if (answer.status !== 200 || !version.success) throw refusal(target, 'Asking for the version', answer);
  const serverVersion = version.data.gitVersion;
  const checks: Check[] = [
    fine('Connection', `${target.settings.server} answers as Kubernetes ${serverVersion}, its certificate is trusted.`),
    await checkAccounts(api, target),
    await checkBindings(api, target),
    ...(await Promise.all(target.settings.roles.map((role) => checkRole(api, target, role)))),
    await tryOut(api, target),
    await checkPower(api, target),
  ];
  return {
    ok: checks.every((check) => check.ok),
    targetLabel: labelOf(serverVersion),
    serverVersion,
    checks,
    recipe: manifestFor(target.settings),
  };
}

interface Right {
  readonly verb: string;
  readonly group?: string;
  readonly resource: string;
  readonly subresource?: string;
  readonly name?: string;
  readonly where: Where;
}
const Review = z.object({ status: z.object({ allowed: z.boolean() }) });

/** Whether the manager has the right; the server says. */
async function has(api: KubernetesApi, target: KubernetesTarget, right: Right): Promise<boolean> {
  const { where, ...attributes } = right;
  const body = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectAccessReview',
    spec: { resourceAttributes: { ...attributes, ...(where === EVERYWHERE ? {} : { namespace: where }) } },
  };
  const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
  const answer = await api.ask(target, { method: 'POST', path, body });
  const review = Review.safeParse(answer.body);
  if (answer.status !== 201 || !review.success) throw refusal(target, 'Asking for the manager’s rights', answer);
  return review.data.status.allowed;
}
const spoken = ({ verb, resource, subresource, name, where }: Right): string =>
  `${verb} ${resource}${subresource ? `/${subresource}` : ''}${name ? ` ${name}` : ''} ${where === EVERYWHERE ? 'in the cluster' : `in ${where}`}`;

async function missing(api: KubernetesApi, target: KubernetesTarget, rights: readonly Right[]): Promise<string[]> {
  const answers = await Promise.all(rights.map((right) => has(api, target, right)));
  return rights.filter((_, i) => !answers[i]).map(spoken);
}

async function checkAccounts(api: KubernetesApi, target: KubernetesTarget): Promise<Check> {
  const { namespace } = target.settings;
  const name = 'Service accounts';
  const rights: Right[] = ['get', 'list', 'create', 'patch', 'delete'].map((verb) => ({
    verb,
    resource: 'serviceaccounts',
    where: namespace,
  }));
  rights.push({ verb: 'create', resource: 'serviceaccounts', subresource: 'token', where: namespace });
  const lacking = await missing(api, target, rights);
  if (lacking.length > 0) return wrong(name, `The manager may not ${lacking.join(', ')}.`, APPLY);
  return fine(name, `The manager may make them and their tokens in ${namespace}.`);
}

const RBAC = 'rbac.authorization.k8s.io';
async function checkBindings(api: KubernetesApi, target: KubernetesTarget): Promise<Check> {
  const name = 'Bindings';
  const places = allPlaces(target);
  const lacking = await missing(
    api,
    target,
    places.flatMap((where) =>
      ['get', 'list', 'create', 'delete'].map((verb) => ({
        verb,
        group: RBAC,
        resource: where === EVERYWHERE ? 'clusterrolebindings' : 'rolebindings',
        where,
      })),
    ),
  );
  if (lacking.length > 0) return wrong(name, `The manager may not ${lacking.join(', ')}.`, APPLY);
  const spokenPlaces = places.map((where) => (where === EVERYWHERE ? 'the whole cluster' : where));
  return fine(name, `The manager may make and remove them in ${spokenPlaces.join(', ')}.`);
}

const Rules = z.object({
  rules: z
    .array(
      z.object({
        verbs: z.array(z.string()),
        resources: z.array(z.string()).nullish(),
        nonResourceURLs: z.array(z.string()).nullish(),
      }),
    )
    .nullish(),
});
type Rule = NonNullable<z.infer<typeof Rules>['rules']>[number];

/** What a level's role must be: there, to be bound by the manager, with rights, and no more dangerous than its level says. */
async function checkRole(api: KubernetesApi, target: KubernetesTarget, role: KubernetesRole): Promise<Check> {
  const name = `Level ${role.level}`;
  const resource = role.roleKind === 'ClusterRole' ? 'clusterroles' : 'roles';
  const lacking = await missing(
    api,
    target,
    placesOf(role).map((where) => ({ verb: 'bind', group: RBAC, resource, name: role.role, where })),
  );
  if (lacking.length > 0) return wrong(name, `The manager may not ${lacking.join(', ')}.`, APPLY);
  for (const where of placesOf(role)) {
    const answer = await api.ask(target, { method: 'GET', path: rolePath(role, where) });
    const place = role.roleKind === 'Role' ? ` in ${where}` : '';
    if (answer.status === 404)
      return wrong(name, `There is no ${role.roleKind} ${role.role}${place}.`, 'Make it, or name another one.');
    const read = Rules.safeParse(answer.body);
    if (answer.status !== 200 || !read.success)
      return wrong(name, `${role.roleKind} ${role.role}${place} can not be looked at: ${wordsOf(answer)}`, APPLY);
    const rules = read.data.rules ?? [];
    if (rules.length === 0)
      return wrong(
        name,
        `${role.roleKind} ${role.role}${place} gives no rights.`,
        'Give it rules, or name another one.',
      );
    const danger = rules.map(makesAccess).find((words) => words !== null);
    if (danger && !role.createsAccess)
      return wrong(
        name,
        `${role.roleKind} ${role.role} may ${danger}: a holder can start or learn what outlives the grant.`,
        'Mark the level as one that creates access, or name a role with less.',
      );
  }
  return fine(name, `${role.roleKind} ${role.role} is there and can be bound.`);
}

/** What runs, or is a key, after the holder has gone. */
const MAKES = new Set(
  `pods replicationcontrollers deployments daemonsets statefulsets replicasets jobs cronjobs serviceaccounts
   serviceaccounts/token rolebindings clusterrolebindings roles clusterroles certificatesigningrequests secrets`.split(
    /\s+/,
  ),
);
function makesAccess({ verbs, resources }: Rule): string | null {
  const power = verbs.find((verb) => ['impersonate', 'bind', 'escalate'].includes(verb));
  if (power) return `${power} ${(resources ?? []).join(', ')}`;
  const change = verbs.find((verb) => ['create', 'update', 'patch', '*'].includes(verb));
  const made = (resources ?? []).find((resource) => resource === '*' || MAKES.has(resource));
  if (change && made) return `${change} ${made}`;
  const read = verbs.find((verb) => ['get', 'list', 'watch', '*'].includes(verb));
  const secret = (resources ?? []).find((resource) => resource === 'secrets' || resource === '*');
  return read && secret ? `${read} secrets` : null;
}

/** Makes an account and its bindings as a dry run: the server checks everything and keeps nothing. */
async function tryOut(api: KubernetesApi, target: KubernetesTarget): Promise<Check> {
  const name = 'Making a temporary account';
  const trial = objectName(TRIAL_PRINCIPAL);
  const calls = [
    { path: accountsPath(target), body: accountManifest(target, trial, []) as unknown },
    ...target.settings.roles.flatMap((role) =>
      placesOf(role).map((where) => ({
        path: bindingsPath(where),
        body: bindingManifest(target, trial, role, where) as unknown,
      })),
    ),
  ];
  for (const { path, body } of calls) {
    const answer = await api.ask(target, { method: 'POST', path: `${path}?dryRun=All`, body });
    if (answer.status !== 201) return wrong(name, wordsOf(answer), APPLY);
  }
  return fine(name, 'Tried as a dry run.');
}

/** A manager that may do everything works, but is a key to the whole cluster. */
async function checkPower(api: KubernetesApi, target: KubernetesTarget): Promise<Check> {
  const name = 'No more than needed';
  const isAdmin = await has(api, target, { verb: '*', group: '*', resource: '*', where: EVERYWHERE });
  return fine(
    name,
    isAdmin
      ? 'The manager may do everything in the cluster: it works, but needs far less. See the recipe.'
      : 'The manager may not do everything in the cluster.',
  );
}

/** Asks for each role that can't be looked at as missing rights do: for the plan, which only says what is there. */
export async function rolesThatLack(api: KubernetesApi, target: KubernetesTarget): Promise<string[]> {
  const notes: string[] = [];
  for (const role of target.settings.roles) {
    const check = await checkRole(api, target, role);
    if (!check.ok) notes.push(`Level ${role.level}: ${check.detail} ${check.remedy ?? ''}`.trim());
  }
  const { namespace } = target.settings;
  const answer = await api.ask(target, { method: 'GET', path: `${accountsPath(target)}?limit=1` });
  if (answer.status !== 200)
    notes.push(new TargetError('refused', `Namespace ${namespace}: ${wordsOf(answer)}. ${APPLY}`).message);
  return notes;
}
