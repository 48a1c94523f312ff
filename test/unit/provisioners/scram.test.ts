import { expect, test } from 'vitest';
import { newLogin, newPassword, scramVerifier } from '../../../electron/service/provisioners/postgres/scram';

/** RFC 7677, section 3: user "user", password "pencil". The proofs of the exchange fix both stored keys. */
const SALT = Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64');

test('the verifier holds the keys of the exchange in RFC 7677', async () => {
  const { createHash, createHmac } = await import('node:crypto');
  const verifier = await scramVerifier('pencil', SALT, 4096);
  const [, rest = ''] = verifier.split('SCRAM-SHA-256$4096:');
  const [salt, keys = ''] = rest.split('$');
  const [storedKey = '', serverKey = ''] = keys.split(':');
  expect(salt).toBe('W22ZaJ0SNY7soEsUEjb6gQ==');
  const authMessage =
    'n=user,r=rOprNGfwEbeRWgbNEkqO,' +
    'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,' +
    'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0';
  const hmac = (key: Buffer) => createHmac('sha256', key).update(authMessage).digest();
  expect(hmac(Buffer.from(serverKey, 'base64')).toString('base64')).toBe(
    '6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=',
  );
  // StoredKey = H(ClientKey), and ClientKey = ClientProof XOR HMAC(StoredKey, AuthMessage).
  const stored = Buffer.from(storedKey, 'base64');
  const proof = Buffer.from('dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=', 'base64');
  const signature = hmac(stored);
  const clientKey = Buffer.from(proof.map((byte, i) => byte ^ (signature[i] ?? 0)));
  expect(createHash('sha256').update(clientKey).digest()).toEqual(stored);
});

test('passwords that would need SASLprep are refused', async () => {
  for (const password of ['', 'pass word', 'pässword', 'tab\t', 'nul\0'])
    await expect(scramVerifier(password, SALT)).rejects.toBeInstanceOf(RangeError);
});

test('a password has 192 bits and needs no escape in a passfile or URL', async () => {
  let next = 0;
  const random = { bytes: (count: number) => new Uint8Array(count).fill(++next) };
  expect(newPassword(random)).toMatch(/^[A-Za-z0-9_-]{32}$/);
  const [one, two] = [await newLogin(random), await newLogin(random)];
  expect(one.password).not.toBe(two.password);
  expect(one.verifier).not.toContain(one.password);
});
