import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  groupRoleName,
  ident,
  literal,
  MAX_IDENTIFIER_BYTES,
  markFor,
  principalIdent,
  resourceOfMark,
} from '../../../electron/service/provisioners/postgres/quoting';
import { anyText } from '../any-text';

test('a quoted identifier has one way to be read, whatever is in it', () => {
  fc.assert(
    fc.property(anyText({ minLength: 1, maxLength: 15 }), (name) => {
      fc.pre(!name.includes('\0') && Buffer.byteLength(name) <= MAX_IDENTIFIER_BYTES);
      const inside = ident(name).slice(1, -1);
      expect(inside.replaceAll('""', '')).not.toContain('"');
      expect(inside.replaceAll('""', '"')).toBe(name);
    }),
  );
});

test('a name that the server would cut, or could not hold, is refused', () => {
  for (const name of ['', 'a\0b', 'x'.repeat(64), 'é'.repeat(32)]) expect(() => ident(name)).toThrow(/63 bytes/);
  expect(ident('é'.repeat(31))).toBe(`"${'é'.repeat(31)}"`);
});

test('a quoted string can not be left, with backslashes neither', () => {
  expect(literal("it's")).toBe("'it''s'");
  expect(literal("\\'; DROP ROLE x; --")).toBe("E'\\\\''; DROP ROLE x; --'");
  expect(() => literal('a\0')).toThrow();
});

test('only names of our form are principals', () => {
  expect(principalIdent(`hp_${'0'.repeat(26)}`)).toBe(`"hp_${'0'.repeat(26)}"`);
  for (const name of [
    'postgres',
    'hp_',
    `hp_${'0'.repeat(25)}`,
    `hp_${'0'.repeat(27)}`,
    `hp_${'i'.repeat(26)}`,
    `hp_${'0'.repeat(26)}\n`,
  ])
    expect(() => principalIdent(name)).toThrow(RangeError);
});

test('group roles fit into 63 bytes and stay apart for resources that begin alike', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 200 }), (name) => {
      for (const purpose of ['read_only', 'read_write', 'owner'] as const)
        expect(Buffer.byteLength(groupRoleName(name, purpose))).toBeLessThanOrEqual(63);
    }),
  );
  expect(groupRoleName('orders-db', 'read_only')).toBe('hallpass_orders-db_read_only');
  expect(groupRoleName(`${'y'.repeat(60)}a`, 'owner')).not.toBe(groupRoleName(`${'y'.repeat(60)}b`, 'owner'));
});

test('a mark names its resource, and other comments are no marks', () => {
  const id = `res_${'0'.repeat(26)}`;
  expect(resourceOfMark(markFor(id))).toBe(id);
  for (const comment of [null, '', 'hallpass', `made by hallpass:1 ${id} |`, `hallpass:1 ${id}`])
    expect(resourceOfMark(comment)).toBeUndefined();
});
