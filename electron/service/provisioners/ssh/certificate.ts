/**
 * OpenSSH user certificates for Ed25519 keys, signed with an Ed25519 authority (PROTOCOL.certkeys of OpenSSH). Own and small:
 * `ssh-keygen -s` would need the authority's key in a file. Compared with `ssh-keygen -L` and a real sshd in the tests.
 */
import { concatBytes, toBase64 } from '../../../../shared/crypto/bytes';
import { publicBlob, sshString, uint32, uint64 } from '../../../../shared/crypto/ssh-wire';
import type { Authority } from './authority';

const CERTIFICATE_TYPE = 'ssh-ed25519-cert-v01@openssh.com';
const USER_CERTIFICATE = 1;
const NONCE_BYTES = 32;

/** What a session may use beside its command, in the words of PROTOCOL.certkeys. */
export const EXTENSIONS = [
  'permit-X11-forwarding',
  'permit-agent-forwarding',
  'permit-port-forwarding',
  'permit-pty',
  'permit-user-rc',
] as const;
export type Extension = (typeof EXTENSIONS)[number];

export interface CertificateOrder {
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  readonly serial: bigint;
  /** Shown in every log line of sshd: the principal's name. */
  readonly keyId: string;
  /** Never empty: a certificate without principals is good for everybody (CVE-2024-7594). */
  readonly principals: readonly string[];
  /** Seconds since 1970, by the host's clock. */
  readonly validAfter: bigint;
  readonly validBefore: bigint;
  /** The only command it is good for. */
  readonly forceCommand?: string;
  /** Addresses and networks it may be used from; any when empty. */
  readonly sourceAddresses?: readonly string[];
  readonly extensions?: readonly Extension[];
}

/** Name and value pairs, in the byte order of their names; a value is a string in a string, an extension's is empty. */
const options = (entries: readonly (readonly [string, string | null])[]): Uint8Array =>
  concatBytes(
    ...[...entries]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .flatMap(([name, value]) => [sshString(name), sshString(value === null ? '' : sshString(value))]),
  );

/** A certificate as the line of a `…-cert.pub` file. Throws RangeError on an order that would be good for too much. */
export function signCertificate(
  authority: Authority,
  order: CertificateOrder,
  random: { bytes(count: number): Uint8Array },
): string {
  if (order.principals.length === 0 || order.principals.includes(''))
    throw new RangeError('a certificate names its principals');
  if (order.validBefore <= order.validAfter) throw new RangeError('a certificate ends after it begins');
  const { forceCommand, sourceAddresses = [], extensions = [] } = order;
  const critical: [string, string][] = [];
  if (forceCommand !== undefined) critical.push(['force-command', forceCommand]);
  if (sourceAddresses.length > 0) critical.push(['source-address', sourceAddresses.join(',')]);
  const body = concatBytes(
    sshString(CERTIFICATE_TYPE),
    sshString(random.bytes(NONCE_BYTES)),
    sshString(order.publicKey),
    uint64(order.serial),
    uint32(USER_CERTIFICATE),
    sshString(order.keyId),
    sshString(concatBytes(...order.principals.map((principal) => sshString(principal)))),
    uint64(order.validAfter),
    uint64(order.validBefore),
    sshString(options(critical)),
    sshString(options([...new Set(extensions)].map((name) => [name, null] as const))),
    sshString(''),
    sshString(publicBlob(authority.publicKey)),
  );
  const signature = concatBytes(sshString('ssh-ed25519'), sshString(authority.sign(body)));
  return `${CERTIFICATE_TYPE} ${toBase64(concatBytes(body, sshString(signature)))} ${order.keyId}`;
}
