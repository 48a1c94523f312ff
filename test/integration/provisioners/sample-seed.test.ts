/** The sample, put in over the real service's API: twice, and with nobody else when the service is this machine's alone. */
import { expect, test } from 'vitest';
import { startSampleTarget } from '../../../electron/dev/sample/target';
import { API, type ApiName } from '../../../shared/contract/api';
import { SAMPLE_PEOPLE, SAMPLE_RESOURCES, type SampleClient, seedSample } from '../../../shared/sample/workspace';
import { systemRandom } from '../../bed/postgres-target';
import { type Client, newKey, startTestService } from '../service/harness';

const clientOf =
  (owner: Client): SampleClient =>
  async (name: ApiName, params, body) => {
    const { method, path } = API[name];
    const filled = path.replace(/:(\w+)/g, (_, key: string) =>
      encodeURIComponent((params as Record<string, string>)[key] ?? ''),
    );
    const reply = await owner.call(method, filled, body, method === 'POST' ? newKey() : {});
    if (reply.status >= 400) throw Object.assign(new Error(`${name}: ${reply.text}`), { code: reply.json?.code });
    return reply.json;
  };

test('a fresh workspace is filled, and filling it again changes nothing', async () => {
  const sample = await startSampleTarget({ settings: { fsync: 'off' } });
  const it = await startTestService();
  try {
    const client = clientOf(it.owner);
    const seeded = await seedSample(client, sample.target, { random: systemRandom });
    expect(seeded.alone).toBeNull();
    expect(seeded.people.map((person) => person.displayName)).toEqual(SAMPLE_PEOPLE.map((p) => p.displayName));
    expect(Object.keys(seeded.resourceIds)).toEqual(SAMPLE_RESOURCES.map((r) => r.name));
    const people = (await it.owner.call('GET', '/v1/people')).json.items;
    expect(people.find((p: { displayName: string }) => p.displayName === 'Grace Hopper')).toMatchObject({
      groups: ['dba', 'engineering'],
      state: 'active',
    });
    const catalog = (await it.owner.call('GET', '/v1/catalog')).json.items;
    const effects = catalog.map((entry: { resource: { name: string }; levels: { effect: string }[] }) => [
      entry.resource.name,
      ...entry.levels.map((level) => level.effect),
    ]);
    expect(effects).toEqual([
      ['orders-db', 'approve', 'approve'],
      ['orders-db-staging', 'auto', 'auto'],
      ['playground', 'auto', 'auto'],
      ['reports', 'auto', 'approve'],
    ]);
    const again = await seedSample(client, sample.target, { random: systemRandom });
    expect(again).toEqual({ ...seeded, people: [] });
    expect(it.log()).not.toContain(sample.target.secret);
  } finally {
    await it.close();
    await sample.stop();
  }
});

test('where nobody can join, the owner stays alone and is told why', async () => {
  const sample = await startSampleTarget({ settings: { fsync: 'off' } });
  const it = await startTestService({ tcp: null });
  try {
    const seeded = await seedSample(clientOf(it.owner), sample.target, { random: systemRandom });
    expect(seeded.people).toEqual([]);
    expect(seeded.alone).toContain('this machine alone');
    expect(Object.keys(seeded.resourceIds)).toHaveLength(SAMPLE_RESOURCES.length);
  } finally {
    await it.close();
    await sample.stop();
  }
});
