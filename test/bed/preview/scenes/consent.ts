/** The consent card. */
import { cardOf, factsOf } from '../consent';
import * as fixtures from '../fixtures';
import type { Scene } from '../scene';

export const scenes: Readonly<Record<string, Scene>> = {
  consent: { consent: cardOf() },
  'consent-deny': {
    consent: cardOf(),
    act: async ({ press, click }) => {
      await press('d');
      await click('.chip');
    },
  },
  'consent-busy': { consent: cardOf(), act: ({ press }) => press('a') },
  'consent-hostile': {
    consent: cardOf(
      factsOf({
        reason: `<b onclick="x()">URGENT</b> <script>alert(1)</script> שלום approve ${'a-word-without-an-end'.repeat(14)} and then some more words to read, since a reason may have five hundred characters.`,
        ticketRef: 'INC-20251007-very-long-reference/with#parts.and-more-of-it-0001',
        requester: {
          ...fixtures.cardFacts.request.requester,
          displayName: 'Maximiliana Wolfeschlegelsteinhausenbergerdorff-Oyelaran',
        },
      }),
    ),
  },
  'consent-extend': {
    consent: cardOf(
      factsOf(
        { extendsGrantId: fixtures.activeGrant.id, approvals: [{ from: 'db-owners', count: 1, given: 0 }] },
        { history: [], differs: [], otherActive: [] },
      ),
    ),
  },
  'consent-window': { consent: cardOf(fixtures.cardFacts, 'window') },
  'consent-window-deny': { consent: cardOf(fixtures.cardFacts, 'window'), act: ({ press }) => press('d') },
  'consent-window-done': {
    consent: {
      kind: 'done',
      outcome: 'denied',
      text: 'You denied Tomas Vesely read-write on ledger-db. They read your reason.',
    },
  },
  'consent-done': {
    consent: {
      kind: 'done',
      outcome: 'approved',
      text: 'You approved read-write on ledger-db for Tomas Vesely, 1 hour.',
    },
  },
  'consent-handled': { consent: { kind: 'done', outcome: 'handled', text: 'Priya Sharma approved it first.' } },
  'consent-error': {
    consent: {
      kind: 'error',
      error: {
        code: 'unavailable',
        what: 'The facts could not be fetched.',
        safe: 'Nothing was decided.',
        next: 'Check the connection and open the request again.',
        detail: 'connect ECONNREFUSED 10.0.4.12:7443',
      },
    },
  },
  'consent-loading': { consent: { kind: 'loading' } },
};
