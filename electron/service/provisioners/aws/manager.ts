/**
 * What the manager's keys need on an account, and whether they have it: each role is assumed for real and a mark is written
 * and taken away again. Each failed check comes with the command that mends it; the recipe is the least that is needed.
 */

import type { ConnectionReport } from '../../../../shared/contract/resources';
import { MINUTE_MS, SECOND_MS } from '../../../../shared/domain/instant';
import { type Check, fine, wrong } from '../checks';
import { TRIAL_PRINCIPAL } from '../principal-name';
import {
  type Aws,
  type AwsTarget,
  asTargetError,
  errorName,
  isForbidden,
  isMissing,
  partitionOf,
  roleArn,
  roleName,
} from './clients';
import { markDocument, policyName } from './marks';
import { trustedArn } from './plan';

const TRIAL_SESSION = 'hallpass-connection-test';
const SHORTEST_SESSION_SECONDS = 900;

export async function checkManager(aws: Aws, target: AwsTarget): Promise<ConnectionReport> {
  const { settings } = target;
  const caller = await aws.sts.send(new aws.sdk.sts.GetCallerIdentityCommand({}));
  const arn = caller.Arn ?? 'unknown';
  const checks: Check[] = [
    fine('Connection', `Signed in as ${arn}.`),
    caller.Account === settings.accountId
      ? fine('Account', settings.accountId)
      : wrong('Account', `These keys belong to account ${caller.Account}.`, 'Correct the account, or give its keys.'),
  ];
  if (/:root$/.test(arn))
    checks.push(wrong('Least rights', 'These are the root user’s keys.', 'Make a user with the recipe’s policy.'));
  if (caller.Account === settings.accountId)
    for (const role of settings.roles) checks.push(...(await checkRole(aws, target, role.role, arn)));
  return {
    ok: checks.every((check) => check.ok),
    targetLabel: labelOf(target),
    serverVersion: caller.Account ?? null,
    checks,
    recipe: recipeFor(target, arn),
  };
}

export const labelOf = ({ settings }: AwsTarget): string =>
  ({ aws: 'AWS', 'aws-us-gov': 'AWS GovCloud', 'aws-cn': 'AWS China' })[partitionOf(settings.region)] ?? 'AWS';

async function checkRole(aws: Aws, target: AwsTarget, role: string, callerArn: string): Promise<Check[]> {
  const { iam, sdk } = aws;
  const { settings } = target;
  const name = roleName(role);
  const label = `Role ${role}`;
  const seconds = (settings.maxSessionMinutes * MINUTE_MS) / SECOND_MS;
  try {
    const { Role } = await iam.send(new sdk.iam.GetRoleCommand({ RoleName: name }));
    if (Role?.Arn && Role.Arn !== roleArn(settings, role))
      return [wrong(label, `Its ARN is ${Role.Arn}.`, 'Name it with its path in the settings.')];
    const longest = Role?.MaxSessionDuration ?? 3_600;
    if (longest < seconds)
      return [
        wrong(
          label,
          `It allows sessions of ${longest / 60} minutes at most.`,
          null,
          `aws iam update-role --role-name ${name} --max-session-duration ${seconds}`,
        ),
      ];
  } catch (error) {
    if (isMissing(error)) return [fine(label, 'It is not there yet: the plan makes it.')];
    if (!isForbidden(error)) throw error;
    return [wrong(label, 'The manager may not look at it (iam:GetRole).', 'Attach the recipe’s policy.')];
  }
  return [await tryAssuming(aws, target, role, callerArn), await tryMark(aws, target, role)];
}

/** A real session of the shortest kind; its keys are dropped at once. */
async function tryAssuming(aws: Aws, target: AwsTarget, role: string, callerArn: string): Promise<Check> {
  const { settings } = target;
  const label = `Making a session of ${role}`;
  try {
    await aws.sts.send(
      new aws.sdk.sts.AssumeRoleCommand({
        RoleArn: roleArn(settings, role),
        RoleSessionName: TRIAL_SESSION,
        DurationSeconds: SHORTEST_SESSION_SECONDS,
        ...(settings.externalId ? { ExternalId: settings.externalId } : {}),
      }),
    );
    return fine(label, `Tried as ${TRIAL_SESSION}; the keys were dropped.`);
  } catch (error) {
    if (asTargetError(error, target).kind === 'unreachable') throw error;
    return wrong(
      label,
      asTargetError(error, target).message,
      `The role’s trust policy must allow sts:AssumeRole to ${trustedArn(callerArn)}${settings.externalId ? ` with the external id ${settings.externalId}` : ''}, and the manager’s policy sts:AssumeRole on the role.`,
    );
  }
}

/** The mark of a session that never was: what every end depends on. */
async function tryMark(aws: Aws, target: AwsTarget, role: string): Promise<Check> {
  const { iam, sdk } = aws;
  const label = `Ending a session of ${role}`;
  const RoleName = roleName(role);
  const PolicyName = policyName(TRIAL_PRINCIPAL);
  const PolicyDocument = markDocument({
    principal: TRIAL_PRINCIPAL,
    resourceId: target.resourceId,
    state: 'ended',
    atSeconds: aws.nowSeconds(),
  });
  try {
    await iam.send(new sdk.iam.PutRolePolicyCommand({ RoleName, PolicyName, PolicyDocument }));
    await iam.send(new sdk.iam.GetRolePolicyCommand({ RoleName, PolicyName }));
    await iam.send(new sdk.iam.ListRolePoliciesCommand({ RoleName }));
    await iam.send(new sdk.iam.DeleteRolePolicyCommand({ RoleName, PolicyName }));
    return fine(label, 'A deny was written, read and taken away.');
  } catch (error) {
    const told = asTargetError(error, target);
    if (told.kind === 'unreachable') throw error;
    const isFull = errorName(error) === 'LimitExceeded';
    return wrong(
      label,
      told.message,
      isFull ? 'The role’s inline policies are full: move some to managed policies.' : 'Attach the recipe’s policy.',
    );
  }
}

/** The policy of a manager: the least it needs, and no more roles than the settings name. */
export function recipeFor(target: AwsTarget, callerArn: string): string {
  const roles = target.settings.roles.map(({ role }) => roleArn(target.settings, role));
  const policy = {
    Version: '2012-10-17',
    Statement: [
      { Sid: 'MakeSessions', Effect: 'Allow', Action: 'sts:AssumeRole', Resource: roles },
      {
        Sid: 'EndThem',
        Effect: 'Allow',
        Action: [
          'iam:GetRole',
          'iam:ListRolePolicies',
          'iam:ListAttachedRolePolicies',
          'iam:GetRolePolicy',
          'iam:PutRolePolicy',
          'iam:DeleteRolePolicy',
        ],
        Resource: roles,
      },
    ],
  };
  return [
    `# The manager’s policy: a user of its own with this and nothing else${callerArn === '' ? '' : ` (now: ${callerArn})`}.`,
    JSON.stringify(policy, null, 2),
    '# iam:PutRolePolicy lets the manager give these roles more. What keeps it in is a permissions boundary on each of them:',
    ...target.settings.roles.map(
      ({ role }) =>
        `# aws iam put-role-permissions-boundary --role-name ${roleName(role)} --permissions-boundary <the most it may ever do>`,
    ),
  ].join('\n');
}
