/** Who a device speaks for, read afresh at every call: a revoked device or a removed person ends with the next request. */
import { z } from 'zod';
import { Role } from '../../../shared/contract/fields';
import type { Caller } from '../access/caller';
import { AppError } from '../errors';
import type { Store } from '../store/store';

const Roles = z.array(Role);
/** Roles as stored (JSON text). */
export const parseRoles = (json: string): z.infer<typeof Roles> => Roles.parse(JSON.parse(json));

export const notSignedIn = () =>
  new AppError('not-signed-in', 'You are not signed in.', {
    safe: 'Nothing was changed.',
    next: 'Sign in on this device again.',
  });
export const deviceRevoked = () =>
  new AppError('device-revoked', 'This device may not be used any more.', {
    safe: 'Credentials it held are being removed.',
    next: 'Ask an administrator for an invite.',
  });
export const devicePending = () =>
  new AppError('device-pending', 'An administrator has not confirmed this device yet.', {
    safe: 'It can see and do nothing until then.',
    next: 'Tell an administrator its fingerprint.',
  });

/** The caller behind a device. Throws AppError `not-signed-in`, `device-pending` or `device-revoked`. */
export async function loadCaller(store: Store, deviceId: string, via: Caller['via']): Promise<Caller> {
  const row = await store.db
    .selectFrom('devices')
    .innerJoin('people', 'people.id', 'devices.person_id')
    .select(['devices.id', 'devices.state', 'devices.person_id', 'people.display_name', 'people.roles'])
    .select(['people.state as person_state', 'people.suspended_at'])
    .where('devices.id', '=', deviceId)
    .executeTakeFirst();
  if (!row) throw notSignedIn();
  if (row.state === 'revoked' || row.person_state === 'removed') throw deviceRevoked();
  if (row.state === 'pending') throw devicePending();
  // Who is locked may look and give back, and is nobody's administrator meanwhile.
  const roles = new Set(row.suspended_at === null ? parseRoles(row.roles) : []);
  return { personId: row.person_id, deviceId: row.id, displayName: row.display_name, roles, via };
}
