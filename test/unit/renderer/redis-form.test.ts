/** The form of a Redis resource: what it keeps through a round, and that it promises of the stored secret what the service does. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createRedisProvisioner } from '../../../electron/service/provisioners/redis';
import { redisForm } from '../../../renderer/features/resources/kinds/redis';
import { RedisSettings } from '../../../shared/contract/redis';

const settings: fc.Arbitrary<RedisSettings> = fc
  .record({
    nodes: fc.uniqueArray(fc.constantFrom('a:1', 'b:1', 'c:1'), { minLength: 1 }),
    managerUser: fc.constantFrom('m', 'n'),
    tls: fc.constantFrom('disable' as const, 'require' as const, 'verify-full' as const),
    ca: fc.constantFrom('', 'PEM', 'OTHER'),
    keyPatterns: fc.constantFrom<string[]>(['*'], ['a:*', 'b:*']),
    channelPatterns: fc.constantFrom<string[]>([], ['news']),
    database: fc.nat(15),
  })
  .map(({ ca, ...rest }) => ({ kind: 'redis', ...rest, ...(ca === '' ? {} : { caCertificate: ca }) }));

test('settings come back from the form as they went in', () => {
  fc.assert(
    fc.property(settings, (stored) => {
      expect(redisForm.settingsOf(RedisSettings.parse(redisForm.draftOf(stored)))).toEqual(stored);
    }),
  );
});
test('the form keeps the stored secret exactly when the service would send it', () => {
  const provisioner = createRedisProvisioner({ random: { bytes: (count) => new Uint8Array(count) } });
  fc.assert(
    fc.property(settings, settings, (stored, now) => {
      expect(redisForm.keepsSecret(stored, now)).toBe(provisioner.secretBarredBy(stored, now) === null);
    }),
    { numRuns: 2_000 },
  );
});
test('a place names the first node and counts the others', () => {
  const one = RedisSettings.parse({ kind: 'redis', nodes: ['a:1'], managerUser: 'm' });
  expect(redisForm.placeOf(one)).toBe('m@a:1');
  expect(redisForm.placeOf({ ...one, nodes: ['a:1', 'b:1'] })).toBe('m@a:1 and 1 more node');
  expect(redisForm.placeOf({ ...one, nodes: ['a:1', 'b:1', 'c:1'] })).toBe('m@a:1 and 2 more nodes');
});
test('an empty form is no settings yet: nodes are asked for', () => {
  const read = RedisSettings.safeParse(redisForm.empty);
  expect(read.error?.issues.map((issue) => issue.path.join('.'))).toEqual(['nodes']);
});
