/** People, devices, invites. */
import { forever, unreachable } from '../fake';
import * as fixtures from '../fixtures';
import { list, type Scene } from '../scene';

export const scenes: Readonly<Record<string, Scene>> = {
  people: { route: '/people' },
  'people-person': { route: `/people?person=${fixtures.nadia.id}` },
  'people-group': { route: '/people?group=db-owners' },
  'people-invite': {
    route: `/people?person=${fixtures.priya.id}`,
    act: async ({ click, type }) => {
      await click('.hp-panes__list .hp-button');
      await type('.hp-dialog input', 'Sofie Andersen');
    },
  },
  'people-invited': {
    route: `/people?person=${fixtures.priya.id}`,
    api: {
      'invites.create': () => ({
        invite: fixtures.invites[0],
        link: `hallpass://join?address=10.0.4.12%3A7443&pin=${'ab12cd34'.repeat(8)}&invite=${fixtures.fixtureId('inv', 1)}`,
        code: '7K2M-94QX-HT0R',
      }),
    },
    act: async ({ click, type }) => {
      await click('.hp-panes__list .hp-button');
      await type('.hp-dialog input', 'Sofie Andersen');
      await click('.hp-dialog [type=submit]');
      await click('[data-copy=code]');
    },
  },
  'people-remove': {
    route: `/people?person=${fixtures.tomas.id}`,
    act: ({ click }) => click('.hp-panes__detail .hp-button[data-look=danger]'),
  },
  'people-alone': {
    route: '/people',
    api: {
      'people.list': list([fixtures.nadia]),
      'devices.list': list([fixtures.devices[0]]),
      'groups.list': list([]),
      'invites.list': list([]),
      'me.get': () => ({ ...fixtures.me, service: { ...fixtures.me.service, shared: false, peopleCount: 1 } }),
    },
  },
  'people-member': {
    route: `/people?person=${fixtures.priya.id}`,
    api: {
      'me.get': () => ({ ...fixtures.me, person: { ...fixtures.me.person, roles: ['member'] } }),
      'devices.list': list([fixtures.devices[0]]),
    },
  },
  'people-loading': { route: '/people', api: { 'people.list': forever } },
  'people-error': { route: '/people', api: { 'people.list': unreachable } },
};
