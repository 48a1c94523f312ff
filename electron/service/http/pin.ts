/** A certificate and its pin. Apart from certificate.ts, which loads a large library to make one: needed once in a service's life. */
import { createHash, X509Certificate } from 'node:crypto';

export interface Certificate {
  readonly certificatePem: string;
  /** PKCS #8. Never logged; kept sealed. */
  readonly keyPem: string;
}
/** What invites carry: hex SHA-256 of the DER form of the (first) certificate. Throws when the text is none. */
export const pinOf = (certificatePem: string): string =>
  createHash('sha256').update(new X509Certificate(certificatePem).raw).digest('hex');
