/** Errors of the service's use cases; http/ turns them into RFC 9457 problems. They say what happened, what is safe, what to do next. */
import type { ProblemType } from '../../shared/contract/problem';

export class AppError extends Error {
  readonly safe: string | undefined;
  readonly next: string | undefined;
  readonly errors: readonly { path: string; message: string }[] | undefined;
  constructor(
    readonly code: ProblemType,
    what: string,
    more: { safe?: string; next?: string; errors?: readonly { path: string; message: string }[]; cause?: unknown } = {},
  ) {
    super(what, { cause: more.cause });
    this.name = 'AppError';
    this.safe = more.safe;
    this.next = more.next;
    this.errors = more.errors;
  }
}
/** Also for things of others: whoever may not see it can't learn that it is there. */
export const notFound = (what: string) => new AppError('not-found', `${what} was not found.`);
