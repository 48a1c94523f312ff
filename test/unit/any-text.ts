/** Text of any code points at all, for properties that hold whatever somebody writes. */
import fc from 'fast-check';

const SURROGATES = { first: 0xd800, count: 0x800 } as const;
/**
 * Every code point but half of a surrogate pair. As `fc.string({ unit: 'binary' })`, which first makes a list of all million of
 * them, and so took longer than the tests.
 */
const codePoint = fc
  .nat(0x10ffff - SURROGATES.count)
  .map((n) => String.fromCodePoint(n < SURROGATES.first ? n : n + SURROGATES.count));
/** One in two from Latin, where the characters are that mean something to a target. */
const character = fc.oneof(
  codePoint,
  fc.nat(0xff).map((n) => String.fromCodePoint(n)),
);

/** @param bounds in code points */
export const anyText = (bounds: { minLength?: number; maxLength: number }): fc.Arbitrary<string> =>
  fc.array(character, bounds).map((all) => all.join(''));
