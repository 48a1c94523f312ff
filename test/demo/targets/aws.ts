/** AWS: the `aws` command line with the profile asks our helper for its keys; after the end neither helper nor account gives anything. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeAwsTarget, missingForAws, ROLES, startAwsAccount } from '../../bed/targets/aws';
import { until } from '../../bed/until';
import { must } from '../timeline';
import type { TargetPlay } from './target-play';

const NAME = 'prod';

export const play: TargetPlay = {
  kind: 'aws',
  title: 'AWS (moto)',
  programs: [],
  missing: missingForAws,
  async play(stage) {
    const account = await startAwsAccount();
    stage.closing(account.stop);
    const { settings, secret } = await makeAwsTarget(account);
    const [program, ...cli] = account.cli;
    /** Keys in somebody's hands, without the profile. */
    const outside = ['--endpoint-url', account.url, '--region', 'us-east-1', 'iam', 'list-roles'];
    const aws = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
      stage.run(program, [...cli, '--output', 'text', ...args], { env: { AWS_PAGER: '', ...env } });
    const helper = join(stage.env.HOME ?? '', '.config', 'Hallpass', 'bin', 'hallpass');
    const resource = await stage.add({ name: NAME, settings, secret });
    const held = await stage.ask(resource, 'read-only');
    const config = join(stage.env.HOME ?? '', '.aws', 'config');
    await stage.step('aws --profile works by asking the app, and no file of the person holds a secret', async () => {
      const who = await aws(['--profile', NAME, 'sts', 'get-caller-identity', '--query', 'Arn']);
      must(
        who.out.endsWith(`assumed-role/${ROLES['read-only']}/${held.principal}`),
        `signed in as ${who.out} ${who.err}`,
      );
      const roles = await aws(['--profile', NAME, 'iam', 'list-roles', '--query', 'length(Roles)']);
      must(roles.code === 0 && Number(roles.out) > 0, `listing roles: ${roles.err}`);
      const denied = await aws(['--profile', NAME, 'iam', 'create-user', '--user-name', 'mallory']);
      must(denied.code !== 0 && denied.err.includes('AccessDenied'), `making a user: ${denied.out} ${denied.err}`);
      const text = await readFile(config, 'utf8');
      must(/credential_process = /.test(text) && !/aws_secret_access_key/i.test(text), `the config says: ${text}`);
      return `${who.out}; ${roles.out} roles; making a user: AccessDenied`;
    });
    let keys: Record<string, string> = {};
    await stage.step('hallpass run gives a command the same, and its exit code comes back', async () => {
      const words = [program, ...cli, 'sts', 'get-caller-identity', '--query', 'Account', '--output', 'text'];
      const ran = await stage.run(helper, ['run', NAME, '--', ...words]);
      must(ran.code === 0 && ran.out === settings.accountId, `hallpass run: ${ran.out} ${ran.err}`);
      const failed = await stage.run(helper, ['run', NAME, '--', 'sh', '-c', 'exit 9']);
      must(failed.code === 9, `exit code ${failed.code}`);
      const given = await stage.run(helper, ['credential-process', NAME]);
      const { AccessKeyId, SecretAccessKey, SessionToken } = JSON.parse(given.out);
      keys = {
        AWS_ACCESS_KEY_ID: AccessKeyId,
        AWS_SECRET_ACCESS_KEY: SecretAccessKey,
        AWS_SESSION_TOKEN: SessionToken,
      };
      const stolen = await aws(outside, keys);
      must(stolen.code === 0, `keys in hand: ${stolen.err}`);
      return `account ${ran.out}; exit code ${failed.code}; the keys, copied out, work as well`;
    });
    const endless = stage.run(helper, ['run', NAME, '--', 'sleep', '600']);
    await stage.giveBack(held);
    await stage.step(
      'copied keys are refused by the account, the helper gives nothing, the running command was ended',
      async () => {
        const stolen = await aws(outside, keys);
        must(stolen.code !== 0 && stolen.err.includes('AccessDenied'), `copied keys: ${stolen.out} ${stolen.err}`);
        const given = await stage.run(helper, ['credential-process', NAME]);
        must(given.code !== 0 && given.out === '', `the helper still answers: ${given.out}`);
        const profile = await aws(['--profile', NAME, 'sts', 'get-caller-identity']);
        must(profile.code !== 0, 'the profile still works');
        const cut = await until('the command to be ended', () => endless);
        must(cut.code !== 0, `it ended with ${cut.code}`);
        const left = await readFile(config, 'utf8').catch(() => '');
        must(!left.includes('hallpass'), `the config still says: ${left}`);
        return `${stolen.err.split('\n').at(-1)}; ${given.err}`;
      },
    );
  },
};
