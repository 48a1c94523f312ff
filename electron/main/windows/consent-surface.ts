/**
 * One place where a request's card is shown and a decision taken: the pane over the inbox, or the small window.
 * The page names no request: this object knows which one it shows, and what is shown is what is signed.
 * The buttons are armed only after the card has been visible for a moment, so that a click meant for
 * something else, made just as the card appears, decides nothing.
 * No Electron here: the page is a function that takes states.
 */
import type { ConsentDecision, ConsentState, UserError } from '../../../shared/contract/ipc';
import type { CardFacts, RequestView } from '../../../shared/contract/requests';
import { toUserError, UserFacingError } from '../lifecycle/user-error';

export const ARM_AFTER_MS = 500;

export interface DecisionChoice {
  readonly decision: 'approve' | 'deny';
  readonly ttlMs: number;
  readonly reason: string;
  readonly via: 'card' | 'notification' | 'tray';
}
export interface ConsentPorts {
  facts(requestId: string): Promise<CardFacts>;
  seen(requestId: string): Promise<void>;
  /** Signs and sends. Rejects when the service refuses. */
  decide(facts: CardFacts, choice: DecisionChoice): Promise<RequestView>;
  identity(): { seal: string; deviceName: string; fingerprint: string };
  /** Why this start of the app takes no decisions; null when it does. */
  refusal(): UserError | null;
  theme(): 'light' | 'dark';
  /** Calls back once after a length; returns its cancel. */
  after(lengthMs: number, callback: () => void): () => void;
  done(requestId: string): void;
}
type Shown = Exclude<ConsentState, { kind: 'card' }> | { kind: 'card'; facts: CardFacts; armed: boolean };

export interface ConsentSurface {
  show(requestId: string): Promise<void>;
  clear(): void;
  /**
   * The card was moved, resized or given the keyboard by the page it lies over: what the hand was about to do was not meant
   * for it, so it has to be looked at for a moment again. `too-small` to be read, it takes no decision at all.
   */
  disturbed(how: 'moved' | 'focused' | 'too-small'): void;
  /** The request was handled, changed or withdrawn elsewhere: load the facts anew, or say that it is over. */
  refresh(request: RequestView): void;
  state(): ConsentState;
  decide(choice: ConsentDecision): Promise<ConsentState>;
  readonly requestId: () => string | null;
  /** Theme or identity changed: draw again. */
  redraw(): void;
}

export function createConsentSurface(
  kind: 'pane' | 'window',
  ports: ConsentPorts,
  emit: (state: ConsentState) => void,
): ConsentSurface {
  let requestId: string | null = null;
  let shown: Shown = { kind: 'none' };
  let disarm = () => {};
  let busy = false;
  let size: 'readable' | 'too-small' = 'readable';

  const state = (): ConsentState => {
    if (shown.kind === 'card') {
      return {
        kind: 'card',
        facts: shown.facts,
        armed: shown.armed,
        ...ports.identity(),
        theme: ports.theme(),
        surface: kind,
      };
    }
    return shown.kind === 'done' || shown.kind === 'error' ? { ...shown, theme: ports.theme() } : shown;
  };
  const become = (next: Shown): ConsentState => {
    shown = next;
    const now = state();
    emit(now);
    return now;
  };
  const fail = (cause: unknown) => become({ kind: 'error', error: toUserError(cause), theme: ports.theme() });

  /** Begins the moment in which the card is only looked at. */
  function armLater(): void {
    disarm();
    const id = requestId;
    if (size === 'too-small') return;
    disarm = ports.after(ARM_AFTER_MS, () => {
      if (requestId === id && shown.kind === 'card') become({ ...shown, armed: true });
    });
  }

  async function load(id: string): Promise<void> {
    disarm();
    try {
      const facts = await ports.facts(id);
      if (requestId !== id) return;
      if (!facts.request.can.decide) {
        become(over(facts.request, ports.theme()));
        return;
      }
      become({ kind: 'card', facts, armed: false });
      armLater();
      await ports.seen(id).catch(() => undefined); // a courtesy to the requester; the card works without
    } catch (cause) {
      if (requestId === id) fail(cause);
    }
  }

  return {
    requestId: () => requestId,
    state,
    redraw: () => emit(state()),
    async show(id) {
      if (requestId === id && (shown.kind === 'card' || shown.kind === 'loading')) return;
      requestId = id;
      become({ kind: 'loading' });
      await load(id);
    },
    clear() {
      requestId = null;
      disarm();
      if (shown.kind !== 'none') become({ kind: 'none' });
    },
    disturbed(how) {
      size = how === 'too-small' ? 'too-small' : how === 'moved' ? 'readable' : size;
      if (shown.kind !== 'card' || busy) return;
      if (shown.armed) become({ ...shown, armed: false });
      armLater();
    },
    refresh(request) {
      if (request.id !== requestId || busy || shown.kind === 'done') return;
      if (request.state !== 'pending') become(over(request, ports.theme()));
      else if (
        shown.kind === 'card' &&
        shown.facts.request.digest === request.digest &&
        sameStand(shown.facts.request, request)
      )
        return;
      else void load(request.id);
    },
    async decide(choice) {
      const card = shown;
      const id = requestId;
      if (busy) return state();
      try {
        if (card.kind !== 'card' || id === null) throw refused('no-card', 'No request is shown.');
        const refusal = ports.refusal();
        if (refusal !== null) throw new UserFacingError(refusal);
        if (!card.armed) throw refused('not-armed', 'That was too quick.');
        if (choice.requestDigest !== card.facts.request.digest)
          throw refused('request-changed', 'The request changed meanwhile.');
        const lengths = card.facts.durations;
        const ttlMs = choice.decision === 'deny' ? 0 : choice.ttlMs;
        if (choice.decision === 'approve' && !lengths.includes(ttlMs) && ttlMs !== card.facts.request.ttlMs)
          throw refused('bad-duration', 'That length was not offered.');
        busy = true;
        const request = await ports.decide(card.facts, {
          decision: choice.decision,
          ttlMs,
          reason: choice.reason ?? '',
          via: 'card',
        });
        const next = become(decided(choice.decision, request, ports.theme()));
        ports.done(id);
        return next;
      } catch (cause) {
        return fail(cause);
      } finally {
        busy = false;
      }
    },
  };
}

const refused = (code: string, what: string) =>
  new UserFacingError({ code, what, safe: 'Nothing was decided.', next: 'Look at the card again and decide.' });

/** Who is waited for and which approvals are given: a card that shows something else must be loaded again. */
const sameStand = (a: RequestView, b: RequestView) => a.stage === b.stage && a.decisions.length === b.decisions.length;

function decided(decision: 'approve' | 'deny', request: RequestView, theme: 'light' | 'dark'): Shown {
  const who = request.requester.displayName;
  if (decision === 'deny') return { kind: 'done', outcome: 'denied', theme, text: `Denied. ${who} has been told.` };
  const missing = request.approvals.reduce((sum, approval) => sum + Math.max(0, approval.count - approval.given), 0);
  const text =
    request.state === 'pending' && missing > 0
      ? `Approved by you. ${missing === 1 ? 'One more approval is' : `${missing} more approvals are`} needed.`
      : `Approved. ${who} can use ${request.resource.name} as soon as access works.`;
  return { kind: 'done', outcome: 'approved', theme, text };
}

/** What a card says of a request that nobody needs to decide on any more (or not this person). */
function over(request: RequestView, theme: 'light' | 'dark'): Shown {
  const last = request.decisions.at(-1);
  const by = last === undefined ? '' : ` by ${last.approver.displayName}`;
  const say = (text: string, outcome: 'handled' | 'gone'): Shown => ({ kind: 'done', text, outcome, theme });
  switch (request.state) {
    case 'approved':
    case 'auto_approved':
      return say(`Already approved${by}.`, 'handled');
    case 'denied':
    case 'denied_by_policy':
      return say(`Already denied${by}.`, 'handled');
    case 'withdrawn':
      return say(`${request.requester.displayName} took the request back.`, 'gone');
    case 'expired':
      return say('The request expired without an answer.', 'gone');
    case 'blocked':
      return say(request.blockedBecause ?? 'Nobody can decide on this request at present.', 'gone');
    case 'pending':
      return say('This request does not wait for you any more.', 'handled');
  }
}
