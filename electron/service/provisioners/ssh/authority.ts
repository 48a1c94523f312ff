/**
 * The certificate authority of a resource: the manager secret is its private key. Three spellings are read: an OpenSSH key
 * file, a PKCS#8 PEM, and the seed that the form makes when somebody asks for a new one (`hallpass-ca:` and 32 bytes), so that
 * a key can be had without a terminal. Ed25519 only, and not encrypted: the service has nobody to ask for a passphrase.
 */
import { createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { SSH_CA_SEED_PREFIX } from '../../../../shared/contract/ssh';
import { fromBase64url } from '../../../../shared/crypto/bytes';
import { publicLine, seedOfKeyFile } from '../../../../shared/crypto/ssh-wire';
import { TargetError } from '../provisioner';

export interface Authority {
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  /** `ssh-ed25519 AAAA… hallpass`: what stands in TrustedUserCAKeys. */
  readonly line: string;
  sign(bytes: Uint8Array): Uint8Array;
}

/** PrivateKeyInfo of RFC 8410 up to the seed. */
const PKCS8_ED25519 = Buffer.from('302e020100300506032b657004220420', 'hex');
const SEED_BYTES = 32;

const refused = (why: string): TargetError =>
  new TargetError('refused', `The key of the certificate authority can’t be used: ${why}.`);

function keyOf(secret: string): KeyObject {
  const text = secret.trim();
  const seedKey = (seed: Uint8Array) =>
    createPrivateKey({ key: Buffer.concat([PKCS8_ED25519, seed]), format: 'der', type: 'pkcs8' });
  if (text.startsWith(SSH_CA_SEED_PREFIX)) {
    const seed = fromBase64url(text.slice(SSH_CA_SEED_PREFIX.length));
    if (seed.length !== SEED_BYTES) throw new RangeError('its seed has the wrong length');
    return seedKey(seed);
  }
  if (text.includes('BEGIN OPENSSH PRIVATE KEY')) return seedKey(seedOfKeyFile(text));
  if (text.includes('BEGIN ENCRYPTED PRIVATE KEY')) throw new RangeError('it is encrypted with a passphrase');
  if (!text.includes('BEGIN PRIVATE KEY')) throw new RangeError('it is neither an OpenSSH nor a PKCS#8 private key');
  return createPrivateKey(text);
}

/** Reads the manager secret. @throws TargetError `refused`, with a reason that repeats nothing of the key. */
export function authorityOf(secret: string): Authority {
  let key: KeyObject;
  try {
    key = keyOf(secret);
  } catch (error) {
    // only our own words: those of a parser could quote what it was given
    throw refused(error instanceof RangeError ? error.message : 'it is damaged');
  }
  if (key.asymmetricKeyType !== 'ed25519') throw refused('it is not an Ed25519 key');
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' });
  const publicKey = new Uint8Array(spki.subarray(spki.length - SEED_BYTES));
  return {
    publicKey,
    line: publicLine(publicKey, 'hallpass'),
    sign: (bytes) => new Uint8Array(sign(null, bytes, key)),
  };
}
