/** Resources, and the guide with PostgreSQL; of the other kinds in kinds/. */
import { FakeProblem, forever, unreachable } from '../fake';
import * as fixtures from '../fixtures';
import * as rules from '../fixtures-policy';
import { inForce, list, type Scene, type Tools } from '../scene';

const planned = { 'resources.plan': () => rules.levelPlan };
const toConnection = async ({ click, type, find }: Tools) => {
  await type('input[name=name]', 'inventory');
  await click('[data-next]');
  await find('input[name="settings.host"]');
};
const fillConnection = async ({ type }: Tools) => {
  await type('input[name="settings.host"]', 'db.internal');
  await type('input[name="settings.database"]', 'inventory');
  await type('input[name=secret]', 'not shown again');
};
const toPlan = async (tools: Tools) => {
  await toConnection(tools);
  await fillConnection(tools);
  await tools.click('[data-next]');
  await tools.find('[aria-current=step]:is(li:nth-child(3) *)');
};

export const scenes: Readonly<Record<string, Scene>> = {
  resources: { route: '/resources', api: inForce },
  'resources-critical': { route: `/resources?resource=${fixtures.ledgerDb.id}`, api: inForce },
  'resources-member': {
    route: '/resources',
    api: {
      'me.get': () => ({ ...fixtures.me, person: { ...fixtures.nadia, roles: ['member'] } }),
      'resources.list': list(fixtures.resources.map((one) => ({ ...one, settings: null }))),
      'grants.list': list([]),
    },
  },
  'resources-empty': { route: '/resources', api: { 'resources.list': list([]) } },
  'resources-loading': { route: '/resources', api: { 'resources.list': forever } },
  'resources-error': { route: '/resources', api: { 'resources.list': unreachable } },
  'resources-archive': { route: '/resources', api: inForce, act: ({ click }) => click('[data-look=danger]') },
  'resource-add': {
    route: '/resources?add=new',
    act: async ({ click, type }) => {
      await type('input[name=name]', 'Orders DB');
      await click('[data-next]');
    },
  },
  'resource-connection': { route: '/resources?add=new', act: toConnection },
  'resource-pooler': {
    route: '/resources?add=new',
    act: async (tools) => {
      await toConnection(tools);
      await fillConnection(tools);
      await tools.type('input[name="settings.clientHost"]', 'pgbouncer.internal');
      await tools.type('input[name="settings.clientPort"]', '6432');
    },
  },
  'resource-test': {
    route: '/resources?add=new',
    api: { 'resources.test': () => rules.badReport },
    act: async (tools) => {
      await toConnection(tools);
      await fillConnection(tools);
      await tools.click('[data-test]');
    },
  },
  'resource-tested': {
    route: '/resources?add=new',
    api: { 'resources.test': () => rules.goodReport },
    act: async (tools) => {
      await toConnection(tools);
      await fillConnection(tools);
      await tools.click('[data-test]');
    },
  },
  'resource-plan': { route: '/resources?add=new', api: planned, act: toPlan },
  'resource-plan-failed': {
    route: '/resources?add=new',
    api: {
      ...planned,
      'resources.apply': () => ({
        ok: false,
        ran: 4,
        error: 'permission denied for table stock_moves',
        failedSql: rules.levelPlan.steps[6]?.sql,
      }),
    },
    act: async (tools) => {
      await toPlan(tools);
      await tools.click('[data-next]:not(:disabled)');
    },
  },
  'resource-plan-unreachable': {
    route: '/resources?add=new',
    api: {
      'resources.plan': () => {
        throw new FakeProblem(502, {
          code: 'target-unreachable',
          title: 'db.internal:5432 does not answer: connection refused.',
          safe: 'Nothing was run.',
          next: 'Check host and port, and that a firewall lets this service through.',
        });
      },
    },
    act: toPlan,
  },
  'resource-done': {
    route: '/resources?add=new',
    api: {
      ...planned,
      'resources.apply': () => ({ ok: true, ran: 7, error: null, failedSql: null }),
      'resources.create': () => ({
        ...fixtures.ordersDb,
        name: 'inventory',
        tags: [],
        levels: rules.levelPlan.levels,
        dependsOn: [],
      }),
    },
    act: async (tools) => {
      await toPlan(tools);
      await tools.click('[data-next]:not(:disabled)');
    },
  },
  'resource-edit': {
    route: `/resources?edit=${fixtures.ordersDb.id}`,
    act: async ({ click, find, type }) => {
      await click('[data-next]');
      await find('input[name="settings.host"]');
      await type('input[name="settings.host"]', 'orders-2.internal');
    },
  },
};
