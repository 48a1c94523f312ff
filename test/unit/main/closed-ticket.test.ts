/** What a desktop does with its own when a ticket was closed and its settings bind access to tickets. */
import { expect, test } from 'vitest';
import { ticketClosed } from '../../../electron/main/signals/ticket';
import { type EndOn, NOTHING_ENDS } from '../../../shared/domain/end-signals';
import { grant, grantId, MY_DEVICE, request, requestId } from './fixtures';

const OTHER_DEVICE = 'dev_00000000000000000000000009';
const BOUND = { ...NOTHING_ENDS, ticketClosed: true };
const mine = { personId: grant().holder.personId, displayName: 'Ada', deviceId: MY_DEVICE, deviceName: 'lap' };

function told(ticket: string, settings: EndOn, floor: EndOn = NOTHING_ENDS): string[] {
  const done: string[] = [];
  const grants = (['active', 'ready', 'provisioning', 'ended'] as const).map((state, n) =>
    grant({ id: grantId(n + 1), state, ticketRef: 'INC-12', endOn: floor }),
  );
  const requests = (['pending', 'blocked', 'approved', 'withdrawn'] as const).map((state, n) =>
    request({ id: requestId(n + 1), state, ticketRef: 'inc-12', requester: mine }),
  );
  ticketClosed(ticket, {
    settings,
    deviceId: MY_DEVICE,
    grants: [
      ...grants,
      grant({ id: grantId(8), ticketRef: 'INC-13' }),
      grant({ id: grantId(9), ticketRef: 'INC-12', holder: { ...mine, deviceId: OTHER_DEVICE } }),
    ],
    requests: [
      ...requests,
      request({ id: requestId(8), ticketRef: 'INC-12', requester: { ...mine, deviceId: OTHER_DEVICE } }),
      request({ id: requestId(9), ticketRef: '', requester: mine }),
    ],
    happened: (id) => void done.push(`sign ${id.at(-1)}`),
    giveBack: (id) => void done.push(`back ${id.at(-1)}`),
    withdraw: (id) => void done.push(`withdraw ${id.at(-1)}`),
  });
  return done;
}

test('what is here gets the sign, what is on its way is given back, what waits is withdrawn', () => {
  expect(told('Inc-12', BOUND)).toEqual(['sign 1', 'back 2', 'back 3', 'withdraw 1', 'withdraw 2']);
});
test('without the setting only the policy’s floor counts, and requests are the service’s to refuse', () => {
  expect(told('INC-12', NOTHING_ENDS)).toEqual(['sign 1']);
  expect(told('INC-12', NOTHING_ENDS, BOUND)).toEqual(['sign 1', 'back 2', 'back 3']);
});
test('another ticket means nothing here, nor does one that is no ticket', () => {
  expect(told('INC-1', BOUND)).toEqual([]);
});
