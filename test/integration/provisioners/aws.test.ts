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
  ListRolesCommand,
  PutRolePolicyCommand,
} from '@aws-sdk/client-iam';
import { test } from 'vitest';
import { createAwsProvisioner } from '../../../electron/service/provisioners/aws';
import type { AwsCredential, AwsSettings } from '../../../shared/contract/aws';
import { levelNamed } from '../../bed/postgres-target';
import { type AwsAccount, makeAwsTarget, missingForAws, startAwsAccount } from '../../bed/targets/aws';
import { describeProvisionerContract } from './contract';

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
}
