/**
 * What the sample's people do, so that one person alone sees the whole product: a colleague asks, and asks for more once that
 * is decided; an approver approves what the owner asks for. Each is said when it happens, as sample behaviour.
 */
import { MINUTE_MS, SECOND_MS } from '../../../shared/domain/instant';
import { isProblem } from '../session/api-problem';
import type { Player } from './players';

/** How long the approver lets the owner's request wait, so that waiting can be seen. */
export const APPROVE_AFTER_MS = 6 * SECOND_MS;

export interface Story {
  /** Does what is due. Called again and again; a call that fails is simply made again. */
  look(): Promise<void>;
}
interface Wish {
  readonly resource: string;
  readonly level: string;
  readonly ttlMs: number;
  readonly reason: string;
  readonly ticketRef: string;
}
/** One for the buttons of the notification, then one for the card. */
const WISHES: readonly Wish[] = [
  {
    resource: 'orders-db',
    level: 'read-only',
    ttlMs: 30 * MINUTE_MS,
    reason: 'A customer in Oslo misses an order',
    ticketRef: '',
  },
  {
    resource: 'orders-db',
    level: 'read-write',
    ttlMs: 15 * MINUTE_MS,
    reason: 'Set the stuck orders back to packed',
    ticketRef: 'INC-12',
  },
];

export function createStory(deps: {
  readonly colleague: Player;
  readonly approver: Player;
  readonly ownerId: string;
  readonly resourceIds: Readonly<Record<string, string>>;
  readonly say: (title: string, about: string) => void;
  readonly now: () => number;
}): Story {
  const { colleague, approver } = deps;
  const firstSeen = new Map<string, number>();
  const left = [...WISHES];
  let asked: string | null = null;

  async function askNext(): Promise<void> {
    if (asked !== null) {
      const before = await colleague.callApi('requests.get', { params: { id: asked } });
      if (before.state === 'pending') return;
    }
    const [wish] = left;
    const resourceId = deps.resourceIds[wish?.resource ?? ''];
    if (wish === undefined || resourceId === undefined) return;
    const { level, ttlMs, reason, ticketRef } = wish;
    const body = { resourceId, level, ttlMs, reason, ticketRef, startWhen: 'connected' as const };
    const request = await colleague.callApi('requests.submit', { body });
    asked = request.id;
    left.shift();
  }

  async function approve(): Promise<void> {
    const { items } = await approver.callApi('requests.list', { query: { scope: 'inbox' } });
    for (const request of items) {
      if (request.requester.personId !== deps.ownerId) continue; // what colleagues ask is the owner's to decide
      const since = firstSeen.get(request.id) ?? deps.now();
      firstSeen.set(request.id, since);
      if (deps.now() - since < APPROVE_AFTER_MS) continue;
      try {
        const facts = await approver.decider.facts(request.id);
        if (!facts.request.can.decide) continue;
        const ttlMs = facts.request.ttlMs;
        await approver.decider.decide(facts, { decision: 'approve', ttlMs, reason: '', via: 'card' });
        const about = `The sample plays ${approver.displayName}, who said yes to ${request.ticket}. In your own workspace only people decide.`;
        deps.say(`Sample: ${approver.displayName} approved your request`, about);
      } catch (cause) {
        if (!isProblem(cause)) throw cause; // withdrawn or decided meanwhile: the next look shows it
      }
    }
  }

  return {
    async look() {
      await askNext();
      await approve();
    },
  };
}
