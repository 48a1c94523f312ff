/**
 * Where one injection lies: all that is needed to find, verify and remove it, and no secret. Kept in the journal.
 * One more kind of injection target: one more member here.
 */
import { z } from 'zod';
import { AwsCredential } from '../../../shared/contract/aws';
import { PostgresCredential } from '../../../shared/contract/credential';
import { KubernetesCredential } from '../../../shared/contract/kubernetes';
import { MysqlCredential } from '../../../shared/contract/mysql';
import { RedisCredential } from '../../../shared/contract/redis';
import { SshCredential } from '../../../shared/contract/ssh';
import { ValueName } from '../../../shared/contract/values';

export const PostgresPlace = z.strictObject({
  kind: z.literal('postgres'),
  /** Connection service file that points to the passfile. */
  serviceFile: z.string().min(1).max(4096),
  /** True when `psql` in the person's shell would not look there by itself. */
  nameFile: z.boolean(),
  ...PostgresCredential.pick({ host: true, port: true, database: true, user: true, tls: true }).shape,
  hasCa: z.boolean(),
});
export type PostgresPlace = z.infer<typeof PostgresPlace>;
export const MysqlPlace = z.strictObject({
  kind: z.literal('mysql'),
  /** The person's own option file, which includes ours; null where there is none (Windows). */
  optionFile: z.string().min(1).max(4096).nullable(),
  /** Whose client programs were found, and what to type. */
  client: z.enum(['mariadb', 'any', 'none']),
  program: z.enum(['mysql', 'mariadb']),
  ...MysqlCredential.pick({ host: true, port: true, database: true, user: true, tls: true }).shape,
  hasCa: z.boolean(),
});
export type MysqlPlace = z.infer<typeof MysqlPlace>;
export const RedisPlace = z.strictObject({
  ...RedisCredential.pick({ kind: true, nodes: true, topology: true, database: true, user: true, tls: true }).shape,
  hasCa: z.boolean(),
});
export type RedisPlace = z.infer<typeof RedisPlace>;
/** Named values: in the lease folder always, in a file of variables that the person chose where it can take them. */
const envPlace = {
  names: z.array(ValueName).min(1),
  envFile: z.string().min(1).max(4096).nullable(),
  /** Why the chosen file was left out, as it is told. */
  leftOut: z.string().max(500).nullable(),
};
export const SecretPlace = z.strictObject({ kind: z.literal('secret'), ...envPlace });
export type SecretPlace = z.infer<typeof SecretPlace>;
export const WebhookPlace = z.strictObject({ kind: z.literal('webhook'), ...envPlace });
export type WebhookPlace = z.infer<typeof WebhookPlace>;
export const SshPlace = z.strictObject({
  kind: z.literal('ssh'),
  /** The user's ssh_config, which includes what lies in the lease folder. */
  configFile: z.string().min(1).max(4096),
  /** The key is in the ssh-agent too. */
  agent: z.boolean(),
  /** Null while only the key is there and its certificate is not. */
  at: SshCredential.pick({ host: true, port: true, user: true, hostKeys: true }).nullable(),
});
export type SshPlace = z.infer<typeof SshPlace>;
export const AwsPlace = z.strictObject({
  ...AwsCredential.pick({ kind: true, roleArn: true, region: true, endpointUrl: true }).shape,
  /** Which of the two files the profile is in, and where that is. */
  file: z.enum(['config', 'credentials']),
  path: z.string().min(1).max(4096),
  /** True when `aws` in the person's shell would not look there by itself. */
  nameFile: z.boolean(),
});
export type AwsPlace = z.infer<typeof AwsPlace>;
export const KubernetesPlace = z.strictObject({
  ...KubernetesCredential.pick({ kind: true, server: true, namespace: true, user: true, tokenEndsAt: true }).shape,
  hasCa: z.boolean(),
  /** The person's own kubeconfig that got a context; null: none did. */
  mergedInto: z.string().min(1).max(4096).nullable(),
  /** Why it got none although that was wished, as it is told. */
  leftOut: z.string().max(5000).nullable(),
});
export type KubernetesPlace = z.infer<typeof KubernetesPlace>;
export const Place = z.discriminatedUnion('kind', [
  PostgresPlace,
  MysqlPlace,
  RedisPlace,
  SecretPlace,
  WebhookPlace,
  SshPlace,
  AwsPlace,
  KubernetesPlace,
]);
export type Place = z.infer<typeof Place>;
