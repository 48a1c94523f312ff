/**
 * The system's key store through Electron's safeStorage, used only where it is real: on Linux `basic_text` is a fixed key
 * and protects nothing. Any call may block behind a system prompt, so nobody calls this before the first window is shown.
 */
import { safeStorage } from 'electron';

export interface SystemKeyStore {
  /** `system`: what is wrapped is protected by the operating system. `none`: use a passphrase or a key file, and say so. */
  kind(): Promise<'system' | 'none'>;
  wrap(plain: string): Promise<string>;
  /** Rejects when the store is locked or the text was wrapped by another user or app. */
  unwrap(wrapped: string): Promise<string>;
}

type AsyncSafeStorage = {
  isAsyncEncryptionAvailable?(): Promise<boolean>;
  encryptStringAsync?(plain: string): Promise<Buffer>;
  decryptStringAsync?(wrapped: Buffer): Promise<{ result: string }>;
};

export function systemKeyStore(): SystemKeyStore {
  const modern = safeStorage as unknown as AsyncSafeStorage;
  return {
    async kind() {
      const available =
        modern.isAsyncEncryptionAvailable === undefined
          ? safeStorage.isEncryptionAvailable()
          : await modern.isAsyncEncryptionAvailable();
      if (!available) return 'none';
      return process.platform === 'linux' && safeStorage.getSelectedStorageBackend() === 'basic_text'
        ? 'none'
        : 'system';
    },
    async wrap(plain) {
      const wrapped =
        modern.encryptStringAsync === undefined
          ? safeStorage.encryptString(plain)
          : await modern.encryptStringAsync(plain);
      return wrapped.toString('base64');
    },
    async unwrap(wrapped) {
      const bytes = Buffer.from(wrapped, 'base64');
      return modern.decryptStringAsync === undefined
        ? safeStorage.decryptString(bytes)
        : (await modern.decryptStringAsync(bytes)).result;
    },
  };
}
