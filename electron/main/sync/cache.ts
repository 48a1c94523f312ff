/**
 * My grants, my requests and what waits for me, kept from lists and events. In memory only: after a start it is asked anew.
 * Views in events are made for everybody, so what *I* may do with them is worked out here; the service checks it again.
 */
import type { ServiceEvent } from '../../../shared/contract/events';
import type { GrantView } from '../../../shared/contract/grants';
import type { RequestView } from '../../../shared/contract/requests';

export interface Mine {
  readonly grants: readonly GrantView[];
  readonly requests: readonly RequestView[];
  readonly inbox: readonly RequestView[];
}
export interface Cache {
  replace(lists: Mine): void;
  /** True when something of mine changed. */
  apply(event: ServiceEvent, personId: string): boolean;
  grants(): readonly GrantView[];
  /** What I asked for. */
  requests(): readonly RequestView[];
  inbox(): readonly RequestView[];
  grant(id: string): GrantView | undefined;
  request(id: string): RequestView | undefined;
  clear(): void;
}
/** Ended grants and settled requests are kept for a while for notices and links; then the oldest go. */
const MAX_KEPT = 500;

export function createCache(): Cache {
  const grants = new Map<string, GrantView>();
  const requests = new Map<string, RequestView>();
  const inbox = new Map<string, RequestView>();
  const keep = <T>(map: Map<string, T>, id: string, value: T) => {
    map.delete(id);
    map.set(id, value);
    for (const oldest of map.keys()) {
      if (map.size <= MAX_KEPT) break;
      map.delete(oldest);
    }
  };
  const fill = <T extends { id: string }>(map: Map<string, T>, items: readonly T[]) => {
    map.clear();
    for (const item of items) map.set(item.id, item);
  };
  return {
    replace(lists) {
      fill(grants, lists.grants);
      fill(requests, lists.requests);
      fill(inbox, lists.inbox);
    },
    apply(event, personId) {
      if ('request' in event.data) {
        const { request } = event.data;
        const waits = request.state === 'pending' && request.waitingFor.some((person) => person.personId === personId);
        const known = inbox.has(request.id);
        if (waits) keep(inbox, request.id, { ...request, can: { ...request.can, decide: true } });
        else inbox.delete(request.id);
        const own = request.requester.personId === personId;
        if (own) keep(requests, request.id, request);
        return waits || known || own;
      }
      if ('grant' in event.data && event.data.grant.holder.personId === personId) {
        keep(grants, event.data.grant.id, withMyRights(event.data.grant));
        return true;
      }
      return false;
    },
    grants: () => [...grants.values()],
    requests: () => [...requests.values()],
    inbox: () => [...inbox.values()].sort((a, b) => a.createdAt - b.createdAt),
    grant: (id) => grants.get(id),
    request: (id) => inbox.get(id) ?? requests.get(id),
    clear() {
      grants.clear();
      requests.clear();
      inbox.clear();
    },
  };
}

/** What the holder of a grant may do with it. */
export function withMyRights(grant: GrantView): GrantView {
  const live = grant.state === 'ready' || grant.state === 'provisioning' || grant.state === 'active';
  return {
    ...grant,
    can: {
      ...grant.can,
      start: grant.state === 'ready',
      extend: grant.state === 'active' && grant.pendingExtension === null,
      end: live,
    },
  };
}
