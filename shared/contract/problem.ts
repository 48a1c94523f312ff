/** RFC 9457 problem details. Every error of the API has one of these types, and says what to do. */
import { z } from 'zod';

export const PROBLEM_TYPES = [
  'invalid-input',
  'not-signed-in',
  'device-pending',
  'device-revoked',
  'forbidden',
  'not-found',
  'conflict',
  'wrong-state',
  'not-requestable',
  'self-approval',
  'not-eligible',
  'already-decided',
  'request-changed',
  'bad-signature',
  'card-required',
  'invite-invalid',
  'invite-expired',
  'invite-used',
  'too-many-requests',
  'body-too-large',
  'method-not-allowed',
  'unsupported-media-type',
  'idempotency-mismatch',
  'dpop-nonce',
  'dpop-invalid',
  'target-unreachable',
  'target-refused',
  'revoke-only',
  'cursor-too-old',
  'policy-invalid',
  'policy-stale',
  'unavailable',
  'internal',
] as const;
export const ProblemType = z.enum(PROBLEM_TYPES);
export type ProblemType = z.infer<typeof ProblemType>;

export const Problem = z.object({
  type: z.string().describe('https://hallpass.example/problems/<type>'),
  title: z.string().describe('What happened'),
  status: z.int(),
  code: ProblemType,
  /** What is safe: is the door shut or not. */
  safe: z.string().optional(),
  /** What to do next. */
  next: z.string().optional(),
  detail: z.string().optional(),
  errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
  instance: z.string().optional(),
});
export type Problem = z.infer<typeof Problem>;
