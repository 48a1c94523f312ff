/** A day's budget and early ends in the policy: read, combined to the stricter word, refused when half understood. */
import { expect, test } from 'vitest';
import { evaluatePolicy } from '../../../electron/service/policy/evaluate';
import { parsePolicy } from '../../../electron/service/policy/parse';
import { asInstant, HOUR_MS, MINUTE_MS } from '../../../shared/domain/instant';

const rule = (name: string, more: string) =>
  `  - { name: ${name}, effect: auto, max_duration: 1h${more === '' ? '' : `, ${more}`} }\n`;
const read = (...rules: string[]) => parsePolicy(`version: 1\nrules:\n${rules.join('')}`);
const answer = (...rules: string[]) => {
  const parsed = read(...rules);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
  return evaluatePolicy(
    { version: 1, digest: parsed.digest, document: parsed.document },
    {
      at: asInstant(1_760_000_000_000),
      requester: { personId: 'per_1', groups: [], owns: false },
      resource: {
        name: 'a',
        kind: 'postgres',
        environment: 'staging',
        risk: 'low',
        tags: [],
        owners: [],
        dependsOn: [],
      },
      level: 'read-only',
      ask: null,
    },
  );
};

test('the smallest budget and every signal of the deciding rules count', () => {
  const said = answer(
    rule('one', 'max_per_day: 4h, end_on: [screen_lock, { sleep: 1h }]'),
    rule('two', 'max_per_day: 2h, end_on: [ticket_closed, { sleep: 10m }]'),
    rule('three', ''),
  );
  expect(said.maxPerDayMs).toBe(2 * HOUR_MS);
  expect(said.endOn).toEqual({
    screenLock: true,
    sleepMs: 10 * MINUTE_MS,
    networkChange: false,
    ticketClosed: true,
    exit: false,
  });
  expect(answer(rule('plain', 'end_on: [sleep, exit]')).endOn).toMatchObject({ sleepMs: 0, exit: true });
  expect(answer(rule('none', ''))).toMatchObject({ maxPerDayMs: null, endOn: { screenLock: false, sleepMs: null } });
});
test.each([
  ['max_per_day: soon', 'is not a duration'],
  ['max_per_day: 2d', 'lies between'],
  ['end_on: [{ sleep: soon }]', 'is not a duration'],
  ['end_on: [{ sleep: 8d }]', 'ends nothing'],
  ['end_on: [coffee]', ''],
  ['end_on: []', ''],
])('%s is an error', (more, said) => {
  const parsed = read(rule('one', more));
  expect(parsed.ok).toBe(false);
  if (!parsed.ok) expect(parsed.errors[0]?.message).toContain(said);
});
test('a rule that denies has neither', () => {
  expect(parsePolicy('version: 1\nrules:\n  - { name: no, effect: deny, max_per_day: 1h }\n').ok).toBe(false);
});
