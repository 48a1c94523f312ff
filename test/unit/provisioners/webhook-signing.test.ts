/** The signatures of docs/webhook-protocol.md: the test vectors that receivers in other languages are written against. */
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { isSignature, signAnswer, signCall } from '../../../electron/service/provisioners/webhook/signing';

const Text = z.string();
const Vectors = z.strictObject({
  key: Text.min(32),
  calls: z.array(
    z.strictObject({ name: Text, method: Text, path: Text, timestamp: Text, nonce: Text, body: Text, signature: Text }),
  ),
  answers: z.array(z.strictObject({ name: Text, status: z.int(), nonce: Text, body: Text, signature: Text })),
});
const { key, calls, answers } = Vectors.parse(
  JSON.parse(readFileSync(new URL('../../../docs/webhook-vectors.json', import.meta.url), 'utf8')),
);
const hmac = (text: string) => `v1=${createHmac('sha256', key).update(text).digest('hex')}`;

describe('test vectors', () => {
  test.each(calls)('a call: $name', ({ signature, name: _, ...call }) => {
    expect(signCall(key, call)).toBe(signature);
    const lines = ['hallpass-webhook v1 call', call.method, call.path, call.timestamp, call.nonce, call.body];
    expect(hmac(lines.join('\n'))).toBe(signature); // as the document words it
    expect(signCall(`${key}.`, call)).not.toBe(signature);
  });
  test.each(answers)('an answer: $name', ({ signature, name: _, ...answer }) => {
    expect(signAnswer(key, answer)).toBe(signature);
    expect(hmac(['hallpass-webhook v1 answer', String(answer.status), answer.nonce, answer.body].join('\n'))).toBe(
      signature,
    );
  });
});

test('every part of a call and of an answer is in its signature', () => {
  const [call] = calls;
  const [answer] = answers;
  if (!call || !answer) throw new Error('no vectors');
  for (const part of ['method', 'path', 'timestamp', 'nonce', 'body'] as const)
    expect(signCall(key, { ...call, [part]: `${call[part]}0` }), part).not.toBe(call.signature);
  for (const changed of [{ status: 201 }, { nonce: `${answer.nonce}0` }, { body: `${answer.body} ` }])
    expect(signAnswer(key, { ...answer, ...changed })).not.toBe(answer.signature);
  expect(isSignature(undefined, call.signature)).toBe(false);
  expect(isSignature('', call.signature)).toBe(false);
  expect(isSignature(call.signature.slice(0, -1), call.signature)).toBe(false);
  expect(isSignature(call.signature, call.signature)).toBe(true);
});
