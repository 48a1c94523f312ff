/**
 * Kinds of targets whose credential is bound to a key that the requester's device makes for each grant. Said here once, since the
 * desktop, the grant's view and the engine all have to know; a provisioner's `deviceKey` says the same (a test compares them).
 */
export type DeviceKeyType = 'ssh-ed25519';

const KINDS: Readonly<Record<string, DeviceKeyType>> = { ssh: 'ssh-ed25519' };
export const DEVICE_KEY_KINDS: readonly string[] = Object.keys(KINDS);

/** What key a grant on a target of this kind needs; null when none. */
export const deviceKeyOf = (kind: string): DeviceKeyType | null =>
  Object.hasOwn(KINDS, kind) ? (KINDS[kind] ?? null) : null;
