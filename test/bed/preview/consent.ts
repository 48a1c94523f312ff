/** The consent page in any state: its own bridge made of fixtures, and the one element that its page has. */

import type { ConsentBridge, ConsentState } from '../../../shared/contract/ipc';
import type { CardFacts } from '../../../shared/contract/requests';
import * as fixtures from './fixtures';

type Distributive<S> = S extends { theme: unknown } ? Omit<S, 'theme'> : S;
/** What the page is told; the theme is the picture's. */
export type ConsentScene = Distributive<ConsentState>;

export const cardOf = (facts: CardFacts = fixtures.cardFacts, surface: 'pane' | 'window' = 'pane'): ConsentScene => ({
  kind: 'card',
  facts,
  seal: fixtures.readySession.fingerprint,
  deviceName: 'nadia-t14',
  fingerprint: fixtures.readySession.fingerprint,
  surface,
  armed: true,
});
export const factsOf = (request: Partial<CardFacts['request']>, more: Partial<CardFacts> = {}): CardFacts => ({
  ...fixtures.cardFacts,
  ...more,
  request: { ...fixtures.cardFacts.request, ...request },
});

export function pretendConsent(scene: ConsentScene, theme: 'light' | 'dark'): void {
  const state = { ...scene, theme } as ConsentState;
  const bridge: ConsentBridge = {
    state: async () => state,
    decide: () => new Promise(() => undefined),
    close: async () => undefined,
    height: async () => undefined,
    key: async () => undefined,
    onState: () => () => undefined,
  };
  Object.defineProperty(window, 'consent', { value: bridge });
  const page = document.createElement('main');
  page.id = 'card';
  page.setAttribute('aria-live', 'polite');
  document.body.replaceChildren(page);
}
