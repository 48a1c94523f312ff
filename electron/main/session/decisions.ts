/** Signs a decision with this device's key over exactly the facts that were shown, and sends it. */
import type { CardFacts, DecisionStatement, RequestView } from '../../../shared/contract/requests';
import { signDecision } from '../../../shared/crypto/statements';
import { UserFacingError } from '../lifecycle/user-error';
import type { DecisionChoice } from '../windows/consent-surface';
import type { CallApi } from './api-client';
import { isProblem } from './api-problem';
import { ServiceAway } from './transport';

export interface Decider {
  facts(requestId: string): Promise<CardFacts>;
  seen(requestId: string): Promise<void>;
  decide(facts: CardFacts, choice: DecisionChoice): Promise<RequestView>;
  /**
   * From a notification or the tray: decides on the request as it was announced. Refused when it changed since, or when
   * the policy wants the card (`card-required`): the caller then opens the card.
   */
  decideAnnounced(
    request: Pick<RequestView, 'id' | 'digest'>,
    choice: Omit<DecisionChoice, 'ttlMs'>,
  ): Promise<RequestView>;
}

/** One more try after a lost answer; the same key, so that it counts once. */
const SEND_TRIES = 2;

export function createDecider(deps: {
  callApi: CallApi;
  identity: () => { deviceId: string; signingSecretKey: string };
  serverNow: () => number;
}): Decider {
  async function decide(facts: CardFacts, choice: DecisionChoice): Promise<RequestView> {
    const { deviceId, signingSecretKey } = deps.identity();
    const statement: DecisionStatement = {
      v: 1,
      kind: 'decision',
      requestId: facts.request.id,
      requestDigest: facts.request.digest,
      decision: choice.decision,
      stage: facts.request.stage,
      ttlMs: choice.ttlMs,
      reason: choice.reason,
      policyVersion: facts.answer.policyVersion,
      policyDigest: facts.answer.policyDigest,
      nonce: facts.nonce,
      via: choice.via,
      deviceId,
      at: Math.round(deps.serverNow()),
    };
    const body = signDecision(signingSecretKey, statement);
    for (let tries = 1; ; tries++) {
      try {
        return await deps.callApi('requests.decide', {
          params: { id: facts.request.id },
          body,
          idempotencyKey: `decide-${facts.nonce}`,
        });
      } catch (cause) {
        if (!(cause instanceof ServiceAway) || tries >= SEND_TRIES) throw cause;
      }
    }
  }
  const facts = (requestId: string) => deps.callApi('requests.card', { params: { id: requestId } });
  return {
    facts,
    async seen(requestId) {
      await deps.callApi('requests.seen', { params: { id: requestId } });
    },
    decide,
    async decideAnnounced(request, choice) {
      const card = await facts(request.id);
      if (card.request.digest !== request.digest)
        throw changed('request-changed', 'The request changed since it was announced.');
      if (!card.request.can.decide) throw changed('already-decided', 'This request does not wait for you any more.');
      if (card.request.confirm === 'card') throw changed('card-required', 'This one is decided on its card.');
      return decide(card, { ...choice, ttlMs: choice.decision === 'deny' ? 0 : card.request.ttlMs });
    },
  };
}

/** True when the answer to a failed quick decision is to show the card. */
export const wantsCard = (cause: unknown): boolean =>
  isProblem(cause, 'card-required', 'request-changed') ||
  (cause instanceof UserFacingError && ['card-required', 'request-changed'].includes(cause.userError.code));

const changed = (code: string, what: string) =>
  new UserFacingError({ code, what, safe: 'Nothing was decided.', next: 'Look at its card.' });
