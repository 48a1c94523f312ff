/**
 * One session of a role for one grant: its mark on the role, the session, its end, reading back, listing.
 * The mark comes first and is found by its name, so whatever crashes after it can be ended; a session without a mark of ours
 * could only be one whose mark somebody took away, and an end then denies its name on every role.
 */
import type { AwsCredential, AwsRole } from '../../../../shared/contract/aws';
import { MAX_AWS_SESSION_MINUTES, MIN_AWS_SESSION_MINUTES } from '../../../../shared/contract/aws';
import { HOUR_MS, MINUTE_MS, SECOND_MS } from '../../../../shared/domain/instant';
import { type CreateOrder, type ReadBack, TargetError } from '../provisioner';
import { type Aws, type AwsTarget, errorName, isMissing, roleArn, roleName } from './clients';
import { type Mark, markDocument, policyName, principalOf, readMark } from './marks';

/** Roles allow a thousand; a page holds a hundred. */
const MAX_PAGES = 20;
/** Sessions from keys that are a session themselves. */
const CHAINED_LIMIT_MS = HOUR_MS;

/** A policy that has a name of ours. */
export interface FoundPolicy {
  readonly role: AwsRole;
  readonly name: string;
  /** Null: it has the name, and is none of ours. */
  readonly mark: Mark | null;
}

/** Names of all inline policies of a role; null when there is no such role. */
async function policyNames({ iam, sdk }: Aws, role: AwsRole): Promise<string[] | null> {
  const names: string[] = [];
  let marker: string | undefined;
  try {
    for (let page = 0; page < MAX_PAGES; page++) {
      const answer = await iam.send(
        new sdk.iam.ListRolePoliciesCommand({ RoleName: roleName(role.role), Marker: marker }),
      );
      names.push(...(answer.PolicyNames ?? []));
      marker = answer.IsTruncated ? answer.Marker : undefined;
      if (!marker) break;
    }
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
  return names;
}

async function readPolicy({ iam, sdk }: Aws, role: AwsRole, name: string): Promise<FoundPolicy | null> {
  try {
    const { PolicyDocument } = await iam.send(
      new sdk.iam.GetRolePolicyCommand({ RoleName: roleName(role.role), PolicyName: name }),
    );
    return { role, name, mark: readMark(name, textOf(PolicyDocument ?? '')) };
  } catch (error) {
    if (isMissing(error)) return null; // taken away between the list and the look
    throw error;
  }
}
/** IAM answers percent-encoded (RFC 3986). */
const textOf = (document: string): string => {
  try {
    return decodeURIComponent(document);
  } catch {
    return document;
  }
};

interface Look {
  readonly found: readonly FoundPolicy[];
  /** Roles of the settings that are on the account. */
  readonly there: readonly AwsRole[];
}
/** Every policy with a name of ours, of one principal or of all, on all roles of the settings. */
async function look(aws: Aws, target: AwsTarget, principal?: string): Promise<Look> {
  const roles = await Promise.all(
    target.settings.roles.map(async (role) => ({ role, names: await policyNames(aws, role) })),
  );
  const found: FoundPolicy[] = [];
  for (const { role, names } of roles)
    for (const name of names ?? []) {
      const owner = principalOf(name);
      if (owner === null || (principal !== undefined && owner !== principal)) continue;
      const policy = await readPolicy(aws, role, name);
      if (policy) found.push(policy);
    }
  return { found, there: roles.flatMap(({ role, names }) => (names ? [role] : [])) };
}

const put = (aws: Aws, role: AwsRole, name: string, mark: Mark) =>
  aws.iam.send(
    new aws.sdk.iam.PutRolePolicyCommand({
      RoleName: roleName(role.role),
      PolicyName: name,
      PolicyDocument: markDocument(mark),
    }),
  );
async function drop({ iam, sdk }: Aws, role: AwsRole, name: string): Promise<void> {
  try {
    await iam.send(new sdk.iam.DeleteRolePolicyCommand({ RoleName: roleName(role.role), PolicyName: name }));
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}
/** Marks whose every session is over by itself: they deny nobody any more. */
async function dropOver(aws: Aws, found: readonly FoundPolicy[]): Promise<void> {
  for (const { role, name, mark } of found)
    if (mark?.state === 'ended' && mark.atSeconds <= aws.nowSeconds()) await drop(aws, role, name);
}

const roleOf = (target: AwsTarget, order: CreateOrder): AwsRole => {
  const role = target.settings.roles.find((candidate) => candidate.role === order.level.targetRole);
  if (role) return role;
  throw new TargetError('refused', `The role ${order.level.targetRole} of this level is not in the settings.`);
};

/** Writes the mark. When the role is full, what is over goes first; then it says so before any session is made. */
async function writeMark(aws: Aws, target: AwsTarget, role: AwsRole, mark: Mark): Promise<void> {
  const name = policyName(mark.principal);
  try {
    await put(aws, role, name, mark);
  } catch (error) {
    if (errorName(error) !== 'LimitExceeded') throw error;
    await dropOver(aws, (await look(aws, target)).found);
    await put(aws, role, name, mark).catch((again: unknown) => {
      if (errorName(again) !== 'LimitExceeded') throw again;
      throw new TargetError(
        'refused',
        `The role ${role.role} has no room for one more session: AWS allows 10,240 characters of inline policies, and each live or lately ended grant takes some 265. Try again when one of them is over, or give this level a role of its own.`,
      );
    });
  }
}

/** Marks the role, then makes a session and looks whom AWS says it is for. Called again: a new session of the same name, the deadline moved. */
export async function createSession(aws: Aws, target: AwsTarget, order: CreateOrder): Promise<AwsCredential> {
  const role = roleOf(target, order);
  const { principal } = order;
  const { found, there } = await look(aws, target, principal);
  if (!there.includes(role))
    throw new TargetError('refused', `The role ${role.role} of this level is not in the account.`);
  const onRole = found.filter((policy) => policy.role === role && policy.name === policyName(principal));
  if (onRole.some(({ mark }) => mark?.resourceId !== target.resourceId))
    throw new TargetError(
      'conflict',
      `A policy ${policyName(principal)} is there that was not made for this resource.`,
    );
  // An end is for good: a creation that comes late must not make an ended session work again.
  if (onRole.some(({ mark }) => mark?.state === 'ended'))
    throw new TargetError('conflict', `The session ${principal} was ended on ${role.role}.`);
  await writeMark(aws, target, role, {
    principal,
    resourceId: target.resourceId,
    state: 'live',
    atSeconds: aws.nowSeconds() + Math.floor(order.validForMs / SECOND_MS),
  });
  return await assume(aws, target, role, order);
}

/** Never longer than the grant, where AWS's floor allows it; never longer than the role allows. */
function durationSeconds(aws: Aws, target: AwsTarget, validForMs: number): number {
  const most = target.settings.maxSessionMinutes * MINUTE_MS;
  const limitMs = aws.keys.sessionToken ? Math.min(most, CHAINED_LIMIT_MS) : most;
  return Math.floor(Math.max(MIN_AWS_SESSION_MINUTES * MINUTE_MS, Math.min(limitMs, validForMs)) / SECOND_MS);
}

async function assume(aws: Aws, target: AwsTarget, role: AwsRole, order: CreateOrder): Promise<AwsCredential> {
  const { settings } = target;
  const { sts, sdk } = aws;
  const arn = roleArn(settings, role.role);
  const { Credentials, AssumedRoleUser } = await sts.send(
    new sdk.sts.AssumeRoleCommand({
      RoleArn: arn,
      RoleSessionName: order.principal,
      DurationSeconds: durationSeconds(aws, target, order.validForMs),
      ...(role.sessionPolicy ? { Policy: role.sessionPolicy } : {}),
      ...(settings.externalId ? { ExternalId: settings.externalId } : {}),
    }),
  );
  if (!Credentials?.AccessKeyId || !Credentials.SecretAccessKey || !Credentials.SessionToken || !Credentials.Expiration)
    throw new TargetError('conflict', 'AWS made a session and gave no keys of it.');
  if (!AssumedRoleUser?.AssumedRoleId?.endsWith(`:${order.principal}`))
    throw new TargetError('conflict', 'AWS made a session of another name than the one that was asked for.');
  return {
    kind: 'aws',
    accessKeyId: Credentials.AccessKeyId,
    secretAccessKey: Credentials.SecretAccessKey,
    sessionToken: Credentials.SessionToken,
    sessionEndsAt: Credentials.Expiration.getTime(),
    roleArn: arn,
    region: settings.region,
    ...(settings.endpointUrl ? { endpointUrl: settings.endpointUrl } : {}),
  };
}

/** Moves the deadline that the role holds. @throws TargetError `conflict` when no live mark is there */
export async function moveDeadline(aws: Aws, target: AwsTarget, principal: string, validForMs: number): Promise<void> {
  const { found } = await look(aws, target, principal);
  const live = found.filter(({ mark }) => mark?.state === 'live' && mark.resourceId === target.resourceId);
  if (live.length === 0) throw new TargetError('conflict', `There is no live session ${principal}.`);
  const atSeconds = aws.nowSeconds() + Math.max(0, Math.floor(validForMs / SECOND_MS));
  for (const { role, name, mark } of live) if (mark) await put(aws, role, name, { ...mark, atSeconds });
}

/**
 * When every session of the grant is over by itself. The settings may name a shorter longest session by now than when it was
 * made, so the deadline that its mark held counts too: no session was made for longer, but for AWS's floor and a deadline
 * that moved a little at the activation. Nor longer than AWS lets any session be: a role has room for few marks.
 */
export function overAtSeconds(
  nowSeconds: number,
  maxSessionMinutes: number,
  found: readonly Pick<FoundPolicy, 'mark'>[],
): number {
  const held = found.map(({ mark }) => (mark ? mark.atSeconds + HOUR_MS / SECOND_MS : 0));
  const after = (minutes: number) => nowSeconds + (minutes * MINUTE_MS) / SECOND_MS;
  return Math.max(after(maxSessionMinutes), Math.min(after(MAX_AWS_SESSION_MINUTES), Math.max(0, ...held)));
}

const GONE: ReadBack = { exists: false, canLogIn: false, sessionCount: 0 };

/**
 * Denies the session on the role that carries its mark; on all of them when none does. Then looks whether the denial is there.
 * A role that is gone denies by itself: sessions of a role have its rights only.
 */
export async function endSession(aws: Aws, target: AwsTarget, principal: string): Promise<ReadBack> {
  const before = await look(aws, target, principal);
  const marked = before.found.filter(({ mark }) => mark !== null);
  if (marked.length > 0 && marked.every(({ mark }) => mark?.state === 'ended')) return GONE;
  const roles = marked.length > 0 ? marked.map(({ role }) => role) : before.there;
  const ended: Mark = {
    principal,
    resourceId: target.resourceId,
    state: 'ended',
    atSeconds: overAtSeconds(aws.nowSeconds(), target.settings.maxSessionMinutes, before.found),
  };
  for (const role of new Set(roles)) {
    const isForeign = before.found.some(
      ({ role: other, name, mark }) => other === role && mark === null && name === policyName(principal),
    );
    await put(aws, role, policyName(principal, isForeign ? 'aside' : 'usual'), ended);
  }
  return readSession(aws, target, principal, new Set(roles));
}

/**
 * What the marks say: a live one whose deadline is ahead can be used, an ended one can not.
 * `on`: roles that must carry an ended mark; anything else there means that it may still be used.
 */
export async function readSession(
  aws: Aws,
  target: AwsTarget,
  principal: string,
  on: ReadonlySet<AwsRole> = new Set(),
): Promise<ReadBack> {
  const { found, there } = await look(aws, target, principal);
  const marks = found.flatMap(({ mark }) => (mark ? [mark] : []));
  const live = marks.filter(({ state }) => state === 'live');
  const isShut = (role: AwsRole) => found.some((policy) => policy.role === role && policy.mark?.state === 'ended');
  const unshut = there.filter((role) => on.has(role) && !isShut(role));
  if (live.length === 0 && unshut.length === 0) return GONE;
  const canLogIn = unshut.length > 0 || live.some(({ atSeconds }) => atSeconds > aws.nowSeconds());
  return { exists: true, canLogIn, sessionCount: 0 };
}

/** Takes the mark away once it denies nobody any more. True while it still has to be ended. */
export async function clearSession(aws: Aws, target: AwsTarget, principal: string): Promise<'live' | 'clear'> {
  const { found } = await look(aws, target, principal);
  await dropOver(aws, found);
  return found.some(({ mark }) => mark?.state === 'live') ? 'live' : 'clear';
}

/** Principals of this resource that were not ended. Marks that are over are taken away by the way. */
export async function listSessions(aws: Aws, target: AwsTarget): Promise<string[]> {
  const { found } = await look(aws, target);
  const ours = found.filter(({ mark }) => mark?.resourceId === target.resourceId);
  await dropOver(aws, ours);
  const live = ours.flatMap(({ mark }) => (mark?.state === 'live' ? [mark.principal] : []));
  return [...new Set(live)].sort();
}
