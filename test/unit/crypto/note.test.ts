import { describe, expect, test } from 'vitest';
import { toHex, utf8 } from '../../../shared/crypto/bytes';
import { newSigningKeys } from '../../../shared/crypto/keys';
import { leafHash, rootFromLeaves } from '../../../shared/crypto/merkle';
import {
  openCheckpoint,
  parseCheckpointText,
  parseVerifierKey,
  signCheckpoint,
  signNote,
  verifierKey,
  verifyNote,
} from '../../../shared/crypto/note';
import { seededRandom } from './helpers';

const signer = { name: 'example.com/log', ...newSigningKeys(seededRandom('log')) };
const stranger = { name: 'example.com/log', ...newSigningKeys(seededRandom('stranger')) };
const root = rootFromLeaves([leafHash(utf8('a')), leafHash(utf8('b'))]);

describe('signed notes', () => {
  test('the example of golang.org/x/mod/sumdb/note verifies: key format, key id and signature are the published ones', () => {
    const key = parseVerifierKey('PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW');
    const note =
      'If you think cryptography is the answer to your problem,\nthen you don’t know what your problem is.\n'.replace(
        '’',
        "'",
      ) +
      '\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n';
    expect(key).toBeDefined();
    expect(verifyNote(note, key as NonNullable<typeof key>)).toMatch(/^If you think/);
    expect(verifierKey(key as NonNullable<typeof key>)).toBe(
      'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW',
    );
  });
  test('a note verifies with its key and with no other', () => {
    const note = signNote('hello\n\nworld\n', signer);
    expect(verifyNote(note, signer)).toBe('hello\n\nworld\n');
    expect(verifyNote(note, stranger)).toBeUndefined();
    expect(verifyNote(note, { ...signer, name: 'example.com/other' })).toBeUndefined();
  });
  test('a changed text, a changed signature or none is refused', () => {
    const note = signNote('hello\n', signer);
    expect(verifyNote(note.replace('hello', 'jello'), signer)).toBeUndefined();
    expect(verifyNote(note.replace(/.{6}\n$/, 'AAAA==\n'), signer)).toBeUndefined();
    expect(verifyNote('hello\n', signer)).toBeUndefined();
    expect(verifyNote(note.trimEnd(), signer)).toBeUndefined();
    expect(verifyNote(`${note}trailing\n`, signer)).toBeUndefined();
    expect(verifyNote('', signer)).toBeUndefined();
  });
  test('signatures of others beside ours are no obstacle', () => {
    const note = signNote('hello\n', signer);
    const theirs = signNote('hello\n', { ...stranger, name: 'witness.example' }).split('\n\n')[1];
    expect(verifyNote(note + theirs, signer)).toBe('hello\n');
  });
  test('a verifier key whose id does not fit is refused', () => {
    const key = verifierKey(signer);
    expect(parseVerifierKey(key)).toEqual({ name: signer.name, publicKey: signer.publicKey });
    expect(parseVerifierKey(key.replace('example.com', 'example.org'))).toBeUndefined();
    expect(parseVerifierKey('nonsense')).toBeUndefined();
    expect(() => verifierKey({ ...signer, name: 'with space' })).toThrow(RangeError);
  });
});

describe('checkpoints', () => {
  test('say origin, size and root', () => {
    const note = signCheckpoint(2, root, signer);
    expect(note.split('\n').slice(0, 2)).toEqual(['example.com/log', '2']);
    const opened = openCheckpoint(note, signer);
    expect(opened?.size).toBe(2);
    expect(toHex(opened?.rootHash ?? new Uint8Array())).toBe(toHex(root));
  });
  test('of another log, or of a stranger with the same name, are refused', () => {
    expect(openCheckpoint(signCheckpoint(2, root, stranger), signer)).toBeUndefined();
    const misnamed = signNote(`example.com/other\n2\n${'A'.repeat(43)}=\n`, signer);
    expect(openCheckpoint(misnamed, signer)).toBeUndefined();
  });
  test('with odd numbers or roots are refused', () => {
    for (const text of [
      'log\n02\nAAAA\n',
      'log\n-1\nAAAA\n',
      'log\n1\nAAAA\n',
      `log\n99999999999999999\n${'A'.repeat(43)}=\n`,
      '\n1\n\n',
      'log',
    ])
      expect(parseCheckpointText(text)).toBeUndefined();
  });
});
