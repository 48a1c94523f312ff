import type { ServiceEvent } from '../../../shared/contract/events';
import type { Me } from '../../../shared/contract/people';
import type { ProblemType } from '../../../shared/contract/problem';
import type { CatalogEntry } from '../../../shared/contract/resources';
import type { GrantClock } from '../grants/clock';
import type { Log } from '../lifecycle/log';
import type { CallApi } from '../session/api-client';
import { ApiProblem } from '../session/api-problem';
import type { ReturnQueue } from '../session/return-queue';
import { ServiceAway, type Transport } from '../session/transport';
import type { Cache } from './cache';
import type { GrantFlow } from './grant-flow';
import type { SyncMemory } from './memory';
import { createEventStream, type EventStream } from './stream';
import type { Witness } from './witness';

export interface SyncStatus {
  readonly online: boolean;
  readonly offlineSince: number | null;
  readonly reason: string | null;
  readonly me: Me | null;
  /** The service's own "no" to the stream, such as `device-pending` or `device-revoked`. */
  readonly refusedWith: ProblemType | null;
}
export interface SyncDeps {
  readonly transport: Transport;
  readonly callApi: CallApi;
  readonly memory: SyncMemory;
  readonly cache: Cache;
  readonly witness: Witness;
  readonly grants: GrantFlow;
  readonly clock: GrantClock;
  readonly queue: ReturnQueue;
  readonly now: () => number;
  readonly monotonicMs: () => number;
  readonly spread: () => number;
  readonly after: (lengthMs: number, callback: () => void) => () => void;
  readonly onStatus: (status: SyncStatus) => void;
  readonly onEvent: (event: ServiceEvent) => void;
  readonly onResync: () => void;
  /** Lists were loaded: what waits, what is live, what may be asked for. */
  readonly onLoaded: (catalog: readonly CatalogEntry[]) => void;
  readonly log: Log;
}
export interface Sync {
  start(): void;
  nudge(): void;
  status(): SyncStatus;
  /** Asks the service for its time, to settle a doubt about ours. */
  askTime(): Promise<void>;
  stop(): void;
}
const WITNESS_AFTER_MS = 1_500;
const LIST_LIMIT = 200;

export function createSync(deps: SyncDeps): Sync {
  let status: SyncStatus = { online: false, offlineSince: null, reason: null, me: null, refusedWith: null };
  let cancelWitness: (() => void) | null = null;
  let loading: Promise<void> = Promise.resolve();
  let stopped = false;
  const become = (part: Partial<SyncStatus>) => {
    status = { ...status, ...part };
    if (!stopped) deps.onStatus(status);
  };

  async function askTime(): Promise<void> {
    const askedAt = deps.monotonicMs();
    const me = await deps.callApi('me.get');
    deps.clock.serverTime(me.serverTime, deps.monotonicMs() - askedAt);
    deps.memory.begin(me.service.id);
    deps.witness.trust(me.service.logKey);
    become({ me });
  }
  async function load(): Promise<void> {
    await askTime();
    const [grants, requests, inbox, catalog] = await Promise.all([
      deps.callApi('grants.list', { query: { scope: 'mine', limit: LIST_LIMIT } }),
      deps.callApi('requests.list', { query: { scope: 'mine', limit: LIST_LIMIT } }),
      deps.callApi('requests.list', { query: { scope: 'inbox', limit: LIST_LIMIT } }),
      deps.callApi('catalog.list'),
    ]);
    deps.cache.replace({ grants: grants.items, requests: requests.items, inbox: inbox.items });
    deps.onLoaded(catalog.items);
    await deps.grants.reconcile(grants.items);
    await deps.queue.flush();
    witnessSoon();
  }
  const loadSoon = () => {
    loading = loading.then(load).catch((cause: unknown) => {
      if (!stopped && !(cause instanceof ServiceAway)) deps.log('error', 'lists could not be loaded', { cause });
    });
  };
  const witnessSoon = () => {
    if (cancelWitness !== null) return;
    cancelWitness = deps.after(WITNESS_AFTER_MS, () => {
      cancelWitness = null;
      void deps.witness.check();
    });
  };

  async function onEvent(event: ServiceEvent): Promise<void> {
    deps.cache.apply(event, status.me?.person.id ?? '');
    deps.onEvent(event);
    if ('grant' in event.data) void guarded(deps.grants.onGrant(event.data.grant));
    if (event.type === 'resource.changed' || event.type === 'policy.changed' || event.type === 'group.changed')
      refreshCatalog();
    witnessSoon();
  }
  const refreshCatalog = () =>
    void deps.callApi('catalog.list').then(
      (catalog) => deps.onLoaded(catalog.items),
      () => undefined, // the next load brings it
    );
  /** One grant must not hold up the stream, nor may its failure end it. */
  const guarded = (work: Promise<void>): Promise<void> =>
    work.catch((cause: unknown) => deps.log('error', 'a grant’s step failed', { cause }));

  const stream: EventStream = createEventStream({
    transport: deps.transport,
    cursor: deps.memory.cursor,
    monotonicMs: deps.monotonicMs,
    spread: deps.spread,
    log: deps.log,
    onHello(hello, roundTripMs) {
      deps.clock.serverTime(hello.serverTime, roundTripMs);
      loadSoon();
    },
    onBeat: () => void deps.queue.flush(),
    onEvent,
    onResync() {
      deps.onResync();
      loadSoon();
    },
    onState(state, cause) {
      if (stopped) return;
      if (state === 'online') {
        become({ online: true, offlineSince: null, reason: null, refusedWith: null });
        return;
      }
      const reason = cause instanceof Error ? cause.message : 'The connection ended.';
      if (status.online || status.offlineSince === null) deps.log('info', 'the event stream ended', { reason });
      become({
        online: false,
        offlineSince: status.offlineSince ?? deps.now(),
        reason,
        refusedWith: cause instanceof ApiProblem ? cause.problem.code : null,
      });
    },
  });
  return {
    start: () => stream.start(),
    nudge: () => stream.nudge(),
    status: () => status,
    askTime,
    stop() {
      stopped = true;
      cancelWitness?.();
      stream.stop();
      deps.memory.save();
    },
  };
}
