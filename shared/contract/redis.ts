/** Redis and Valkey: how a target is reached, what its levels open, and what a device gets. */
import { z } from 'zod';

const REDIS_PORT = 6379;
/** `host:port`, `[address]:port`, or a host alone (port 6379). */
export const RedisNode = z
  .string()
  .max(300)
  .regex(
    /^(\[[0-9A-Fa-f:.]+\]|[^\s/\\'"@:[\]]+)(:\d{1,5})?$/,
    'A host name or an address, and a port: cache-1.internal:6379. IPv6 in brackets.',
  )
  .refine((node) => {
    const { port } = redisNodeOf(node);
    return port >= 1 && port <= 65_535;
  }, 'A port is 1 to 65535.');
/** The parts of a node's name. Pure. */
export function redisNodeOf(node: string): { readonly host: string; readonly port: number } {
  const [, inBrackets, plain, port] = /^(?:\[(.+)\]|([^:]+))(?::(\d+))?$/.exec(node) ?? [];
  return { host: inBrackets ?? plain ?? '', port: port === undefined ? REDIS_PORT : Number(port) };
}
/** Redis takes any bytes but white space in a pattern of keys or channels. */
const RedisPattern = z
  .string()
  .min(1)
  .max(200)
  .regex(/^[^\s\0]+$/, 'A pattern has no spaces.');
export const RedisSettings = z.strictObject({
  kind: z.literal('redis'),
  /** Every node, replicas too: Redis does not hand its users on, so access is made and ended on each of these. */
  nodes: z.array(RedisNode).min(1).max(50),
  managerUser: z
    .string()
    .min(1)
    .max(128)
    .regex(/^[^\s\0]+$/, 'A user name has no spaces.'),
  tls: z.enum(['disable', 'require', 'verify-full']).default('verify-full'),
  caCertificate: z.string().max(64_000).optional(),
  /** Where a session starts. No border: a Redis user has the same rights in every numbered database. */
  database: z.int().min(0).max(65_535).default(0),
  /** Keys that the levels open, as Redis's own patterns. */
  keyPatterns: z.array(RedisPattern).min(1).max(50).default(['*']),
  /** Channels that the levels open; none when empty. */
  channelPatterns: z.array(RedisPattern).max(50).default([]),
});
export type RedisSettings = z.infer<typeof RedisSettings>;

export const RedisCredential = z.strictObject({
  kind: z.literal('redis'),
  ...RedisSettings.pick({ nodes: true, caCertificate: true }).shape,
  /** `cluster`: the nodes share the keys between them, and a client has to follow from one to another. */
  topology: z.enum(['standalone', 'cluster']),
  database: z.int().min(0),
  user: z.string().min(1).max(128),
  password: z.string().min(1).max(512),
  tls: z.enum(['disable', 'require', 'verify-full']),
});
export type RedisCredential = z.infer<typeof RedisCredential>;
