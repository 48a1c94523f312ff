/** What a provisioner hands to a device. Travels sealed to the device's key only; never in an event, log or answer in the clear. */
import { z } from 'zod';
import { AwsCredential } from './aws';
import { GrantId, Key32 } from './fields';
import { KubernetesCredential } from './kubernetes';
import { MysqlCredential } from './mysql';
import { RedisCredential } from './redis';
import { PgIdentifier } from './resources';
import { SshCredential } from './ssh';
import { Values } from './values';

export const PostgresCredential = z.strictObject({
  kind: z.literal('postgres'),
  host: z.string(),
  port: z.int(),
  database: PgIdentifier,
  user: PgIdentifier,
  password: z.string().min(1).max(512),
  tls: z.enum(['disable', 'prefer', 'require', 'verify-full']),
  caCertificate: z.string().optional(),
});
export type PostgresCredential = z.infer<typeof PostgresCredential>;
/** What a stored secret, or a receiver of webhooks, hands out: values by the names that programs read them under. */
export const SecretCredential = z.strictObject({ kind: z.literal('secret'), values: Values });
export type SecretCredential = z.infer<typeof SecretCredential>;
export const WebhookCredential = z.strictObject({ kind: z.literal('webhook'), values: Values });
export type WebhookCredential = z.infer<typeof WebhookCredential>;
/** One more kind: one more member here, one file in electron/main/injection/targets. */
export const Credential = z.discriminatedUnion('kind', [
  PostgresCredential,
  MysqlCredential,
  RedisCredential,
  SecretCredential,
  WebhookCredential,
  SshCredential,
  AwsCredential,
  KubernetesCredential,
]);
export type Credential = z.infer<typeof Credential>;

/** X25519 + HKDF-SHA256 + AES-256-GCM; `info` binds grant and device (shared/crypto/seal). */
export const SealedCredential = z
  .strictObject({
    v: z.literal(1),
    grantId: GrantId,
    ephemeralKey: Key32,
    nonce: z.string().max(32),
    ciphertext: z.string().max(200_000),
  })
  .meta({ id: 'SealedCredential' });
export type SealedCredential = z.infer<typeof SealedCredential>;
