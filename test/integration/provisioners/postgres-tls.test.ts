/** The four ways of TLS, against a server with a certificate of its own. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeCertificate } from '../../../electron/service/http/certificate';
import { createPostgresProvisioner } from '../../../electron/service/provisioners/postgres';
import type { PostgresSettings } from '../../../shared/contract/resources';
import { type PostgresServer, startPostgres } from '../../bed/postgres';
import { makeTarget, type PgTestTarget, systemRandom } from '../../bed/postgres-target';

let server: PostgresServer;
let target: PgTestTarget;
let own: string;
let foreign: string;
const provisioner = createPostgresProvisioner({ random: systemRandom });
beforeAll(async () => {
  const certificate = await makeCertificate(systemRandom, new Date());
  own = certificate.certificatePem;
  foreign = (await makeCertificate(systemRandom, new Date())).certificatePem;
  server = await startPostgres({
    settings: {
      listen_addresses: '127.0.0.1,127.0.0.2',
      ssl: 'on',
      ssl_cert_file: 'server.crt',
      ssl_key_file: 'server.key',
    },
    files: { 'server.crt': certificate.certificatePem, 'server.key': certificate.keyPem },
  });
  target = await makeTarget(server);
});
afterAll(async () => {
  await provisioner.close();
  await server?.stop();
});
const connection = async (settings: Partial<PostgresSettings>) => {
  const report = await provisioner.test({ ...target, settings: { ...target.settings, ...settings } });
  return report.checks[0];
};

test('prefer and require encrypt, disable does not', async () => {
  for (const tls of ['prefer', 'require'] as const)
    expect(await connection({ tls })).toMatchObject({ ok: true, detail: expect.stringContaining('with TLS') });
  expect(await connection({ tls: 'disable' })).toMatchObject({
    ok: true,
    detail: expect.stringContaining('without TLS'),
  });
});

test('require with an authority takes that authority only', async () => {
  expect(await connection({ tls: 'require', caCertificate: own })).toMatchObject({ ok: true });
  expect(await connection({ tls: 'require', caCertificate: foreign })).toMatchObject({ ok: false });
});

test('verify-full checks the authority and the very name or address that was given', async () => {
  expect(await connection({ tls: 'verify-full', caCertificate: own })).toMatchObject({ ok: true });
  expect(await connection({ tls: 'verify-full', caCertificate: own, host: 'localhost' })).toMatchObject({ ok: true });
  expect(await connection({ tls: 'verify-full', caCertificate: foreign })).toMatchObject({ ok: false });
  expect(await connection({ tls: 'verify-full' })).toMatchObject({ ok: false });
  expect(await connection({ tls: 'require', host: '127.0.0.2' })).toMatchObject({ ok: true });
  // Reached, but the certificate is for 127.0.0.1 (and "localhost").
  expect(await connection({ tls: 'verify-full', caCertificate: own, host: '127.0.0.2' })).toMatchObject({ ok: false });
  const refused = provisioner.list({ ...target, settings: { ...target.settings, tls: 'verify-full' } });
  await expect(refused).rejects.toMatchObject({ kind: 'refused' });
});
