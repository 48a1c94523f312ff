/** People, their devices and groups, invites, sign-in. */
import { z } from 'zod';
import {
  At,
  base64url,
  DeviceId,
  DisplayName,
  InviteId,
  Key32,
  PersonId,
  Role,
  Signature64,
  Slug,
  Suspension,
} from './fields';

export const Person = z
  .object({
    id: PersonId,
    displayName: z.string(),
    roles: z.array(Role),
    owner: z.boolean(),
    groups: z.array(z.string()),
    state: z.enum(['active', 'removed']),
    joinedAt: At,
    /** How this person came in: the first start, or whose invite. */
    invitedBy: z.object({ personId: PersonId, displayName: z.string() }).nullable(),
    online: z.boolean(),
    /** Locked: holds nothing, asks for nothing, decides nothing until unlocked. */
    suspended: Suspension.nullable().default(null),
  })
  .meta({ id: 'Person' });
export type Person = z.infer<typeof Person>;

export const Device = z
  .object({
    id: DeviceId,
    personId: PersonId,
    personName: z.string(),
    name: z.string(),
    state: z.enum(['pending', 'active', 'revoked']),
    signingKey: Key32.describe('Ed25519 public key'),
    sealingKey: Key32.describe('X25519 public key'),
    /** What a person compares: four groups of four hex digits of SHA-256 over both keys. */
    fingerprint: z.string(),
    createdAt: At,
    confirmedBy: z.string().nullable(),
    lastSeenAt: At.nullable(),
  })
  .meta({ id: 'Device' });
export type Device = z.infer<typeof Device>;

export const Group = z.object({ name: Slug, members: z.array(PersonId) }).meta({ id: 'Group' });
export type Group = z.infer<typeof Group>;

export const NewInvite = z.strictObject({
  displayName: DisplayName,
  roles: z.array(Role).min(1).max(3),
  groups: z.array(Slug).max(50),
});
export const Invite = z
  .object({
    id: InviteId,
    displayName: z.string(),
    roles: z.array(Role),
    groups: z.array(z.string()),
    createdAt: At,
    expiresAt: At,
    state: z.enum(['open', 'used', 'expired', 'withdrawn']),
  })
  .meta({ id: 'Invite' });
export type Invite = z.infer<typeof Invite>;
/** The code is shown once, to be told by voice or another channel; the link alone lets nobody in. */
export const IssuedInvite = z
  .object({ invite: Invite, link: z.string(), code: z.string() })
  .meta({ id: 'IssuedInvite' });
export type IssuedInvite = z.infer<typeof IssuedInvite>;

export const DeviceKeys = z.strictObject({ deviceName: DisplayName, signingKey: Key32, sealingKey: Key32 });
export type DeviceKeys = z.infer<typeof DeviceKeys>;
/** Joining with an invite. `proof` signs the canonical JSON of the other fields' digest with the new signing key (see shared/crypto/statements). */
export const Join = z.strictObject({
  inviteId: InviteId,
  code: z.string().min(1).max(64),
  ...DeviceKeys.shape,
  proof: Signature64,
});
/** `active` only for the owner of a fresh standalone service: nobody is there yet who could confirm the device. */
export const Joined = z
  .object({ personId: PersonId, deviceId: DeviceId, state: z.enum(['pending', 'active']), fingerprint: z.string() })
  .meta({ id: 'Joined' });

export const ChallengeRequest = z.strictObject({ deviceId: DeviceId });
export const Challenge = z.object({ challenge: base64url(32), expiresAt: At }).meta({ id: 'Challenge' });
export const TokenRequest = z.strictObject({ deviceId: DeviceId, challenge: base64url(32), signature: Signature64 });
export const AccessToken = z
  .object({ accessToken: z.string(), tokenType: z.literal('DPoP'), expiresAt: At })
  .meta({ id: 'AccessToken' });

export const Me = z
  .object({
    person: Person,
    device: Device,
    service: z.object({
      id: z.string(),
      name: z.string(),
      version: z.string(),
      mode: z.enum(['normal', 'revoke_only']),
      modeReason: z.string().nullable(),
      /** C2SP verifier key of the audit log. */
      logKey: z.string(),
      shared: z.boolean().describe('listens on TCP, so others can join'),
      peopleCount: z.int(),
      secretStorage: z.enum(['wrapped', 'key-file']),
    }),
    serverTime: At,
  })
  .meta({ id: 'Me' });
export type Me = z.infer<typeof Me>;
