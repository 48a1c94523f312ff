import { describe, expect, test } from 'vitest';
import {
  addressOf,
  changeOf,
  EMPTY,
  formOf,
  keepForm,
  keepsSecret,
  keptForm,
  ResourceForm,
  settingsOf,
  stepOf,
} from '../../../renderer/features/resources/form';
import { byPlace, scriptOf } from '../../../renderer/features/resources/kinds/parts/words';
import { namesIn } from '../../../renderer/features/resources/TokenField';
import { answerForMe, healthOf, holdersOf, neededBy, resourceFits } from '../../../renderer/features/resources/wording';
import { PostgresSettings } from '../../../shared/contract/resources';
import { MINUTE_MS } from '../../../shared/domain/instant';
import * as fixtures from '../../bed/preview/fixtures';
import { levelPlan } from '../../bed/preview/fixtures-policy';

const { ordersDb, NOW } = fixtures;
const any = { text: '', environment: null, risk: null, kind: null, state: 'active' } as const;
const form = ResourceForm.parse(formOf(ordersDb));

describe('the list', () => {
  test('is searched by words and narrowed by environment, risk, kind and state', () => {
    const names = (filter: Partial<typeof any>) =>
      fixtures.resources.filter((one) => resourceFits(one, { ...any, ...filter })).map((one) => one.name);
    expect(names({ text: 'orders staging' } as never)).toEqual(['staging-orders']);
    expect(names({ risk: 'critical' } as never)).toEqual(['ledger-db']);
    expect(names({ kind: 'host' } as never)).toEqual([]);
    expect(names({ state: 'archived' } as never)).toEqual([]);
  });
  test('says of health only what the target said, and when', () => {
    expect(healthOf(ordersDb, NOW).text).toBe('reachable, seen just now');
    expect(healthOf({ health: 'unreachable', healthAt: NOW - 5 * MINUTE_MS }, NOW).text).toBe(
      'unreachable, tried 5 min ago',
    );
    expect(healthOf({ health: 'unknown', healthAt: null }, NOW).text).toBe('not asked yet');
  });
  test('counts who may still get in, each grant once: also while it is being revoked', () => {
    const grants = [fixtures.activeGrant, fixtures.activeGrant, ...fixtures.colleagueGrants, fixtures.readyGrant];
    expect(holdersOf(grants, ordersDb.id).map((one) => one.holder.displayName)).toEqual(['Aiko Mori', 'Nadia Rahman']);
    expect(holdersOf([fixtures.endingGrant], fixtures.reportsReplica.id)).toHaveLength(1);
  });
  test('shows dependencies the other way round too', () => {
    expect(neededBy('orders-db', fixtures.resources).map((one) => one.name)).toEqual(['reports-replica']);
  });
  test('an entitlement that is not in the catalog can not be asked for', () => {
    expect(answerForMe(undefined).text).toMatch(/^You can’t ask/);
    expect(answerForMe(fixtures.catalog[0]?.levels[1]).text).toBe('You may ask: 1 of db-owners, up to 2 hours');
  });
});

describe('the form', () => {
  test('what is kept has no secret', () => {
    keepForm('new', { ...EMPTY, name: 'a', secret: 'planted' });
    expect(JSON.stringify(keptForm('new'))).not.toContain('planted');
    expect(keptForm('new')?.name).toBe('a');
  });
  test('an unchanged target is left in peace; the stored secret is not replaced by nothing', () => {
    const change = changeOf({ ...form, risk: 'high' }, ordersDb);
    expect(change).toMatchObject({ risk: 'high', tags: ['personal-data'] });
    expect(change).not.toHaveProperty('settings');
    expect(change).not.toHaveProperty('secret');
    const moved = { ...form, secret: 's', settings: { ...form.settings, port: 5433 } };
    expect(changeOf(moved, ordersDb)).toMatchObject({ settings: { port: 5433 }, secret: 's' });
  });
  test('the stored secret serves the same place only', () => {
    const stored = ordersDb.settings;
    const now = PostgresSettings.parse(settingsOf(form));
    expect(keepsSecret(stored, now)).toBe(true);
    expect(keepsSecret(stored, { ...now, schemas: ['a'], database: 'b' })).toBe(true);
    for (const change of [
      { host: 'x' },
      { port: 1 },
      { managerUser: 'x' },
      { tls: 'prefer' as const },
      { caCertificate: 'x' },
    ])
      expect(keepsSecret(stored, { ...now, ...change })).toBe(false);
    expect(addressOf(form, ordersDb)).not.toHaveProperty('secret');
    expect(addressOf({ ...form, secret: 's' }, null)).toMatchObject({ secret: 's', name: 'orders-db' });
  });
  test('an error leads to the step of its field', () => {
    expect(['name', 'tags.0', 'settings.host', 'secret'].map(stepOf)).toEqual([
      'facts',
      'facts',
      'connection',
      'connection',
    ]);
  });
  test('names are typed with commas; names of the target keep their spelling', () => {
    expect(namesIn('Personal Data, financial,', 'slug')).toEqual(['personal-data', 'financial']);
    expect(namesIn(' My Schema ', 'exact')).toEqual(['My Schema']);
  });
});

test('what is copied of a plan is what is left to run, per place', () => {
  const plan = {
    ...levelPlan,
    steps: [...levelPlan.steps, { database: 'other', sql: 'SELECT 1', why: '', done: false }],
  };
  const words = { place: 'database', script: 'sql' } as const;
  expect(byPlace(plan.steps).map((one) => one.place)).toEqual(['inventory', 'other']);
  expect(scriptOf(plan, words)).not.toContain('CREATE ROLE "hallpass_inventory_read_only"');
  expect(scriptOf(plan, words)).toMatch(/-- database: other\nSELECT 1;$/);
  const everywhere = { database: null, sql: 'CREATE ROLE r', why: '', done: false };
  expect(scriptOf({ ...plan, steps: [everywhere] }, words)).toBe('-- the whole server\nCREATE ROLE r;');
});
test('commands are copied as a shell reads them, not as SQL', () => {
  const steps = [{ database: '123456789012', sql: 'aws iam create-role …', why: '', done: false }];
  const words = { place: 'account', script: 'shell' } as const;
  expect(scriptOf({ ...levelPlan, steps }, words)).toBe('# account: 123456789012\naws iam create-role …');
});
