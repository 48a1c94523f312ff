/**
 * OpenSSH key revocation lists (PROTOCOL.krl): ours are serials of one authority. Own and small, as the certificates; checked
 * with `ssh-keygen -Q` and a real sshd in the tests. What others put on a list stays byte for byte: a host has one list only.
 */
import { concatBytes, equalBytes, utf8 } from '../../../../shared/crypto/bytes';
import { SshReader, sshString, uint32, uint64 } from '../../../../shared/crypto/ssh-wire';

const MAGIC = utf8('SSHKRL\n\0');
const FORMAT_VERSION = 1;
const SECTION_CERTIFICATES = 1;
const SECTION_SIGNATURE = 4;
const SERIAL_LIST = 0x20;
const SERIAL_RANGE = 0x21;
const SERIAL_BITMAP = 0x22;
/** A range or bitmap of ours is never larger: we write lists only, and what is longer was written by others. */
const MAX_SPREAD = 100_000n;

interface Section {
  readonly type: number;
  readonly data: Uint8Array;
}
export interface RevocationList {
  readonly version: bigint;
  /** Serials of the authority asked for. */
  readonly serials: ReadonlySet<bigint>;
  /** Everything else on the list, as it was read. */
  readonly others: readonly Section[];
  readonly comment: string;
}
export const EMPTY_LIST: RevocationList = { version: 0n, serials: new Set(), others: [], comment: '' };

/** Reads a list. Throws RangeError when it is none (a text file of keys, which sshd reads too), or signed, or damaged. */
export function readList(bytes: Uint8Array, authorityBlob: Uint8Array): RevocationList {
  if (bytes.length === 0) return EMPTY_LIST;
  const reader = new SshReader(bytes);
  if (!equalBytes(reader.take(Math.min(MAGIC.length, bytes.length)), MAGIC))
    throw new RangeError('it is a text file of keys, not a binary list');
  if (reader.uint32() !== FORMAT_VERSION) throw new RangeError('it has an unknown format');
  const version = reader.uint64();
  reader.uint64();
  reader.uint64();
  reader.string();
  const comment = reader.text();
  const serials = new Set<bigint>();
  const others: Section[] = [];
  while (!reader.isAtEnd) {
    const type = reader.byte();
    const data = reader.string();
    if (type === SECTION_SIGNATURE) throw new RangeError('it is signed, and a change would break the signature');
    if (type !== SECTION_CERTIFICATES || !takeOurs(data, authorityBlob, serials)) others.push({ type, data });
  }
  return { version, serials, others, comment };
}

/** Adds the serials of a section of our authority; false when it is another's, or holds what we would not write back. */
function takeOurs(data: Uint8Array, authorityBlob: Uint8Array, serials: Set<bigint>): boolean {
  const reader = new SshReader(data);
  if (!equalBytes(reader.string(), authorityBlob)) return false;
  reader.string();
  const found: bigint[] = [];
  while (!reader.isAtEnd) {
    const type = reader.byte();
    const part = new SshReader(reader.string());
    if (type === SERIAL_LIST) while (!part.isAtEnd) found.push(part.uint64());
    else if (type === SERIAL_RANGE) {
      const [first, last] = [part.uint64(), part.uint64()];
      if (last - first > MAX_SPREAD) return false;
      for (let serial = first; serial <= last; serial++) found.push(serial);
    } else if (type === SERIAL_BITMAP) {
      const first = part.uint64();
      const bits = part.string();
      if (BigInt(bits.length) * 8n > MAX_SPREAD) return false;
      for (let bit = 0; bit < bits.length * 8; bit++)
        if (((bits[bits.length - 1 - (bit >> 3)] ?? 0) >> (bit & 7)) & 1) found.push(first + BigInt(bit));
    } else return false; // key ids: sshd honours them, and so do we by leaving them
  }
  for (const serial of found) serials.add(serial);
  return true;
}

/** The bytes of a list. Serials are sorted, as ssh-keygen writes them. `nowMs` is the date it carries. */
export function writeList(list: RevocationList, authorityBlob: Uint8Array, nowMs: number): Uint8Array {
  const sorted = [...list.serials].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  const ours =
    sorted.length === 0
      ? []
      : [
          {
            type: SECTION_CERTIFICATES,
            data: concatBytes(
              sshString(authorityBlob),
              sshString(''),
              Uint8Array.of(SERIAL_LIST),
              sshString(concatBytes(...sorted.map(uint64))),
            ),
          },
        ];
  return concatBytes(
    MAGIC,
    uint32(FORMAT_VERSION),
    uint64(list.version),
    uint64(BigInt(Math.floor(nowMs / 1000))),
    uint64(0n),
    sshString(''),
    sshString(list.comment),
    ...[...list.others, ...ours].flatMap(({ type, data }) => [Uint8Array.of(type), sshString(data)]),
  );
}
