/** Messages between the main process and the bundled service (utility process), over its MessagePort. */
import { z } from 'zod';
import { DeviceKeys } from './people';

export const ServiceStart = z.object({
  kind: z.literal('start'),
  dataDir: z.string(),
  socketPath: z.string(),
  launchToken: z.string().min(32),
  /** Raw 32-byte data key, base64url; unwrapped by the main process. Null: the service keeps its own 0600 key file. */
  dataKey: z.string().nullable(),
  serviceName: z.string(),
  /** Who the launch token speaks for; makes the owner at the first start. */
  owner: DeviceKeys.extend({ displayName: z.string() }),
  tcp: z.object({ host: z.string(), port: z.int() }).nullable(),
  storeUrl: z.string().nullable().describe('postgres://… for teams; null: SQLite in dataDir'),
});
export type ServiceStart = z.infer<typeof ServiceStart>;
export const ServiceReady = z.object({
  kind: z.literal('ready'),
  serviceId: z.string(),
  personId: z.string(),
  deviceId: z.string(),
  tcpUrl: z.string().nullable(),
  certPin: z.string().nullable().describe('hex SHA-256 of the DER certificate'),
  mode: z.enum(['normal', 'revoke_only']),
  modeReason: z.string().nullable(),
});
export type ServiceReady = z.infer<typeof ServiceReady>;
export const ToService = z.discriminatedUnion('kind', [
  ServiceStart,
  z.object({ kind: z.literal('stop') }),
  z.object({ kind: z.literal('sweep') }),
]);
export const FromService = z.discriminatedUnion('kind', [
  ServiceReady,
  z.object({ kind: z.literal('failed'), code: z.string(), what: z.string(), next: z.string().nullable() }),
  z.object({ kind: z.literal('stopped') }),
  z.object({ kind: z.literal('swept'), ended: z.int(), left: z.int() }),
]);
export type FromService = z.infer<typeof FromService>;
