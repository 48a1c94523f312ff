/** Text that people write and others read: it can neither hide, reorder nor forge anything, and its length is bounded. */
import { describe, expect, test } from 'vitest';
import { cleanLine, DisplayName, Reason, TicketRef, TtlMs } from '../../../shared/contract/fields';
import { canonicalJson } from '../../../shared/crypto/canonical-json';
import { MAX_REASON_CHARS, MAX_TTL_MS, MIN_TTL_MS } from '../../../shared/domain/limits';

describe('a reason', () => {
  test.each([
    ['a right-to-left override', 'pay \u202ecod.exe', 'pay cod.exe'],
    ['isolates', 'a\u2066b\u2069c', 'abc'],
    ['zero width', 'ap\u200bpro\u200dve\ufeff', 'approve'],
    ['line breaks', 'one\r\n\ntwo\u2028three', 'one twothree'],
    ['terminal escapes', '\u001b[2J\u001b]0;x\u0007ok', '[2J]0;xok'],
    ['a NUL', 'a\u0000b', 'ab'],
    ['C1 controls', 'a\u009b31mb', 'a31mb'],
    ['tag characters', 'a\u{e0041}\u{e0042}b', 'ab'],
    ['blanks that look like nothing', 'a\u3164\u2800\u115f\uffa0\u034fb', 'ab'],
    ['half a surrogate pair', 'a\ud83d b \udc00c', 'a b c'],
    ['halves that would join once what is between is gone', '\ud83d\u200b\ude00', ''],
    ['markup', '<img src=x onerror=alert(1)>', '<img src=x onerror=alert(1)>'],
    ['an emoji', 'fix \u{1f600}', 'fix \u{1f600}'],
  ])('with %s', (_name, given, kept) => {
    expect(cleanLine(given)).toBe(kept);
    expect(cleanLine(cleanLine(given))).toBe(cleanLine(given));
    expect(Buffer.from(kept, 'utf8').toString('utf8')).toBe(kept); // what is stored is what was signed
    expect(() => canonicalJson({ reason: cleanLine(given) })).not.toThrow();
  });
  test('of 1 MB, or one character too long, is refused and never cut', () => {
    for (const text of ['x'.repeat(1024 * 1024), 'x'.repeat(MAX_REASON_CHARS + 1), '\u{1f600}'.repeat(501)])
      expect(Reason.safeParse(text).success).toBe(false);
    expect(Reason.parse('x'.repeat(MAX_REASON_CHARS))).toHaveLength(MAX_REASON_CHARS);
  });
  test('of nothing but what is hidden is empty, and so no name', () => {
    expect(Reason.parse('\u200b\u202e \u0000')).toBe('');
    expect(DisplayName.safeParse('\u200b\u202e \u3164').success).toBe(false);
  });
});

test.each([0, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, MAX_TTL_MS + 1, MIN_TTL_MS - 1, 2 ** 53, '60000', null])(
  'a duration of %s is refused with words',
  (ttlMs) => {
    const answer = TtlMs.safeParse(ttlMs);
    expect(answer.success).toBe(false);
    expect(answer.error?.issues[0]?.message).toMatch(/\w{3}/);
  },
);

test.each(['javascript:alert(1) x', 'INC-1\nX', '<b>', "'; DROP TABLE", '../../x y', '$(id)'])(
  'a ticket reference like %j is refused',
  (text) => expect(TicketRef.safeParse(text).success).toBe(false),
);
