/**
 * The provisioner for Kubernetes: a service account per grant, bound to the level's role, and a token of it (TokenRequest) that
 * lives as long as the grant. Deleting the account is what ends it: every token of it dies with it.
 * Here only the order of things; how each is done is in the files beside it.
 */

import type { KubernetesCredential, KubernetesRole, KubernetesSettings } from '../../../../shared/contract/kubernetes';
import type { ConnectionReport, Level, LevelPlan } from '../../../../shared/contract/resources';
import { isSameCluster } from '../../../../shared/domain/same-place';
import { wrong } from '../checks';
import { checkShown, planDigest } from '../level-plan';
import { checkPrincipalName, checkValidFor } from '../principal-name';
import { type Provisioner, TargetError } from '../provisioner';
import { clearAccount, createAccount, endAccount, listAccounts, readAccount } from './accounts';
import { createApi, type KubernetesTarget } from './api';
import { checkManager, labelOf, rolesThatLack } from './manager';
import { manifestFor } from './manifest';

export type KubernetesProvisioner = Provisioner<KubernetesSettings, KubernetesCredential>;

const MAX_ROLE_TEXT = 63;

export function createKubernetesProvisioner(): KubernetesProvisioner {
  const api = createApi();
  return {
    kind: 'kubernetes',
    extension: 'reissues',
    deviceKey: null,
    serverOf,
    placeFacts: ({ server, namespace }) => ({ server, namespace }),
    secretBarredBy: (stored, next) => (isSameCluster(stored, next) ? null : 'Server or CA certificate'),
    limits: (_settings, level) => limitsOf(level),
    proposedLevels: (_resourceName, settings) => (settings?.roles ?? PROPOSED_ROLES).map(levelOf),
    async test(target) {
      try {
        return await checkManager(api, target);
      } catch (error) {
        if (error instanceof TargetError) return failedReport(target, error);
        throw error;
      }
    },
    async plan(target) {
      const notes = await rolesThatLack(api, target);
      return planOf(target, notes);
    },
    async apply(target, digest) {
      checkShown(planOf(target, []), digest, 'The settings have changed');
      const [lacking] = await rolesThatLack(api, target);
      return { ok: lacking === undefined, ran: 0, error: lacking ?? null, failedSql: null };
    },
    async create(target, order) {
      checkPrincipalName(order.principal);
      checkValidFor(order.validForMs);
      return await createAccount(api, target, order);
    },
    async setDeadline(_target, principal) {
      checkPrincipalName(principal); // a token carries its end; a longer grant gets another one
    },
    async end(target, principal) {
      checkPrincipalName(principal);
      return { readBack: await endAccount(api, target, principal), sessionsCut: 0 };
    },
    async readBack(target, principal) {
      checkPrincipalName(principal);
      return await readAccount(api, target, principal);
    },
    async cleanUp(target, principal) {
      checkPrincipalName(principal);
      return await clearAccount(api, target, principal);
    },
    list: (target) => listAccounts(api, target),
    close: () => api.close(),
  };
}

/** Where accounts are made: another server or namespace has others. */
const serverOf = ({ server, namespace }: KubernetesSettings): string => `${server.replace(/\/$/, '')} ${namespace}`;

/** Kubernetes' own user-facing roles, which every cluster has. `edit` starts pods and reads secrets, so it makes access. */
const PROPOSED_ROLES: readonly KubernetesRole[] = [
  { level: 'read-only', roleKind: 'ClusterRole', role: 'view', namespaces: [], createsAccess: false },
  { level: 'read-write', roleKind: 'ClusterRole', role: 'edit', namespaces: [], createsAccess: true },
];
function levelOf({ level, roleKind, role, namespaces, createsAccess }: KubernetesRole): Level {
  const where = namespaces.length === 0 ? 'the whole cluster' : namespaces.join(', ');
  return {
    name: level,
    description: `What ${roleKind} ${role} allows in ${where}.`.slice(0, 200),
    targetRole: role.slice(0, MAX_ROLE_TEXT),
    createsAccess,
  };
}

/** Nothing is run: who may make roles is not the manager, so a plan only says what the cluster's administrator has to do. */
function planOf(target: KubernetesTarget, notes: readonly string[]): LevelPlan {
  const { roles, namespace } = target.settings;
  return { digest: planDigest([namespace, roles]), levels: roles.map(levelOf), steps: [], notes: [...notes] };
}

/** What nobody can do for a token of Kubernetes, whatever the grant. */
function limitsOf(level: Level): readonly string[] {
  const limits = [
    'Kubernetes makes no token shorter than 10 minutes: a shorter grant is ended by deleting its account, not by the token’s own limit.',
    'What is open when the grant ends (exec, port-forward, a watch) is not cut: Kubernetes checks rights when a request begins.',
    'A token that was used in the last seconds is recognised for up to 10 more after the end, without any rights.',
  ];
  if (level.createsAccess)
    limits.push(
      'A holder of this level can start pods, read secrets or make accounts and bindings. Those outlive the grant.',
    );
  return limits;
}

function failedReport(target: KubernetesTarget, error: TargetError): ConnectionReport {
  const remedy =
    error.kind === 'unreachable'
      ? 'Check the address, and that a firewall lets this service through.'
      : 'Check the token and the CA certificate; the recipe shows where the token comes from.';
  return {
    ok: false,
    targetLabel: labelOf(null),
    serverVersion: null,
    checks: [wrong('Connection', error.message, remedy)],
    recipe: manifestFor(target.settings),
  };
}
