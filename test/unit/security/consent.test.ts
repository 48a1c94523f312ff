/** The card against the page it lies over: what a compromised page could do to make a person press Approve unawares. */
import { describe, expect, test } from 'vitest';
import { isReadable, placeInside } from '../../../electron/main/windows/bounds';
import { ARM_AFTER_MS, createConsentSurface } from '../../../electron/main/windows/consent-surface';
import type { ConsentState } from '../../../shared/contract/ipc';
import type { CardFacts } from '../../../shared/contract/requests';
import { request, requestId } from '../main/fixtures';

function bench() {
  const sent: unknown[] = [];
  const waits: { lengthMs: number; callback: () => void }[] = [];
  let last: ConsentState = { kind: 'none' };
  const facts = {
    request: { ...request(), can: { decide: true, withdraw: false } },
    durations: [900_000, 1_800_000],
  } as unknown as CardFacts;
  const surface = createConsentSurface(
    'pane',
    {
      facts: async () => facts,
      seen: async () => {},
      decide: async (_facts, choice) => {
        sent.push(choice);
        return request({ state: 'approved', waitingFor: [] });
      },
      identity: () => ({ seal: '', deviceName: 'd', fingerprint: 'f' }),
      refusal: () => null,
      theme: () => 'light',
      after: (lengthMs, callback) => {
        const wait = { lengthMs, callback };
        waits.push(wait);
        return () => {
          waits.splice(waits.indexOf(wait), waits.includes(wait) ? 1 : 0);
        };
      },
      done: () => {},
    },
    (state) => {
      last = state;
    },
  );
  const armed = () => last.kind === 'card' && last.armed;
  const wait = () => {
    for (const each of waits.splice(0)) each.callback();
  };
  const approve = () =>
    surface.decide({ decision: 'approve', requestDigest: 'a'.repeat(64), ttlMs: 1_800_000, reason: '' });
  return { surface, sent, waits, armed, wait, approve };
}

describe('the card is armed only while it lies still', () => {
  test('it takes a moment to be looked at, half a second at least', async () => {
    const { surface, waits, armed } = bench();
    await surface.show(requestId(1));
    expect(armed()).toBe(false);
    expect(waits.map((each) => each.lengthMs)).toEqual([ARM_AFTER_MS]);
    expect(ARM_AFTER_MS).toBeGreaterThanOrEqual(500);
  });
  test.each(['moved', 'focused'] as const)('%s by the page, it has to be looked at again', async (how) => {
    const { surface, sent, armed, wait, approve } = bench();
    await surface.show(requestId(1));
    wait();
    expect(armed()).toBe(true);
    surface.disturbed(how);
    expect(armed()).toBe(false);
    expect(await approve()).toMatchObject({ kind: 'error', error: { code: 'not-armed' } });
    expect(sent).toEqual([]);
  });
  test('moved again and again, the earlier waits do not arm it', async () => {
    const { surface, waits, armed, wait } = bench();
    await surface.show(requestId(1));
    for (let i = 0; i < 5; i++) surface.disturbed('moved');
    expect(waits).toHaveLength(1);
    wait();
    expect(armed()).toBe(true);
  });
  test('too small to be read it takes no decision, however long it stays', async () => {
    const { surface, sent, waits, armed, wait, approve } = bench();
    surface.disturbed('too-small');
    await surface.show(requestId(1));
    wait();
    expect([armed(), waits]).toEqual([false, []]);
    await approve();
    expect(sent).toEqual([]);
    surface.disturbed('moved');
    await surface.show(requestId(1));
    wait();
    expect(armed()).toBe(true);
  });
  test('a double click decides once', async () => {
    const { surface, sent, wait, approve } = bench();
    await surface.show(requestId(1));
    wait();
    await Promise.all([approve(), approve(), approve()]);
    expect(sent).toHaveLength(1);
  });
});

test('a strip, a corner and a place outside the window are too small', () => {
  const content = { width: 1280, height: 800 };
  for (const bounds of [
    { x: 0, y: 0, width: 1000, height: 40 },
    { x: 0, y: 0, width: 90, height: 700 },
    { x: 1200, y: 100, width: 400, height: 600 },
    { x: 5000, y: 5000, width: 400, height: 600 },
    { x: 0, y: 0, width: 0, height: 0 },
  ])
    expect(isReadable(placeInside(bounds, content))).toBe(false);
  expect(isReadable(placeInside({ x: 400, y: 60, width: 420, height: 640 }, content))).toBe(true);
});
