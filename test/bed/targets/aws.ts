/**
 * An AWS account for tests: moto's STS and IAM in a process of its own, with signatures and policies enforced. It needs
 * Python; moto and the `aws` command line come pinned from PyPI into a virtual environment under the cache folder, once per
 * machine. Where that can't be made, `missingForAws` says why, and whoever wanted it is left out with that reason.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheFolder } from '../../../electron/dev/electron-runtime.mjs';
import { run } from '../../../electron/dev/run.mjs';
import type { Target } from '../../../electron/service/provisioners/provisioner';
import type { AwsSettings } from '../../../shared/contract/aws';
import { chance26 } from '../postgres-target';
import { startProgram } from '../processes';

const PACKAGES = ['moto==5.2.5', 'flask==3.1.3', 'flask-cors==6.0.5', 'joserfc==1.8.0', 'awscli==1.46.3'];
const SERVER = fileURLToPath(new URL('./moto-server.py', import.meta.url));
const PYTHONS = ['python3', '/usr/bin/python3'];
const INSTALL_LIMIT_MS = 240_000;
export const ACCOUNT = '123456789012';

/** The SDK's notice about coming versions is for who updates it. */
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';

type Found = { readonly python: string } | { readonly missing: string };
let found: Promise<Found> | undefined;
const findPython = (): Promise<Found> => {
  found ??= makeEnvironment();
  return found;
};
/** Why there can be no AWS account here, in words; null when there can. Makes the environment by the way. */
export async function missingForAws(): Promise<string | null> {
  const answer = await findPython();
  return 'missing' in answer ? answer.missing : null;
}

/** The pinned environment, else an installed moto of whatever version. */
async function makeEnvironment(): Promise<Found> {
  const tag = createHash('sha256').update(PACKAGES.join(' ')).digest('hex').slice(0, 12);
  const home = path.join(cacheFolder(), `moto-${tag}`);
  const python = path.join(home, 'bin', 'python');
  if (existsSync(python)) return { python };
  await mkdir(cacheFolder(), { recursive: true });
  const reasons: string[] = [];
  for (const base of PYTHONS) {
    const fresh = await mkdtemp(path.join(cacheFolder(), 'moto-new-'));
    const made = await run(base, ['-m', 'venv', fresh]);
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--retries', '1', ...PACKAGES];
    const filled =
      made.code === 0
        ? await run(path.join(fresh, 'bin', 'python'), pip, { timeoutMs: INSTALL_LIMIT_MS })
        : { code: 1, stderr: made.stderr || made.stdout };
    // Everything is run as `python -m …`, so that moving the folder breaks nothing; the first of several at once wins.
    if (filled.code === 0) await rename(fresh, home).catch(() => undefined);
    await rm(fresh, { recursive: true, force: true });
    if (existsSync(python)) return { python };
    reasons.push(`${base}: ${filled.stderr.trim().split('\n').at(-1) ?? 'failed'}`);
  }
  for (const base of PYTHONS)
    if ((await run(base, ['-c', 'import moto.sts, moto.iam, flask, awscli'])).code === 0) return { python: base };
  return { missing: `moto could not be fetched from PyPI (${reasons.join('; ')})` };
}

export interface AwsAccount {
  readonly url: string;
  readonly port: number;
  /** May do everything: what tests look and make things with. */
  readonly admin: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** The real `aws` command line, as a program and its first arguments. */
  readonly cli: readonly [string, ...string[]];
  stop(): Promise<void>;
}

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });

/** Starts an account. @throws when `missingForAws` has a reason */
export async function startAwsAccount(): Promise<AwsAccount> {
  const answer = await findPython();
  if ('missing' in answer) throw new Error(answer.missing);
  const { python } = answer;
  const port = await freePort();
  const program = startProgram(python, [SERVER, String(port)]);
  try {
    await program.firstLine('stdout');
    const url = `http://127.0.0.1:${port}`;
    const admin = await makeAdmin(url);
    await fetch(`${url}/moto-api/reset-auth`, { method: 'POST', body: '0' });
    return { url, port, admin, cli: [python, '-m', 'awscli'], stop: () => program.stop() };
  } catch (error) {
    await program.stop();
    throw error;
  }
}

/** While nothing is enforced yet, anybody may make the first user. */
async function makeAdmin(url: string): Promise<AwsAccount['admin']> {
  const { IAMClient, CreateUserCommand, CreateAccessKeyCommand, PutUserPolicyCommand } = await import(
    '@aws-sdk/client-iam'
  );
  const nobody = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'none' };
  const iam = new IAMClient({ endpoint: url, region: 'us-east-1', credentials: nobody });
  const everything = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] };
  await iam.send(new CreateUserCommand({ UserName: 'admin' }));
  await iam.send(
    new PutUserPolicyCommand({ UserName: 'admin', PolicyName: 'all', PolicyDocument: JSON.stringify(everything) }),
  );
  const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName: 'admin' }));
  iam.destroy();
  return { accessKeyId: AccessKey?.AccessKeyId ?? '', secretAccessKey: AccessKey?.SecretAccessKey ?? '' };
}

export type AwsTestTarget = Target<AwsSettings>;
/** What the roles of `makeAwsTarget` may do: look at IAM, and with `power-user` also make groups. */
export const ROLES = { 'read-only': 'hallpass-prod-read-only', 'power-user': 'hallpass-prod-power-user' } as const;

/** A manager with the recipe's rights, and two roles that only it may assume. */
export async function makeAwsTarget(account: AwsAccount): Promise<AwsTestTarget> {
  const sdk = await import('@aws-sdk/client-iam');
  const iam = new sdk.IAMClient({ endpoint: account.url, region: 'us-east-1', credentials: account.admin });
  const statement = (Effect: 'Allow', Action: string | string[], Resource = '*') =>
    JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect, Action, Resource }] });
  const UserName = `manager-${chance26().slice(0, 8)}`;
  const { User } = await iam.send(new sdk.CreateUserCommand({ UserName }));
  const rights = ['sts:AssumeRole', ...['GetRole', 'ListRolePolicies', 'ListAttachedRolePolicies'].map(iamAction)];
  const marks = ['GetRolePolicy', 'PutRolePolicy', 'DeleteRolePolicy'].map(iamAction);
  // moto asks for IAM's own actions without naming the role, so the recipe's list of roles can't be used as it is.
  const PolicyDocument = statement('Allow', [...rights, ...marks]);
  await iam.send(new sdk.PutUserPolicyCommand({ UserName, PolicyName: 'recipe', PolicyDocument }));
  const { AccessKey } = await iam.send(new sdk.CreateAccessKeyCommand({ UserName }));
  const trust = {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { AWS: User?.Arn } }],
  };
  for (const RoleName of Object.values(ROLES)) {
    await iam.send(new sdk.CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: JSON.stringify(trust) }));
    const actions = RoleName === ROLES['read-only'] ? ['iam:List*', 'iam:Get*'] : ['iam:List*', 'iam:CreateGroup'];
    const Document = statement('Allow', actions);
    await iam.send(new sdk.PutRolePolicyCommand({ RoleName, PolicyName: 'rights', PolicyDocument: Document }));
  }
  iam.destroy();
  return {
    resourceId: `res_${chance26()}`,
    resourceName: 'prod',
    secret: `${AccessKey?.AccessKeyId}:${AccessKey?.SecretAccessKey}`,
    settings: {
      kind: 'aws',
      accountId: ACCOUNT,
      region: 'us-east-1',
      endpointUrl: account.url,
      maxSessionMinutes: 60,
      roles: [
        { level: 'read-only', role: ROLES['read-only'], createsAccess: false },
        { level: 'power-user', role: ROLES['power-user'], createsAccess: true },
      ],
    },
  };
}
const iamAction = (name: string): string => `iam:${name}`;
