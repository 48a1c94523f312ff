/** What this desktop is: alone, hosting, or a member of somebody's service. Written at the first-run choice; no secret in it. */
import { z } from 'zod';
import { DeviceId, DisplayName, InviteId, PersonId, Sha256Hex } from '../../../shared/contract/fields';

const base = { v: z.literal(1), displayName: DisplayName, deviceName: DisplayName };
export const Profile = z.discriminatedUnion('mode', [
  z.strictObject({ ...base, mode: z.literal('alone') }),
  z.strictObject({
    ...base,
    mode: z.literal('host'),
    teamName: DisplayName,
    address: z.string().min(1).max(255),
    port: z.int().min(0).max(65_535),
  }),
  z.strictObject({
    ...base,
    mode: z.literal('join'),
    /** `host:port` of the service and the pin of its certificate, from the invite. */
    address: z.string().min(1).max(300),
    pin: Sha256Hex,
    inviteId: InviteId,
    personId: PersonId,
    deviceId: DeviceId,
  }),
]);
export type Profile = z.infer<typeof Profile>;
