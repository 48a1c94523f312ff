/** Errors as the user reads them: what happened, what is safe, what to do. Crosses IPC as data, is thrown as an Error. */
import { UserError } from '../../../shared/contract/ipc';

export class UserFacingError extends Error {
  readonly userError: UserError;
  constructor(userError: Partial<UserError> & Pick<UserError, 'code' | 'what'>, options?: { cause?: unknown }) {
    super(userError.what, options);
    this.name = 'UserFacingError';
    this.userError = { safe: null, next: null, detail: null, ...userError };
  }
}

/** Anything thrown, as a UserError. The details of unexpected errors stay in the log; the user gets the message only. */
export function toUserError(cause: unknown): UserError {
  if (cause instanceof UserFacingError) return cause.userError;
  // Rooms that import nothing of ours (injection) bring their words the same way.
  const carried = cause instanceof Error && 'userError' in cause ? UserError.safeParse(cause.userError) : null;
  if (carried?.success) return carried.data;
  const message = cause instanceof Error ? cause.message : String(cause);
  return {
    code: 'internal',
    what: 'Something went wrong in the app.',
    safe: 'Nothing was changed that this app can not undo; live access still ends on time.',
    next: 'Try again. If it stays, look into the log file named in Settings.',
    detail: message.slice(0, 500),
  };
}
