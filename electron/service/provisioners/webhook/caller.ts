/**
 * Signed calls to a receiver and its signed answers. Nothing of an answer is believed, not even its status, before its signature
 * fits the key and this very call's nonce. Used by the `webhook` kind and by rotations of the `secret` kind.
 */
import type { z } from 'zod';
import { cleanLine } from '../../../../shared/contract/fields';
import { MIN_WEBHOOK_KEY_CHARS, type Receiver } from '../../../../shared/contract/webhook';
import { toBase64url } from '../../../../shared/crypto/bytes';
import type { Random } from '../../../../shared/domain/instant';
import { TargetError } from '../provisioner';
import { ErrorAnswer } from './messages';
import { isSignature, NONCE_HEADER, SIGNATURE_HEADER, signAnswer, signCall, TIMESTAMP_HEADER } from './signing';
import { CALL_LIMIT_MS, hostOf, post, type Received, type Sent } from './transport';

const NONCE_BYTES = 16;
const MAX_ERROR_CHARS = 200;

export interface CallerDeps {
  readonly random: Random;
  /** Epoch milliseconds by the service's wall clock. */
  readonly now: () => number;
  readonly limitMs?: number;
}
export interface Caller {
  /** @throws TargetError, without the key or a value in it */
  call<T>(receiver: Receiver, key: string, what: { operation: string; body: object; answer: z.ZodType<T> }): Promise<T>;
  /** The connection test's own calls, each wrong in one way: what the receiver answers, signed or not. */
  attempt(receiver: Receiver, sent: Sent): Promise<number>;
  /** A call as it would be sent. */
  prepare(receiver: Receiver, key: string, operation: string, body: object): Sent & { readonly nonce: string };
}

const pathOf = (receiver: Receiver, operation: string): string =>
  `${new URL(receiver.url).pathname.replace(/\/+$/, '')}/${operation}`;

export function createCaller({ random, now, limitMs = CALL_LIMIT_MS }: CallerDeps): Caller {
  const prepare: Caller['prepare'] = (receiver, key, operation, content) => {
    if (key.length < MIN_WEBHOOK_KEY_CHARS)
      throw new TargetError('refused', `The key is too short: ${MIN_WEBHOOK_KEY_CHARS} characters at least.`);
    const path = pathOf(receiver, operation);
    const body = JSON.stringify(content);
    const timestamp = String(Math.round(now()));
    const nonce = toBase64url(random.bytes(NONCE_BYTES));
    const signature = signCall(key, { method: 'POST', path, timestamp, nonce, body });
    const headers = { [TIMESTAMP_HEADER]: timestamp, [NONCE_HEADER]: nonce, [SIGNATURE_HEADER]: signature };
    return { path, headers, body, nonce };
  };
  return {
    prepare,
    attempt: async (receiver, sent) => (await post(receiver, sent, limitMs)).status,
    async call(receiver, key, { operation, body, answer }) {
      const sent = prepare(receiver, key, operation, body);
      const got = await post(receiver, sent, limitMs);
      refuseUnsigned(receiver, key, sent.nonce, got);
      const said = parsed(got.body);
      if (got.status !== 200) throw errorOf(receiver, key, got.status, said);
      const read = answer.safeParse(said);
      if (read.success) return read.data;
      const where = read.error.issues.map((issue) => issue.path.join('.') || 'the whole').slice(0, 5);
      throw new TargetError(
        'refused',
        `The answer of ${hostOf(receiver)} to “${operation}” is not as agreed: ${where.join(', ')}.`,
      );
    },
  };
}

/** What is not signed for this call may come from anybody: it says nothing about the target, least of all "ended". */
function refuseUnsigned(receiver: Receiver, key: string, nonce: string, got: Received): void {
  const given = got.headers[SIGNATURE_HEADER];
  const wanted = signAnswer(key, { status: got.status, nonce, body: got.body });
  if (isSignature(Array.isArray(given) ? undefined : given, wanted)) return;
  const host = hostOf(receiver);
  if (got.status >= 300 && got.status < 400)
    throw new TargetError('refused', `${host} answers with a redirect, which is not followed: give the final address.`);
  if (got.status === 401)
    throw new TargetError('refused', `${host} does not accept the signature: its key, or its clock, is another.`);
  throw new TargetError(
    'unreachable',
    `${host} gave an answer that is not signed for this call (HTTP ${got.status}): nothing is known.`,
  );
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

function errorOf(receiver: Receiver, key: string, status: number, said: unknown): TargetError {
  const told = ErrorAnswer.safeParse(said);
  const words = told.success ? cleanLine(told.data.error.replaceAll(key, '…')).slice(0, MAX_ERROR_CHARS) : '';
  const kind = status === 409 ? 'conflict' : status === 429 || status >= 500 ? 'unreachable' : 'refused';
  return new TargetError(
    kind,
    words === '' ? `${hostOf(receiver)} answers HTTP ${status}.` : `${hostOf(receiver)}: ${words}`,
  );
}
