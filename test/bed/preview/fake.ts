/**
 * A bridge and a service made of fixtures, so that any screen can be looked at in any state.
 * For pictures only. Nothing here is used by a test of behaviour.
 */

import { http } from '../../../renderer/app/api';
import type { ApiName } from '../../../shared/contract/api';
import { API } from '../../../shared/contract/api';
import type { EventChannel, HallpassBridge, InvokeChannel, SessionState } from '../../../shared/contract/ipc';
import type { Settings } from '../../../shared/contract/settings';
import * as fixtures from './fixtures';

export type Answer = (given: {
  query: Record<string, string>;
  params: Record<string, string>;
  body: unknown;
}) => unknown;
/** A whole situation: what the session is, what each route and channel answers. Missing ones take the default. */
export interface Situation {
  readonly session?: SessionState;
  readonly settings?: Partial<Settings>;
  readonly api?: Partial<Record<ApiName, Answer>>;
  readonly ipc?: Partial<Record<InvokeChannel, (...args: unknown[]) => unknown>>;
}
/** Throw this from an answer to show an error of the service. */
export class FakeProblem extends Error {
  constructor(
    readonly status: number,
    readonly problem: {
      code: string;
      title: string;
      safe?: string;
      next?: string;
      errors?: { path: string; message: string }[];
    },
  ) {
    super(problem.title);
  }
}
export const unreachable = (): never => {
  throw new FakeProblem(503, {
    code: 'unavailable',
    title: 'The service can’t be reached.',
    safe: 'Access on this machine still ends on time.',
    next: 'The app keeps trying to connect.',
  });
};
/** Never answers: shows the loading state. */
export const forever = (): Promise<never> => new Promise(() => undefined);
const list = (items: readonly unknown[]) => ({ items, nextCursor: null });

const DEFAULTS: Partial<Record<ApiName, Answer>> = {
  'me.get': () => fixtures.me,
  'hooks.get': () => ({ enabled: false, madeAt: null, heardAt: null }),
  'resources.orphans': () => list([]),
  'people.list': () => list(fixtures.people),
  'devices.list': () => list(fixtures.devices),
  'groups.list': () => list(fixtures.groups),
  'invites.list': () => list(fixtures.invites),
  'catalog.list': () => list(fixtures.catalog),
  'resources.list': () => list(fixtures.resources),
  'requests.list': ({ query }) =>
    list(query.scope === 'inbox' ? fixtures.inbox : query.scope === 'handled' ? fixtures.handled : fixtures.mine),
  'requests.get': () => fixtures.waiting,
  'requests.preview': ({ body }) => {
    const level = (body as { level: string }).level;
    return level === 'read-only'
      ? fixtures.previewAuto
      : level === 'admin'
        ? fixtures.previewDeny
        : fixtures.previewApprove;
  },
  'requests.submit': () => fixtures.waiting,
  'requests.withdraw': () => ({ ...fixtures.waiting, state: 'withdrawn' }),
  'requests.nudge': () => ({}),
  'grants.list': ({ query }) =>
    list(query.scope === 'live' ? [...fixtures.colleagueGrants, fixtures.activeGrant] : fixtures.myGrants),
  'grants.extend': () => fixtures.waiting,
  'grants.start': () => fixtures.startingGrant,
  'policy.get': () => fixtures.policy,
  'policy.versions': () => list([fixtures.policy]),
  'policy.check': () => ({ ok: true, errors: [], warnings: [], changes: [] }),
  'audit.checkpoint': () => fixtures.checkpoint,
  'audit.entries': ({ query }) =>
    fixtures.auditPage(query.before ? Number(query.before) : undefined, Number(query.limit ?? 100)),
};

/** Puts the situation in place of the service and the main process. Call before the app starts. */
export function pretend(situation: Situation): void {
  const answers = { ...DEFAULTS, ...situation.api };
  http.defaults.adapter = async (config) => {
    const url = new URL(`${config.url}`, 'http://service');
    const reply = (status: number, data: unknown) => ({ data, status, statusText: '', headers: {}, config });
    for (const [name, route] of Object.entries(API)) {
      const params = pathParams(route.path, url.pathname);
      if (route.method.toLowerCase() !== config.method?.toLowerCase() || params === null) continue;
      try {
        const body: unknown = typeof config.data === 'string' ? JSON.parse(config.data) : config.data;
        const answer = answers[name as ApiName];
        if (answer === undefined)
          throw new FakeProblem(404, { code: 'not-found', title: `No fixture answers ${name}.` });
        return reply(200, await answer({ query: Object.fromEntries(url.searchParams), params, body }));
      } catch (error) {
        if (!(error instanceof FakeProblem)) throw error;
        const data = { type: 'preview', status: error.status, ...error.problem };
        throw Object.assign(new Error(error.message), { response: reply(error.status, data) });
      }
    }
    throw new Error(`no route ${config.method} ${url.pathname}`);
  };
  Object.defineProperty(window, 'hallpass', { value: fakeBridge(situation) });
}

function pathParams(pattern: string, path: string): Record<string, string> | null {
  const [wanted, given] = [pattern.split('/'), path.split('/')];
  if (wanted.length !== given.length) return null;
  const params: Record<string, string> = {};
  for (const [index, part] of wanted.entries()) {
    if (part.startsWith(':')) params[part.slice(1)] = given[index] ?? '';
    else if (part !== given[index]) return null;
  }
  return params;
}

function fakeBridge(situation: Situation): HallpassBridge {
  let settings: Settings = { ...fixtures.settings, ...situation.settings };
  const listeners = new Map<EventChannel, Set<(payload: never) => void>>();
  const ipc: Partial<Record<InvokeChannel, (...args: unknown[]) => unknown>> = {
    'app.info': () => fixtures.appInfo,
    'session.state': () => situation.session ?? fixtures.readySession,
    'settings.get': () => settings,
    'settings.set': (change) => {
      settings = { ...settings, ...(change as Partial<Settings>) };
      return settings;
    },
    'setup.addresses': () => [
      { address: '10.0.4.12', label: 'wlan0' },
      { address: '127.0.0.1', label: 'this machine only' },
    ],
    'injection.list': () => fixtures.injections,
    'credential.copy': () => ({ clearsInMs: 30_000 }),
    'audit.prove': (indexes) =>
      (indexes as number[]).map((index) => ({
        index,
        state: index >= fixtures.LOG_SIZE - 1 ? 'pending' : 'proven',
        detail: null,
      })),
    'audit.save': () => ({ path: '/home/nadia/hallpass-log.jsonl', entries: fixtures.LOG_SIZE }),
    ...situation.ipc,
  };
  const bridge = {
    invoke: async (channel: InvokeChannel, ...args: unknown[]) => (ipc[channel] ?? (() => ({ ok: true })))(...args),
    on(channel: EventChannel, listener: (payload: never) => void) {
      const set = listeners.get(channel) ?? new Set();
      listeners.set(channel, set.add(listener));
      return () => void set.delete(listener);
    },
  };
  Object.assign(window, {
    /** For scenes: says something as the main process would. */
    previewEmit: (channel: EventChannel, payload: unknown) => {
      for (const listener of listeners.get(channel) ?? []) listener(payload as never);
    },
  });
  return bridge as unknown as HallpassBridge;
}
