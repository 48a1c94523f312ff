/** The grant's machine, answer by answer: every command in every state, to the millisecond and to the word. */
import { describe, expect, test } from 'vitest';
import {
  applyGrantEvent,
  decideGrant,
  extendedDeadline,
  type GrantCommand,
  type GrantCore,
  type GrantEvent,
} from '../../../electron/service/access/grant';
import { asInstant, HOUR_MS, MINUTE_MS } from '../../../shared/domain/instant';
import { MAX_TTL_MS, PROVISIONING_TTL_MS, REMOVAL_ALARM_MS } from '../../../shared/domain/limits';
import { GRANT_STATES, type GrantState } from '../../../shared/domain/states';

const NOW = asInstant(1_000_000_000_000);
const at = (ms: number) => asInstant(NOW + ms);
const core = (state: GrantState, more: Partial<GrantCore> = {}): GrantCore => ({
  state,
  ttlMs: HOUR_MS,
  principalRecorded: state !== 'ready',
  credentialStored: false,
  readyUntil: at(1),
  provisioningSince: NOW,
  activatedAt: at(-MINUTE_MS),
  expiresAt: at(1),
  endingSince: NOW,
  endReason: null,
  alarmed: false,
  target: 'unknown',
  attempts: 0,
  ...more,
});
const COMMANDS: Record<GrantCommand['kind'], GrantCommand> = {
  claim: { kind: 'claim' },
  store_credential: { kind: 'store_credential' },
  acknowledge: { kind: 'acknowledge' },
  extend: { kind: 'extend', ttlMs: HOUR_MS, maxAheadMs: 2 * HOUR_MS },
  end: { kind: 'end', reason: 'revoked' },
  tick: { kind: 'tick' },
  read_back: { kind: 'read_back', canLogIn: false, sessionCount: 0 },
  attest: { kind: 'attest' },
};
const answer = (grant: GrantCore, command: GrantCommand) => decideGrant(grant, command, NOW);
const does = (...events: GrantEvent[]) => ({ kind: 'events', events });
const refuses = (what: string) => ({ kind: 'refused', code: 'wrong-state', what });
const ENDING: GrantEvent = { type: 'ending', reason: 'revoked' };

describe('what each state answers to each command', () => {
  const notStarted = refuses('This access has not been started.');
  const notActive = refuses('This access is not active yet.');
  const activeAlready = refuses('This access is active already.');
  const active = refuses('This access is active.');
  const takenAway = refuses('This access is being taken away.');
  const over = refuses('This access has ended.');
  const table: Record<GrantState, Record<GrantCommand['kind'], object>> = {
    ready: {
      claim: does({ type: 'provisioning' }),
      store_credential: notStarted,
      acknowledge: notStarted,
      extend: notStarted,
      end: does(ENDING, { type: 'ended', proof: 'never_created' }),
      tick: does(),
      read_back: notStarted,
      attest: notStarted,
    },
    provisioning: {
      claim: refuses('This access is being made already.'),
      store_credential: does({ type: 'credential_ready' }),
      acknowledge: refuses('No credential has been made yet.'),
      extend: notActive,
      end: does(ENDING),
      tick: does(),
      read_back: notActive,
      attest: notActive,
    },
    active: {
      claim: activeAlready,
      store_credential: activeAlready,
      acknowledge: activeAlready,
      extend: does({ type: 'extended', expiresAt: at(HOUR_MS + 1), from: at(1), addedMs: HOUR_MS }),
      end: does(ENDING),
      tick: does(),
      read_back: active,
      attest: active,
    },
    ending: {
      claim: takenAway,
      store_credential: takenAway,
      acknowledge: takenAway,
      extend: takenAway,
      end: takenAway,
      tick: does(),
      read_back: does({ type: 'ended', proof: 'read_back' }),
      attest: refuses('The target still answers (or was not asked yet), so its word counts.'),
    },
    ended: {
      claim: over,
      store_credential: over,
      acknowledge: over,
      extend: over,
      end: over,
      tick: over,
      read_back: over,
      attest: over,
    },
  };
  for (const state of GRANT_STATES)
    test.each(Object.values(COMMANDS))(`${state}: $kind`, (command) => {
      expect(answer(core(state), command)).toEqual(table[state][command.kind]);
    });
  test('a state or a command nobody knows is an error, not an answer', () => {
    expect(() => answer(core('lost' as never), COMMANDS.tick)).toThrow('unreachable: "lost"');
    for (const state of ['ready', 'provisioning', 'active', 'ending'] as const)
      expect(() => answer(core(state), { kind: 'revive' } as never)).toThrow('unreachable: {"kind":"revive"}');
  });
});

describe('ready', () => {
  test.each([
    ['a moment before', 1, false],
    ['at the moment', 0, true],
    ['a moment after', -1, true],
  ])('%s it runs out', (_, ms, late) => {
    const grant = core('ready', { readyUntil: at(ms) });
    expect(answer(grant, COMMANDS.claim)).toEqual(
      late ? refuses('This approval was not claimed in time.') : does({ type: 'provisioning' }),
    );
    expect(answer(grant, COMMANDS.tick)).toEqual(
      late ? does({ type: 'ending', reason: 'expired' }, { type: 'ended', proof: 'never_created' }) : does(),
    );
  });
  test('without a limit it waits', () => {
    expect(answer(core('ready', { readyUntil: null }), COMMANDS.tick)).toEqual(does());
    expect(answer(core('ready', { readyUntil: null }), COMMANDS.claim)).toEqual(does({ type: 'provisioning' }));
  });
});

describe('provisioning', () => {
  const since = (ms: number, more: Partial<GrantCore> = {}) =>
    core('provisioning', { provisioningSince: at(ms - PROVISIONING_TTL_MS), credentialStored: true, ...more });
  test('the clock starts when the device answers, and not before', () => {
    expect(answer(since(1), COMMANDS.acknowledge)).toEqual(does({ type: 'activated', expiresAt: at(HOUR_MS) }));
  });
  test.each([0, -1])('a device that answers %i ms after its time is told so, and the grant ends', (ms) => {
    expect(answer(since(ms), COMMANDS.acknowledge)).toEqual(
      refuses('The device answered too late; this access is being taken back.'),
    );
    expect(answer(since(ms), COMMANDS.tick)).toEqual(does({ type: 'ending', reason: 'failed' }));
    expect(answer(since(1), COMMANDS.tick)).toEqual(does());
  });
  test('one whose start is not known has its time before it', () => {
    expect(answer(since(0, { provisioningSince: null }), COMMANDS.tick)).toEqual(does());
  });
  test('a second credential is not made', () => {
    expect(answer(since(1), COMMANDS.store_credential)).toEqual(refuses('A credential was made already.'));
  });
});

describe('active', () => {
  test.each([0, -1])('%i ms from its deadline it ends and can’t be extended', (ms) => {
    const grant = core('active', { expiresAt: at(ms) });
    expect(answer(grant, COMMANDS.tick)).toEqual(does({ type: 'ending', reason: 'expired' }));
    expect(answer(grant, COMMANDS.extend)).toEqual(refuses('This access has expired.'));
  });
  test('without a deadline it is over: that can’t be', () => {
    expect(answer(core('active', { expiresAt: null }), COMMANDS.tick)).toEqual(
      does({ type: 'ending', reason: 'expired' }),
    );
  });
  test('an extension that would not be later is refused', () => {
    const extend = (maxAheadMs: number): GrantCommand => ({ kind: 'extend', ttlMs: HOUR_MS, maxAheadMs });
    const grant = core('active', { expiresAt: at(MINUTE_MS) });
    const nothing = refuses('The policy leaves nothing to add.');
    expect(answer(grant, extend(MINUTE_MS - 1))).toEqual(nothing);
    expect(answer(grant, extend(MINUTE_MS))).toEqual(nothing);
    expect(answer(grant, extend(MINUTE_MS + 1))).toEqual(
      does({ type: 'extended', expiresAt: at(MINUTE_MS + 1), from: at(MINUTE_MS), addedMs: 1 }),
    );
  });
});

describe('where an extension puts the deadline', () => {
  const deadline = (more: Partial<GrantCore>, ttlMs: number, maxAheadMs: number) =>
    extendedDeadline(core('active', more), { ttlMs, maxAheadMs }, NOW) - NOW;
  test('behind the present one, never further ahead than the policy says, never seven days behind the start', () => {
    expect(deadline({ expiresAt: at(5) }, 10, 1_000)).toBe(15);
    expect(deadline({ expiresAt: at(5) }, 10, 14)).toBe(14);
    expect(deadline({ expiresAt: at(5), activatedAt: at(3 - MAX_TTL_MS) }, 10, 1_000)).toBe(3);
    expect(deadline({ expiresAt: null, activatedAt: null }, 10, 1_000)).toBe(10);
    expect(deadline({ expiresAt: at(5), activatedAt: null }, 2 * MAX_TTL_MS, 3 * MAX_TTL_MS)).toBe(MAX_TTL_MS);
  });
});

describe('ending', () => {
  const readBack = (canLogIn: boolean, sessionCount: number, proof?: 'holder_may_know' | 'ran_out'): GrantCommand =>
    proof === undefined
      ? { kind: 'read_back', canLogIn, sessionCount }
      : { kind: 'read_back', canLogIn, sessionCount, proof };
  test('goes on while anybody can log in or is in', () => {
    for (const command of [readBack(true, 0), readBack(false, 1), readBack(true, 1, 'ran_out')])
      expect(answer(core('ending'), command)).toEqual(does());
  });
  test.each(['holder_may_know', 'ran_out'] as const)('says how the end is known: %s', (proof) => {
    expect(answer(core('ending'), readBack(false, 0, proof))).toEqual(does({ type: 'ended', proof }));
  });
  test('an administrator’s word counts once the target was asked and did not answer', () => {
    const attested = does({ type: 'ended', proof: 'attested_unverified' });
    const refused = refuses('The target still answers (or was not asked yet), so its word counts.');
    expect(answer(core('ending', { attempts: 1 }), COMMANDS.attest)).toEqual(attested);
    expect(answer(core('ending', { attempts: 2 }), COMMANDS.attest)).toEqual(attested);
    for (const target of ['present', 'gone'] as const)
      expect(answer(core('ending', { attempts: 2, target }), COMMANDS.attest)).toEqual(refused);
  });
  test('what takes too long is told once', () => {
    const since = (ms: number, alarmed = false) =>
      answer(core('ending', { endingSince: at(ms - REMOVAL_ALARM_MS), alarmed }), COMMANDS.tick);
    expect(since(1)).toEqual(does());
    expect(since(0)).toEqual(does({ type: 'removal_delayed' }));
    expect(since(-1)).toEqual(does({ type: 'removal_delayed' }));
    expect(since(0, true)).toEqual(does());
    expect(answer(core('ending', { endingSince: null }), COMMANDS.tick)).toEqual(does());
  });
});

describe('the state after an event', () => {
  const EVENTS: Record<GrantEvent['type'], { event: GrantEvent; to: Partial<Record<GrantState, GrantState>> }> = {
    provisioning: { event: { type: 'provisioning' }, to: { ready: 'provisioning' } },
    credential_ready: { event: { type: 'credential_ready' }, to: { provisioning: 'provisioning' } },
    activated: { event: { type: 'activated', expiresAt: NOW }, to: { provisioning: 'active' } },
    extended: { event: { type: 'extended', expiresAt: NOW, from: NOW, addedMs: 1 }, to: { active: 'active' } },
    ending: { event: ENDING, to: { ready: 'ending', provisioning: 'ending', active: 'ending' } },
    removal_delayed: { event: { type: 'removal_delayed' }, to: { ending: 'ending' } },
    ended: { event: { type: 'ended', proof: 'read_back' }, to: { ending: 'ended' } },
  };
  for (const { event, to } of Object.values(EVENTS))
    test.each(GRANT_STATES)(`${event.type} in %s`, (state) => {
      const next = to[state];
      if (next !== undefined) expect(applyGrantEvent(state, event)).toBe(next);
      else expect(() => applyGrantEvent(state, event)).toThrow(`a grant that is ${state} can't have "${event.type}"`);
    });
});
