/**
 * Where one injection lies: all that is needed to find, verify and remove it, and no secret. Kept in the journal.
 * One more kind of injection target: one more member here.
 */
import { z } from 'zod';
import { PostgresCredential } from '../../../shared/contract/credential';
import { RedisCredential } from '../../../shared/contract/redis';

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
export const RedisPlace = z.strictObject({
  ...RedisCredential.pick({ kind: true, nodes: true, topology: true, database: true, user: true, tls: true }).shape,
  hasCa: z.boolean(),
});
export type RedisPlace = z.infer<typeof RedisPlace>;
export const Place = z.discriminatedUnion('kind', [PostgresPlace, RedisPlace]);
export type Place = z.infer<typeof Place>;
