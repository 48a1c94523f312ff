/** What a device writes into files that programs read: nothing in a credential can become a line, or a variable, of its own. */
import { describe, expect, test } from 'vitest';
import { AwsCredential, AwsSettings } from '../../../shared/contract/aws';
import { SshCredential } from '../../../shared/contract/ssh';
import { Values } from '../../../shared/contract/values';
import { ReceiverUrl } from '../../../shared/contract/webhook';

const certificate = `ssh-ed25519-cert-v01@openssh.com ${'A'.repeat(120)} hp_x`;
const ssh = {
  kind: 'ssh',
  host: 'host.internal',
  port: 22,
  user: 'deploy',
  certificate,
  hostKeys: ['ssh-ed25519 AAAAC3Nz'],
};
const aws = {
  kind: 'aws',
  accessKeyId: 'ASIAEXAMPLEEXAMPLE',
  secretAccessKey: 'x',
  sessionToken: 'y',
  sessionEndsAt: 1,
  roleArn: 'arn:aws:iam::123456789012:role/reader',
  region: 'eu-central-1',
  endpointUrl: 'http://127.0.0.1:5000/',
};

describe('lines in a credential', () => {
  test('host and user of an ssh credential are one word each', () => {
    expect(SshCredential.safeParse(ssh).success).toBe(true);
    for (const bad of ['a\n  ProxyCommand touch /tmp/x', 'a\r\nMatch all', 'a b', '-oProxyCommand=x', 'a"b', '%h'])
      for (const key of ['host', 'user'])
        expect([key, bad, SshCredential.safeParse({ ...ssh, [key]: bad }).success]).toEqual([key, bad, false]);
  });
  test('an endpoint of AWS is one word, in settings and in a credential', () => {
    expect(AwsCredential.safeParse(aws).success).toBe(true);
    const settings = { kind: 'aws', accountId: '123456789012', roles: [{ level: 'read-only', role: 'reader' }] };
    for (const bad of ['http://a/\ncredential_process = sh -c id', 'http://a/\r\nx=y', 'http://a/\tb', ' http://a/']) {
      expect(AwsCredential.safeParse({ ...aws, endpointUrl: bad }).success).toBe(false);
      expect(AwsSettings.safeParse({ ...settings, endpointUrl: bad }).success).toBe(false);
    }
  });
  test('an address of a receiver is one word', () => {
    expect(ReceiverUrl.safeParse('https://hooks.internal/hallpass').success).toBe(true);
    for (const bad of ['https://a/\nb', '\thttps://a/']) expect(ReceiverUrl.safeParse(bad).success).toBe(false);
  });
});

describe('named values', () => {
  test('a name that makes a program run something is none, in whatever case', () => {
    for (const name of ['API_KEY', 'PGPASSWORD', 'MYSQL_PWD', 'token', 'DATABASE_URL', 'AWS_ACCESS_KEY_ID', 'USERNAME'])
      expect([name, Values.safeParse({ [name]: 'x' }).success]).toEqual([name, true]);
    const acting = ['PATH', 'ld_preload', 'VIMINIT', 'MAKEFLAGS', 'PSQL_PAGER', 'KUBE_EDITOR', 'MAVEN_OPTS', 'GOFLAGS'];
    for (const name of [...acting, 'KUBECONFIG', 'AWS_CONFIG_FILE', 'DOCKER_CONFIG', 'RSYNC_RSH', 'UID', '_'])
      expect([name, Values.safeParse(JSON.parse(`{"${name}": "x", "OK": "x"}`)).success]).toEqual([name, false]);
  });
  test('a value is one line, for readers that know other line ends too', () => {
    expect(Values.safeParse({ A: "it's ä\t$x" }).success).toBe(true);
    for (const end of ['\n', '\r', '\u0085', '\u2028', '\u2029', '\u001e', '\0'])
      expect([end, Values.safeParse({ A: `x${end}LD_PRELOAD=y` }).success]).toEqual([end, false]);
  });
});
