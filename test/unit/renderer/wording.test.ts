import { describe, expect, test } from 'vitest';
import { announcementOf } from '../../../renderer/app/announcements';
import { createWishKey } from '../../../renderer/app/ask';
import { createTicker, type TickSource } from '../../../renderer/app/clock';
import { chordOf, matchKey } from '../../../renderer/app/keys';
import { wordAgo, wordApprovals, wordPeople, wordWhen } from '../../../renderer/app/words';
import {
  endedHow,
  headlineOf,
  liveOrder,
  proofOf,
  removalFacts,
  sentenceOf,
} from '../../../renderer/features/grants/wording';
import { outcomeOf, pastAsks } from '../../../renderer/features/request/AskAgain';
import { matches } from '../../../renderer/features/request/Catalog';
import { fittingTtl } from '../../../renderer/features/request/draft';
import { askedPeople, levelAnswer, sendSentence, verdictOf } from '../../../renderer/features/request/wording';
import { choiceOf } from '../../../renderer/features/setup/Choose';
import { initialsOf } from '../../../renderer/ui/marks';
import type { GrantView } from '../../../shared/contract/grants';
import { HOUR_MS, MINUTE_MS, SECOND_MS } from '../../../shared/domain/instant';
import * as fixtures from '../../bed/preview/fixtures';

const { NOW } = fixtures;
const ended = (n: number) => fixtures.endedGrants[n] as GrantView;

describe('grants', () => {
  test('are told in one plain sentence', () => {
    expect(sentenceOf(fixtures.activeGrant, NOW)).toBe('You have read-only access to orders-db for 42 more minutes.');
    expect(sentenceOf(fixtures.activeGrant, NOW + HOUR_MS)).toBe('Your read-only access to orders-db is ending now.');
    expect(headlineOf([], 0)).toBe('You have no access right now.');
    expect(headlineOf([fixtures.endingGrant], 0)).toBe('1 grant still being revoked.');
  });
  test('soonest end first, what is being revoked last', () => {
    expect(liveOrder(fixtures.myGrants).map((grant) => grant.resource.name)).toEqual([
      'staging-orders',
      'payments-db',
      'orders-db',
      'reports-replica',
    ]);
  });
  test('say how they ended', () => {
    expect(endedHow(ended(0)).text).toBe('expired');
    expect(endedHow(ended(1)).text).toBe('returned, 18 m early');
    expect(endedHow(ended(2)).text).toBe('revoked by Priya Sharma');
    expect(endedHow(ended(3)).text).toBe('expired, 1 session cut');
  });
  test('are never called read back when they were not', () => {
    for (const endProof of ['attested_unverified', 'holder_may_know', null] as const) {
      const grant = { ...ended(0), endProof };
      expect(proofOf(grant).known).toBe(false);
      expect(proofOf(grant).text).not.toMatch(/^Removal read back/);
    }
    for (const endProof of ['attested_unverified', 'holder_may_know'] as const) {
      const data = { grant: { ...ended(0), endProof } };
      const told = announcementOf({ seq: 1, at: NOW, subject: '', type: 'grant.ended', data }, fixtures.nadia.id);
      expect(told?.title).not.toMatch(/read back/);
    }
  });
  test('while ending, machine and target are told apart, and unknown stays unknown', () => {
    expect(removalFacts(fixtures.endingGrant, undefined)).toEqual({
      machine: { text: 'Gone from this machine', short: 'Gone here', tone: 'ok' },
      target: { text: 'Target not confirmed', short: 'Not confirmed', tone: 'warn' },
    });
    const failed = removalFacts(
      fixtures.endingGrant,
      fixtures.injectionOf(fixtures.endingGrant, { state: 'removal_failed' }),
    );
    expect(failed.machine.tone).toBe('bad');
  });
  test('of others are not announced to me', () => {
    const event = { seq: 1, at: NOW, subject: '', type: 'grant.ended', data: { grant: ended(0) } } as const;
    expect(announcementOf(event, fixtures.priya.id)).toBeNull();
    expect(announcementOf(event, fixtures.nadia.id)?.title).toBe('orders-db ended, removal read back 09:12:44');
  });
});

describe('requests', () => {
  test('say who is asked, online first, and what happens then', () => {
    expect(askedPeople(fixtures.previewApprove).map((one) => one.displayName)).toEqual([
      'Priya Sharma',
      'Tomas Vesely',
      'Jonas Lind',
    ]);
    expect(sendSentence(fixtures.previewApprove, HOUR_MS)).toBe(
      'Priya Sharma, Tomas Vesely and Jonas Lind get a notification. When one approves, a login is made for you and the clock starts. It is removed after 1 hour.',
    );
    expect(sendSentence(fixtures.previewAuto, 30 * MINUTE_MS, 'the secret is handed to you')).toBe(
      'No approval needed: the secret is handed to you at once. It is removed after 30 minutes.',
    );
    expect(sendSentence(fixtures.previewDeny, HOUR_MS)).toBe('Only for people on call.');
    expect(verdictOf(fixtures.previewApprove).text).toBe('Needs 1 of db-owners');
  });
  test('each level says its answer', () => {
    const [entry] = fixtures.catalog;
    expect(entry?.levels.map((rule) => levelAnswer(rule).text)).toEqual([
      'auto-approved',
      'needs 1 approval',
      'denied now',
    ]);
  });
  test('a length is cut to what the policy allows', () => {
    expect(fittingTtl(2 * HOUR_MS, HOUR_MS)).toBe(HOUR_MS);
    expect(fittingTtl(HOUR_MS, 10 * MINUTE_MS)).toBe(10 * MINUTE_MS);
    expect(fittingTtl(3 * HOUR_MS, null)).toBe(3 * HOUR_MS);
  });
  test('those made before are offered once each, newest first', () => {
    const past = pastAsks([...fixtures.mine, ...fixtures.mine], fixtures.ordersDb.id);
    expect(past.map((one) => one.ticket)).toEqual(['HP-1042', 'HP-1039', 'HP-1030']);
    expect(outcomeOf(past[2] as (typeof past)[number]).text).toBe('by Tomas Vesely in 2 minutes');
  });
  test('the catalog is searched in all its words', () => {
    const found = (text: string) =>
      fixtures.catalog.filter((entry) => matches(entry, { text, environment: null, risk: null })).length;
    expect([found('orders prod'), found('postgresql 16'), found('financial'), found('nothing')]).toEqual([2, 1, 2, 0]);
  });
  test('a retry of the same wish has the same key, another wish another', () => {
    let made = 0;
    const keyFor = createWishKey(() => `key ${++made}`);
    const wish = { resourceId: 'a', level: 'read-only', ttlMs: 1, reason: '', ticketRef: '' };
    expect([keyFor(wish), keyFor({ ...wish }), keyFor({ ...wish, ttlMs: 2 })]).toEqual(['key 1', 'key 1', 'key 2']);
  });
});

describe('words', () => {
  test('times are short and findable', () => {
    expect(wordAgo(NOW - 2 * MINUTE_MS, NOW)).toBe('2 min ago');
    expect(wordWhen(NOW - 20 * HOUR_MS, NOW)).toBe('yesterday');
    expect(wordWhen(NOW - 4 * 24 * HOUR_MS, NOW)).toBe('Fri');
    expect(wordWhen(NOW - 8 * 24 * HOUR_MS, NOW)).toBe('29 Sep');
  });
  test('people and approvals are listed as one says them', () => {
    expect(wordPeople(['A', 'B', 'C'])).toBe('A, B or C');
    expect(wordPeople(['A', 'B', 'C', 'D', 'E'], 'and')).toBe('A, B and 3 others');
    expect(
      wordApprovals([
        { from: 'security', count: 2 },
        { from: 'owners', count: 1 },
      ]),
    ).toBe('2 of security and 1 of owners');
    expect([initialsOf('Priya Sharma'), initialsOf('Tomas V.'), initialsOf('root')]).toEqual(['PS', 'TV', 'RO']);
  });
});

describe('setup', () => {
  const values = {
    displayName: 'Nadia',
    teamName: 'Acme',
    address: '10.0.0.1',
    port: '7443',
    link: 'hallpass://join?x',
    code: 'abc',
    passphrase: '',
    again: '',
  };
  test('gives the main process what the contract says, and nothing more', () => {
    expect(choiceOf('alone', values, 'system').data).toEqual({ mode: 'alone', displayName: 'Nadia' });
    expect(choiceOf('host', values, 'system').data).toMatchObject({ mode: 'host', port: 7443 });
    expect(choiceOf('join', { ...values, displayName: '' }, 'system').data).toEqual({
      mode: 'join',
      link: 'hallpass://join?x',
      code: 'abc',
    });
  });
  test('refuses an empty name, an empty or wrong port and a short passphrase', () => {
    expect(choiceOf('alone', { ...values, displayName: ' ' }, 'system').success).toBe(false);
    for (const port of ['', 'x', '70000', '1.5'])
      expect(choiceOf('host', { ...values, port }, 'system').success).toBe(false);
    expect(choiceOf('alone', { ...values, passphrase: 'short' }, 'passphrase').success).toBe(false);
  });
});

describe('keys', () => {
  const run = () => undefined;
  const base = [
    { keys: 'g i', label: 'Inbox', run },
    { keys: 'n', label: 'New', run },
  ];
  const screen = [{ keys: 'n', label: 'Next', run }];
  test('the newest layer wins, and a sequence waits for its second key', () => {
    expect(matchKey([base, screen], null, 'n').run?.label).toBe('Next');
    expect(matchKey([base, screen], null, 'g')).toEqual({ run: null, waiting: true });
    expect(matchKey([base, screen], 'g', 'i').run?.label).toBe('Inbox');
    expect(matchKey([base, screen], 'g', 'x')).toEqual({ run: null, waiting: false });
  });
  test('command counts as control', () => {
    expect(chordOf({ key: 'K', ctrlKey: false, metaKey: true, altKey: false })).toBe('ctrl+k');
  });
});

describe('clock', () => {
  test('one timer for all, none while hidden or unused, in the service’s time', () => {
    let now = 1_000;
    let hidden = false;
    const timers: (() => void)[] = [];
    let shown: () => void = () => undefined;
    const source: TickSource = {
      now: () => now,
      after: (_delayMs, tick) => {
        timers.push(tick);
        return () => void timers.splice(timers.indexOf(tick), 1);
      },
      hidden: () => hidden,
      onVisibility: (changed) => {
        shown = changed;
        return () => undefined;
      },
    };
    const ticker = createTicker(source);
    ticker.setOffset(5 * SECOND_MS);
    expect([ticker.second(), timers.length]).toEqual([6_000, 0]);
    const offs = [ticker.subscribe(() => undefined), ticker.subscribe(() => undefined)];
    expect(timers.length).toBe(1);
    now = 2_010;
    timers[0]?.();
    expect([ticker.second(), timers.length]).toEqual([7_000, 1]);
    hidden = true;
    shown();
    expect(timers.length).toBe(0);
    hidden = false;
    now = 9_000;
    shown();
    expect([ticker.second(), timers.length]).toEqual([14_000, 1]);
    for (const off of offs) off();
    expect(timers.length).toBe(0);
  });
});
