import { describe, expect, test } from 'vitest';
import { checkPolicy, type Surroundings } from '../../../electron/service/policy/check';
import { ruleMatches } from '../../../electron/service/policy/match';
import { parsePolicy } from '../../../electron/service/policy/parse';
import { reaches, reachOf, suggestionFor } from '../../../renderer/app/rules/reach';
import { readPolicy } from '../../../renderer/app/rules/read';
import { sentenceOf } from '../../../renderer/app/rules/words';
import { groupChanges, isLoud, readAnswer, weigh } from '../../../renderer/features/policy/changes';
import { countDiff, diffLines, foldDiff } from '../../../renderer/features/policy/diff';
import { marksOf } from '../../../renderer/features/policy/Edit';
import {
  applyEdit,
  breakLine,
  freeName,
  indent,
  insertRule,
  outdent,
  toggleComment,
} from '../../../renderer/features/policy/editing';
import { tokensOf } from '../../../renderer/features/policy/highlight';
import { stampOf } from '../../../renderer/features/policy/RuleCards';
import { SNIPPETS } from '../../../renderer/features/policy/snippets';
import { PolicyRule } from '../../../shared/contract/policy';
import { asInstant } from '../../../shared/domain/instant';
import { SAMPLE_POLICY } from '../../../shared/sample/policy';
import * as fixtures from '../../bed/preview/fixtures';
import { fullPolicy } from '../../bed/preview/fixtures-policy';

const rule = (more: Record<string, unknown>) =>
  PolicyRule.parse({ name: 'r', effect: 'auto', max_duration: '1h', ...more });
const approve = (more: Record<string, unknown>) =>
  rule({ effect: 'approve', approvals: [{ from: 'db-owners', count: 1 }], ...more });

describe('a rule as a sentence', () => {
  test.each([
    [
      approve({
        match: { resource: { environment: 'production', level: 'read-only' }, requester: { groups: 'engineering' } },
      }),
      'People in engineering may ask for read-only on production for up to 1 hour; 1 of db-owners approves, on the card.',
    ],
    [rule({}), 'Everybody gets any level on every resource at once, for up to 1 hour.'],
    [
      rule({ match: { requester: { groups: ['owners', 'dba'] }, resource: { name: ['a-db', 'b-db'] } } }),
      'Owners and people in dba get any level on a-db or b-db at once, for up to 1 hour.',
    ],
    [
      rule({ match: { resource: { name: 'orders-*', kind: 'postgres', environment: ['staging', 'development'] } } }),
      'Everybody gets any level on staging or development postgres resources named orders-* at once, for up to 1 hour.',
    ],
    [
      rule({
        match: { resource: { risk: ['high', 'critical'], tags: ['a', 'b'], owners: 'dba', depends_on: 'core-*' } },
      }),
      'Everybody gets any level on resources of high or critical risk, tagged a and b, owned by dba and that depend on core-* at once, for up to 1 hour.',
    ],
    [rule({ reason: 'required', ticket: 'INC-#' }), /Needs a reason and a ticket like INC-12\.$/],
    [rule({ ticket: 'required' }), /Needs a ticket\.$/],
    [rule({ reason: 'optional', ticket: 'optional' }), /1 hour\.$/],
    [rule({ priority: 10 }), /Goes before rules of lower priority \(10\)\.$/],
    [rule({ priority: -10 }), /Counts only where no rule of higher priority does \(−10\)\.$/],
    [rule({ message: 'Be quick.' }), /Says: “Be quick\.”$/],
    [approve({ confirm: 'notification' }), /approves, a notification is enough\.$/],
    [approve({ confirm: 'card' }), /approves, on the card\.$/],
    [approve({}), /approves, on the card in production\.$/],
    [approve({ match: { resource: { environment: 'staging' } } }), /a notification is enough\.$/],
    [
      approve({
        approvals: [
          { from: 'owners', count: 1 },
          { from: 'security', count: 2 },
        ],
      }),
      /1 of the owners and 2 of security approve, /,
    ],
    [approve({ approvals: [] }), /nobody is named who may approve, so alone it denies\.$/],
    [
      rule({ effect: 'deny', match: { resource: { level: 'admin' } }, message: 'Ask on call.', priority: 5 }),
      'Nobody may ask for admin on every resource. Says: “Ask on call.”',
    ],
    [
      rule({ effect: 'deny', match: { requester: { groups: ['temps', 'guests'] } } }),
      'People in temps or guests may not ask for any level on every resource.',
    ],
  ])('%#', (given, said) => {
    if (typeof said === 'string') expect(sentenceOf(given)).toBe(said);
    else expect(sentenceOf(given)).toMatch(said);
  });
  test('an approval that names nobody is stamped as the denial it is', () => {
    expect(stampOf(approve({ approvals: [] })).text).toBe('Denied');
    expect(stampOf(approve({ approvals: [{ from: 'a', count: 2 }] })).text).toBe('Needs 2');
  });
});

describe('reading the text', () => {
  test('each rule knows its lines, and a path its line', () => {
    const read = readPolicy(fullPolicy.yaml);
    const lines = fullPolicy.yaml.split('\n');
    expect(read?.rules).toHaveLength(6);
    for (const one of read?.rules ?? []) {
      expect(lines[one.fromLine - 1]).toContain(one.rule.name);
      expect(lines[one.toLine - 1]?.trim()).not.toBe('');
    }
    expect(lines[(read?.lineAt('rules[1].approvals') ?? 0) - 1]).toContain('approvals');
  });
  test('a rule that is half written is counted, not guessed; what is no policy is null', () => {
    expect(readPolicy('version: 1\nrules:\n  - name: a\n    effect: aut\n')).toMatchObject({
      rules: [],
      unreadCount: 1,
    });
    expect(readPolicy('rules: [')).toBeNull();
    expect(readPolicy('hello')).toBeNull();
    expect(readPolicy('['.repeat(20_000))).toBeNull();
  });
});

describe('which rules reach a resource', () => {
  const rules = [fullPolicy.yaml, SAMPLE_POLICY].flatMap(
    (yaml) => readPolicy(yaml)?.rules.map((one) => one.rule) ?? [],
  );
  test('agrees with the service for a requester who is in every group', () => {
    for (const one of rules)
      for (const on of fixtures.resources)
        for (const level of ['read-only', 'read-write', 'admin']) {
          const groups = [one.match?.requester?.groups ?? []].flat();
          const requester = { personId: 'p', groups, owns: true };
          const context = { at: asInstant(fixtures.NOW), requester, resource: on, level, ask: null };
          expect(reaches(one, on, level), `${one.name} ${on.name} ${level}`).toBe(ruleMatches(one, context));
        }
  });
  test('denials come first, then the highest priority', () => {
    const [read] = reachOf(rules, { ...fixtures.ledgerDb, tags: ['financial', 'regulated', 'personal-data'] }, [
      'read-only',
    ]);
    expect(read?.rules.map((one) => one.effect)[0]).toBe('deny');
    expect(read?.rules.find((one) => one.effect !== 'deny')?.name).toBe('ledger');
  });
  test.each(['orders-db', 'true', '1e5', '0x1f', 'a.b'])(
    'the suggestion for %s is a policy that reaches it',
    (name) => {
      const on = { ...fixtures.ordersDb, name };
      const parsed = parsePolicy(applyEdit('', insertRule('', suggestionFor(on))));
      expect(parsed.ok).toBe(true);
      if (parsed.ok) expect(reaches(parsed.document.rules[0] as PolicyRule, on, 'read-only')).toBe(true);
    },
  );
});

describe('what a draft would change', () => {
  test.each([
    ['not requestable', 'automatic up to 1 h', 'opens'],
    ['denied', '1 from dba, up to 1 h (card)', 'opens'],
    ['1 from dba, up to 1 h (card)', 'automatic up to 30 m', 'unapproved'],
    ['automatic up to 1 h', '1 from dba, up to 1 h (card)', 'stricter'],
    ['automatic up to 1 h', '1 from dba, up to 2 h (card)', 'mixed'],
    ['automatic up to 1 h', 'automatic up to 2 h', 'easier'],
    ['automatic up to 1 d 2 h', 'automatic up to 4 h', 'stricter'],
    ['2 from dba, up to 1 h (card)', '1 from dba, up to 1 h (card)', 'easier'],
    ['1 from dba, up to 1 h (card)', '1 from ops, up to 1 h (card)', 'mixed'],
    ['1 from dba, up to 1 h (card)', '1 from dba, up to 1 h (notification)', 'easier'],
    ['automatic up to 1 h (reason)', 'automatic up to 1 h', 'easier'],
    ['automatic up to 1 h (ticket INC-#)', 'automatic up to 1 h (ticket)', 'easier'],
    ['automatic up to 1 h (ticket)', 'automatic up to 1 h (ticket INC-#)', 'stricter'],
    ['automatic up to 1 h', 'denied', 'closes'],
    ['denied', 'not requestable', 'same'],
    ['automatic up to 1 h', 'automatic up to 1 h', 'mixed'],
    ['automatic up to 1 h', 'something new', 'mixed'],
  ])('%s → %s', (before, after, weight) => {
    expect(weigh(before, after).weight).toBe(weight);
  });
  test('what opens is loud; what closes is not', () => {
    expect(['opens', 'unapproved', 'easier', 'mixed'].every((weight) => isLoud(weight as never))).toBe(true);
    expect(['stricter', 'closes', 'same'].some((weight) => isLoud(weight as never))).toBe(false);
  });
  test('people with the same change are one group; the loudest first, production before the rest', () => {
    const change = (resource: string, person: string, before: string, after: string) => ({
      ...{ resource, person, before, after },
      level: 'read-only',
    });
    const groups = groupChanges(
      [
        change('a-dev', 'Aiko', 'denied', 'automatic up to 1 h'),
        change('z-prod', 'Aiko', 'denied', 'automatic up to 1 h'),
        change('z-prod', 'Femi', 'denied', 'automatic up to 1 h'),
        change('z-prod', 'Lena', 'automatic up to 1 h', 'denied'),
        change('a-dev', 'Lena', '1 from dba, up to 1 h', 'automatic up to 1 h'),
      ],
      new Set(['z-prod']),
    );
    expect(groups.map((one) => [one.resource, one.weight, one.people.join()])).toEqual([
      ['z-prod', 'opens', 'Aiko,Femi'],
      ['a-dev', 'opens', 'Aiko'],
      ['a-dev', 'unapproved', 'Lena'],
      ['z-prod', 'closes', 'Lena'],
    ]);
  });
  test('every answer that the service words can be read back', () => {
    const around: Surroundings = {
      at: asInstant(fixtures.NOW),
      people: fixtures.people.map(({ id, displayName, groups }) => ({
        ...{ personId: id, displayName, groups },
        admin: false,
        reachable: true,
      })),
      groups: fixtures.groups.map((group) => group.name),
      resources: fixtures.resources.map((one) => ({ ...one, levels: one.levels.map((level) => level.name) })),
    };
    for (const yaml of [fullPolicy.yaml, SAMPLE_POLICY, fixtures.policy.yaml]) {
      const { changes } = checkPolicy(yaml, null, around);
      expect(changes.length).toBeGreaterThan(0);
      for (const one of changes) expect(readAnswer(one.after), one.after).not.toBeNull();
    }
  });
});

describe('the difference of two texts', () => {
  const replay = (before: string, after: string) => {
    const lines = diffLines(before, after);
    const side = (not: string) =>
      lines
        .filter((line) => line.kind !== not)
        .map((line) => line.text)
        .join('\n');
    return { lines, before: side('added'), after: side('removed') };
  };
  test.each([
    ['a\nb\nc', 'a\nc', 0, 1],
    ['a\nb\nc', 'a\nx\nc', 1, 1],
    ['', 'a\nb', 2, 0],
    ['a\nb\nc\na\nb\nb\na', 'c\nb\na\nb\na\nc', 2, 3],
    ['a\n', 'a', 0, 0],
  ])('%j → %j', (before, after, added, removed) => {
    const { lines, ...sides } = replay(before, after);
    expect(countDiff(lines)).toEqual({ added, removed });
    expect(sides).toEqual({ before: before.replace(/\n$/, ''), after });
  });
  test('thousands of different lines are shown as replaced', () => {
    const many = (word: string) => Array.from({ length: 3_000 }, (_, n) => `${word} ${n}`).join('\n');
    expect(countDiff(diffLines(many('a'), many('b')))).toEqual({ added: 3_000, removed: 3_000 });
  });
  test('equal lines far from a change are folded', () => {
    const before = Array.from({ length: 20 }, (_, n) => `${n}`).join('\n');
    expect(foldDiff(diffLines(before, before.replace('\n10\n', '\nten\n')))).toMatchObject([
      { kind: 'folded', count: 7 },
      { kind: 'lines' },
      { kind: 'folded', count: 6 },
    ]);
    expect(foldDiff(diffLines(before, before))).toEqual([]);
  });
});

describe('editing', () => {
  test('Tab goes to the next step, or moves the selected lines', () => {
    expect(applyEdit('a', indent('a', { from: 1, to: 1 }))).toBe('a ');
    expect(applyEdit('a\n\nb', indent('a\n\nb', { from: 0, to: 4 }))).toBe('  a\n\n  b');
    expect(applyEdit('   a\n b', outdent('   a\n b', { from: 0, to: 7 }))).toBe(' a\nb');
  });
  test('Enter keeps the indent, and goes deeper after a key', () => {
    const entered = (text: string) => applyEdit(text, breakLine(text, { from: text.length, to: text.length }));
    expect(entered('  match:')).toBe('  match:\n    ');
    expect(entered('  - name: a')).toBe('  - name: a\n    ');
    expect(entered('    effect: auto')).toBe('    effect: auto\n    ');
  });
  test('a comment is made and unmade', () => {
    const text = '  a: 1\n  b: 2';
    const on = applyEdit(text, toggleComment(text, { from: 0, to: text.length }));
    expect(on).toBe('  # a: 1\n  # b: 2');
    expect(applyEdit(on, toggleComment(on, { from: 0, to: on.length }))).toBe(text);
  });
  test.each([
    '',
    'version: 1\nrules: []\n',
    'version: 1\nrules:\n',
    fullPolicy.yaml,
    'version: 1\nrules:\n- name: a\n  effect: deny\n',
  ])('every template can be put into a policy (%#)', (yaml) => {
    for (const snippet of SNIPPETS) {
      const edit = insertRule(yaml, snippet.rule.replace(snippet.key, `${snippet.key}-new`));
      const text = applyEdit(yaml, edit);
      expect(parsePolicy(text), text).toMatchObject({ ok: true });
      expect(text.slice(edit.select.from, edit.select.to)).toBe(`${snippet.key}-new`);
    }
  });
  test('a name that is taken gets a number', () => {
    expect(freeName('a', new Set(['a', 'a-2']))).toBe('a-3');
  });
  test('colours lose no character', () => {
    for (const line of fullPolicy.yaml.split('\n'))
      expect(
        tokensOf(line)
          .map((token) => token.text)
          .join(''),
      ).toBe(line);
    expect(tokensOf('  - name: "a # b" # why').filter((token) => token.kind === 'comment')).toEqual([
      { text: '# why', kind: 'comment' },
    ]);
  });
  test('a line with an error and a warning is marked as an error, with both messages', () => {
    const marks = marksOf([
      { line: 3, tone: 'warn', message: 'W.' },
      { line: 3, tone: 'bad', message: 'E.' },
      { line: null, tone: 'bad', message: 'Nowhere.' },
    ]);
    expect([...marks]).toEqual([[3, { tone: 'bad', message: 'W. E.' }]]);
  });
});
