/** What a person has now, and what is wrong. */
import { forever, unreachable } from '../fake';
import * as fixtures from '../fixtures';
import { list, type Scene } from '../scene';

export const scenes: Readonly<Record<string, Scene>> = {
  home: {},
  'home-ready': {
    api: {
      'grants.list': ({ query }) => ({
        items: query.scope === 'live' ? [] : [fixtures.readyGrant, fixtures.startingGrant, fixtures.activeGrant],
        nextCursor: null,
      }),
      'requests.list': list([]),
    },
  },
  'home-empty': {
    api: { 'grants.list': list([]), 'requests.list': list([]) },
    settings: { favourites: [], recent: [] },
  },
  'home-loading': { api: { 'grants.list': forever, 'requests.list': forever } },
  'home-error': { api: { 'grants.list': unreachable } },
  'home-offline': {
    session: {
      ...fixtures.readySession,
      online: false,
      offlineSince: fixtures.ago(4 * 60_000),
      reason: 'connection refused',
    },
  },
  'home-extend': { act: ({ click }) => click('[data-grant] [aria-haspopup=menu]') },
  'home-toast': {
    act: async ({ emit }) => {
      emit('service.event', {
        seq: 1,
        type: 'grant.ended',
        at: fixtures.NOW,
        subject: 'x',
        data: { grant: fixtures.endedGrants[0] },
      });
      emit('service.event', {
        seq: 2,
        type: 'request.denied',
        at: fixtures.NOW,
        subject: 'x',
        data: { request: { ...fixtures.waiting, deniedBecause: 'Use the replica' } },
      });
    },
  },
  'home-broken': {
    session: {
      ...fixtures.readySession,
      witness: { size: 18_204, state: 'broken', detail: 'Entry 18,100 differs.' },
      clockTrusted: false,
    },
    api: {
      'me.get': () => ({
        ...fixtures.me,
        service: { ...fixtures.me.service, mode: 'revoke_only', modeReason: 'The audit log failed its check.' },
      }),
    },
  },
  help: { act: ({ press }) => press('?') },
};
