/**
 * The consent page: one card, one decision. It gets facts and passes a decision through its own bridge and knows no request id.
 * Keys: A approves, D denies, Escape goes back, J and K move in the list behind it.
 */
import type { ConsentBridge, ConsentState } from '../../shared/contract/ipc';
import '../ui/tokens.css';
import '../ui/ticket.css';
import './consent.css';
import { type Choice, card } from './card';
import { h, show } from './dom';
import { icon } from './icons';

declare global {
  interface Window {
    readonly consent: ConsentBridge;
  }
}

const page = document.getElementById('card') as HTMLElement;
let state: ConsentState = { kind: 'loading' };
let choice: Choice = { ttlMs: 0, denying: false, reason: '', busy: false };

function draw(): void {
  if ('theme' in state) document.documentElement.dataset.theme = state.theme;
  switch (state.kind) {
    case 'card':
      show(page, card(state, choice, { choose, approve: () => decide('approve'), deny: () => decide('deny') }));
      break;
    case 'done':
      show(page, done(state));
      break;
    case 'error':
      show(page, problem(state));
      break;
    case 'loading':
      show(
        page,
        h(
          'div',
          { class: 'ticket hp-ticket waiting', 'aria-busy': true },
          h('div', { class: 'body' }, h('p', { class: 'muted' }, 'Fetching the facts…')),
        ),
      );
      break;
    case 'none':
      show(page);
  }
  const height = Math.ceil(page.scrollHeight);
  void window.consent.height(Math.min(height, 5000));
}

function done(end: Extract<ConsentState, { kind: 'done' }>): HTMLElement {
  const mark = end.outcome === 'approved' ? 'check' : end.outcome === 'denied' ? 'cross' : 'clock';
  return h(
    'article',
    { class: `ticket hp-ticket over ${end.outcome}`, role: 'status' },
    h('div', { class: 'body' }, h('span', { class: 'stamp' }, icon(mark), end.outcome), h('h1', {}, end.text)),
  );
}

function problem({ error }: Extract<ConsentState, { kind: 'error' }>): HTMLElement {
  return h(
    'article',
    { class: 'ticket hp-ticket over failed', role: 'alert' },
    h(
      'div',
      { class: 'body' },
      h('h1', {}, error.what),
      error.safe && h('p', {}, error.safe),
      error.next && h('p', { class: 'muted' }, error.next),
      error.detail && h('p', { class: 'mono muted' }, error.detail),
    ),
  );
}

function choose(change: Partial<Choice>): void {
  const typed = change.reason !== undefined && document.activeElement?.id === 'reason';
  choice = { ...choice, ...change };
  if (typed) return; // the text area already shows it; a redraw would move the caret
  draw();
  if (change.denying) document.getElementById('reason')?.focus();
}

async function decide(decision: 'approve' | 'deny'): Promise<void> {
  if (state.kind !== 'card' || !state.armed || choice.busy) return;
  const { digest } = state.facts.request;
  choice = { ...choice, busy: true };
  draw();
  take(
    await window.consent.decide({
      decision,
      requestDigest: digest,
      ttlMs: decision === 'approve' ? choice.ttlMs : 0,
      reason: decision === 'deny' ? choice.reason : '',
    }),
  );
}

/** A new state. What was chosen stays while it is the same request as it was asked. */
function take(next: ConsentState): void {
  const digest = (s: ConsentState) => (s.kind === 'card' ? s.facts.request.digest : null);
  if (digest(next) !== digest(state))
    choice = { ttlMs: next.kind === 'card' ? next.facts.request.ttlMs : 0, denying: false, reason: '', busy: false };
  else choice = { ...choice, busy: false };
  state = next;
  draw();
}

function onKey(event: KeyboardEvent): void {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = event.target instanceof HTMLTextAreaElement;
  if (event.key === 'Escape') {
    if (choice.denying) choose({ denying: false });
    else
      void (state.kind === 'card' && state.surface === 'window' ? window.consent.close() : window.consent.key('leave'));
    return;
  }
  if (typing && event.key === 'Enter' && !event.shiftKey) {
    event.preventDefault();
    void decide('deny');
    return;
  }
  if (typing || event.repeat) return; // a key held down since before the card came decides nothing
  if (event.key === 'a') void decide('approve');
  if (event.key === 'd' && !choice.denying) {
    event.preventDefault();
    choose({ denying: true });
  }
  if (event.key === 'j') void window.consent.key('next');
  if (event.key === 'k') void window.consent.key('previous');
}

window.addEventListener('keydown', onKey);
window.consent.onState(take);
void window.consent.state().then(take);
