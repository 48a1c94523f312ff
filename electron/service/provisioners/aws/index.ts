/**
 * The provisioner for AWS: a session of the level's role per grant (STS AssumeRole), named after the grant, no longer than it.
 * A session can't be taken back once its keys are out, so the role itself denies it: from the grant's deadline on by a dated
 * deny that is there before the session is, and at an early end by the same deny without a date (marks.ts).
 * Here only the order of things; how each is done is in the files beside it.
 */

import type { AwsCredential, AwsSettings } from '../../../../shared/contract/aws';
import type { ConnectionReport, Level } from '../../../../shared/contract/resources';
import { isSameAccount } from '../../../../shared/domain/same-place';
import { wrong } from '../checks';
import { checkDeadlineIn, checkPrincipalName, checkValidFor } from '../principal-name';
import { type Provisioner, TargetError } from '../provisioner';
import { type AwsTarget, createClients, partitionOf } from './clients';
import { checkManager, labelOf, recipeFor } from './manager';
import { applyRoles, levelsOf, planRoles, proposedRoles } from './plan';
import { clearSession, createSession, endSession, listSessions, moveDeadline, readSession } from './sessions';

export type AwsProvisioner = Provisioner<AwsSettings, AwsCredential>;

export function createAwsProvisioner(): AwsProvisioner {
  const clients = createClients();
  return {
    kind: 'aws',
    extension: 'reissues',
    deviceKey: null,
    serverOf,
    placeFacts: ({ accountId, region }) => ({ account: accountId, region }),
    secretBarredBy: (stored, next) => (isSameAccount(stored, next) ? null : 'Account, region or endpoint'),
    limits: limitsOf,
    proposedLevels: (resourceName, settings) => levelsOf(settings?.roles ?? proposedRoles(resourceName)),
    async test(target) {
      try {
        return await clients.on(target, (aws) => checkManager(aws, target));
      } catch (error) {
        if (error instanceof TargetError) return failedReport(target, error);
        throw error;
      }
    },
    plan: (target) => clients.on(target, (aws) => planRoles(aws, target)),
    apply: (target, digest) => clients.on(target, (aws) => applyRoles(aws, target, digest)),
    async create(target, order) {
      checkPrincipalName(order.principal);
      checkValidFor(order.validForMs);
      return await clients.inTime(target, (aws) => createSession(aws, target, order));
    },
    async setDeadline(target, principal, validForMs) {
      checkPrincipalName(principal);
      checkDeadlineIn(validForMs);
      await clients.inTime(target, (aws) => moveDeadline(aws, target, principal, validForMs));
    },
    async end(target, principal) {
      checkPrincipalName(principal);
      const readBack = await clients.inTime(target, (aws) => endSession(aws, target, principal));
      return { readBack, sessionsCut: 0 };
    },
    async readBack(target, principal) {
      checkPrincipalName(principal);
      return await clients.inTime(target, (aws) => readSession(aws, target, principal));
    },
    async cleanUp(target, principal) {
      checkPrincipalName(principal);
      const left = await clients.inTime(target, (aws) => clearSession(aws, target, principal));
      if (left === 'clear') return { done: true, residue: [] };
      return { done: false, residue: [{ kind: 'session', detail: 'The session was not ended yet.' }] };
    },
    list: (target) => clients.inTime(target, (aws) => listSessions(aws, target)),
    close: () => clients.close(),
  };
}

/** Where sessions are made. The roles are part of it: an end has to find the role that carries a grant's mark. */
const serverOf = (settings: AwsSettings): string => {
  const { accountId, endpointUrl, region, roles } = settings;
  const names = roles.map(({ role }) => role).sort();
  return `${endpointUrl ?? partitionOf(region)} ${accountId} ${names.join(' ')}`;
};

/** What nobody can do for a session of AWS, whatever the grant. */
function limitsOf({ maxSessionMinutes }: AwsSettings, level: Level): readonly string[] {
  const limits = [
    'AWS makes no session shorter than 15 minutes: in a shorter grant the keys stay valid, but the role refuses them from the deadline on.',
    'An early end is a deny on the role. AWS spreads it within seconds as a rule, at times minutes; until then the keys still work.',
    'AWS knows no open sessions to cut: a call that is running is not stopped, and what the holder started or assumed from here goes on.',
    `The keys are good for ${maxSessionMinutes} minutes at most, also in a longer grant: ask for an extension, or again, when they are over.`,
  ];
  if (level.createsAccess)
    limits.push('A holder of this level can make users, keys or roles of their own. Those outlive the grant.');
  return limits;
}

function failedReport(target: AwsTarget, error: TargetError): ConnectionReport {
  const remedy =
    error.kind === 'unreachable'
      ? 'Check the region and the endpoint, and that a firewall lets this service through.'
      : 'Check key id and secret access key; temporary keys need their session token and end by themselves.';
  return {
    ok: false,
    targetLabel: labelOf(target),
    serverVersion: null,
    checks: [wrong('Connection', error.message, remedy)],
    recipe: recipeFor(target, ''),
  };
}
