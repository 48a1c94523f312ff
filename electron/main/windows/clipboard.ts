/** Copies that clear themselves: a secret leaves the clipboard after 30 s, unless something else was copied meanwhile. */
import { createHash, timingSafeEqual } from 'node:crypto';

export const CLIPBOARD_CLEAR_MS = 30_000;

export interface ClipboardPort {
  readText(): string;
  writeText(text: string): void;
  clear(): void;
}
export interface SecretClipboard {
  copy(secret: string): { clearsInMs: number };
  /** Now, if it still holds ours: at quit. */
  clearNow(): void;
}

const digest = (text: string) => createHash('sha256').update(text).digest();

/** Only a digest of the secret is remembered. `after` calls back once after that many milliseconds and returns its cancel. */
export function createSecretClipboard(
  clipboard: ClipboardPort,
  after: (lengthMs: number, callback: () => void) => () => void,
): SecretClipboard {
  let held: Buffer | undefined;
  let cancel = () => {};
  const clearNow = () => {
    cancel();
    if (held !== undefined && timingSafeEqual(held, digest(clipboard.readText()))) clipboard.clear();
    held = undefined;
  };
  return {
    copy(secret) {
      cancel();
      clipboard.writeText(secret);
      held = digest(secret);
      cancel = after(CLIPBOARD_CLEAR_MS, clearNow);
      return { clearsInMs: CLIPBOARD_CLEAR_MS };
    },
    clearNow,
  };
}
