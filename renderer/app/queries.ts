/**
 * What the service knows, cached: one query per route and input, made stale by the events of the live stream.
 * Why invalidate instead of patching: an event carries what happened, the route answers what I may see and do.
 */
import { QueryClient, type UseQueryOptions, useMutation, useQuery } from '@tanstack/react-query';
import type { ApiName, ApiReply } from '../../shared/contract/api';
import { EVENT_TYPES, type EventType } from '../../shared/contract/events';
import { ApiError, type ApiInput, api } from './api';
import { listen } from './bridge';

const STALE_MS = 60_000;
const RETRIES = 2;
export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: STALE_MS,
      refetchOnWindowFocus: false,
      networkMode: 'always',
      retry: (count, error) => count < RETRIES && (!(error instanceof ApiError) || error.code === 'unreachable'),
    },
    mutations: { networkMode: 'always', retry: false },
  },
});

export const keyOf = <N extends ApiName>(name: N, input: ApiInput<N>) => [name, input] as const;
const queryOf = <N extends ApiName>(name: N, input: ApiInput<N>) => ({
  queryKey: keyOf(name, input),
  queryFn: ({ signal }: { signal: AbortSignal }) => api(name, input, { signal }),
});
type Options<N extends ApiName> = Partial<Omit<UseQueryOptions<ApiReply<N>>, 'queryKey' | 'queryFn'>>;
/** Reads a route, cached and live. */
export const useApi = <N extends ApiName>(name: N, input: ApiInput<N>, options: Options<N> = {}) =>
  useQuery<ApiReply<N>>({ ...queryOf(name, input), ...options });
/** Asks for what the first screen shows, while it is still being built. */
export function prefetchHome(): void {
  prefetch('grants.list', { query: { scope: 'mine' } });
  prefetch('requests.list', { query: { scope: 'mine' } });
  prefetch('grants.list', { query: { scope: 'live' } });
  prefetch('catalog.list', {});
  prefetch('me.get', {});
}
function prefetch<N extends ApiName>(name: N, input: ApiInput<N>): void {
  void queryClient.prefetchQuery(queryOf(name, input));
}
/** Changes something. What it touches is refetched by its event; `refresh` names what has none. */
export const useChange = <N extends ApiName>(name: N, refresh: readonly ApiName[] = []) =>
  useMutation<ApiReply<N>, Error, ApiInput<N>>({
    mutationFn: (input) => api(name, input),
    onSettled: () => invalidate(refresh),
  });

/** Marks routes stale; those on screen are fetched again. */
export function invalidate(names: readonly ApiName[]): void {
  for (const name of names) void queryClient.invalidateQueries({ queryKey: [name] });
}

const REQUESTS = ['requests.list', 'requests.get', 'audit.entries', 'audit.checkpoint'] as const;
const GRANTS = ['grants.list', 'grants.get', 'audit.entries', 'audit.checkpoint'] as const;
const PEOPLE = ['people.list', 'devices.list', 'groups.list', 'invites.list', 'me.get', 'audit.entries'] as const;
/** Which routes an event makes stale. One more event does not compile until it stands here. */
export const STALE_AFTER: Record<EventType, readonly ApiName[]> = {
  'request.submitted': REQUESTS,
  'request.auto_approved': REQUESTS,
  'request.denied_by_policy': REQUESTS,
  'request.approved': REQUESTS,
  'request.denied': REQUESTS,
  'request.withdrawn': REQUESTS,
  'request.expired': REQUESTS,
  'request.blocked': REQUESTS,
  'request.unblocked': REQUESTS,
  'decision.recorded': REQUESTS,
  'request.seen': ['requests.list', 'requests.get'],
  'request.nudged': ['requests.list', 'requests.get'],
  'request.rerouted': REQUESTS,
  'grant.ready': [...GRANTS, ...REQUESTS],
  'grant.provisioning': GRANTS,
  'grant.credential_ready': GRANTS,
  'grant.activated': GRANTS,
  'grant.extended': GRANTS,
  'grant.ending': GRANTS,
  'grant.removal_delayed': GRANTS,
  'grant.ended': GRANTS,
  'grant.residue': GRANTS,
  'grant.injection': GRANTS,
  'grant.device_key': GRANTS,
  'person.joined': PEOPLE,
  'person.changed': [...PEOPLE, 'catalog.list', 'requests.preview'],
  'person.removed': [...PEOPLE, ...REQUESTS],
  'device.pending': PEOPLE,
  'device.confirmed': PEOPLE,
  'device.revoked': PEOPLE,
  'group.changed': [...PEOPLE, 'catalog.list', 'requests.preview', 'requests.list'],
  'group.removed': [...PEOPLE, 'catalog.list', 'requests.preview', 'requests.list'],
  'invite.changed': PEOPLE,
  'resource.changed': ['resources.list', 'resources.orphans', 'catalog.list', 'requests.preview', 'audit.entries'],
  'ticket.closed': GRANTS,
  'policy.changed': [
    'policy.get',
    'policy.versions',
    'catalog.list',
    'requests.preview',
    'requests.list',
    'audit.entries',
  ],
};

/** Keeps the cache live. Returns its unsubscribe. */
export function followEvents(): () => void {
  const known = new Set<string>(EVENT_TYPES);
  const offEvent = listen('service.event', (event) => {
    // an event of a newer service: refetch all rather than miss what it meant
    if (known.has(event.type)) invalidate(STALE_AFTER[event.type]);
    else void queryClient.invalidateQueries();
  });
  const offResync = listen('service.resync', () => void queryClient.invalidateQueries());
  return () => {
    offEvent();
    offResync();
  };
}
