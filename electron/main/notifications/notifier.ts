/**
 * Which event is said to whom, what an action does, and that a notice of something handled elsewhere goes away.
 * Not here: how it is shown (adapters) and what it says (wording).
 */
import type { ServiceEvent } from '../../../shared/contract/events';
import type { GrantView } from '../../../shared/contract/grants';
import type { RequestView } from '../../../shared/contract/requests';
import type { Log } from '../lifecycle/log';
import type { Abilities, NotificationAdapter } from './adapter';
import {
  activeNotice,
  alarmKey,
  alarmNotice,
  endedNotice,
  endingNotice,
  failedNotice,
  grantKey,
  type Notice,
  type NoticeAction,
  outcomeNotice,
  removalDelayedNotice,
  requestKey,
  waitingNotice,
} from './wording';

/** After a start with many waiting requests, this many are announced one by one; the tray counts the rest. */
const MAX_ANNOUNCED_AT_START = 3;

export interface NoticeActions {
  decide(request: RequestView, decision: 'approve' | 'deny'): void;
  openRequest(request: RequestView): void;
  openGrant(grantId: string): void;
  extend(grant: GrantView): void;
  copyCommand(grantId: string): void;
}
export interface Notifier {
  onEvent(event: ServiceEvent): void;
  /** Requests that wait at a start, or after a gap. */
  announce(waiting: readonly RequestView[]): void;
  warn(grant: GrantView, minutes: 15 | 5 | 1): void;
  active(grant: GrantView, command: string | null): void;
  failed(key: string, what: string, next: string | null, open: () => void): void;
  abilities(): Promise<Abilities>;
}

export function createNotifier(deps: {
  adapter: NotificationAdapter;
  me: () => { personId: string; deviceId: string } | null;
  /** Whether this person looks after the service. */
  isAdmin: () => boolean;
  enabled: () => boolean;
  actions: NoticeActions;
  log: Log;
}): Notifier {
  const announced = new Set<string>();
  /** Removals that hang and were said to this administrator. */
  const alarmed = new Set<string>();

  async function say(notice: Notice, onAction: (action: NoticeAction) => void): Promise<void> {
    if (!deps.enabled()) return;
    const delivery = await deps.adapter.show(notice, onAction);
    if (!delivery.delivered)
      deps.log('warn', 'a notification was not delivered', {
        reason: delivery.reason,
        detail: delivery.detail,
        key: notice.key,
      });
  }
  const sayWaiting = (request: RequestView) => {
    announced.add(request.id);
    void say(waitingNotice(request), (action) => {
      if (action === 'approve' || action === 'deny') deps.actions.decide(request, action);
      else deps.actions.openRequest(request);
    });
  };
  const sayGrant = (notice: Notice, grant: GrantView) =>
    void say(notice, (action) => {
      if (action === 'extend') deps.actions.extend(grant);
      else if (action === 'copy-command') deps.actions.copyCommand(grant.id);
      else deps.actions.openGrant(grant.id);
    });
  const waitsForMe = (request: RequestView) =>
    request.state === 'pending' && request.waitingFor.some((person) => person.personId === deps.me()?.personId);

  function onRequest(type: ServiceEvent['type'], request: RequestView): void {
    const me = deps.me()?.personId;
    if (waitsForMe(request)) {
      if (type === 'request.nudged' || !announced.has(request.id)) sayWaiting(request);
    } else if (announced.delete(request.id)) deps.adapter.close(requestKey(request.id)); // handled elsewhere
    if (request.requester.personId !== me || type === 'decision.recorded' || type === 'request.seen') return;
    const outcome = outcomeNotice(request);
    if (outcome !== null) void say(outcome, () => deps.actions.openRequest(request));
  }

  function onGrant(type: ServiceEvent['type'], grant: GrantView): void {
    if (grant.state === 'ended' && alarmed.delete(grant.id)) deps.adapter.close(alarmKey(grant.id));
    if (type === 'grant.removal_delayed' && deps.isAdmin() && grant.holder.personId !== deps.me()?.personId) {
      alarmed.add(grant.id);
      sayGrant(alarmNotice(grant), grant);
    }
    if (grant.holder.personId !== deps.me()?.personId) return;
    if (type === 'grant.ending' && grant.endReason === 'returned') deps.adapter.close(grantKey(grant.id));
    if (type === 'grant.removal_delayed') sayGrant(removalDelayedNotice(grant), grant);
    if (type === 'grant.ended' && (grant.endReason !== 'returned' || grant.endedBecause !== null))
      sayGrant(endedNotice(grant), grant);
  }

  return {
    onEvent(event) {
      if (deps.me() === null) return;
      if ('request' in event.data) onRequest(event.type, event.data.request);
      else if ('grant' in event.data) onGrant(event.type, event.data.grant);
    },
    announce(waiting) {
      for (const request of waiting.filter((each) => !announced.has(each.id)).slice(0, MAX_ANNOUNCED_AT_START))
        sayWaiting(request);
      const open = new Set(waiting.map((request) => request.id));
      for (const id of [...announced])
        if (!open.has(id)) {
          announced.delete(id);
          deps.adapter.close(requestKey(id));
        }
    },
    warn: (grant, minutes) => sayGrant(endingNotice(grant, minutes), grant),
    active: (grant, command) => sayGrant(activeNotice(grant, command), grant),
    failed: (key, what, next, open) => void say(failedNotice(key, what, next), open),
    abilities: () => deps.adapter.abilities(),
  };
}
