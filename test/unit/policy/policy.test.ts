import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkPolicy, type Surroundings } from '../../../electron/service/policy/check';
import { DEFAULT_POLICY } from '../../../electron/service/policy/default-policy';
import { evaluatePolicy, type PolicyContext } from '../../../electron/service/policy/evaluate';
import { globMatches } from '../../../electron/service/policy/glob';
import { parsePolicy } from '../../../electron/service/policy/parse';
import type { PolicyDocument } from '../../../shared/contract/policy';
import { asInstant, HOUR_MS, MINUTE_MS } from '../../../shared/domain/instant';

function inForce(rules: string | PolicyDocument['rules']) {
  if (typeof rules !== 'string')
    return { version: 3, digest: 'a'.repeat(64), document: { version: 1 as const, rules } };
  const parsed = parsePolicy(`version: 1\nrules:\n${rules}`);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
  return { version: 3, digest: parsed.digest, document: parsed.document };
}
const context = (
  more: Partial<Omit<PolicyContext, 'resource'>> & { resource?: Partial<PolicyContext['resource']> } = {},
): PolicyContext => ({
  at: asInstant(0),
  requester: { personId: 'per_x', groups: ['backend'], owns: false },
  level: 'read-only',
  ask: { ttlMs: 30 * MINUTE_MS, reason: 'why', ticketRef: '' },
  ...more,
  resource: {
    name: 'orders-db',
    kind: 'postgres',
    environment: 'staging',
    risk: 'high',
    tags: ['pii', 'eu'],
    owners: ['dba'],
    dependsOn: ['auth-db'],
    ...more.resource,
  },
});

describe('globs', () => {
  test.each([
    ['*', '', true],
    ['orders-*', 'orders-db', true],
    ['orders-?', 'orders-db', false],
    ['INC-#', 'INC-123', true],
    ['INC-#', 'INC-', false],
    ['INC-#', 'INC-12a', false],
    ['#*#', '1a2', true],
    ['a.c', 'abc', false],
    ['*#-x', 'v12-x', true],
  ])('%s against %s: %s', (pattern, text, expected) => expect(globMatches(pattern, text)).toBe(expected));
  test('a pattern made to hang a backtracking matcher does not', () => {
    expect(globMatches(`${'*a'.repeat(60)}b`, 'a'.repeat(20_000))).toBe(false);
  });
  test('a text without special characters fits only itself', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z0-9-]{1,20}$/), fc.stringMatching(/^[a-z0-9-]{0,20}$/), (a, b) => {
        expect(globMatches(a, b)).toBe(a === b);
      }),
    );
  });
});

describe('the answer', () => {
  test('no rule: not requestable', () => {
    expect(evaluatePolicy(inForce([]), context())).toMatchObject({ effect: 'none', problems: [{ field: 'policy' }] });
  });
  test('deny wins over any priority', () => {
    const policy = inForce(`
  - { name: open, effect: auto, max_duration: 8h, priority: 1000 }
  - { name: shut, match: { resource: { tags: [pii] } }, effect: deny, message: Not this one., priority: -1000 }`);
    expect(evaluatePolicy(policy, context())).toMatchObject({
      effect: 'deny',
      rules: ['shut'],
      message: 'Not this one.',
    });
    expect(evaluatePolicy(policy, context({ resource: { tags: [] } }))).toMatchObject({
      effect: 'auto',
      rules: ['open'],
    });
  });
  test('rules of the highest priority decide together, the stricter word of each counts', () => {
    const policy = inForce(`
  - { name: low, effect: auto, max_duration: 5m, priority: 1 }
  - { name: a, effect: approve, max_duration: 2h, approvals: [{ from: dba, count: 1 }, { from: security }], priority: 5, confirm: notification }
  - { name: b, effect: approve, max_duration: 1h, approvals: [{ from: dba, count: 2 }], priority: 5, reason: required, ticket: INC-# }
  - { name: c, effect: auto, max_duration: 4h, priority: 5, confirm: card }`);
    const said = evaluatePolicy(policy, context());
    expect(said).toMatchObject({
      effect: 'approve',
      rules: ['a', 'b', 'c'],
      maxDurationMs: HOUR_MS,
      approvals: [
        { from: 'dba', count: 2 },
        { from: 'security', count: 1 },
      ],
      reasonRequired: true,
      ticket: { required: true, patterns: ['INC-#'] },
      confirm: 'card',
    });
    expect(said.problems).toEqual([{ field: 'ticketRef', message: 'A ticket is needed (INC-123).' }]);
  });
  test('production needs the card when nothing is said, and only then', () => {
    const policy = inForce('\n  - { name: x, effect: approve, max_duration: 1h, approvals: [{ from: dba }] }');
    expect(evaluatePolicy(policy, context()).confirm).toBe('notification');
    expect(evaluatePolicy(policy, context({ resource: { environment: 'production' } })).confirm).toBe('card');
  });
  test('an approval that names nobody denies', () => {
    const policy = inForce('\n  - { name: x, effect: approve, max_duration: 1h }');
    expect(evaluatePolicy(policy, context()).effect).toBe('deny');
  });
  test('a rule in error denies, also when another would open', () => {
    const broken = { name: 'broken', effect: 'auto' as const, priority: 0, max_duration: 'soon' };
    const open = { name: 'open', effect: 'auto' as const, priority: 0, max_duration: '1h' };
    expect(evaluatePolicy(inForce([open, broken]), context()).effect).toBe('deny');
    const unknown = { ...open, match: { resource: { phase_of_moon: 'full' } as never } };
    expect(evaluatePolicy(inForce([open, unknown]), context()).effect).toBe('deny');
  });
  test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY, 1.5, 61 * MINUTE_MS, 8 * 24 * HOUR_MS])(
    'a duration of %s is a problem',
    (ttlMs) => {
      const policy = inForce('\n  - { name: x, effect: auto, max_duration: 1h }');
      const said = evaluatePolicy(policy, context({ ask: { ttlMs, reason: '', ticketRef: '' } }));
      expect(said.problems).toMatchObject([{ field: 'ttlMs' }]);
    },
  );
  test.each([
    ['{ name: orders-* }', true],
    ['{ name: [users-*, orders-db] }', true],
    ['{ tags: [pii, eu] }', true],
    ['{ tags: [pii, us] }', false],
    ['{ risk: [low, high] }', true],
    ['{ owners: security }', false],
    ['{ depends_on: auth-* }', true],
    ['{ level: admin }', false],
    ['{ kind: mysql }', false],
  ])('resource %s matches: %s', (resource, expected) => {
    const policy = inForce(`\n  - { name: x, match: { resource: ${resource} }, effect: auto, max_duration: 1h }`);
    expect(evaluatePolicy(policy, context()).effect).toBe(expected ? 'auto' : 'none');
  });
  test('adding a rule of the same priority never makes the answer wider', () => {
    const rule = fc.record({
      effect: fc.constantFrom('auto' as const, 'approve' as const, 'deny' as const),
      max_duration: fc.constantFrom('5m', '1h', '2d', 'nonsense'),
      approvals: fc.array(
        fc.record({ from: fc.constantFrom('dba', 'security', 'owners'), count: fc.integer({ min: 1, max: 3 }) }),
        { maxLength: 2 },
      ),
      reason: fc.constantFrom('required' as const, 'optional' as const),
      confirm: fc.constantFrom('card' as const, 'notification' as const),
    });
    const rank = { auto: 0, approve: 1, deny: 2, none: 3 };
    fc.assert(
      fc.property(fc.array(rule, { minLength: 1, maxLength: 5 }), rule, (some, one) => {
        const named = [...some, one].map((r, index) => ({ ...r, name: `r${index}`, priority: 0 }));
        const fewer = evaluatePolicy(inForce(named.slice(0, -1)), context());
        const all = evaluatePolicy(inForce(named), context());
        expect(rank[all.effect]).toBeGreaterThanOrEqual(
          rank[fewer.effect] === 2 && all.effect === 'approve' ? 1 : rank[fewer.effect],
        );
        if (all.effect === 'deny' || fewer.effect === 'deny') return;
        expect(all.maxDurationMs ?? 0).toBeLessThanOrEqual(fewer.maxDurationMs ?? 0);
        for (const { from, count } of fewer.approvals)
          expect(all.approvals.find((a) => a.from === from)?.count ?? 0).toBeGreaterThanOrEqual(count);
        if (fewer.confirm === 'card' && some.some((r) => r.confirm === 'card')) expect(all.confirm).toBe('card');
      }),
    );
  });
});

describe('reading a policy', () => {
  const errorsOf = (yaml: string) => {
    const parsed = parsePolicy(yaml);
    return parsed.ok ? [] : parsed.errors;
  };
  test('the default policy reads without warnings, and opens production to nobody alone', () => {
    const around: Surroundings = {
      at: asInstant(0),
      people: [{ personId: 'p', displayName: 'Ann', groups: [], admin: true, reachable: true }],
      groups: [],
      resources: [],
    };
    expect(checkPolicy(DEFAULT_POLICY, null, around)).toMatchObject({ ok: true, warnings: [] });
    const parsed = parsePolicy(DEFAULT_POLICY);
    if (!parsed.ok) throw new Error('unreadable');
    const policy = { version: 1, digest: parsed.digest, document: parsed.document };
    const own = { personId: 'p', groups: [], owns: true };
    expect(evaluatePolicy(policy, context({ requester: own })).effect).toBe('auto');
    expect(evaluatePolicy(policy, context()).effect).toBe('approve');
    expect(evaluatePolicy(policy, context({ requester: own, resource: { environment: 'production' } })).effect).toBe(
      'approve',
    );
  });
  test('an unknown key is an error on its own line', () => {
    const yaml = 'version: 1\nrules:\n  - name: x\n    effect: auto\n    max_duration: 1h\n    maxx: 3\n';
    expect(errorsOf(yaml)).toEqual([{ line: 6, path: 'rules[0].maxx', message: '"maxx" is not known here.' }]);
  });
  test.each([
    ['version: 1\nrules:\n  - { name: x, effect: auto }', 3, 'needs a max_duration'],
    ['version: 1\nrules:\n  - name: x\n    effect: auto\n    max_duration: fast', 5, 'is not a duration'],
    ['version: 1\nrules:\n  - name: x\n    effect: auto\n    max_duration: 8d', 5, 'lies between'],
    ['version: 1\nrules:\n  - { name: x, effect: deny }\n  - { name: x, effect: deny }', 4, 'Two rules'],
    ['version: 1\nversion: 1\nrules: []', 2, 'unique'],
    ['version: 1\nrules: &r []\nx: *r', 2, 'aliases'],
    ['version: 1\nrules: !!js/function "x"', 2, 'tag'],
    ['version: 1\nrules:\n  - { name: x, effect: maybe }', 3, 'Invalid option'],
    ['', 1, 'empty'],
    ['[['.repeat(20_000), null, ''],
    ['x'.repeat(300_000), null, 'KiB'],
  ])('%.40s … is an error', (yaml, line, words) => {
    const errors = errorsOf(yaml);
    expect(errors.length).toBeGreaterThan(0);
    expect(errors[0]?.message).toContain(words);
    if (line !== null) expect(errors[0]?.line).toBe(line);
  });
  test('comments and spacing do not change the digest, a value does', () => {
    const a = parsePolicy('version: 1\nrules: []');
    const b = parsePolicy('# hello\nrules:   []\nversion: 1\n');
    const c = parsePolicy('version: 1\nrules: [{ name: x, effect: deny }]');
    expect(a.ok && b.ok && a.digest === b.digest).toBe(true);
    expect(a.ok && c.ok && a.digest !== c.digest).toBe(true);
  });
});

test('a draft is tried: warnings, and whose answers change', () => {
  const around: Surroundings = {
    at: asInstant(0),
    groups: ['dba', 'empty'],
    people: [
      { personId: '1', displayName: 'Ann', groups: [], admin: false, reachable: true },
      { personId: '2', displayName: 'Bea', groups: ['dba'], admin: false, reachable: true },
    ],
    resources: [{ ...context().resource, levels: ['read-only', 'admin'] }],
  };
  const before = inForce('\n  - { name: all, effect: auto, max_duration: 1h }');
  const draft = `version: 1
rules:
  - { name: all, effect: auto, max_duration: 1h, priority: 2 }
  - { name: hidden, match: { resource: { level: admin } }, effect: approve, max_duration: 1h, approvals: [{ from: empty }, { from: ghosts }] }
  - { name: mute, effect: approve, max_duration: 1h, priority: 2, match: { requester: { groups: nobody } } }
  - { name: no-admin, match: { resource: { level: admin }, requester: { groups: [dba] } }, effect: deny }
`;
  const result = checkPolicy(draft, before, around);
  const warnings = result.warnings.map((warning) => warning.message).join('\n');
  expect(warnings).toContain('Nobody in "empty" can approve.');
  expect(warnings).toContain('There is no group "ghosts".');
  expect(warnings).toContain('There is no group "nobody".');
  expect(warnings).toContain('"mute" asks for an approval but names nobody');
  expect(warnings).toContain('"hidden" never decides: "all" comes before it everywhere.');
  expect(result.changes).toEqual([
    { resource: 'orders-db', level: 'admin', person: 'Bea', before: 'automatic up to 1 h', after: 'denied' },
  ]);
});
