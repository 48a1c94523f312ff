/**
 * Every error leaves the service as an RFC 9457 problem with a type of ours, and says what to do next.
 * Why one place: a reply that is not a problem (a stack, a framework's own words) is how secrets and inner names leak.
 */
import type { FastifyError } from 'fastify';
import { hasZodFastifySchemaValidationErrors, isResponseSerializationError } from 'fastify-type-provider-zod';
import type { Problem, ProblemType } from '../../../shared/contract/problem';
import { AppError } from '../errors';
import { TargetError } from '../provisioners/provisioner';

export const PROBLEM_BASE = 'https://hallpass.example/problems/';
export const PROBLEM_MEDIA_TYPE = 'application/problem+json; charset=utf-8';

/** HTTP status of each problem. A new problem type does not compile until it has one. */
export const PROBLEM_STATUS: Readonly<Record<ProblemType, number>> = {
  'invalid-input': 422,
  'not-signed-in': 401,
  'device-pending': 403,
  'device-revoked': 401,
  forbidden: 403,
  'not-found': 404,
  conflict: 409,
  'wrong-state': 409,
  'not-requestable': 403,
  'self-approval': 403,
  'not-eligible': 403,
  'already-decided': 409,
  'request-changed': 409,
  'bad-signature': 422,
  'card-required': 403,
  'invite-invalid': 403,
  'invite-expired': 410,
  'invite-used': 410,
  'too-many-requests': 429,
  'body-too-large': 413,
  'method-not-allowed': 405,
  'unsupported-media-type': 415,
  'idempotency-mismatch': 422,
  'dpop-nonce': 401,
  'dpop-invalid': 401,
  'target-unreachable': 502,
  'target-refused': 422,
  'revoke-only': 503,
  'cursor-too-old': 410,
  'policy-invalid': 422,
  'policy-stale': 409,
  unavailable: 503,
  internal: 500,
};

/** What each framework error means in our words. Anything not listed is `internal`. */
const FRAMEWORK_ERRORS: Readonly<Record<string, { code: ProblemType; status?: number; title: string; next: string }>> =
  {
    FST_ERR_CTP_BODY_TOO_LARGE: {
      code: 'body-too-large',
      title: 'The body is larger than this service reads.',
      next: 'Send at most 512 kB.',
    },
    FST_ERR_CTP_INVALID_MEDIA_TYPE: {
      code: 'unsupported-media-type',
      title: 'Only JSON is read here.',
      next: 'Send Content-Type: application/json.',
    },
    FST_ERR_CTP_INVALID_CONTENT_LENGTH: {
      code: 'invalid-input',
      status: 400,
      title: 'The body is not as long as its Content-Length says.',
      next: 'Send the request again.',
    },
    FST_ERR_BAD_URL: {
      code: 'invalid-input',
      status: 400,
      title: 'The address of the request is malformed.',
      next: 'Check the percent signs in it.',
    },
  };

export interface ProblemReply {
  readonly status: number;
  readonly problem: Problem;
}
/** Builds a problem. `status` only where it differs from the type's own (400 for what can't be read at all). */
export function problem(
  code: ProblemType,
  title: string,
  more: { status?: number; safe?: string; next?: string; errors?: Problem['errors']; instance?: string } = {},
): ProblemReply {
  const { status = PROBLEM_STATUS[code], ...rest } = more;
  const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
  return { status, problem: { type: `${PROBLEM_BASE}${code}`, title, status, code, ...given } };
}

const MAX_REPORTED_ERRORS = 20;
function fromValidation(error: { validation: readonly { instancePath: string; message?: string }[] }, where: string) {
  // Whoever asks for an id that can't exist gets the answer for one that doesn't.
  if (where === 'params') return problem('not-found', 'It was not found.');
  const errors = error.validation.slice(0, MAX_REPORTED_ERRORS).map((issue) => ({
    path: `${where === 'querystring' ? 'query' : where}${issue.instancePath.replaceAll('/', '.')}`,
    message: issue.message ?? 'is not valid',
  }));
  return problem('invalid-input', 'Something in this request is not valid.', {
    safe: 'Nothing was changed.',
    next: 'See `errors` for each field, mend them and send it again.',
    errors,
  });
}

const fromTarget = (error: TargetError): ProblemReply => {
  const safe = 'What Hallpass knows about the target is unchanged.';
  switch (error.kind) {
    case 'unreachable':
      return problem('target-unreachable', error.message, { safe, next: 'Check the address and try again.' });
    case 'refused':
      return problem('target-refused', error.message, { safe, next: 'Check the manager’s rights on the target.' });
    case 'conflict':
      return problem('conflict', error.message, { safe, next: 'Ask for the plan again.' });
  }
};

/** Any thrown value as a problem. What we did not foresee becomes `internal` without a word of its message. */
export function problemOf(error: unknown, instance: string): ProblemReply {
  const reply = foreseen(error) ?? unforeseen();
  return { status: reply.status, problem: { ...reply.problem, instance } };
}
function unforeseen(): ProblemReply {
  return problem('internal', 'The service could not do this.', {
    safe: 'Either all of it was done or none of it; access that exists still ends on time.',
    next: 'Look at the current state before you try again. The service’s log has the details under `instance`.',
  });
}
function foreseen(error: unknown): ProblemReply | undefined {
  if (error instanceof AppError) {
    const { safe, next, errors } = error;
    return problem(error.code, error.message, { safe, next, errors: errors ? [...errors] : undefined });
  }
  if (error instanceof TargetError) return fromTarget(error);
  if (hasZodFastifySchemaValidationErrors(error))
    return fromValidation(error, (error as FastifyError).validationContext ?? 'body');
  if (isResponseSerializationError(error)) return undefined;
  const known = FRAMEWORK_ERRORS[(error as { code?: string } | null)?.code ?? ''];
  return known && problem(known.code, known.title, { status: known.status, next: known.next });
}
