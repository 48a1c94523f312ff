/** What a device writes into files that programs read: nothing in a credential can become a line, or a variable, of its own. */
import { describe, expect, test } from 'vitest';
import { AwsCredential, AwsSettings } from '../../../shared/contract/aws';
import { SshCredential } from '../../../shared/contract/ssh';
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
