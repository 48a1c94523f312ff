/** Why the service could not start, in words for the person who started it: what happened and what to do. */
export type StartErrorCode =
  | 'data-folder'
  | 'data-key'
  | 'already-running'
  | 'socket-path'
  | 'socket-taken'
  | 'address'
  | 'port-taken'
  | 'certificate'
  | 'arguments'
  | 'store';

export class StartError extends Error {
  constructor(
    readonly code: StartErrorCode,
    what: string,
    readonly next: string,
    options?: { cause?: unknown },
  ) {
    super(what, options);
    this.name = 'StartError';
  }
}
/** The errno code of a system error, such as EADDRINUSE. */
export const errnoOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException | null)?.code;
