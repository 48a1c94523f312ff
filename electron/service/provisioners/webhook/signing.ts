/**
 * What is signed between the service and a receiver of its calls, byte for byte as docs/webhook-protocol.md has it. Pure.
 * Two texts, so that neither can pass for the other: a call (method, path, time, nonce, body) and the answer to it (status, the
 * call's nonce, body). The nonce in the answer is what keeps anybody from playing "it is ended" again, or in another call's place.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';

export const TIMESTAMP_HEADER = 'hallpass-timestamp';
export const NONCE_HEADER = 'hallpass-nonce';
export const SIGNATURE_HEADER = 'hallpass-signature';
/** A receiver refuses calls that are older, or newer, by its own clock; it remembers nonces for twice as long. */
export const TIME_WINDOW_MS = 5 * 60_000;

export interface SignedCall {
  readonly method: string;
  /** As sent: with the prefix that the receiver's address has, without scheme and host. */
  readonly path: string;
  /** Epoch milliseconds, as digits. */
  readonly timestamp: string;
  readonly nonce: string;
  readonly body: string;
}
export interface SignedAnswer {
  readonly status: number;
  /** The nonce of the call that is answered. */
  readonly nonce: string;
  readonly body: string;
}

const sign = (key: string, text: string): string =>
  `v1=${createHmac('sha256', Buffer.from(key, 'utf8')).update(text, 'utf8').digest('hex')}`;

/** The value of the signature's header. */
export const signCall = (key: string, { method, path, timestamp, nonce, body }: SignedCall): string =>
  sign(key, `hallpass-webhook v1 call\n${method}\n${path}\n${timestamp}\n${nonce}\n${body}`);
export const signAnswer = (key: string, { status, nonce, body }: SignedAnswer): string =>
  sign(key, `hallpass-webhook v1 answer\n${status}\n${nonce}\n${body}`);

/** Takes the same time for every wrong signature of the right form. */
export function isSignature(given: string | undefined, wanted: string): boolean {
  if (given === undefined) return false;
  const [a, b] = [Buffer.from(given), Buffer.from(wanted)];
  return a.length === b.length && timingSafeEqual(a, b);
}
