/**
 * C2SP signed notes and checkpoints (c2sp.org/signed-note, c2sp.org/tlog-checkpoint), so that any tool that reads the
 * checkpoints of a transparency log reads ours. Ed25519 keys only.
 */
import { sha256 } from '@noble/hashes/sha2.js';
import { concatBytes, equalBytes, fromBase64, fromBase64url, toBase64, toBase64url, toHex, utf8 } from './bytes';
import { sign, verify } from './keys';

const ED25519 = 0x01;
const SIGNATURE_LINE = /^— (\S+) (\S+)$/u;
const MAX_NOTE_CHARS = 20_000;
const MAX_SIGNATURES = 16;

export interface LogSigner {
  /** The log's name in notes: no white space, no "+". */
  readonly name: string;
  readonly secretKey: string;
  readonly publicKey: string;
}
export interface NoteKey {
  readonly name: string;
  /** Unpadded base64url. */
  readonly publicKey: string;
}

function keyId({ name, publicKey }: NoteKey): Uint8Array {
  return sha256(concatBytes(utf8(`${name}\n`), Uint8Array.of(ED25519), fromBase64url(publicKey))).subarray(0, 4);
}

/** `name+keyid+key`, what other tools take as `vkey`. Throws RangeError on a name that notes can't carry. */
export function verifierKey(key: NoteKey): string {
  if (!/^[^\s+]+$/u.test(key.name))
    throw new RangeError(`"name" expected no white space and no "+", got "${key.name}"`);
  const typed = concatBytes(Uint8Array.of(ED25519), fromBase64url(key.publicKey));
  return `${key.name}+${toHex(keyId(key))}+${toBase64(typed)}`;
}

/** Undefined unless it is a well-formed Ed25519 verifier key whose id fits its name and key. */
export function parseVerifierKey(text: string): NoteKey | undefined {
  const match = /^([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/u.exec(text);
  if (!match) return undefined;
  try {
    const typed = fromBase64(match[3] as string);
    if (typed.length !== 33 || typed[0] !== ED25519) return undefined;
    const key = { name: match[1] as string, publicKey: toBase64url(typed.subarray(1)) };
    return toHex(keyId(key)) === match[2] ? key : undefined;
  } catch {
    return undefined;
  }
}

/** Signs `text`, which must end in a line feed. */
export function signNote(text: string, signer: LogSigner): string {
  if (!text.endsWith('\n')) throw new RangeError('"text" expected a line feed at the end');
  const signature = fromBase64url(sign(signer.secretKey, utf8(text)));
  return `${text}\n— ${signer.name} ${toBase64(concatBytes(keyId(signer), signature))}\n`;
}

/** The signed text, when the note is well formed and carries a valid signature of `key`; else undefined. */
export function verifyNote(note: string, key: NoteKey): string | undefined {
  if (note.length > MAX_NOTE_CHARS || !note.endsWith('\n')) return undefined;
  const split = note.lastIndexOf('\n\n');
  if (split < 0) return undefined;
  const text = note.slice(0, split + 1);
  const lines = note.slice(split + 2, -1).split('\n');
  if (lines.length > MAX_SIGNATURES) return undefined;
  let valid = false;
  for (const line of lines) {
    const match = SIGNATURE_LINE.exec(line);
    if (!match) return undefined;
    if (match[1] !== key.name) continue;
    const check = checkSignature(text, match[2] as string, key);
    // A line that claims our key and does not verify spoils the note; other people's lines are theirs to check.
    if (check === 'bad') return undefined;
    if (check === 'good') valid = true;
  }
  return valid ? text : undefined;
}

function checkSignature(text: string, encoded: string, key: NoteKey): 'good' | 'bad' | 'another key' {
  let bytes: Uint8Array;
  try {
    bytes = fromBase64(encoded);
  } catch {
    return 'bad';
  }
  if (!equalBytes(bytes.subarray(0, 4), keyId(key))) return 'another key';
  return verify(key.publicKey, utf8(text), toBase64url(bytes.subarray(4))) ? 'good' : 'bad';
}

export interface CheckpointText {
  readonly origin: string;
  readonly size: number;
  readonly rootHash: Uint8Array;
}

/** `origin`, size and root, each on a line. */
export const checkpointText = ({ origin, size, rootHash }: CheckpointText): string =>
  `${origin}\n${size}\n${toBase64(rootHash)}\n`;

/** Undefined unless `text` starts with a well-formed checkpoint (extension lines may follow). */
export function parseCheckpointText(text: string): CheckpointText | undefined {
  const [origin, size, root, ...rest] = text.split('\n');
  if (!origin || rest.length === 0 || !/^(0|[1-9]\d{0,15})$/.test(size ?? '')) return undefined;
  try {
    const rootHash = fromBase64(root ?? '');
    const count = Number(size);
    return rootHash.length === 32 && Number.isSafeInteger(count) ? { origin, size: count, rootHash } : undefined;
  } catch {
    return undefined;
  }
}

/** A checkpoint signed by the log itself; its origin is the signer's name. */
export function signCheckpoint(size: number, rootHash: Uint8Array, signer: LogSigner): string {
  return signNote(checkpointText({ origin: signer.name, size, rootHash }), signer);
}

/** What the note says, when `key` signed it and it is about the log of that name; else undefined. Never throws. */
export function openCheckpoint(note: string, key: NoteKey): CheckpointText | undefined {
  const text = verifyNote(note, key);
  const checkpoint = text === undefined ? undefined : parseCheckpointText(text);
  return checkpoint?.origin === key.name ? checkpoint : undefined;
}
