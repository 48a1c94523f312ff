/** The AWS profile for real: our files, our helper, the real `aws` command line against moto, and what was in the files before. */
import { chmodSync, existsSync, lstatSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type AwsProvisioner, createAwsProvisioner } from '../../../electron/service/provisioners/aws';
import type { AwsCredential } from '../../../shared/contract/aws';
import { HOUR_MS, MINUTE_MS, SECOND_MS } from '../../../shared/domain/instant';
import { levelNamed, newPrincipal } from '../../bed/postgres-target';
import {
  type AwsAccount,
  type AwsTestTarget,
  makeAwsTarget,
  missingForAws,
  ROLES,
  startAwsAccount,
} from '../../bed/targets/aws';
import { type Desk, openDesk, postgresCredential } from '../helpers/desk';

const missing = await missingForAws();
if (missing !== null) test('AWS profiles with the real aws', ({ skip }) => skip(missing));

describe.skipIf(missing !== null)('an AWS profile', () => {
  let account: AwsAccount;
  let target: AwsTestTarget;
  let provisioner: AwsProvisioner;
  let desk: Desk;
  beforeAll(async () => {
    account = await startAwsAccount();
    target = await makeAwsTarget(account);
    provisioner = createAwsProvisioner();
  });
  afterAll(async () => {
    await provisioner?.close();
    await account?.stop();
  });
  beforeEach(async () => {
    desk = await openDesk();
  });
  afterEach(() => desk.close());

  const config = () => join(desk.home, '.aws', 'config');
  const credentials = () => join(desk.home, '.aws', 'credentials');
  const have = (path: string, text: string) => {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writeFileSync(path, text, { mode: 0o600 });
  };
  const make = (principal: string): Promise<AwsCredential> =>
    provisioner.create(target, {
      principal,
      level: levelNamed(provisioner.proposedLevels('prod', target.settings), 'read-only'),
      validForMs: HOUR_MS,
    });
  const aws = (args: readonly string[], env: NodeJS.ProcessEnv = {}) => {
    const [program, ...first] = account.cli;
    return desk.start(program, [...first, '--output', 'text', ...args], { AWS_PAGER: '', ...env }).ended;
  };
  const whoAmI = (profile: string) => aws(['--profile', profile, 'sts', 'get-caller-identity', '--query', 'Arn']);

  test('works with the real aws through the helper, holds no secret, and both ends end it', async () => {
    const principal = newPrincipal();
    const credential = await make(principal);
    const grantId = await desk.inject('prod', credential);
    expect((await whoAmI('prod')).out).toMatch(new RegExp(`assumed-role/${ROLES['read-only']}/${principal}$`));
    const text = readFileSync(config(), 'utf8');
    for (const secret of [credential.accessKeyId, credential.secretAccessKey, credential.sessionToken])
      expect(text).not.toContain(secret);
    expect(lstatSync(config()).mode & 0o777).toBe(0o600);
    await desk.injector.remove(grantId, 'returned');
    expect((await whoAmI('prod')).code).not.toBe(0);
    expect(existsSync(config())).toBe(false);
    await provisioner.end(target, principal);
  });

  test('tells the tools an end that is the grant’s, also where the session lives longer, and nothing from then on', async () => {
    const credential = await make(newPrincipal());
    await desk.inject('prod', credential, 20 * MINUTE_MS);
    const given = JSON.parse((await desk.hallpass(['credential-process', 'prod'])).out);
    expect(given).toMatchObject({ Version: 1, AccessKeyId: credential.accessKeyId });
    const leftMs = Date.parse(given.Expiration) - Date.now();
    expect(leftMs).toBeGreaterThan(15 * MINUTE_MS);
    expect(leftMs).toBeLessThanOrEqual(20 * MINUTE_MS);
    await desk.inject('over', { ...credential, sessionEndsAt: Date.now() - SECOND_MS });
    expect(await desk.hallpass(['credential-process', 'over'])).toMatchObject({
      code: 69,
      out: '',
      err: 'hallpass: The access over is over.',
    });
    await desk.inject('orders-db', postgresCredential);
    expect(await desk.hallpass(['credential-process', 'orders-db'])).toMatchObject({ code: 69, out: '' });
    expect(desk.logged.join('\n')).not.toContain(credential.secretAccessKey);
  });

  test('hallpass run beats profiles and variables of the person, and puts no secret into the environment', async () => {
    have(config(), '[default]\nregion = ap-south-1\n');
    have(credentials(), '[default]\naws_access_key_id = AKIAOWNOWNOWNOWNOWN1\naws_secret_access_key = own\n');
    const principal = newPrincipal();
    const credential = await make(principal);
    await desk.inject('prod', credential);
    const [program, ...first] = account.cli;
    const words = [program, ...first, '--output', 'text', 'sts', 'get-caller-identity', '--query', 'Arn'];
    const own = { AWS_ACCESS_KEY_ID: 'AKIAOWNOWNOWNOWNOWN1', AWS_SECRET_ACCESS_KEY: 'own', AWS_PROFILE: 'other' };
    const ran = await desk.hallpass(['run', 'prod', '--', ...words], own);
    expect(ran.out).toMatch(new RegExp(`/${principal}$`));
    expect((await desk.hallpass(['run', 'prod', '--', 'env'])).out).not.toContain(credential.secretAccessKey);
  });

  test('a profile of the same name is kept, in either file and however it is written; the command names another', async () => {
    const mine =
      '# mine\r\n[profile "prod"]\r\nregion=eu-west-1\r\n\t# tab\r\n[sso-session prod.read-only]\r\n[default]\r\noutput = json';
    have(config(), mine);
    const credential = await make(newPrincipal());
    const grantId = await desk.inject('prod', credential);
    const [shown] = desk.injector.list();
    expect(shown?.command).toBe('aws --profile prod.read-only sts get-caller-identity');
    expect(shown?.warnings.join()).toContain('“prod” of your own');
    expect((await whoAmI('prod.read-only')).code).toBe(0);
    expect((await aws(['--profile', 'prod', 'configure', 'get', 'region'])).out).toBe('eu-west-1');
    await desk.injector.remove(grantId, 'returned');
    expect(readFileSync(config(), 'utf8')).toBe(mine);
    have(config(), `\ufeff${mine}`); // the tools themselves can't read such a file; it comes back as it was
    await desk.injector.remove(await desk.inject('prod', credential), 'returned');
    expect(readFileSync(config(), 'utf8')).toBe(`\ufeff${mine}`);
    have(credentials(), '[prod.read-only]\naws_access_key_id = AKIAOWNOWNOWNOWNOWN1\n');
    await desk.inject('prod', credential);
    expect(desk.injector.list()[0]?.command).toMatch(/--profile prod\.read-only\.[0-9a-z]{6} /);
  });

  test('where the shell names other files, those are used', async () => {
    const elsewhere = join(desk.root, 'my aws config');
    writeFileSync(elsewhere, '[profile mine]\nregion = eu-west-1\n');
    writeFileSync(join(desk.home, '.profile'), `export AWS_CONFIG_FILE='${elsewhere}'\n`);
    const grantId = await desk.inject('prod', await make(newPrincipal()));
    expect(readFileSync(elsewhere, 'utf8')).toContain('[profile prod]');
    expect(existsSync(config())).toBe(false);
    expect((await aws(['--profile', 'prod', 'sts', 'get-caller-identity'], { AWS_CONFIG_FILE: elsewhere })).code).toBe(
      0,
    );
    await desk.injector.remove(grantId, 'returned');
    expect(readFileSync(elsewhere, 'utf8')).toBe('[profile mine]\nregion = eu-west-1\n');
  });

  test('a link is followed, and a file that can be no config is left alone', async () => {
    const real = join(desk.home, 'dotfiles-aws');
    writeFileSync(real, '[profile mine]\n');
    mkdirSync(dirname(config()), { mode: 0o700 });
    const { symlinkSync } = await import('node:fs');
    symlinkSync(real, config());
    const grantId = await desk.inject('prod', await make(newPrincipal()));
    expect(lstatSync(config()).isSymbolicLink()).toBe(true);
    expect((await whoAmI('prod')).code).toBe(0);
    await desk.injector.remove(grantId, 'returned');
    expect(readFileSync(real, 'utf8')).toBe('[profile mine]\n');
    writeFileSync(real, 'a\0b');
    await expect(desk.inject('prod', await make(newPrincipal()))).rejects.toMatchObject({
      userError: { code: 'aws-file-unusable' },
    });
    expect(readFileSync(real, 'utf8')).toBe('a\0b');
  });

  describe('with keys in the credentials file', () => {
    beforeEach(async () => {
      await desk.close();
      desk = await openDesk({ awsCredentials: 'file' });
    });

    test('works without the app, is made anew in place at an extension, and goes without a trace', async () => {
      const mine = '[mine]\naws_access_key_id = AKIAOWNOWNOWNOWNOWN1';
      have(credentials(), mine);
      const principal = newPrincipal();
      const first = await make(principal);
      const grantId = await desk.inject('prod', first);
      await desk.helpers.stop();
      expect((await whoAmI('prod')).out).toMatch(new RegExp(`/${principal}$`));
      expect(readFileSync(credentials(), 'utf8')).toContain(first.sessionToken);
      const second = await make(principal);
      const longer = { grantId, resource: 'prod', level: 'read-only', issue: 2, expiresAt: Date.now() + HOUR_MS };
      await desk.injector.inject({ ...longer, credential: second });
      const text = readFileSync(credentials(), 'utf8');
      expect(text).toContain(second.sessionToken);
      expect(text).not.toContain(first.sessionToken);
      expect((await whoAmI('prod')).code).toBe(0);
      await desk.injector.remove(grantId, 'returned');
      expect(readFileSync(credentials(), 'utf8')).toBe(mine);
      await provisioner.end(target, principal);
    });

    test('a file that others can read gets no keys', async () => {
      have(credentials(), '[mine]\n');
      chmodSync(credentials(), 0o644);
      await expect(desk.inject('prod', await make(newPrincipal()))).rejects.toMatchObject({
        userError: { code: 'aws-file-unusable' },
      });
      expect(readFileSync(credentials(), 'utf8')).toBe('[mine]\n');
    });

    test('nor does one that others can read behind a link', async () => {
      const real = join(desk.home, 'dotfiles-credentials');
      have(real, '[mine]\n');
      chmodSync(real, 0o644);
      mkdirSync(dirname(credentials()), { mode: 0o700 });
      symlinkSync(real, credentials());
      await expect(desk.inject('prod', await make(newPrincipal()))).rejects.toMatchObject({
        userError: { code: 'aws-file-unusable' },
      });
      expect(readFileSync(real, 'utf8')).toBe('[mine]\n');
    });
  });
});
