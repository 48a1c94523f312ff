/** Errors of this room: what happened, what is safe, what to do. They carry paths and names, never a secret. */
import type { UserError } from '../../../shared/contract/ipc';

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
