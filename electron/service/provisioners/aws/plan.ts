/**
 * The roles behind the levels, as commands that are shown before anything runs. They are made only when they are not there;
 * what a role may do is the account's business and is never changed here. A manager with the least rights may make none:
 * then the commands are for somebody who may.
 */
import { createHash } from 'node:crypto';
import type { AwsRole } from '../../../../shared/contract/aws';
import type { Level, LevelPlan, PlanApplied } from '../../../../shared/contract/resources';
import { MINUTE_MS, SECOND_MS } from '../../../../shared/domain/instant';
import { checkShown, stepPlan } from '../level-plan';
import { type Aws, type AwsTarget, asTargetError, isForbidden, isMissing, partitionOf, roleName } from './clients';

/** What AWS has for the usual levels. Other levels get their policies from whoever makes the role. */
const MANAGED: Readonly<Record<string, string>> = {
  'read-only': 'ReadOnlyAccess',
  'power-user': 'PowerUserAccess',
};
const DESCRIPTIONS: Readonly<Record<string, string>> = {
  'read-only': 'Look at everything the role may see; change nothing.',
  'power-user': 'Use and change services; no users, keys or roles.',
};

export const levelsOf = (roles: readonly AwsRole[]): Level[] =>
  roles.map(({ level, role, createsAccess, sessionPolicy }) => ({
    name: level,
    description: `${DESCRIPTIONS[level] ?? `What the role ${role} may do.`}${sessionPolicy ? ' Narrowed by a session policy.' : ''}`,
    targetRole: role,
    createsAccess,
  }));

/** What a resource gets when its settings are not known yet. */
export const proposedRoles = (resourceName: string): AwsRole[] => [
  { level: 'read-only', role: nameFor(resourceName, 'read-only'), createsAccess: false },
];
function nameFor(resourceName: string, level: string): string {
  const whole = `hallpass-${resourceName}-${level}`;
  if (whole.length <= 63) return whole;
  const digest = createHash('sha256').update(resourceName).digest('hex').slice(0, 8);
  return `hallpass-${resourceName.slice(0, 63 - `hallpass--${digest}-${level}`.length)}-${digest}-${level}`;
}

/** The principal in a trust policy for whoever has these keys: a user, or the role behind a session. */
export function trustedArn(callerArn: string): string {
  const session = /^(arn:[\w-]+):sts::(\d{12}):assumed-role\/([^/]+)\//.exec(callerArn);
  return session ? `${session[1]}:iam::${session[2]}:role/${session[3]}` : callerArn;
}

interface Step {
  readonly shown: LevelPlan['steps'][number];
  run(): Promise<void>;
}
/** One argument of a command line. */
const word = (text: string): string => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);

async function stepsFor(aws: Aws, target: AwsTarget, role: AwsRole, callerArn: string): Promise<Step[]> {
  const { iam, sdk } = aws;
  const { accountId, externalId, maxSessionMinutes, region } = target.settings;
  const name = roleName(role.role);
  const path = role.role.includes('/') ? `/${role.role.slice(0, role.role.lastIndexOf('/') + 1)}` : '/';
  const isThere = await iam.send(new sdk.iam.GetRoleCommand({ RoleName: name })).then(
    () => true,
    (error: unknown) => {
      if (isMissing(error)) return false;
      throw error;
    },
  );
  const trust = JSON.stringify({
    Version: '2012-10-17',
    Statement: {
      Effect: 'Allow',
      Principal: { AWS: trustedArn(callerArn) },
      Action: 'sts:AssumeRole',
      ...(externalId ? { Condition: { StringEquals: { 'sts:ExternalId': externalId } } } : {}),
    },
  });
  const seconds = (maxSessionMinutes * MINUTE_MS) / SECOND_MS;
  const MaxSessionDuration = Math.max(3_600, seconds);
  const make: Step = {
    shown: {
      database: accountId,
      sql: `aws iam create-role --role-name ${name} --path ${word(path)} --max-session-duration ${MaxSessionDuration} --assume-role-policy-document ${word(trust)}`,
      why: `The level ${role.level} is a session of this role; only the manager may assume it.`,
      done: isThere,
    },
    async run() {
      await iam.send(
        new sdk.iam.CreateRoleCommand({
          RoleName: name,
          Path: path,
          MaxSessionDuration,
          AssumeRolePolicyDocument: trust,
          Description: 'Temporary access through Hallpass',
        }),
      );
    },
  };
  const managed = MANAGED[role.level];
  if (!managed) return [make];
  const policyArn = `arn:${partitionOf(region)}:iam::aws:policy/${managed}`;
  const attach: Step = {
    shown: {
      database: accountId,
      sql: `aws iam attach-role-policy --role-name ${name} --policy-arn ${policyArn}`,
      why: `What the level opens: AWS keeps ${managed} up to date. A role that has policies already is left as it is.`,
      done: isThere && (await hasPolicies(aws, name)),
    },
    async run() {
      await iam.send(new sdk.iam.AttachRolePolicyCommand({ RoleName: name, PolicyArn: policyArn }));
    },
  };
  return [make, attach];
}

/** Whether somebody gave the role rights already. Who may not look leaves it alone. */
async function hasPolicies({ iam, sdk }: Aws, name: string): Promise<boolean> {
  try {
    const inline = await iam.send(new sdk.iam.ListRolePoliciesCommand({ RoleName: name }));
    if (inline.PolicyNames?.some((policy) => !policy.startsWith('hallpass-'))) return true;
    const attached = await iam.send(new sdk.iam.ListAttachedRolePoliciesCommand({ RoleName: name }));
    return (attached.AttachedPolicies ?? []).length > 0;
  } catch (error) {
    if (isForbidden(error)) return true;
    throw error;
  }
}

async function makePlan(aws: Aws, target: AwsTarget): Promise<{ plan: LevelPlan; steps: Step[] }> {
  const caller = await aws.sts.send(new aws.sdk.sts.GetCallerIdentityCommand({}));
  const steps: Step[] = [];
  for (const role of target.settings.roles) steps.push(...(await stepsFor(aws, target, role, caller.Arn ?? '')));
  const levels = levelsOf(target.settings.roles);
  const shown = steps.map((step) => step.shown);
  const bare = target.settings.roles.filter(({ level }) => !MANAGED[level]).map(({ role }) => role);
  const notes = [
    ...(bare.length > 0 ? [`What ${bare.join(', ')} may do is for the account’s owner to attach.`] : []),
    'Give the roles a permissions boundary: the manager may write policies into them, and a boundary is what it can’t exceed.',
  ];
  return { plan: stepPlan(levels, shown, notes), steps };
}

export const planRoles = async (aws: Aws, target: AwsTarget): Promise<LevelPlan> => (await makePlan(aws, target)).plan;

/** Runs what is not done. Stops at the first that AWS refuses, with the command for somebody who may. */
export async function applyRoles(aws: Aws, target: AwsTarget, digest: string): Promise<PlanApplied> {
  const { plan, steps } = await makePlan(aws, target);
  checkShown(plan, digest);
  let ran = 0;
  for (const { shown, run } of steps) {
    if (shown.done) continue;
    try {
      await run();
      ran += 1;
    } catch (error) {
      const { kind, message } = asTargetError(error, target);
      if (kind === 'unreachable') throw error;
      return { ok: false, ran, error: message, failedSql: shown.sql };
    }
  }
  return { ok: true, ran, error: null, failedSql: null };
}
