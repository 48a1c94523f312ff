/**
 * The certificate of a service that nobody gave one: self-signed, made once, pinned by its hash in every invite. Nobody has
 * to run a certificate authority, and nobody can stand in between. Its names don't matter to our clients; the pin does.
 */
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import { toHex } from '../../../shared/crypto/bytes';
import type { Random } from '../../../shared/domain/instant';
import type { Certificate } from './pin';

/** Renewal would void every pin, so it outlives any installation. */
const VALID_YEARS = 20;
const BACKDATED_DAYS = 1;
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

/** A fresh key (P-256) and certificate. */
export async function makeCertificate(random: Random, now: Date): Promise<Certificate> {
  const crypto = webcrypto as NonNullable<Parameters<typeof x509.X509CertificateGenerator.createSelfSigned>[1]>;
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const [notBefore, notAfter] = [new Date(now), new Date(now)];
  notBefore.setUTCDate(now.getUTCDate() - BACKDATED_DAYS);
  notAfter.setUTCFullYear(now.getUTCFullYear() + VALID_YEARS);
  const made = await x509.X509CertificateGenerator.createSelfSigned(
    {
      serialNumber: `01${toHex(random.bytes(15))}`,
      name: 'CN=Hallpass',
      notBefore,
      notAfter,
      signingAlgorithm: ALGORITHM,
      keys,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
        new x509.SubjectAlternativeNameExtension([
          { type: 'dns', value: 'hallpass' },
          { type: 'dns', value: 'localhost' },
          { type: 'ip', value: '127.0.0.1' },
        ]),
      ],
    },
    crypto,
  );
  const key = await crypto.subtle.exportKey('pkcs8', keys.privateKey);
  return { certificatePem: made.toString('pem'), keyPem: x509.PemConverter.encode(key, 'PRIVATE KEY') };
}
