/**
 * An AWS account that the fault proxy is put before, over plain HTTP on this machine, so that the words can be heard. The SDK
 * asks three times before it gives up, so a strike that is to be felt is three. The account is left to go on where only the
 * service's end of a commit is reset: it has the whole call by then.
 */
import { GetRolePolicyCommand, IAMClient, ListRolePoliciesCommand, ListRolesCommand } from '@aws-sdk/client-iam';
import { createAwsProvisioner } from '../../../electron/service/provisioners/aws';
import type { Target } from '../../../electron/service/provisioners/provisioner';
import type { AwsCredential, AwsSettings } from '../../../shared/contract/aws';
import { MINUTE_MS } from '../../../shared/domain/instant';
import { levelNamed } from '../../bed/postgres-target';
import { makeAwsTarget, ROLES, startAwsAccount } from '../../bed/targets/aws';
import { answeredAlone, type ProxiedTarget, saying } from './proxied-targets';

/** As often as the provisioner's SDK is told to try. */
const STRIKES = 3;
const SPEECH = { strikes: STRIKES, server: 'goes on' } as const;

export async function proxiedAws(): Promise<ProxiedTarget> {
  const account = await startAwsAccount();
  const provisioner = createAwsProvisioner();
  const target = await makeAwsTarget(account);
  const level = levelNamed(provisioner.proposedLevels('prod', target.settings), 'read-only');
  const client = (credentials: { accessKeyId: string; secretAccessKey: string }) =>
    new IAMClient({ endpoint: account.url, region: 'us-east-1', credentials, maxAttempts: 1 });
  const admin = client(account.admin);
  const documentOf = async (RoleName: string, PolicyName: string) => {
    const { PolicyDocument } = await admin.send(new GetRolePolicyCommand({ RoleName, PolicyName }));
    return decodeURIComponent(PolicyDocument ?? '');
  };
  return {
    provisioner,
    target,
    port: account.port,
    through: (port) => ({ ...target, settings: { ...target.settings, endpointUrl: `http://127.0.0.1:${port}` } }),
    level,
    moments: [
      saying('create', /Action=PutRolePolicy/, SPEECH),
      saying('create', /Action=AssumeRole/, { ...SPEECH, reply: /<\/AssumeRoleResponse>/ }),
      saying('extend', /Action=PutRolePolicy/, SPEECH),
      saying('end', /Action=PutRolePolicy/, SPEECH),
    ],
    sessions: 'none',
    attacks: 'at once',
    silence: 'also on a kept line',
    /** As the engine does at an extension: a session for longer, under the same mark. */
    extend: (over, principal) =>
      provisioner.create(over as Target<AwsSettings>, { principal, level, validForMs: 30 * MINUTE_MS }),
    async logIn(credential) {
      const holder = client(credential as AwsCredential);
      try {
        await holder.send(new ListRolesCommand({}));
      } finally {
        holder.destroy();
      }
      return { cut: new Promise<void>(() => undefined) };
    },
    secretsOf(credential) {
      const { secretAccessKey, sessionToken } = credential as AwsCredential;
      return [secretAccessKey, sessionToken, target.secret.split(':')[1] ?? ''];
    },
    lostIn(reply) {
      const of = (name: string) => new RegExp(`<${name}>([^<]+)</${name}>`).exec(reply)?.[1] ?? '';
      if (!reply.includes('AssumeRoleResponse')) return null;
      const keys = { accessKeyId: of('AccessKeyId'), secretAccessKey: of('SecretAccessKey') };
      return {
        kind: 'aws',
        ...keys,
        sessionToken: of('SessionToken'),
        sessionEndsAt: 0,
        roleArn: '',
        region: 'us-east-1',
      };
    },
    /** Its mark is what says whether a session of that name may be used; the roles' own policies stand beside it. */
    async look(principal) {
      let canLogIn = false;
      for (const RoleName of Object.values(ROLES)) {
        const { PolicyNames = [] } = await admin.send(new ListRolePoliciesCommand({ RoleName }));
        for (const name of PolicyNames.filter((one) => one.includes(principal))) {
          const [, ahead] =
            /"DateGreaterThan":\{"aws:CurrentTime":"([^"]+)"/.exec(await documentOf(RoleName, name)) ?? [];
          if (ahead !== undefined && Date.parse(ahead) > Date.now()) canLogIn = true;
        }
      }
      return { canLogIn, sessions: 0 };
    },
    settled: answeredAlone,
    async stop() {
      admin.destroy();
      await provisioner.close();
      await account.stop();
    },
  };
}
