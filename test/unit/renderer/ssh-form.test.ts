/** The form of an SSH host promises of the stored authority what the service does. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createSshProvisioner } from '../../../electron/service/provisioners/ssh';
import { sshForm } from '../../../renderer/features/resources/kinds/ssh';
import { SshSettings } from '../../../shared/contract/ssh';

const settings: fc.Arbitrary<SshSettings> = fc
  .record({
    host: fc.constantFrom('web-1', 'web-2'),
    port: fc.constantFrom(22, 2222),
    hook: fc.option(
      fc.record({
        user: fc.constantFrom('root', 'hallpass'),
        command: fc.constantFrom('/usr/bin/hook', 'sudo -n hook'),
      }),
    ),
    sourceAddresses: fc.constantFrom<string[]>([], ['10.0.0.0/8']),
    user: fc.constantFrom('deploy', 'admin'),
  })
  .map(({ user, ...rest }) =>
    SshSettings.parse({
      kind: 'ssh',
      ...rest,
      hostKeys: [`ssh-ed25519 ${'A'.repeat(68)}`],
      logins: [{ level: 'shell', user }],
    }),
  );

test('the form keeps the stored authority exactly when the service would use it', () => {
  const provisioner = createSshProvisioner({ random: { bytes: (count) => new Uint8Array(count) } });
  fc.assert(
    fc.property(settings, settings, (stored, now) => {
      expect(sshForm.keepsSecret(stored, now)).toBe(provisioner.secretBarredBy(stored, now) === null);
    }),
    { numRuns: 2_000 },
  );
});
test('another command of the hook is barred, and said as such', () => {
  const stored = SshSettings.parse({
    ...{ kind: 'ssh', host: 'web-1', hostKeys: [`ssh-ed25519 ${'A'.repeat(68)}`] },
    logins: [{ level: 'shell', user: 'deploy' }],
  });
  const provisioner = createSshProvisioner({ random: { bytes: (count) => new Uint8Array(count) } });
  const next = { ...stored, hook: { user: 'root', command: 'id' } };
  expect(provisioner.secretBarredBy(stored, next)).toMatch(/command of the hook/);
  expect(provisioner.secretBarredBy(stored, { ...stored, sourceAddresses: ['10.0.0.0/8'] })).toBeNull();
});
