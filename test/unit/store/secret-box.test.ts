import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createSecretBox } from '../../../electron/service/store/secret-box';
import { anyText } from '../any-text';
import { seededRandom } from '../crypto/helpers';

const random = seededRandom('box');
const box = createSecretBox(random.bytes(32), random);

test('what is sealed opens for its context, whatever it is', () => {
  fc.assert(
    fc.property(anyText({ maxLength: 300 }), fc.string({ maxLength: 40 }), (plain, context) => {
      expect(box.open(box.seal(plain, context), context)).toBe(plain);
    }),
  );
});
test('the same secret is never sealed to the same text', () => {
  expect(box.seal('secret', 'c')).not.toBe(box.seal('secret', 'c'));
});
test('it opens for no other context and under no other key', () => {
  const sealed = box.seal('secret', 'resources.secret_enc:a');
  expect(() => box.open(sealed, 'resources.secret_enc:b')).toThrow('altered or moved');
  expect(() => createSecretBox(random.bytes(32), random).open(sealed, 'resources.secret_enc:a')).toThrow(
    'another data key',
  );
});
test('no change of a single character opens', () => {
  const sealed = box.seal('secret', 'c');
  for (let i = 0; i < sealed.length; i++)
    for (const char of ['A', 'z', '.', '']) {
      const changed = sealed.slice(0, i) + char + sealed.slice(i + 1);
      if (changed !== sealed) expect(() => box.open(changed, 'c')).toThrow();
    }
});
test('errors and keys of the wrong length say nothing secret', () => {
  const sealed = box.seal('hunter2', 'c');
  try {
    box.open(sealed, 'd');
  } catch (error) {
    expect(String((error as Error).stack)).not.toContain('hunter2');
    expect((error as Error).cause).toBeUndefined();
  }
  expect(() => createSecretBox(new Uint8Array(31), random)).toThrow(RangeError);
});
