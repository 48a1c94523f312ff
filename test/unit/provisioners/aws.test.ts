/** AWS without an account: marks on roles, the keys of a manager, names that AWS gives and takes, what is told before approving. */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createAwsProvisioner } from '../../../electron/service/provisioners/aws';
import { asTargetError, partitionOf, roleArn, roleName } from '../../../electron/service/provisioners/aws/clients';
import {
  type Mark,
  markDocument,
  policyName,
  principalOf,
  readMark,
} from '../../../electron/service/provisioners/aws/marks';
import { levelsOf, proposedRoles, trustedArn } from '../../../electron/service/provisioners/aws/plan';
import { checkPrincipalName } from '../../../electron/service/provisioners/principal-name';
import { AwsRole, AwsSettings, readAwsKeys } from '../../../shared/contract/aws';

const principal = `hp_${'0'.repeat(26)}`;
const live: Mark = { principal, resourceId: `res_${'a'.repeat(26)}`, state: 'live', atSeconds: 1_800_000_000 };
const settings = AwsSettings.parse({
  kind: 'aws',
  accountId: '123456789012',
  roles: [{ level: 'read-only', role: 'teams/reader' }],
});

describe('a mark', () => {
  test('denies its session alone: from the deadline on while it lives, at once when it was ended', () => {
    expect(JSON.parse(markDocument(live)).Statement).toEqual({
      Sid: `${'a'.repeat(26)}L1800000000`,
      Effect: 'Deny',
      Action: '*',
      Resource: '*',
      Condition: {
        StringLike: { 'aws:userid': `*:${principal}` },
        DateGreaterThan: { 'aws:CurrentTime': '2027-01-15T08:00:00Z' },
      },
    });
    expect(JSON.parse(markDocument({ ...live, state: 'ended' })).Statement.Condition).toEqual({
      StringLike: { 'aws:userid': `*:${principal}` },
    });
  });

  test('is read back as it was written, in any order of its members, and thirty-eight fit on a role', () => {
    for (const state of ['live', 'ended'] as const) {
      const mark = { ...live, state };
      expect(readMark(policyName(principal), markDocument(mark))).toEqual(mark);
      const { Version, Statement } = JSON.parse(markDocument(mark));
      const turned = JSON.stringify(
        { Statement: Object.fromEntries(Object.entries(Statement).reverse()), Version },
        null,
        2,
      );
      expect(readMark(policyName(principal, 'aside'), turned)).toEqual(mark);
      expect(38 * markDocument(mark).length).toBeLessThan(10_240);
    }
  });

  test('is none when a single word of it is another', () => {
    const document = JSON.parse(markDocument(live));
    const changed = [
      { ...document, Statement: { ...document.Statement, Effect: 'Allow' } },
      { ...document, Statement: { ...document.Statement, Action: 's3:*' } },
      { ...document, Statement: { ...document.Statement, Condition: {} } },
      { ...document, Statement: { ...document.Statement, NotResource: 'x' } },
      { ...document, Statement: [document.Statement] },
      { ...document, Version: '2008-10-17' },
    ];
    for (const other of changed) expect(readMark(policyName(principal), JSON.stringify(other))).toBeNull();
    expect(readMark(policyName(`hp_${'1'.repeat(26)}`), markDocument(live))).toBeNull();
    fc.assert(fc.property(fc.string(), (text) => readMark(policyName(principal), text) === null));
    fc.assert(fc.property(fc.json(), (text) => readMark(policyName(principal), text) === null));
  });

  test('has a name of ours, and only such names are ours', () => {
    expect(principalOf(policyName(principal))).toBe(principal);
    for (const name of [
      'hallpass',
      'hallpass-hp_x',
      `x-${policyName(principal)}`,
      `${policyName(principal)}-f`,
      principal,
    ])
      expect(principalOf(name)).toBeNull();
    expect(() => checkPrincipalName('hp_*')).toThrow(RangeError);
  });
});

describe('keys of a manager', () => {
  const id = 'AKIAIOSFODNN7EXAMPLE';
  const secret = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY';
  test.each([
    [`${id}:${secret}`, false],
    [`  ${id} ${secret}\n`, false],
    [`${id}:${secret}:token/+==`, true],
    [`[default]\r\naws_access_key_id=${id}\r\naws_secret_access_key = ${secret}\r\n`, false],
    [`AWS_ACCESS_KEY_ID=${id}\nAWS_SECRET_ACCESS_KEY=${secret}\nAWS_SESSION_TOKEN=token/+==`, true],
  ])('are read as people have them: %j', (text, hasToken) => {
    expect(readAwsKeys(text)).toEqual({
      accessKeyId: id,
      secretAccessKey: secret,
      ...(hasToken ? { sessionToken: 'token/+==' } : {}),
    });
  });
  test.each([
    '',
    id,
    `${id}:`,
    `:${secret}`,
    `${secret}:${id}`,
    `${id}:${secret}:a:b`,
    'aws_access_key_id = x',
    'correct horse battery staple',
  ])('are not these: %j', (text) => {
    expect(readAwsKeys(text)).toBeNull();
  });
});

describe('settings', () => {
  test('name roles with their path and not by ARN, each level and role once; a session policy is JSON', () => {
    for (const role of ['reader', 'teams/data/reader', 'a+b=c,d.e@f-g_h'])
      expect(AwsRole.safeParse({ level: 'read-only', role }).success, role).toBe(true);
    for (const role of ['', 'arn:aws:iam::123456789012:role/x', '/x', 'x/', 'a b', 'x'.repeat(64)])
      expect(AwsRole.safeParse({ level: 'read-only', role }).success, role).toBe(false);
    const twice = [
      { level: 'a', role: 'x' },
      { level: 'a', role: 'y' },
    ];
    expect(AwsSettings.safeParse({ ...settings, roles: twice }).success).toBe(false);
    expect(AwsSettings.safeParse({ ...settings, endpointUrl: 'https://user:pw@host' }).success).toBe(false);
    for (const sessionPolicy of ['', 'x', '[]', '"x"'])
      expect(AwsRole.safeParse({ level: 'a', role: 'x', sessionPolicy }).success).toBe(false);
  });

  test('say the partition by the region, the ARN with the path, and the name without it', () => {
    expect(['eu-central-1', 'us-gov-west-1', 'cn-north-1'].map(partitionOf)).toEqual(['aws', 'aws-us-gov', 'aws-cn']);
    expect(roleArn(settings, 'teams/reader')).toBe('arn:aws:iam::123456789012:role/teams/reader');
    expect(roleName('teams/reader')).toBe('reader');
    expect(trustedArn('arn:aws-cn:sts::123456789012:assumed-role/manager/session')).toBe(
      'arn:aws-cn:iam::123456789012:role/manager',
    );
  });

  test('are another server when account, endpoint or roles differ, and keep the keys from another account or endpoint', async () => {
    const provisioner = createAwsProvisioner();
    const others = [
      { ...settings, accountId: '999999999999' },
      { ...settings, endpointUrl: 'https://elsewhere.example' },
      { ...settings, roles: [...settings.roles, { level: 'admin', role: 'admin', createsAccess: true }] },
    ];
    for (const other of others) expect(provisioner.serverOf(other)).not.toBe(provisioner.serverOf(settings));
    expect(others.map((other) => provisioner.secretBarredBy(settings, other) === null)).toEqual([false, false, true]);
    await provisioner.close();
  });

  test('a proposed role fits AWS’s names for every name of a resource', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z0-9][a-z0-9._-]{0,62}$/), (name) =>
        proposedRoles(name).every((role) => AwsRole.safeParse(role).success),
      ),
    );
  });

  test('what AWS can’t do is said before anybody approves: the floor, the delay, no sessions, the longest session, access of its own', () => {
    const provisioner = createAwsProvisioner();
    const [plain] = levelsOf(settings.roles);
    const maker = levelsOf([{ level: 'admin', role: 'x', createsAccess: true }])[0];
    if (!plain || !maker) throw new Error('no level');
    const told = provisioner.limits(settings, plain).join(' ');
    for (const words of ['15 minutes', 'at times minutes', 'no open sessions to cut', '60 minutes at most'])
      expect(told).toContain(words);
    expect(provisioner.limits(settings, maker).length).toBe(provisioner.limits(settings, plain).length + 1);
  });
});

test('an error of AWS repeats no part of the manager’s keys, and says whether to ask again', () => {
  const secret = 'AKIAIOSFODNN7EXAMPLE:wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY';
  const target = { resourceId: live.resourceId, resourceName: 'prod', settings, secret };
  const error = (name: string, httpStatusCode: number | undefined) =>
    Object.assign(new Error(`${name} said ${secret} and wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY`), {
      name,
      $metadata: { httpStatusCode },
    });
  expect(
    [
      error('ThrottlingException', 400),
      error('ServiceFailure', 503),
      error('AccessDenied', 403),
      error('TimeoutError', undefined),
    ].map((one) => asTargetError(one, target).kind),
  ).toEqual(['unreachable', 'unreachable', 'refused', 'unreachable']);
  expect(JSON.stringify(asTargetError(error('AccessDenied', 403), target).message)).not.toContain('wJalrXUtnFEMI');
});
