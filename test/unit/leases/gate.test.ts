/** What a target may get: its number of calls, and while it is away one question at a time. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createTargetGate } from '../../../electron/service/leases/gate';
import { asInstant, SECOND_MS } from '../../../shared/domain/instant';

const at = (ms: number) => asInstant(1_760_000_000_000 + ms);

test('gives what the resource says, else the usual number, and counts what runs', () => {
  const gate = createTargetGate(2);
  gate.setLimits(new Map([['wide', 3]]));
  for (const id of ['wide', 'usual']) gate.begin(id);
  expect([gate.roomOf('wide', 'remove'), gate.roomOf('usual', 'remove')]).toEqual([2, 1]);
  gate.begin('usual');
  expect(gate.closed('remove')).toEqual(['usual']);
  gate.end('usual');
  expect(gate.closed('remove')).toEqual([]);
});

test('a target that is away gets no removal but the probe, after 1, 2, 4, 4 … s, and everything again at its first answer', () => {
  const gate = createTargetGate(8);
  gate.heard('t', 'silence', at(0));
  expect([gate.roomOf('t', 'remove'), gate.roomOf('t', 'provision')]).toEqual([0, 1]);
  const probes: number[] = [];
  for (let ms = 0; ms <= 20 * SECOND_MS; ms += 100) {
    if (gate.takeProbes(at(ms)).length > 0) probes.push(ms / SECOND_MS);
    gate.heard('t', 'silence', at(ms));
  }
  expect(probes).toEqual([1, 3, 7, 11, 15, 19]);
  expect(gate.heard('t', 'answer', at(21 * SECOND_MS))).toBe('returned');
  expect(gate.heard('t', 'answer', at(21 * SECOND_MS))).toBe('known');
  expect(gate.roomOf('t', 'remove')).toBe(8);
});

test('a target that is away and busy is not probed on top of that', () => {
  const gate = createTargetGate(1);
  gate.begin('t');
  expect(gate.heard('t', 'silence', at(0))).toBe('known');
  expect(gate.takeProbes(at(SECOND_MS))).toEqual([]);
  gate.end('t');
  expect(gate.takeProbes(at(SECOND_MS))).toEqual(['t']);
});

test('what is forgotten gets everything again', () => {
  const gate = createTargetGate(3);
  gate.heard('t', 'silence', at(0));
  gate.forget();
  expect(gate.roomOf('t', 'remove')).toBe(3);
  expect(gate.takeProbes(at(SECOND_MS))).toEqual([]);
});

test('whatever happens, never more than the limit runs, and a returned target is never forgotten', () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant('begin' as const), id: fc.constantFrom('a', 'b') }),
    fc.record({ do: fc.constant('end' as const), id: fc.constantFrom('a', 'b') }),
    fc.record({ do: fc.constantFrom('answer' as const, 'silence' as const), id: fc.constantFrom('a', 'b') }),
    fc.record({ do: fc.constant('wait' as const), id: fc.constant('') }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const gate = createTargetGate(3);
      const running = new Map([
        ['a', 0],
        ['b', 0],
      ]);
      const away = new Set<string>();
      let now = 0;
      for (const { do: what, id } of steps) {
        if (what === 'wait') {
          now += 1_500;
          for (const probed of gate.takeProbes(at(now))) expect(away.has(probed)).toBe(true);
        } else if (what === 'begin' && gate.roomOf(id, 'remove') > 0) {
          gate.begin(id);
          running.set(id, (running.get(id) ?? 0) + 1);
        } else if (what === 'end' && (running.get(id) ?? 0) > 0) {
          gate.end(id);
          running.set(id, (running.get(id) ?? 0) - 1);
        } else if (what === 'silence') {
          gate.heard(id, 'silence', at(now));
          away.add(id);
        } else if (what === 'answer') {
          expect(gate.heard(id, 'answer', at(now))).toBe(away.delete(id) ? 'returned' : 'known');
        }
        for (const one of ['a', 'b']) {
          expect(running.get(one)).toBeLessThanOrEqual(3);
          expect(gate.roomOf(one, 'remove')).toBe(away.has(one) ? 0 : 3 - (running.get(one) ?? 0));
        }
      }
    }),
  );
});
