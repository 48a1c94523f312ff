/** The request's machine, answer by answer: who may decide, what comes of it, and the words people get. */
import { describe, expect, test } from 'vitest';
import type { Voter } from '../../../electron/service/access/quorum';
import {
  applyRequestEvent,
  decideRequest,
  isOpen,
  type RequestCommand,
  type RequestContext,
  type RequestCore,
  type RequestEvent,
  wordState,
} from '../../../electron/service/access/request';
import { asInstant, HOUR_MS, MINUTE_MS } from '../../../shared/domain/instant';
import { REQUEST_STATES, type RequestState } from '../../../shared/domain/states';

const NOW = asInstant(1_000_000_000_000);
const voter = (personId: string, ...slots: string[]): Voter => ({ personId, slots });
const bea = voter('bea', 'dba');
const cid = voter('cid', 'dba');
const core = (state: RequestState = 'pending', more: Partial<RequestCore> = {}): RequestCore => ({
  state,
  requesterId: 'ann',
  ttlMs: HOUR_MS,
  expiresAt: asInstant(NOW + 1),
  ...more,
});
const context = (more: Partial<RequestContext> = {}): RequestContext => ({
  now: NOW,
  needs: [{ from: 'dba', count: 1 }],
  approvals: [],
  candidates: [bea],
  decided: new Set(),
  wordMissing: (missing) => `missing: ${missing.map(({ from, count }) => `${count} ${from}`).join(', ')}`,
  ...more,
});
const TWO = [{ from: 'dba', count: 2 }];
const does = (...events: RequestEvent[]) => ({ kind: 'events', events });
const refuses = (code: string, what: string) => ({ kind: 'refused', code, what });
const approve = (by = bea, ttlMs = HOUR_MS): RequestCommand => ({ kind: 'approve', voter: by, ttlMs });
const deny = (by = bea): RequestCommand => ({ kind: 'deny', voter: by, reason: 'not today' });
const approved = (personId: string): RequestEvent => ({ type: 'decided', decision: 'approve', personId });
const reanswer = (effect: 'auto' | 'approve' | 'refuse'): RequestCommand => ({
  kind: 'reanswer',
  effect,
  message: 'the rule is gone',
});
const others: RequestCommand[] = [
  { kind: 'withdraw', personId: 'ann' },
  { kind: 'expire', why: 'grant_ended' },
  { kind: 'route' },
  reanswer('approve'),
];

describe('a request that is decided', () => {
  test.each(REQUEST_STATES.filter((state) => !isOpen(state)))('%s: says so to whoever comes after', (state) => {
    const what = `This request is ${state.replaceAll('_', ' ')} already.`;
    for (const command of [approve(), deny()])
      expect(decideRequest(core(state), command, context())).toEqual(refuses('already-decided', what));
    for (const command of others)
      expect(decideRequest(core(state), command, context())).toEqual(refuses('wrong-state', what));
  });
  test('states are words people read', () => {
    expect(wordState('denied_by_policy')).toBe('denied by policy');
    expect(REQUEST_STATES.filter(isOpen)).toEqual(['pending', 'blocked']);
  });
});

describe('who may decide', () => {
  test.each([
    ['approve', approve],
    ['deny', deny],
  ] as const)('%s: nobody on their own, twice, too late, or without being asked', (_, by) => {
    const no = (request: RequestCore, command: RequestCommand, more: Partial<RequestContext> = {}) =>
      decideRequest(request, command, context(more));
    expect(no(core(), by(voter('ann', 'dba')))).toEqual(
      refuses('self-approval', 'Nobody decides on their own request.'),
    );
    expect(no(core(), by(), { decided: new Set(['bea']) })).toEqual(
      refuses('already-decided', 'You decided on this request already.'),
    );
    for (const ms of [0, -1])
      expect(no(core('pending', { expiresAt: asInstant(NOW + ms) }), by())).toEqual(
        refuses('wrong-state', 'This request has expired.'),
      );
    expect(no(core(), by(voter('bea')))).toEqual(
      refuses('not-eligible', 'You are not among those who may decide on this request.'),
    );
  });
  test('an approval may shorten, not lengthen; a minute is the least', () => {
    const no = refuses(
      'invalid-input',
      'An approval may shorten what was asked for, not lengthen it; one minute is the least.',
    );
    for (const ttlMs of [HOUR_MS + 1, MINUTE_MS - 1, MINUTE_MS + 0.5, Number.NaN, Number.POSITIVE_INFINITY])
      expect(decideRequest(core(), approve(bea, ttlMs), context())).toEqual(no);
    for (const ttlMs of [MINUTE_MS, HOUR_MS])
      expect(decideRequest(core(), approve(bea, ttlMs), context())).toEqual(
        does(approved('bea'), { type: 'approved' }),
      );
  });
});

describe('what a decision leads to', () => {
  test('the last one needed approves', () => {
    expect(decideRequest(core(), approve(cid), context({ needs: TWO, approvals: [bea] }))).toEqual(
      does(approved('cid'), { type: 'approved' }),
    );
    expect(decideRequest(core('blocked'), approve(), context())).toEqual(does(approved('bea'), { type: 'approved' }));
  });
  test('one of two waits for the other, and is blocked when there is no other', () => {
    expect(decideRequest(core(), approve(), context({ needs: TWO, candidates: [bea, cid] }))).toEqual(
      does(approved('bea')),
    );
    const blocked: RequestEvent = { type: 'blocked', because: 'missing: 1 dba' };
    expect(decideRequest(core(), approve(), context({ needs: TWO, candidates: [bea] }))).toEqual(
      does(approved('bea'), blocked),
    );
    // whoever decided is no candidate any more: they count for what they stood for, once
    const elsewhere = voter('bea', 'security');
    expect(decideRequest(core(), approve(), context({ needs: TWO, candidates: [elsewhere, cid] }))).toEqual(
      does(approved('bea')),
    );
  });
  test('one denial is enough, with its reason', () => {
    for (const state of ['pending', 'blocked'] as const)
      expect(decideRequest(core(state), deny(), context({ needs: TWO }))).toEqual(
        does({ type: 'decided', decision: 'deny', personId: 'bea' }, { type: 'denied', because: 'not today' }),
      );
  });
});

describe('without a decision', () => {
  test('only the requester takes it back', () => {
    expect(decideRequest(core(), { kind: 'withdraw', personId: 'ann' }, context())).toEqual(
      does({ type: 'withdrawn' }),
    );
    expect(decideRequest(core(), { kind: 'withdraw', personId: 'bea' }, context())).toEqual(
      refuses('forbidden', 'Only the requester can take a request back.'),
    );
  });
  test('the clock ends it at its time and not before; the end of its grant at any time', () => {
    const expire = (why: 'unanswered' | 'grant_ended', ms: number) =>
      decideRequest(core('pending', { expiresAt: asInstant(NOW + ms) }), { kind: 'expire', why }, context());
    expect(expire('unanswered', 1)).toEqual(refuses('wrong-state', 'This request has not expired.'));
    expect(expire('unanswered', 0)).toEqual(does({ type: 'expired', why: 'unanswered' }));
    expect(expire('grant_ended', 1)).toEqual(does({ type: 'expired', why: 'grant_ended' }));
  });
  test('routing approves what is complete, blocks what can’t be, frees what can, and else says nothing', () => {
    const route = (state: 'pending' | 'blocked', more: Partial<RequestContext>) =>
      decideRequest(core(state), { kind: 'route' }, context(more));
    expect(route('pending', { approvals: [bea], candidates: [] })).toEqual(does({ type: 'approved' }));
    expect(route('pending', { needs: TWO })).toEqual(does({ type: 'blocked', because: 'missing: 1 dba' }));
    expect(route('blocked', { needs: TWO })).toEqual(does());
    expect(route('blocked', { needs: TWO, approvals: [cid] })).toEqual(does({ type: 'unblocked' }));
    expect(route('pending', { needs: TWO, approvals: [cid] })).toEqual(does());
  });
  test('another policy: refuses, approves, or asks anew and counts nothing that was said before', () => {
    expect(decideRequest(core(), reanswer('refuse'), context())).toEqual(
      does({ type: 'denied_by_policy', because: 'the rule is gone' }),
    );
    expect(decideRequest(core(), reanswer('auto'), context())).toEqual(does({ type: 'auto_approved' }));
    expect(decideRequest(core(), reanswer('approve'), context())).toEqual(does({ type: 'rerouted' }));
    expect(decideRequest(core(), reanswer('approve'), context({ approvals: [cid], candidates: [] }))).toEqual(
      does({ type: 'rerouted' }, { type: 'blocked', because: 'missing: 1 dba' }),
    );
    expect(decideRequest(core('blocked'), reanswer('approve'), context())).toEqual(
      does({ type: 'rerouted' }, { type: 'unblocked' }),
    );
  });
  test('a command nobody knows is an error, not an answer', () => {
    expect(() => decideRequest(core(), { kind: 'revive' } as never, context())).toThrow('unreachable');
  });
});

describe('the state after an event', () => {
  const EVENTS: Record<RequestEvent['type'], { event: RequestEvent; to: RequestState | 'same' }> = {
    decided: { event: approved('bea'), to: 'same' },
    rerouted: { event: { type: 'rerouted' }, to: 'same' },
    unblocked: { event: { type: 'unblocked' }, to: 'pending' },
    approved: { event: { type: 'approved' }, to: 'approved' },
    auto_approved: { event: { type: 'auto_approved' }, to: 'auto_approved' },
    denied: { event: { type: 'denied', because: '' }, to: 'denied' },
    denied_by_policy: { event: { type: 'denied_by_policy', because: '' }, to: 'denied_by_policy' },
    withdrawn: { event: { type: 'withdrawn' }, to: 'withdrawn' },
    expired: { event: { type: 'expired', why: 'unanswered' }, to: 'expired' },
    blocked: { event: { type: 'blocked', because: '' }, to: 'blocked' },
  };
  for (const { event, to } of Object.values(EVENTS))
    test.each(REQUEST_STATES)(`${event.type} in %s`, (state) => {
      if (isOpen(state)) expect(applyRequestEvent(state, event)).toBe(to === 'same' ? state : to);
      else
        expect(() => applyRequestEvent(state, event)).toThrow(`a request that is ${state} can't have "${event.type}"`);
    });
  test('an event nobody knows is an error', () => {
    expect(() => applyRequestEvent('pending', { type: 'revived' } as never)).toThrow('unreachable');
  });
});
