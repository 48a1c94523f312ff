/**
 * Draws one request for the person who decides on it: the ticket's body has the facts, its stub the decision.
 * Why plain DOM: nobody else's code runs where an approval is given.
 * Not here: which request it is and what is signed. The main process knows; this page passes the digest it showed.
 */
import type { ConsentState } from '../../shared/contract/ipc';
import type { CardFacts } from '../../shared/contract/requests';
import { h } from './dom';
import { icon } from './icons';
import { seal } from './seal';
import {
  DENY_REASONS,
  dayOf,
  firstName,
  headline,
  lengthInShort,
  lengthInWords,
  origin,
  shorterNote,
  slotText,
  timeOf,
  whatFollows,
} from './wording';

export type CardState = Extract<ConsentState, { kind: 'card' }>;
/** What the person has chosen so far; kept over redraws. */
export interface Choice {
  ttlMs: number;
  denying: boolean;
  reason: string;
  busy: boolean;
}
export interface CardActions {
  choose(change: Partial<Choice>): void;
  approve(): void;
  deny(): void;
}

const ENVIRONMENT_CLASS = { production: 'prod', staging: 'stg', development: 'dev' } as const;
const RISK_PIPS = { low: 1, moderate: 2, high: 3, critical: 4 } as const;
const TONE_ICON = { plain: 'dot', good: 'check', warn: 'warn', danger: 'warn' } as const;

/** The whole ticket. */
export function card(state: CardState, choice: Choice, actions: CardActions): HTMLElement {
  const { facts } = state;
  return h(
    'article',
    { class: `ticket hp-ticket surface-${state.surface}`, 'aria-labelledby': 'headline' },
    h(
      'div',
      { class: 'body' },
      marks(facts),
      title(facts),
      why(facts),
      does(facts),
      history(facts),
      differs(facts),
      approvals(facts),
    ),
    stub(state, choice, actions),
  );
}

function marks({ request }: CardFacts): HTMLElement {
  const { environment, risk, tags } = request.resource;
  const pips = h('span', { class: 'pips', 'aria-hidden': true });
  for (let i = 0; i < 4; i++) pips.append(h('i', { class: i < RISK_PIPS[risk] ? 'on' : undefined }));
  return h(
    'div',
    { class: 'marks' },
    h('span', { class: `environment ${ENVIRONMENT_CLASS[environment]}` }, environment),
    h('span', { class: `risk ${risk}` }, pips, risk),
    ...tags.slice(0, 4).map((tag) => h('span', { class: 'tag' }, tag)),
    h('span', { class: 'number' }, request.ticket),
  );
}

function title(facts: CardFacts): HTMLElement {
  const { requester } = facts.request;
  const initials = requester.displayName
    .split(' ')
    .map((word) => word[0] ?? '')
    .join('')
    .slice(0, 2)
    .toUpperCase();
  return h(
    'header',
    { class: 'title' },
    h('span', { class: 'avatar', 'aria-hidden': true }, initials),
    h(
      'div',
      {},
      h('h1', { id: 'headline' }, headline(facts)),
      h('p', { class: 'muted' }, `${origin(facts)} ${facts.requesterJoined}`),
    ),
  );
}

function why({ request }: CardFacts): HTMLElement {
  return h(
    'section',
    { class: 'why' },
    h(
      'div',
      {},
      h('h3', {}, 'Why'),
      h('p', { class: 'reason', dir: 'auto' }, request.reason === '' ? 'No reason given.' : `“${request.reason}”`),
    ),
    request.ticketRef !== '' &&
      h('div', { class: 'reference' }, h('h3', {}, 'Ticket'), h('p', { class: 'mono' }, request.ticketRef)),
  );
}

/** Longer ones have a row of their own: sentences in narrow columns are read by nobody. */
const LONG_FACT_CHARS = 70;
function does({ does: lines, request, otherActive }: CardFacts): HTMLElement {
  const items = lines.map(({ tone, text }) =>
    h('li', { class: text.length > LONG_FACT_CHARS ? `${tone} long` : tone }, icon(TONE_ICON[tone]), text),
  );
  for (const other of otherActive.slice(0, 3))
    items.push(
      h(
        'li',
        { class: 'plain' },
        icon('dot'),
        `${other.displayName} has ${other.level} here until ${timeOf(other.expiresAt)}`,
      ),
    );
  return h(
    'section',
    {},
    h('h2', {}, `What ${request.level} on ${request.resource.name} gives`),
    h('ul', { class: 'facts' }, ...items),
  );
}

function history({ history: past, request }: CardFacts): HTMLElement | false {
  if (past.length === 0)
    return h(
      'section',
      {},
      h('h2', {}, 'History'),
      h('p', { class: 'muted' }, `${firstName(request.requester.displayName)} has not had access here before.`),
    );
  const longestMs = Math.max(request.ttlMs, ...past.map((grant) => grant.ttlMs));
  const bar = (ttlMs: number, usedMs: number | null, top: string, bottom: string, now = '') => {
    const height = Math.max(4, Math.round((ttlMs / longestMs) * 36));
    const used = usedMs === null ? height : Math.max(2, Math.round((Math.min(usedMs, ttlMs) / longestMs) * 36));
    return h(
      'li',
      { class: `bar ${now}` },
      h('span', { class: 'top' }, top),
      h(
        'svg',
        { width: 18, height, viewBox: `0 0 18 ${height}`, 'aria-hidden': true },
        h('rect', { class: 'granted', x: 0.75, y: 0.75, width: 16.5, height: height - 1.5 }),
        now === '' && h('rect', { class: 'used', x: 0, y: height - used, width: 18, height: used }),
      ),
      h('span', { class: 'bottom' }, bottom),
    );
  };
  const bars = [...past]
    .sort((a, b) => a.at - b.at)
    .map((grant) => {
      const used = grant.usedMs === null ? '' : `${Math.max(1, Math.round(grant.usedMs / 60_000))} of `;
      return bar(grant.ttlMs, grant.usedMs, `${used}${lengthInShort(grant.ttlMs)}`, dayOf(grant.at));
    });
  bars.push(bar(request.ttlMs, null, lengthInShort(request.ttlMs), 'now', 'now'));
  const levels = [...new Set(past.map((grant) => grant.level))].join(', ');
  return h(
    'section',
    {},
    h(
      'div',
      { class: 'heading' },
      h('h2', {}, `Last ${past.length === 1 ? 'grant' : `${past.length} grants`} here`),
      h('span', { class: 'muted' }, `${levels}; filled is what was used`),
    ),
    h('ul', { class: 'bars', 'aria-label': 'Earlier grants, oldest first' }, ...bars),
  );
}

function differs({ differs: lines }: CardFacts): HTMLElement | false {
  if (lines.length === 0) return false;
  return h(
    'section',
    {},
    h('h2', {}, 'Differs from the usual'),
    h('ul', { class: 'facts' }, ...lines.map((text) => h('li', { class: 'warn' }, icon('clock'), text))),
  );
}

const lastStep = ({ extendsGrantId, resource }: CardFacts['request']): string => {
  if (extendsGrantId !== null) return 'More time';
  return resource.kind === 'secret' ? 'Handed out, clock starts' : 'Login made, clock starts';
};
function approvals({ request }: CardFacts): HTMLElement {
  const steps = request.approvals.map((slot) =>
    h('li', { class: slot.given >= slot.count ? 'given' : 'open' }, slotText(slot)),
  );
  steps.push(h('li', {}, lastStep(request)));
  const given = request.decisions.map((d) =>
    h('p', { class: 'muted' }, `${d.approver.displayName} approved for ${lengthInWords(d.ttlMs)} at ${timeOf(d.at)}`),
  );
  return h(
    'section',
    {},
    h(
      'div',
      { class: 'heading' },
      h('h2', {}, 'Approvals'),
      h(
        'span',
        { class: 'muted' },
        request.rules.length === 1 ? 'rule ' : 'rules ',
        h('span', { class: 'mono' }, request.rules.join(', ')),
      ),
    ),
    h('ol', { class: 'chain' }, ...steps),
    ...given,
  );
}

function stub(state: CardState, choice: Choice, actions: CardActions): HTMLElement {
  const { facts } = state;
  const idle = state.armed && !choice.busy;
  return h(
    'aside',
    { class: 'stub', 'aria-label': 'Your decision' },
    // stays in view while the facts are scrolled: deciding never needs the end of a long reason
    h(
      'div',
      { class: 'decision' },
      !choice.denying && lengths(facts, choice, actions),
      h(
        'div',
        { class: 'sealed' },
        seal(state.fingerprint, 96),
        h('p', {}, 'Sealed by the key on this device'),
        h('p', { class: 'mono' }, `${state.deviceName} · ${state.fingerprint.split(' ').slice(0, 2).join(' ')}`),
      ),
      choice.denying ? denial(choice, actions, idle) : buttons(facts, choice, actions, idle),
      h('p', { class: 'follows' }, choice.denying ? 'The requester reads the reason.' : whatFollows(facts)),
    ),
  );
}

function lengths(facts: CardFacts, choice: Choice, actions: CardActions): HTMLElement {
  const options = facts.durations.length > 0 ? facts.durations : [facts.request.ttlMs];
  return h(
    'fieldset',
    { class: 'lengths' },
    h('legend', {}, 'Grant for'),
    h(
      'div',
      { class: 'segments', role: 'radiogroup', 'aria-label': 'Grant for' },
      ...options.map((ttlMs) =>
        h(
          'button',
          {
            id: `for-${ttlMs}`,
            type: 'button',
            role: 'radio',
            'aria-checked': String(ttlMs === choice.ttlMs),
            class: ttlMs === choice.ttlMs ? 'on' : undefined,
            onclick: () => actions.choose({ ttlMs }),
          },
          lengthInShort(ttlMs),
        ),
      ),
    ),
    h('p', { class: 'muted' }, shorterNote(facts.request.ttlMs, choice.ttlMs, facts.request.requester.displayName)),
  );
}

function buttons(facts: CardFacts, choice: Choice, actions: CardActions, idle: boolean): HTMLElement {
  const extra = facts.request.extendsGrantId ? 'Approve' : `Approve for ${lengthInShort(choice.ttlMs)}`;
  return h(
    'div',
    { class: 'actions' },
    h(
      'button',
      { id: 'approve', type: 'button', class: 'primary', disabled: !idle, onclick: () => actions.approve() },
      choice.busy ? 'Signing…' : extra,
      h('kbd', { 'aria-hidden': true }, 'A'),
    ),
    h(
      'button',
      {
        id: 'deny',
        type: 'button',
        class: 'danger',
        disabled: !idle,
        onclick: () => actions.choose({ denying: true }),
      },
      'Deny…',
      h('kbd', { 'aria-hidden': true }, 'D'),
    ),
  );
}

function denial(choice: Choice, actions: CardActions, idle: boolean): HTMLElement {
  return h(
    'div',
    { class: 'actions' },
    h(
      'div',
      { class: 'chips' },
      ...DENY_REASONS.map((reason) =>
        h(
          'button',
          {
            type: 'button',
            class: choice.reason === reason ? 'chip on' : 'chip',
            onclick: () => actions.choose({ reason }),
          },
          reason,
        ),
      ),
    ),
    h(
      'textarea',
      {
        id: 'reason',
        rows: 2,
        maxlength: 500,
        'aria-label': 'Reason to deny',
        placeholder: 'Reason',
        oninput: (event) => actions.choose({ reason: (event.target as HTMLTextAreaElement).value }),
      },
      choice.reason,
    ),
    h(
      'button',
      { id: 'confirm-deny', type: 'button', class: 'danger solid', disabled: !idle, onclick: () => actions.deny() },
      choice.busy ? 'Signing…' : 'Deny',
    ),
    h(
      'button',
      { id: 'cancel-deny', type: 'button', class: 'quiet', onclick: () => actions.choose({ denying: false }) },
      'Back',
    ),
  );
}
