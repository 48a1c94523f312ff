/** Asking: the form, and the palette. */
import { FakeProblem, forever, unreachable } from '../fake';
import * as fixtures from '../fixtures';
import { list, type Scene } from '../scene';

const requestRoute = `/request?resource=${fixtures.ordersDb.id}&level=read-write`;

export const scenes: Readonly<Record<string, Scene>> = {
  request: {
    route: requestRoute,
    act: ({ type }) => type('textarea', 'Release orders stuck in “reserved” after the broker restart'),
  },
  'request-auto': { route: `/request?resource=${fixtures.ordersDb.id}&level=read-only` },
  'request-deny': { route: `/request?resource=${fixtures.ordersDb.id}&level=admin` },
  'request-errors': {
    route: requestRoute,
    api: {
      'requests.submit': () => {
        throw new FakeProblem(422, {
          code: 'invalid-input',
          title: 'The request was not sent.',
          safe: 'Nothing was recorded.',
          next: 'Mend the marked field and send it again.',
          errors: [{ path: 'ticketRef', message: 'Needs a ticket such as INC-12.' }],
        });
      },
    },
    act: async ({ type, click }) => {
      await type('textarea', 'Release stuck orders');
      await click('[data-send]');
    },
  },
  'request-empty': { route: '/request', api: { 'catalog.list': list([]) } },
  'request-loading': { route: '/request', api: { 'catalog.list': forever } },
  'request-error': { route: '/request', api: { 'catalog.list': unreachable } },
  palette: {
    act: async ({ press, type }) => {
      await press('k', { ctrlKey: true });
      await type('[cmdk-input]', 'orders-db ro 30m INC-12 check stuck orders');
    },
  },
  'palette-approve': {
    act: async ({ press, type }) => {
      await press('k', { ctrlKey: true });
      await type('[cmdk-input]', 'orders rw');
    },
  },
  'palette-empty': { act: ({ press }) => press('k', { ctrlKey: true }) },
};
