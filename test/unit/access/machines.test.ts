import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  applyGrantEvent,
  decideGrant,
  type GrantCommand,
  type GrantCore,
} from '../../../electron/service/access/grant';
import { fill, type Voter } from '../../../electron/service/access/quorum';
import {
  applyRequestEvent,
  decideRequest,
  isOpen,
  type RequestCommand,
  type RequestContext,
  type RequestCore,
} from '../../../electron/service/access/request';
import { asInstant, HOUR_MS, MINUTE_MS } from '../../../shared/domain/instant';
import { END_REASONS, GRANT_STATES, REQUEST_STATES } from '../../../shared/domain/states';

const NOW = asInstant(1_000_000_000);
const voter = (personId: string, ...slots: string[]): Voter => ({ personId, slots });

describe('request', () => {
  const core = (state: RequestCore['state']): RequestCore => ({
    state,
    requesterId: 'ann',
    ttlMs: HOUR_MS,
    expiresAt: asInstant(NOW + HOUR_MS),
  });
  const context = (more: Partial<RequestContext> = {}): RequestContext => ({
    now: NOW,
    needs: [{ from: 'dba', count: 1 }],
    approvals: [],
    candidates: [voter('bea', 'dba')],
    decided: new Set(),
    wordMissing: () => 'somebody is missing',
    ...more,
  });
  const people = fc.constantFrom('ann', 'bea', 'cid');
  const commands: fc.Arbitrary<RequestCommand> = fc.oneof(
    fc.record({
      kind: fc.constant('approve' as const),
      voter: people.map((p) => voter(p, 'dba')),
      ttlMs: fc.constantFrom(0, MINUTE_MS, HOUR_MS, 2 * HOUR_MS, Number.NaN),
    }),
    fc.record({
      kind: fc.constant('deny' as const),
      voter: people.map((p) => voter(p, 'dba')),
      reason: fc.constant('no'),
    }),
    fc.record({ kind: fc.constant('withdraw' as const), personId: people }),
    fc.record({
      kind: fc.constant('expire' as const),
      why: fc.constantFrom('unanswered' as const, 'grant_ended' as const),
    }),
    fc.constant({ kind: 'route' as const }),
    fc.record({
      kind: fc.constant('reanswer' as const),
      effect: fc.constantFrom('auto' as const, 'approve' as const, 'refuse' as const),
      message: fc.constant('m'),
    }),
  );
  test('final states stay: every command is refused', () => {
    fc.assert(
      fc.property(fc.constantFrom(...REQUEST_STATES.filter((state) => !isOpen(state))), commands, (state, command) => {
        expect(decideRequest(core(state), command, context()).kind).toBe('refused');
      }),
    );
  });
  test('whatever happens, every event fits its state and the requester never approves', () => {
    fc.assert(
      fc.property(fc.array(commands, { maxLength: 12 }), (list) => {
        let state: RequestCore['state'] = 'pending';
        for (const command of list) {
          const outcome = decideRequest(core(state), command, context());
          if (outcome.kind === 'refused') continue;
          if (command.kind === 'approve') expect(command.voter.personId).not.toBe('ann');
          for (const event of outcome.events) state = applyRequestEvent(state, event);
        }
      }),
    );
  });
  test('approval rests on the quorum, each person once', () => {
    const needs = [
      { from: 'dba', count: 1 },
      { from: 'security', count: 1 },
    ];
    const both = voter('bea', 'dba', 'security');
    const first = decideRequest(
      core('pending'),
      { kind: 'approve', voter: both, ttlMs: HOUR_MS },
      context({ needs, candidates: [both, voter('cid', 'dba')] }),
    );
    expect(first).toMatchObject({ kind: 'events', events: [{ type: 'decided' }] });
    const again = decideRequest(
      core('pending'),
      { kind: 'approve', voter: both, ttlMs: HOUR_MS },
      context({ needs, approvals: [both], decided: new Set(['bea']) }),
    );
    expect(again).toMatchObject({ kind: 'refused', code: 'already-decided' });
    const second = decideRequest(
      core('pending'),
      { kind: 'approve', voter: voter('cid', 'dba'), ttlMs: HOUR_MS },
      context({ needs, approvals: [both] }),
    );
    expect(second).toMatchObject({ kind: 'events', events: [{ type: 'decided' }, { type: 'approved' }] });
  });
  test('nobody left blocks, somebody again unblocks', () => {
    const blocked = decideRequest(core('pending'), { kind: 'route' }, context({ candidates: [] }));
    expect(blocked).toEqual({ kind: 'events', events: [{ type: 'blocked', because: 'somebody is missing' }] });
    expect(decideRequest(core('blocked'), { kind: 'route' }, context())).toEqual({
      kind: 'events',
      events: [{ type: 'unblocked' }],
    });
    expect(decideRequest(core('blocked'), { kind: 'route' }, context({ candidates: [] }))).toEqual({
      kind: 'events',
      events: [],
    });
  });
});

describe('quorum', () => {
  test('finds the assignment a greedy one misses', () => {
    const needs = [
      { from: 'dba', count: 1 },
      { from: 'security', count: 1 },
    ];
    expect(fill(needs, [voter('bea', 'dba', 'security'), voter('cid', 'dba')]).complete).toBe(true);
    expect(fill(needs, [voter('bea', 'dba', 'security')])).toMatchObject({ complete: false });
    expect(fill(needs, [voter('bea', 'dba', 'security'), voter('bea', 'dba', 'security')]).complete).toBe(false);
  });
  test('agrees with trying every assignment', () => {
    const group = fc.constantFrom('a', 'b', 'c');
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.record({ from: group, count: fc.integer({ min: 1, max: 2 }) }), {
          selector: (n) => n.from,
          maxLength: 3,
        }),
        fc.array(fc.uniqueArray(group, { maxLength: 3 }), { maxLength: 5 }),
        (needs, slots) => {
          const places = needs.flatMap(({ from, count }) => Array.from({ length: count }, () => from));
          const possible = (place: number, free: string[][]): boolean =>
            place === places.length ||
            free.some(
              (s, i) =>
                s.includes(places[place] ?? '') &&
                possible(
                  place + 1,
                  free.filter((_, j) => j !== i),
                ),
            );
          const voters = slots.map((s, index) => voter(`p${index}`, ...s));
          expect(fill(needs, voters).complete).toBe(possible(0, slots));
        },
      ),
    );
  });
});

describe('grant', () => {
  const commands: fc.Arbitrary<GrantCommand> = fc.oneof(
    fc.constantFrom<GrantCommand>(
      { kind: 'claim' },
      { kind: 'store_credential' },
      { kind: 'acknowledge' },
      { kind: 'tick' },
      { kind: 'attest' },
    ),
    fc.record({ kind: fc.constant('end' as const), reason: fc.constantFrom(...END_REASONS) }),
    fc.record({
      kind: fc.constant('extend' as const),
      ttlMs: fc.constantFrom(MINUTE_MS, HOUR_MS),
      maxAheadMs: fc.constantFrom(0, HOUR_MS),
    }),
    fc.record({
      kind: fc.constant('read_back' as const),
      canLogIn: fc.boolean(),
      sessionCount: fc.integer({ min: 0, max: 2 }),
    }),
    fc.record({
      kind: fc.constant('read_back' as const),
      canLogIn: fc.boolean(),
      sessionCount: fc.integer({ min: 0, max: 2 }),
      proof: fc.constant('holder_may_know' as const),
    }),
  );
  const cores: fc.Arbitrary<GrantCore> = fc.record({
    state: fc.constantFrom(...GRANT_STATES),
    ttlMs: fc.constant(HOUR_MS),
    principalRecorded: fc.boolean(),
    credentialStored: fc.boolean(),
    readyUntil: fc.constantFrom(asInstant(NOW - 1), asInstant(NOW + 1)),
    provisioningSince: fc.constantFrom(asInstant(NOW - HOUR_MS), NOW),
    activatedAt: fc.constant(asInstant(NOW - HOUR_MS)),
    expiresAt: fc.constantFrom(asInstant(NOW - 1), NOW, asInstant(NOW + MINUTE_MS)),
    endingSince: fc.constantFrom(asInstant(NOW - HOUR_MS), NOW),
    endReason: fc.constant(null),
    alarmed: fc.boolean(),
    target: fc.constantFrom('unknown' as const, 'present' as const, 'gone' as const),
    attempts: fc.integer({ min: 0, max: 3 }),
  });
  const rank = { ready: 0, provisioning: 1, active: 2, ending: 3, ended: 4 };
  test('only forwards, ended is final, and ended needs a reason to be sure', () => {
    fc.assert(
      fc.property(cores, commands, (core, command) => {
        const outcome = decideGrant(core, command, NOW);
        if (outcome.kind === 'refused') return;
        expect(core.state).not.toBe('ended');
        let state = core.state;
        for (const event of outcome.events) {
          const next = applyGrantEvent(state, event);
          expect(rank[next]).toBeGreaterThanOrEqual(rank[state]);
          state = next;
          if (event.type !== 'ended') continue;
          if (event.proof === 'read_back' || event.proof === 'holder_may_know')
            expect(command).toMatchObject({ kind: 'read_back', canLogIn: false, sessionCount: 0 });
          // what can't be taken back is never called read back, and the other way round
          if (event.proof === 'read_back') expect(command).not.toHaveProperty('proof');
          if (event.proof === 'holder_may_know') expect(command).toHaveProperty('proof', 'holder_may_know');
          if (event.proof === 'never_created') expect(core.principalRecorded).toBe(false);
          if (event.proof === 'attested_unverified') expect(core).toMatchObject({ target: 'unknown', state: 'ending' });
        }
      }),
      { numRuns: 2000 },
    );
  });
  test('past its deadline nothing but an end comes of an active grant', () => {
    fc.assert(
      fc.property(cores, commands, (core, command) => {
        const late = { ...core, state: 'active' as const, expiresAt: NOW };
        const outcome = decideGrant(late, command, NOW);
        if (outcome.kind === 'events')
          for (const event of outcome.events) expect(['ending', 'ended']).toContain(event.type);
      }),
    );
  });
});
