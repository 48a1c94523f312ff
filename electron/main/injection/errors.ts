/** Errors of this room: what happened, what is safe, what to do. They carry paths and names, never a secret. */
import type { z } from 'zod';
import type { UserError } from '../../../shared/contract/ipc';
import type { InjectionState } from '../../../shared/domain/states';

export class InjectionError extends Error {
  /** Ready to be shown, and to travel over IPC. */
  readonly userError: UserError;
  constructor(
    parts: { code: string; what: string; safe?: string; next?: string; detail?: string },
    options?: { cause?: unknown },
  ) {
    super(parts.what, options);
    this.name = 'InjectionError';
    this.userError = {
      code: parts.code,
      what: parts.what,
      safe: parts.safe ?? null,
      next: parts.next ?? null,
      detail: parts.detail ?? null,
    };
  }
}

/** `ENOSPC: no space left on device, write` and the like; never file contents. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The `code` of a Node system error, or undefined. */
export function errorCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** Anything that went wrong while injecting or sweeping, as the user may read it. */
export function asInjectionError(error: unknown): InjectionError {
  if (error instanceof InjectionError) return error;
  return new InjectionError(
    {
      code: 'injection-failed',
      what: 'The credential could not be put in its place on this machine.',
      safe: 'What had been written was taken away again.',
      next: 'Check that your home folder is writable and the disk is not full, then try again.',
      detail: reasonOf(error).slice(0, 500),
    },
    { cause: error },
  );
}

export const wrongState = (state: InjectionState): InjectionError =>
  new InjectionError({
    code: 'wrong-state',
    what:
      state === 'none'
        ? 'Nothing is injected for this grant.'
        : `This grant’s credential is ${state.replace('_', ' ')}.`,
    safe: 'Nothing was changed.',
    next: 'Wait until that has finished.',
  });

export const tooLate = (): InjectionError =>
  new InjectionError({
    code: 'too-late',
    what: 'This access had already ended when its credential arrived.',
    safe: 'Nothing was written.',
    next: 'Check this machine’s clock, then request access again.',
  });

/** Tells the fields, never their values: the credential is among them. */
export const invalidInput = (error: z.ZodError): InjectionError =>
  new InjectionError({
    code: 'invalid-input',
    what: 'The credential can’t be injected: something in it is not as it should be.',
    safe: 'Nothing was written.',
    next: 'Tell an administrator.',
    detail: error.issues.map((issue) => issue.path.join('.')).join(', '),
  });
