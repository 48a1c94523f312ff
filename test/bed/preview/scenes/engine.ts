/** Pictures of what the lease engine shows: removals that hang, locks, budgets, what ends access early. */
import { NOTHING_ENDS } from '../../../../shared/domain/end-signals';
import { HOUR_MS, MINUTE_MS } from '../../../../shared/domain/instant';
import * as fixtures from '../fixtures';
import { list, type Scene } from '../scene';

const lock = { at: fixtures.ago(34 * MINUTE_MS), by: 'Priya Sharma', because: 'Lost laptop, ticket SEC-7.' };
const hanging = {
  ...fixtures.endingGrant,
  holder: { ...fixtures.endingGrant.holder, personId: fixtures.tomas.id, displayName: fixtures.tomas.displayName },
};
const strict = { ...NOTHING_ENDS, screenLock: true, sleepMs: 10 * MINUTE_MS, ticketClosed: true };
const budget = {
  maxMs: 4 * HOUR_MS,
  usedMs: 3 * HOUR_MS + 40 * MINUTE_MS,
  leftMs: 20 * MINUTE_MS,
  said: '20 minutes of 4 hours within 24 hours are left; 1 hour can be asked for in 2 hours 10 minutes.',
};
const lockedPeople = fixtures.people.map((one) => (one.id === fixtures.tomas.id ? { ...one, suspended: lock } : one));
const lockedResources = fixtures.resources.map((one) =>
  one.id === fixtures.paymentsDb.id ? { ...one, suspended: { ...lock, because: 'Incident 12: rows leak.' } } : one,
);
const catalog = fixtures.catalog.map((entry) =>
  entry.resource.environment === 'production'
    ? { ...entry, levels: entry.levels.map((level) => ({ ...level, endOn: strict })) }
    : entry,
);

export const scenes: Readonly<Record<string, Scene>> = {
  'home-alarm': {
    api: {
      'grants.list': ({ query }) => ({
        items: query.scope === 'live' ? [hanging] : [fixtures.endingGrant, fixtures.activeGrant],
        nextCursor: null,
      }),
      'requests.list': list([]),
    },
  },
  'home-by-hand': {
    api: {
      'grants.list': ({ query }) => ({
        items: query.scope === 'live' ? [hanging] : [fixtures.endingGrant],
        nextCursor: null,
      }),
      'requests.list': list([]),
    },
    act: ({ click }) => click('[data-by-hand]'),
  },
  'people-locked': { route: `/people?person=${fixtures.tomas.id}`, api: { 'people.list': list(lockedPeople) } },
  'people-lock': { route: `/people?person=${fixtures.tomas.id}`, act: ({ click }) => click('[data-lock]') },
  'resources-locked': {
    route: `/resources?resource=${fixtures.paymentsDb.id}`,
    api: {
      'resources.list': list(lockedResources),
      'resources.orphans': list([
        {
          principal: 'hp_01k6y00000000000000000000a',
          foundAt: fixtures.ago(12 * MINUTE_MS),
          triedAt: fixtures.ago(9_000),
          attempts: 24,
          lastError: 'must have admin option on role "hp_01k6y…"',
        },
      ]),
    },
  },
  'resources-orphans': {
    route: `/resources?resource=${fixtures.ordersDb.id}`,
    api: {
      'resources.orphans': list([
        {
          principal: 'hp_01k6y00000000000000000000a',
          foundAt: fixtures.ago(12 * MINUTE_MS),
          triedAt: fixtures.ago(9_000),
          attempts: 24,
          lastError: 'role "hp_01k6y00000000000000000000a" cannot be dropped because some objects depend on it',
        },
        {
          principal: 'hp_01k6y00000000000000000000b',
          foundAt: fixtures.ago(4_000),
          triedAt: fixtures.ago(1_000),
          attempts: 1,
          lastError: null,
        },
      ]),
    },
    act: async ({ find }) => (await find('article section:last-child')).scrollIntoView(),
  },
  'request-budget': {
    route: `/request?resource=${fixtures.ordersDb.id}&level=read-write`,
    api: {
      'requests.preview': () => ({
        ...fixtures.previewApprove,
        answer: {
          ...fixtures.answer,
          endOn: strict,
          maxPerDayMs: budget.maxMs,
          problems: [{ field: 'ttlMs', message: `On orders-db: ${budget.said}` }],
        },
        budget,
      }),
    },
  },
  'settings-early-end': {
    route: '/settings?part=early-end',
    api: { 'catalog.list': list(catalog), 'hooks.get': () => ({ enabled: true, madeAt: lock.at, heardAt: null }) },
    settings: { endOn: { ...NOTHING_ENDS, networkChange: true } },
  },
};
