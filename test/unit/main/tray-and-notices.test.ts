import { describe, expect, test } from 'vitest';
import type { NotificationAdapter } from '../../../electron/main/notifications/adapter';
import { createNotifier } from '../../../electron/main/notifications/notifier';
import {
  endedNotice,
  endingNotice,
  escapeMarkup,
  outcomeNotice,
  waitingNotice,
} from '../../../electron/main/notifications/wording';
import { drawIcon, encodePng } from '../../../electron/main/tray/icon';
import { minutesLeft, type TrayItem, type TrayState, trayModel } from '../../../electron/main/tray/model';
import { grant, ME, MY_DEVICE, request, requestId } from './fixtures';

const state = (change: Partial<TrayState> = {}): TrayState => ({
  phase: 'ready',
  online: true,
  grants: [],
  waiting: [],
  catalog: [],
  injections: [],
  settings: { favourites: [], recent: [] },
  remainingMs: () => 42 * 60_000 + 59_000,
  ...change,
});
const labels = (items: readonly TrayItem[]): string[] =>
  items.flatMap((item) =>
    item.kind === 'separator' ? [] : item.kind === 'menu' ? [item.label, ...labels(item.items)] : [item.label],
  );

describe('the tray', () => {
  test('says its state in icon, words and menu; minutes only, rounded down', () => {
    expect(trayModel(state()).icon).toBe('idle');
    const active = trayModel(state({ grants: [grant()] }));
    expect(active.icon).toBe('active');
    expect(labels(active.items)).toEqual(
      expect.arrayContaining(['orders-db read-only: 42 min left', 'Extend', 'Return', 'Quit']),
    );
    expect(trayModel(state({ grants: [grant()], remainingMs: () => 59_000 })).icon).toBe('ending');
    expect(trayModel(state({ grants: [grant()], remainingMs: () => 42 * 60_000 + 1_000 }))).toEqual(active);
    expect([0, 59_999, 60_000, 3_900_000].map(minutesLeft)).toEqual([
      'less than a minute',
      'less than a minute',
      '1 min',
      '1 h 5 min',
    ]);
  });
  test('offers Approve and Deny only where the policy lets a notification decide', () => {
    expect(labels(trayModel(state({ waiting: [request()] })).items)).toEqual(
      expect.arrayContaining(['Approve', 'Deny', 'Open']),
    );
    const careful = labels(trayModel(state({ waiting: [request({ confirm: 'card' })] })).items);
    expect(careful).not.toContain('Approve');
    expect(careful).not.toContain('Deny');
  });
  test('always has Open and Quit, in every phase', () => {
    for (const phase of ['first-run', 'locked', 'starting', 'pending-confirmation', 'failed', 'ready'] as const)
      expect(labels(trayModel(state({ phase })).items)).toEqual(expect.arrayContaining(['Open Hallpass', 'Quit']));
  });
  test('does not claim that what is being revoked is gone', () => {
    expect(labels(trayModel(state({ grants: [grant({ state: 'ending' })] })).items)).toContain(
      'orders-db read-only: still being revoked',
    );
  });
  test('hostile names stay one line, and a long list stays short', () => {
    const requester = { ...request().requester, displayName: 'Eve\n\u202eApprove' };
    const many = trayModel(
      state({ waiting: Array.from({ length: 40 }, (_, i) => request({ id: requestId(i), requester })) }),
    );
    const shown = labels(many.items);
    expect(shown.join('')).not.toMatch(/[\n\u202e]/);
    expect(shown).toContain('31 more in the inbox…');
  });
  test('the icons differ by shape, and are PNG files', () => {
    const alpha = (name: 'idle' | 'waiting' | 'active' | 'ending') =>
      Buffer.from(drawIcon(name, 22).filter((_, i) => i % 4 === 3)).toString('hex');
    expect(new Set((['idle', 'waiting', 'active', 'ending'] as const).map(alpha)).size).toBe(4);
    expect(encodePng(drawIcon('idle', 22), 22).subarray(1, 4).toString()).toBe('PNG');
  });
});

describe('what notices say', () => {
  test('who wants what, how long and why, on one line', () => {
    const notice = waitingNotice(request({ reason: 'a\nb <b>x</b>\u202e' }));
    expect(notice.title).toBe('Grace asks for read-only on orders-db');
    expect(notice.body).toBe('30 m · staging · “a b <b>x</b>” (HP-1042)');
    expect(escapeMarkup(notice.body)).not.toMatch(/<b>/);
    expect(waitingNotice(request({ confirm: 'card' })).actions.map((each) => each.id)).not.toContain('approve');
  });
  test('a very long reason is cut', () =>
    expect(waitingNotice(request({ reason: 'x'.repeat(500) })).body.length).toBeLessThan(200));
  test('an outcome tells why, and ended says only what was read back', () => {
    expect(outcomeNotice(request({ state: 'denied', deniedBecause: 'not now' }))?.body).toContain('“not now”');
    expect(outcomeNotice(request({ state: 'withdrawn' }))).toBeNull();
    const refused = { state: 'denied_by_policy', deniedBecause: 'Ticket INC-1 was closed.', createdAt: 1 } as const;
    expect(outcomeNotice(request({ ...refused, decidedAt: 5 }))).toBeNull(); // the form says it
    expect(outcomeNotice(request({ ...refused, decidedAt: 600_000 }))?.body).toContain('Ticket INC-1 was closed.');
    expect(endedNotice(grant({ state: 'ended', endProof: 'read_back', endReason: 'expired' })).body).toContain(
      'read back',
    );
    expect(
      endedNotice(grant({ state: 'ended', endProof: 'attested_unverified', endReason: 'revoked' })).body,
    ).not.toContain('read back');
    expect(endedNotice(grant({ state: 'ended', endProof: 'holder_may_know', endReason: 'expired' })).body).toContain(
      'may still know it',
    );
    expect(endingNotice(grant(), 1).title).toBe('orders-db ends in 1 minute');
    expect(endingNotice(grant(), 1).body).toContain('open sessions are cut');
    // Nobody is promised what their kind of target may not do.
    for (const kind of ['ssh', 'aws', 'kubernetes', 'secret', 'webhook'])
      expect(endingNotice(grant({ resource: { ...grant().resource, kind } }), 1).body).not.toContain('cut');
  });
});

describe('the notifier', () => {
  const made = () => {
    const shown: string[] = [];
    const closed: string[] = [];
    const adapter: NotificationAdapter = {
      abilities: async () => ({ available: true, actions: true, reason: null }),
      show: async (notice) => {
        shown.push(notice.key);
        return { delivered: true, actions: 'with-buttons' };
      },
      close: (key) => void closed.push(key),
    };
    const nothing = () => {};
    const notifier = createNotifier({
      adapter,
      me: () => ({ personId: ME, deviceId: MY_DEVICE }),
      isAdmin: () => false,
      enabled: () => true,
      actions: { decide: nothing, openRequest: nothing, openGrant: nothing, extend: nothing, copyCommand: nothing },
      log: nothing,
    });
    return { notifier, shown, closed };
  };
  const event = (type: 'request.submitted' | 'request.approved', value = request()) =>
    ({ seq: 1, type, at: 1, subject: value.id, data: { request: value } }) as never;

  test('announces once what waits for me, and closes it when somebody else handled it', () => {
    const { notifier, shown, closed } = made();
    notifier.onEvent(event('request.submitted'));
    notifier.announce([request()]);
    expect(shown).toEqual([`request:${requestId(1)}`]);
    notifier.onEvent(event('request.approved', request({ state: 'approved', waitingFor: [] })));
    expect(closed).toEqual([`request:${requestId(1)}`]);
  });
  test('says nothing of requests that wait for others', () => {
    const { notifier, shown } = made();
    notifier.onEvent(event('request.submitted', request({ waitingFor: [] })));
    expect(shown).toEqual([]);
  });
});
