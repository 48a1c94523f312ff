/** Copies that clear themselves: a secret leaves the clipboard after 30 s, unless something else was copied meanwhile. */
import { createHash, timingSafeEqual } from 'node:crypto';

export const CLIPBOARD_CLEAR_MS = 30_000;

export interface ClipboardPort {
  /** Electron 45 answers later, 33 at once. */
  readText(): string | Promise<string>;
  writeText(text: string): unknown;
  clear(): void;
}
export interface SecretClipboard {
  copy(secret: string): { clearsInMs: number };
  /** Now, if it still holds ours: at quit. */
  clearNow(): Promise<void>;
}

const digest = (text: string) => createHash('sha256').update(text).digest();

/** Only a digest of the secret is remembered. `after` calls back once after that many milliseconds and returns its cancel. */
export function createSecretClipboard(
  clipboard: ClipboardPort,
  after: (lengthMs: number, callback: () => void) => () => void,
): SecretClipboard {
  let held: Buffer | undefined;
  let cancel = () => {};
  const clearNow = async () => {
    cancel();
    const ours = held;
    held = undefined;
    if (ours !== undefined && timingSafeEqual(ours, digest(await clipboard.readText()))) clipboard.clear();
  };
  return {
    copy(secret) {
      cancel();
      clipboard.writeText(secret);
      held = digest(secret);
      cancel = after(CLIPBOARD_CLEAR_MS, () => void clearNow());
      return { clearsInMs: CLIPBOARD_CLEAR_MS };
    },
    clearNow,
  };
}
