/**
 * How OpenSSH spells keys: the length-prefixed strings and integers of RFC 4251, Ed25519 public keys as lines (RFC 8709), and
 * the private key file ("openssh-key-v1", PROTOCOL.key) that every OpenSSH reads. Pure; used by the service, which signs
 * certificates, and by the desktop, which makes a key for each grant.
 * Not here: certificates and revocation lists (electron/service/provisioners/ssh).
 */
import { ed25519 } from '@noble/curves/ed25519.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { concatBytes, fromBase64, toBase64, utf8 } from './bytes';

export const ED25519 = 'ssh-ed25519';
const KEY_BYTES = 32;
const PRIVATE_MAGIC = 'openssh-key-v1\0';
const PEM_BEGIN = '-----BEGIN OPENSSH PRIVATE KEY-----';
const PEM_END = '-----END OPENSSH PRIVATE KEY-----';
const PEM_COLUMNS = 70;
/** The cipher "none" still asks for whole blocks of eight. */
const PAD_TO_BYTES = 8;

export function uint32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}
export function uint64(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, value);
  return bytes;
}
/** A `string` of RFC 4251: its length, then its bytes. */
export function sshString(value: string | Uint8Array): Uint8Array {
  const bytes = typeof value === 'string' ? utf8(value) : value;
  return concatBytes(uint32(bytes.length), bytes);
}

/** Reads what the functions above wrote. Throws RangeError on anything short or too long. */
export class SshReader {
  private at = 0;
  constructor(private readonly bytes: Uint8Array) {}
  take(count: number): Uint8Array {
    const end = this.at + count;
    if (end > this.bytes.length) throw new RangeError('expected more bytes');
    const part = this.bytes.subarray(this.at, end);
    this.at = end;
    return part;
  }
  byte(): number {
    return this.take(1)[0] as number;
  }
  uint32(): number {
    const part = this.take(4);
    return new DataView(part.buffer, part.byteOffset, 4).getUint32(0);
  }
  uint64(): bigint {
    const part = this.take(8);
    return new DataView(part.buffer, part.byteOffset, 8).getBigUint64(0);
  }
  string(): Uint8Array {
    return this.take(this.uint32());
  }
  text(): string {
    return new TextDecoder('utf-8', { fatal: true }).decode(this.string());
  }
  get isAtEnd(): boolean {
    return this.at === this.bytes.length;
  }
}

/** The key blob that lines, certificates and fingerprints are made of. */
export const publicBlob = (publicKey: Uint8Array): Uint8Array => concatBytes(sshString(ED25519), sshString(publicKey));

/** `ssh-ed25519 AAAA… comment`. */
export const publicLine = (publicKey: Uint8Array, comment = ''): string =>
  `${ED25519} ${toBase64(publicBlob(publicKey))}${comment === '' ? '' : ` ${comment}`}`;

/** The 32 bytes of an `ssh-ed25519 AAAA…` line, its comment left out; null for anything else. */
export function publicKeyOf(line: string): Uint8Array | null {
  const [type, base64 = ''] = line.split(' ');
  if (type !== ED25519) return null;
  try {
    const reader = new SshReader(fromBase64(base64));
    if (reader.text() !== ED25519) return null;
    const key = reader.string();
    return key.length === KEY_BYTES && reader.isAtEnd ? key : null;
  } catch {
    return null;
  }
}

/** `SHA256:…`, as every OpenSSH tool shows a key blob. */
export const sshFingerprint = (blob: Uint8Array): string => `SHA256:${toBase64(sha256(blob)).replace(/=+$/, '')}`;

/** The public half of an Ed25519 seed of 32 bytes. */
export const publicOfSeed = (seed: Uint8Array): Uint8Array => ed25519.getPublicKey(seed);

/** An unencrypted private key file from a seed of 32 bytes. `check`: four bytes of chance, which the format repeats. */
export function privateKeyFile(seed: Uint8Array, check: Uint8Array, comment: string): string {
  const publicKey = publicOfSeed(seed);
  const plain = concatBytes(
    check,
    check,
    sshString(ED25519),
    sshString(publicKey),
    sshString(concatBytes(seed, publicKey)),
    sshString(comment),
  );
  const padding = Uint8Array.from(
    { length: (PAD_TO_BYTES - (plain.length % PAD_TO_BYTES)) % PAD_TO_BYTES },
    (_, i) => i + 1,
  );
  const body = toBase64(
    concatBytes(
      utf8(PRIVATE_MAGIC),
      sshString('none'),
      sshString('none'),
      sshString(''),
      uint32(1),
      sshString(publicBlob(publicKey)),
      sshString(concatBytes(plain, padding)),
    ),
  );
  return [PEM_BEGIN, ...(body.match(new RegExp(`.{1,${PEM_COLUMNS}}`, 'g')) ?? []), PEM_END, ''].join('\n');
}

/**
 * The seed of an unencrypted Ed25519 private key file in OpenSSH's own format.
 * Throws RangeError with a reason a person can act on: encrypted, another kind of key, not a key file.
 */
export function seedOfKeyFile(text: string): Uint8Array {
  const body = text.slice(text.indexOf(PEM_BEGIN) + PEM_BEGIN.length, text.indexOf(PEM_END));
  if (!text.includes(PEM_BEGIN) || !text.includes(PEM_END)) throw new RangeError('it is no OpenSSH private key');
  const reader = new SshReader(fromBase64(body.replace(/\s+/g, '')));
  const magic = reader.take(PRIVATE_MAGIC.length);
  if (new TextDecoder().decode(magic) !== PRIVATE_MAGIC) throw new RangeError('it is no OpenSSH private key');
  if (reader.text() !== 'none') throw new RangeError('it is encrypted with a passphrase');
  reader.string();
  reader.string();
  if (reader.uint32() !== 1) throw new RangeError('it holds more than one key');
  reader.string();
  const plain = new SshReader(reader.string());
  const check = plain.uint32();
  if (plain.uint32() !== check) throw new RangeError('it is damaged');
  if (plain.text() !== ED25519) throw new RangeError('it is not an Ed25519 key');
  const publicKey = plain.string();
  const both = plain.string();
  if (publicKey.length !== KEY_BYTES || both.length !== 2 * KEY_BYTES) throw new RangeError('it is damaged');
  return both.slice(0, KEY_BYTES);
}

const CERTIFICATE = 'ssh-ed25519-cert-v01@openssh.com';
/** The key that an Ed25519 certificate line is about; null for anything else. */
export function certifiedKeyOf(line: string): Uint8Array | null {
  const [type, base64 = ''] = line.trim().split(' ');
  if (type !== CERTIFICATE) return null;
  try {
    const reader = new SshReader(fromBase64(base64));
    if (reader.text() !== CERTIFICATE) return null;
    reader.string();
    const key = reader.string();
    return key.length === KEY_BYTES ? key : null;
  } catch {
    return null;
  }
}
