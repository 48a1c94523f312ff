import { expect, test } from 'vitest';
import { NewResource, ResourceChange } from '../../../shared/contract/resources';

test('a change leaves alone what it does not name', () => {
  expect(ResourceChange.parse({ risk: 'low' })).toEqual({ risk: 'low' });
  expect(ResourceChange.parse({})).toEqual({});
});
test('a new resource has empty lists where nothing is said', () => {
  const settings = { kind: 'postgres', host: 'db', database: 'app', managerUser: 'manager' };
  const made = NewResource.parse({ name: 'app', environment: 'staging', risk: 'low', settings, secret: '' });
  expect(made).toMatchObject({ description: '', tags: [], owners: [], dependsOn: [] });
});
