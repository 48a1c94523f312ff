/**
 * Bytes and their spellings. Why by hand: a renderer has no Buffer, and `atob` accepts what we must refuse (white space,
 * loose padding); a key or proof has exactly one spelling here, so two different strings are never the same bytes.
 */
import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js';

const encoder = new TextEncoder();
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const URL_ALPHABET = `${ALPHABET}-_`;
const STANDARD_ALPHABET = `${ALPHABET}+/`;

export const utf8 = (text: string): Uint8Array => encoder.encode(text);
/** Lower-case hex. */
export const toHex = (bytes: Uint8Array): string => bytesToHex(bytes);
/** Throws RangeError unless `hex` is lower-case hex of whole bytes. */
export function fromHex(hex: string): Uint8Array {
  if (!/^(?:[0-9a-f]{2})*$/.test(hex)) throw new RangeError('expected lower-case hex');
  return hexToBytes(hex);
}

export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** Takes the same time wherever the first difference is. Lengths are not secret. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= (a[i] as number) ^ (b[i] as number);
  return difference === 0;
}

function encode(bytes: Uint8Array, alphabet: string): string {
  let text = '';
  for (let i = 0; i < bytes.length; i += 3) {
    const left = bytes.length - i;
    const group = ((bytes[i] as number) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    text += alphabet[(group >> 18) & 63];
    text += alphabet[(group >> 12) & 63];
    if (left > 1) text += alphabet[(group >> 6) & 63];
    if (left > 2) text += alphabet[group & 63];
  }
  return text;
}

function decode(text: string, alphabet: string): Uint8Array {
  if (text.length % 4 === 1) throw new RangeError('expected base64: impossible length');
  const bytes = new Uint8Array(Math.floor((text.length * 3) / 4));
  let buffer = 0;
  let bits = 0;
  let at = 0;
  for (const char of text) {
    const value = alphabet.indexOf(char);
    if (value < 0) throw new RangeError('expected base64: foreign character');
    buffer = ((buffer << 6) | value) & 0xff_ffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes[at++] = (buffer >> bits) & 255;
    }
  }
  if ((buffer & ((1 << bits) - 1)) !== 0) throw new RangeError('expected base64: left-over bits');
  return bytes;
}

/** Unpadded base64url (RFC 4648 section 5). */
export const toBase64url = (bytes: Uint8Array): string => encode(bytes, URL_ALPHABET);
/** Throws RangeError unless `text` is the one unpadded spelling of some bytes. */
export const fromBase64url = (text: string): Uint8Array => decode(text, URL_ALPHABET);
/** Padded standard base64, as signed notes use it. */
export function toBase64(bytes: Uint8Array): string {
  const text = encode(bytes, STANDARD_ALPHABET);
  return text + '='.repeat((4 - (text.length % 4)) % 4);
}
/** Throws RangeError unless `text` is the one padded spelling of some bytes. */
export function fromBase64(text: string): Uint8Array {
  if (text.length % 4 !== 0) throw new RangeError('expected base64: wrong padding');
  const unpadded = text.replace(/={1,2}$/, '');
  return decode(unpadded, STANDARD_ALPHABET);
}
