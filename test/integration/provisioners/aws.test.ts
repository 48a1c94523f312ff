/**
 * AWS against what holds for every provisioner, and what is particular to it: dated denies, the floor of a session, narrowed
 * sessions, roles that are full or gone. The account is moto's (test/bed/targets/aws.ts), with signatures and policies enforced.
 */
import {
  CreateAccessKeyCommand,
  CreateUserCommand,
  DeleteRolePolicyCommand,
  GetRolePolicyCommand,
  IAMClient,
  ListRolePoliciesCommand,
  ListRolesCommand,
  PutRolePolicyCommand,
  PutUserPolicyCommand,
} from '@aws-sdk/client-iam';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type AwsProvisioner, createAwsProvisioner } from '../../../electron/service/provisioners/aws';
import { type Mark, markDocument } from '../../../electron/service/provisioners/aws/marks';
import type { Target } from '../../../electron/service/provisioners/provisioner';
import type { AwsCredential, AwsSettings } from '../../../shared/contract/aws';
import { HOUR_MS, MINUTE_MS } from '../../../shared/domain/instant';
import { levelNamed, newPrincipal } from '../../bed/postgres-target';
import { ACCOUNT, type AwsAccount, makeAwsTarget, missingForAws, startAwsAccount } from '../../bed/targets/aws';
import { until } from '../../bed/until';
import { describeProvisionerContract } from './contract';

const GONE = { exists: false, canLogIn: false, sessionCount: 0 };
const missing = await missingForAws();

const clientOptions = (account: Pick<AwsAccount, 'url'>, credentials: AwsAccount['admin'] | AwsCredential) => ({
  endpoint: account.url,
  region: 'us-east-1',
  credentials,
  maxAttempts: 1,
});

/** What a holder does with the keys: asks IAM for its roles. Each call is a log-in of its own. */
async function logIn(account: AwsAccount, credential: AwsCredential) {
  const iam = new IAMClient(clientOptions(account, credential));
  await iam.send(new ListRolesCommand({}));
  return {
    use: () => iam.send(new ListRolesCommand({})),
    forbidden: [
      { what: 'make a user', attempt: () => iam.send(new CreateUserCommand({ UserName: 'somebody' })) },
      { what: 'make keys', attempt: () => iam.send(new CreateAccessKeyCommand({ UserName: 'admin' })) },
      {
        what: 'take the deny away',
        attempt: () =>
          iam.send(new DeleteRolePolicyCommand({ RoleName: 'hallpass-prod-read-only', PolicyName: 'rights' })),
      },
    ],
    cut: new Promise<void>(() => undefined),
    close: async () => iam.destroy(),
  };
}

if (missing !== null) test('AWS', ({ skip }) => skip(missing));
else {
  describeProvisionerContract<AwsSettings, AwsCredential>({
    name: 'AWS',
    sessions: 'none',
    ended: 'refused',
    repeated: 'keeps',
    madeAgain: 'refused',
    async start() {
      const account = await startAwsAccount();
      const provisioner = createAwsProvisioner();
      const target = await makeAwsTarget(account);
      const admin = new IAMClient(clientOptions(account, account.admin));
      const RoleName = 'hallpass-prod-read-only';
      const document = JSON.stringify({
        Version: '2012-10-17',
        Statement: [{ Effect: 'Allow', Action: 'iam:ListUsers', Resource: '*' }],
      });
      return {
        provisioner,
        target,
        level: levelNamed(provisioner.proposedLevels('prod', target.settings), 'read-only'),
        wrongSecret: `${target.secret.split(':')[0]}:${'w'.repeat(40)}`,
        at: (port) => ({ ...target, settings: { ...target.settings, endpointUrl: `http://127.0.0.1:${port}` } }),
        logIn: (credential) => logIn(account, credential),
        foreign: {
          make: async (name) =>
            void (await admin.send(
              new PutRolePolicyCommand({ RoleName, PolicyName: `hallpass-${name}`, PolicyDocument: document }),
            )),
          isWhole: async (name) => {
            const found = await admin.send(new GetRolePolicyCommand({ RoleName, PolicyName: `hallpass-${name}` }));
            return decodeURIComponent(found.PolicyDocument ?? '') === document;
          },
          remove: async (name) =>
            void (await admin.send(new DeleteRolePolicyCommand({ RoleName, PolicyName: `hallpass-${name}` }))),
        },
        async stop() {
          await provisioner.close();
          admin.destroy();
          await account.stop();
        },
      };
    },
  });

  describe('AWS, what is particular to it', () => {
    let account: AwsAccount;
    let target: Target<AwsSettings>;
    let provisioner: AwsProvisioner;
    let admin: IAMClient;
    const RoleName = 'hallpass-prod-read-only';
    beforeAll(async () => {
      account = await startAwsAccount();
      target = await makeAwsTarget(account);
      provisioner = createAwsProvisioner();
      admin = new IAMClient(clientOptions(account, account.admin));
    });
    afterAll(async () => {
      admin?.destroy();
      await provisioner?.close();
      await account?.stop();
    });
    const create = (
      principal: string,
      over: { level?: string; validForMs?: number; from?: Target<AwsSettings> } = {},
    ) => {
      const from = over.from ?? target;
      const level = levelNamed(provisioner.proposedLevels('prod', from.settings), over.level ?? 'read-only');
      return provisioner.create(from, { principal, level, validForMs: over.validForMs ?? HOUR_MS });
    };
    const works = (credential: AwsCredential) =>
      new IAMClient(clientOptions(account, credential)).send(new ListRolesCommand({})).then(
        () => true,
        () => false,
      );
    const marks = async () =>
      ((await admin.send(new ListRolePoliciesCommand({ RoleName }))).PolicyNames ?? []).filter(
        (name) => name !== 'rights',
      );

    test('the role itself refuses a session from the deadline on, though AWS made it for 15 minutes', async () => {
      const principal = newPrincipal();
      const credential = await create(principal, { validForMs: 5 * MINUTE_MS });
      expect(await works(credential)).toBe(true);
      expect(credential.sessionEndsAt - Date.now()).toBeGreaterThan(14 * MINUTE_MS);
      await provisioner.setDeadline(target, principal, 1);
      await until('the deadline', async () => !(await works(credential)));
      expect(await provisioner.readBack(target, principal)).toEqual({ exists: true, canLogIn: false, sessionCount: 0 });
      await provisioner.setDeadline(target, principal, MINUTE_MS);
      expect(await works(credential)).toBe(true);
      await provisioner.end(target, principal);
      expect(await works(credential)).toBe(false);
      await expect(provisioner.setDeadline(target, principal, MINUTE_MS)).rejects.toMatchObject({ kind: 'conflict' });
    });

    test('an end holds as long as its session would, also where the longest session was shortened meanwhile', async () => {
      const principal = newPrincipal();
      const long = { ...target, settings: { ...target.settings, maxSessionMinutes: 6 * 60 } };
      const { sessionEndsAt } = await create(principal, { from: long, validForMs: 6 * HOUR_MS });
      await provisioner.end(target, principal);
      const PolicyName = `hallpass-${principal}`;
      const { PolicyDocument } = await admin.send(new GetRolePolicyCommand({ RoleName, PolicyName }));
      const [, at] = /E(\d+)"/.exec(decodeURIComponent(PolicyDocument ?? '')) ?? [];
      expect(Number(at) * 1_000).toBeGreaterThanOrEqual(sessionEndsAt);
    });

    test('a session is as long as the grant, never longer than the role allows', async () => {
      const lengthOf = async (validForMs: number) => {
        const { sessionEndsAt } = await create(newPrincipal(), { validForMs });
        return Math.round((sessionEndsAt - Date.now()) / MINUTE_MS);
      };
      expect([await lengthOf(20 * MINUTE_MS), await lengthOf(5 * HOUR_MS)]).toEqual([20, 60]);
    });

    test('a session policy narrows what the role allows', async () => {
      const sessionPolicy = JSON.stringify({
        Version: '2012-10-17',
        Statement: [{ Effect: 'Allow', Action: 'iam:ListUsers', Resource: '*' }],
      });
      const roles = target.settings.roles.map((role) =>
        role.level === 'read-only' ? { ...role, sessionPolicy } : role,
      );
      const from = { ...target, settings: { ...target.settings, roles } };
      expect(await works(await create(newPrincipal(), { from }))).toBe(false);
      expect(await works(await create(newPrincipal()))).toBe(true);
    });

    test('a mark that somebody took away or changed proves nothing: the end denies the name anew, on every role', async () => {
      for (const harm of ['delete', 'change'] as const) {
        const principal = newPrincipal();
        const credential = await create(principal);
        const PolicyName = `hallpass-${principal}`;
        const document = JSON.stringify({
          Version: '2012-10-17',
          Statement: [{ Effect: 'Deny', Action: 's3:*', Resource: '*' }],
        });
        if (harm === 'delete') await admin.send(new DeleteRolePolicyCommand({ RoleName, PolicyName }));
        else await admin.send(new PutRolePolicyCommand({ RoleName, PolicyName, PolicyDocument: document }));
        expect(await works(credential)).toBe(true);
        expect((await provisioner.end(target, principal)).readBack).toEqual(GONE);
        expect(await works(credential)).toBe(false);
        if (harm === 'change') {
          const found = await admin.send(new GetRolePolicyCommand({ RoleName, PolicyName }));
          expect(decodeURIComponent(found.PolicyDocument ?? '')).toBe(document);
        }
      }
    });

    test('a mark stays until every session it denies is over by itself, and then goes at the next look', async () => {
      const principal = newPrincipal();
      const credential = await create(principal);
      await provisioner.end(target, principal);
      expect(await provisioner.cleanUp(target, principal)).toEqual({ done: true, residue: [] });
      expect(await marks()).toContain(`hallpass-${principal}`);
      expect(await works(credential)).toBe(false);
      const over: Mark = {
        principal,
        resourceId: target.resourceId,
        state: 'ended',
        atSeconds: Math.floor(Date.now() / 1_000) - 5,
      };
      await admin.send(
        new PutRolePolicyCommand({ RoleName, PolicyName: `hallpass-${principal}`, PolicyDocument: markDocument(over) }),
      );
      await provisioner.list(target);
      expect(await marks()).not.toContain(`hallpass-${principal}`);
    });

    test('ends of two services at once do not undo each other', async () => {
      const other = createAwsProvisioner();
      const principals = Array.from({ length: 8 }, newPrincipal);
      const credentials = await Promise.all(principals.map((principal) => create(principal)));
      await Promise.all(principals.map((principal, at) => (at % 2 ? other : provisioner).end(target, principal)));
      expect(await Promise.all(credentials.map(works))).toEqual(principals.map(() => false));
      await other.close();
    });

    test('a role that is not there, or not in the settings, is refused before anything is made', async () => {
      const level = { name: 'other', description: '', targetRole: 'other', createsAccess: false };
      const order = { principal: newPrincipal(), level, validForMs: HOUR_MS };
      await expect(provisioner.create(target, order)).rejects.toMatchObject({ kind: 'refused' });
      const settings = { ...target.settings, roles: [{ level: 'other', role: 'other', createsAccess: false }] };
      await expect(provisioner.create({ ...target, settings }, order)).rejects.toMatchObject({ kind: 'refused' });
      expect((await provisioner.end({ ...target, settings }, order.principal)).readBack).toEqual(GONE);
    });

    test('a plan makes roles that are not there, for the manager alone; one that may not make any says what to run', async () => {
      const roles = [{ level: 'read-only', role: 'teams/hallpass-new', createsAccess: false }];
      const poor = { ...target, settings: { ...target.settings, roles } };
      const plan = await provisioner.plan(poor);
      expect(plan.steps.map(({ sql, done }) => [sql.split(' ').slice(0, 5).join(' '), done])).toEqual([
        ['aws iam create-role --role-name hallpass-new', false],
        ['aws iam attach-role-policy --role-name hallpass-new', false],
      ]);
      expect(await provisioner.apply(poor, plan.digest)).toMatchObject({
        ok: false,
        ran: 0,
        failedSql: plan.steps[0]?.sql,
      });
      const rich = { ...poor, secret: `${account.admin.accessKeyId}:${account.admin.secretAccessKey}` };
      const theirs = await provisioner.plan(rich);
      const answer = await provisioner.apply(rich, theirs.digest);
      // moto has no managed policies of AWS; the role is there, and what is left is told
      expect(answer.ran).toBeGreaterThanOrEqual(1);
      expect((await provisioner.plan(rich)).steps[0]?.done).toBe(true);
      const made = (await admin.send(new ListRolesCommand({ PathPrefix: '/teams/' }))).Roles?.[0];
      expect(decodeURIComponent(made?.AssumeRolePolicyDocument ?? '')).toContain(`arn:aws:iam::${ACCOUNT}:user/admin`);
    });

    test('a manager that lacks a right hears which, and how to mend it', async () => {
      const UserName = 'poor-manager';
      await admin.send(new CreateUserCommand({ UserName }));
      const document = JSON.stringify({
        Version: '2012-10-17',
        Statement: [{ Effect: 'Allow', Action: 'iam:GetRole', Resource: '*' }],
      });
      await admin.send(new PutUserPolicyCommand({ UserName, PolicyName: 'little', PolicyDocument: document }));
      const { AccessKey } = await admin.send(new CreateAccessKeyCommand({ UserName }));
      const secret = `aws_access_key_id = ${AccessKey?.AccessKeyId}\naws_secret_access_key=${AccessKey?.SecretAccessKey}\n`;
      const report = await provisioner.test({ ...target, secret });
      expect(report.checks.filter(({ ok }) => !ok).map(({ name }) => name)).toEqual([
        'Making a session of hallpass-prod-read-only',
        'Ending a session of hallpass-prod-read-only',
        'Making a session of hallpass-prod-power-user',
        'Ending a session of hallpass-prod-power-user',
      ]);
      expect(report.recipe).toContain(`arn:aws:iam::${ACCOUNT}:role/hallpass-prod-read-only`);
      const wrongAccount = { ...target, settings: { ...target.settings, accountId: '999999999999' } };
      expect((await provisioner.test(wrongAccount)).checks.find(({ name }) => name === 'Account')?.ok).toBe(false);
    });
  });
}
