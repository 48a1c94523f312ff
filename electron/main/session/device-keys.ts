/**
 * The keys of this device: Ed25519 to sign decisions and sign-ins, X25519 to receive credentials. Made here, never leave.
 * At rest: wrapped by the system's key store where that is real, else under a passphrase (the user is told).
 */
import { z } from 'zod';
import { Key32 } from '../../../shared/contract/fields';
import type { UserError } from '../../../shared/contract/ipc';
import { fingerprintOf, newSealingKeys, newSigningKeys } from '../../../shared/crypto/keys';
import type { Random } from '../../../shared/domain/instant';
import { keptAsideNotice, readJsonFile, writeJsonFile } from '../lifecycle/json-file';
import { openWithPassphrase, PassphraseBox, sealWithPassphrase } from './passphrase';
import type { SystemKeyStore } from './safe-storage';

const publics = { v: z.literal(1), signingKey: Key32, sealingKey: Key32 };
const KeyFile = z.discriminatedUnion('storage', [
  z.strictObject({ ...publics, storage: z.literal('system'), wrapped: z.string().max(10_000) }),
  z.strictObject({ ...publics, storage: z.literal('passphrase'), box: PassphraseBox }),
]);
type KeyFile = z.infer<typeof KeyFile>;
const Secrets = z.strictObject({ signing: z.string().min(40), sealing: z.string().min(40) });

export interface DevicePublicKeys {
  readonly signingKey: string;
  readonly sealingKey: string;
  readonly fingerprint: string;
}
export interface DeviceKeyring extends DevicePublicKeys {
  readonly signingSecretKey: string;
  readonly sealingSecretKey: string;
}

export interface DeviceKeyStore {
  /** What is on disk; unlocks nothing and asks nobody. */
  stored(): { storage: 'system' | 'passphrase'; keys: DevicePublicKeys } | null;
  /** Makes keys and stores them; with a passphrase where one is given. */
  create(passphrase: string | null): Promise<DeviceKeyring>;
  /** Rejects with WrongPassphrase, or with the system's error when its store does not answer. */
  unlock(passphrase: string | null): Promise<DeviceKeyring>;
  readonly notices: readonly UserError[];
}

export function createDeviceKeyStore(deps: {
  file: string;
  system: SystemKeyStore;
  random: Random;
  nowMs: () => number;
}): DeviceKeyStore {
  const read = readJsonFile(deps.file, KeyFile, deps.nowMs());
  const notices =
    read.kind === 'corrupt'
      ? [
          keptAsideNotice(
            'device keys',
            'No credential can be opened with them. Live access still ends on time.',
            read.keptAs,
          ),
        ]
      : [];
  let file: KeyFile | null = read.kind === 'read' ? read.value : null;
  const publicsOf = (keys: { signingKey: string; sealingKey: string }): DevicePublicKeys => ({
    signingKey: keys.signingKey,
    sealingKey: keys.sealingKey,
    fingerprint: fingerprintOf(keys),
  });

  return {
    notices,
    stored: () => (file === null ? null : { storage: file.storage, keys: publicsOf(file) }),
    async create(passphrase) {
      const signing = newSigningKeys(deps.random);
      const sealing = newSealingKeys(deps.random);
      const keys = { v: 1 as const, signingKey: signing.publicKey, sealingKey: sealing.publicKey };
      const secrets = JSON.stringify({ signing: signing.secretKey, sealing: sealing.secretKey });
      const made: KeyFile =
        passphrase === null
          ? { ...keys, storage: 'system', wrapped: await deps.system.wrap(secrets) }
          : {
              ...keys,
              storage: 'passphrase',
              box: await sealWithPassphrase(secrets, passphrase, contextOf(keys), deps),
            };
      writeJsonFile(deps.file, made);
      file = made;
      return { ...publicsOf(keys), signingSecretKey: signing.secretKey, sealingSecretKey: sealing.secretKey };
    },
    async unlock(passphrase) {
      if (file === null) throw new Error('this device has no keys yet');
      const text =
        file.storage === 'system'
          ? await deps.system.unwrap(file.wrapped)
          : await openWithPassphrase(file.box, passphrase ?? '', contextOf(file));
      const secrets = Secrets.parse(JSON.parse(text));
      return { ...publicsOf(file), signingSecretKey: secrets.signing, sealingSecretKey: secrets.sealing };
    },
  };
}

const contextOf = (keys: { signingKey: string; sealingKey: string }) =>
  `hallpass device keys v1 ${keys.signingKey} ${keys.sealingKey}`;

const DataKeyFile = z.discriminatedUnion('kind', [
  z.strictObject({ v: z.literal(1), kind: z.literal('wrapped'), wrapped: z.string().max(10_000) }),
  z.strictObject({ v: z.literal(1), kind: z.literal('key-file') }),
]);

/**
 * The data key of the bundled service, wrapped by the system; null where that is not real (the service then keeps its own
 * key file). Decided once, at the first start, and remembered: a key that changed would make every stored secret unreadable.
 */
export async function loadDataKey(deps: {
  file: string;
  system: SystemKeyStore;
  random: Random;
  nowMs: () => number;
}): Promise<string | null> {
  const read = readJsonFile(deps.file, DataKeyFile, deps.nowMs());
  if (read.kind === 'corrupt')
    throw new Error(`the wrapped data key could not be read; it is kept as ${read.keptAs ?? deps.file}`);
  if (read.kind === 'read') return read.value.kind === 'key-file' ? null : deps.system.unwrap(read.value.wrapped);
  if ((await deps.system.kind()) === 'none') {
    writeJsonFile(deps.file, { v: 1, kind: 'key-file' });
    return null;
  }
  const key = Buffer.from(deps.random.bytes(32)).toString('base64url');
  writeJsonFile(deps.file, { v: 1, kind: 'wrapped', wrapped: await deps.system.wrap(key) });
  return key;
}
