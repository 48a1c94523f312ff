/** The inbox, and the log. */
import * as audit from '../audit';
import { forever, unreachable } from '../fake';
import * as fixtures from '../fixtures';
import { list, type Scene } from '../scene';

/** A long log whose proofs hold. */
const logOf = () =>
  ({
    api: {
      'audit.entries': ({ query }) =>
        audit.page(query.before ? Number(query.before) : undefined, Number(query.limit ?? 100)),
      'devices.list': list(audit.devices),
      'audit.inclusion': ({ query }) => audit.inclusion(Number(query.index), Number(query.size)),
      'requests.get': () => ({ ...fixtures.waiting, grantId: fixtures.activeGrant.id }),
    },
  }) satisfies Scene;

export const scenes: Readonly<Record<string, Scene>> = {
  inbox: { route: '/inbox' },
  'inbox-empty': { route: '/inbox', api: { 'requests.list': list([]) } },
  activity: { route: '/activity', ...logOf() },
  'activity-open': {
    route: '/activity',
    ...logOf(),
    act: ({ click }) => click(`[data-entry="${fixtures.LOG_SIZE - 4}"]`),
  },
  'activity-member': {
    route: '/activity?type=grant.ended',
    ...logOf(),
    api: {
      ...logOf().api,
      'me.get': () => ({ ...fixtures.me, person: { ...fixtures.me.person, roles: ['member'] } }),
    },
    session: { ...fixtures.readySession, witness: { size: 0, state: 'checking', detail: null } },
  },
  'activity-none': {
    route: `/activity?grant=${fixtures.activeGrant.id}&text=nothing`,
    api: { 'audit.entries': () => ({ entries: [], nextBefore: null, size: fixtures.LOG_SIZE }) },
  },
  'activity-loading': { route: '/activity', api: { 'audit.entries': forever } },
  'activity-error': {
    route: '/activity',
    api: { 'audit.entries': unreachable },
    session: {
      ...fixtures.readySession,
      online: false,
      offlineSince: fixtures.ago(4 * 60_000),
      reason: 'connection refused',
      witness: { size: 18_204, state: 'unknown', detail: 'The service can’t be reached.' },
    },
  },
  'activity-broken': {
    route: '/activity',
    ...logOf(),
    ipc: {
      'audit.prove': (indexes) =>
        (indexes as number[]).map((index) => ({ index, state: 'failed', detail: 'Two logs were shown.' })),
    },
    session: {
      ...fixtures.readySession,
      witness: {
        size: 18_204,
        state: 'broken',
        detail: 'The log could not prove that it only grew from 18,100 to 18,204 entries.',
      },
    },
    act: ({ click }) => click(`[data-entry="${fixtures.LOG_SIZE - 4}"]`),
  },
};
