/**
 * SCRAM-SHA-256 verifiers (RFC 5802, RFC 7677) in the form PostgreSQL stores, computed here, so that a password never
 * stands in SQL text, where `log_statement`, pg_stat_statements or an error message could keep it.
 */
import { createHash, createHmac, pbkdf2 } from 'node:crypto';
import { promisify } from 'node:util';
import type { Random } from '../../../../shared/domain/instant';

/** What PostgreSQL itself uses; the password has 192 bits of chance, so more would only cost time at each log-in. */
export const SCRAM_ITERATIONS = 4_096;
const SALT_BYTES = 16;
const PASSWORD_BYTES = 24;
const derive = promisify(pbkdf2);

/** A fresh password: 32 characters of base64url, which SASLprep leaves as they are and passfiles need no escape for. */
export const newPassword = (random: Random): string => Buffer.from(random.bytes(PASSWORD_BYTES)).toString('base64url');

/** `SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>`. The password must be ASCII (no SASLprep here). */
export async function scramVerifier(
  password: string,
  salt: Uint8Array,
  iterations: number = SCRAM_ITERATIONS,
): Promise<string> {
  if (!/^[\x21-\x7e]+$/.test(password)) throw new RangeError('"password" expected printable ASCII');
  const salted = await derive(password, salt, iterations, 32, 'sha256');
  const hmac = (text: string) => createHmac('sha256', salted).update(text).digest();
  const storedKey = createHash('sha256').update(hmac('Client Key')).digest('base64');
  const serverKey = hmac('Server Key').toString('base64');
  return `SCRAM-SHA-256$${iterations}:${Buffer.from(salt).toString('base64')}$${storedKey}:${serverKey}`;
}

/** A new password and its verifier. */
export async function newLogin(random: Random): Promise<{ password: string; verifier: string }> {
  const password = newPassword(random);
  return { password, verifier: await scramVerifier(password, random.bytes(SALT_BYTES)) };
}
