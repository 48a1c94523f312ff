/**
 * The person whose desktop hosts the service. The first start makes them owner; a later start with other keys (the app was
 * set up again, its keychain was lost) adds a device to the same person: whoever starts the service has its folder and its key anyway.
 */
import type { DeviceKeys } from '../../../shared/contract/people';
import { fingerprintOf } from '../../../shared/crypto/keys';
import { newId } from '../../../shared/domain/ids';
import { AppError } from '../errors';
import type { WriteTx } from '../store/store';
import { ADMINS, BY_SERVICE, EVERYBODY, type PeopleDeps, SERVICE_ACTOR } from './deps';
import { announceDevice } from './devices';
import { insertDevice } from './join';
import { loadPeople } from './views';

export interface OwnerConfig extends DeviceKeys {
  readonly displayName: string;
}
export interface LocalIdentity {
  readonly personId: string;
  readonly deviceId: string;
}

/** Finds or makes the owner and the device that the launch token speaks for. */
export async function ensureOwner(deps: PeopleDeps, owner: OwnerConfig): Promise<LocalIdentity> {
  const known = await deps.store.db
    .selectFrom('devices')
    .select(['id', 'person_id'])
    .where('signing_key', '=', owner.signingKey)
    .where('sealing_key', '=', owner.sealingKey)
    .executeTakeFirst();
  if (known) return { personId: known.person_id, deviceId: known.id };
  // Also in revoke_only mode (the database was lost, and with it who the owner was): somebody has to see what is being ended.
  const purpose = deps.store.mode().mode === 'normal' ? 'change' : 'removal';
  return deps.store.write((tx) => findOrMake(tx, deps, owner), { purpose });
}

async function findOrMake(tx: WriteTx, deps: PeopleDeps, owner: OwnerConfig): Promise<LocalIdentity> {
  const person = await tx.db
    .selectFrom('people')
    .select(['id', 'display_name'])
    .where('owner', '=', 1)
    .executeTakeFirst();
  if (person) return addDevice(tx, deps, owner, person);
  if (await tx.db.selectFrom('people').select('id').limit(1).executeTakeFirst())
    throw new AppError('conflict', 'This service has people, but none of them is its owner.', {
      next: 'Start it from the folder it was made in.',
    });
  return makeOwner(tx, deps, owner);
}

async function makeOwner(tx: WriteTx, deps: PeopleDeps, owner: OwnerConfig): Promise<LocalIdentity> {
  const now = deps.clock.now();
  const personId = newId('person', now, deps.random);
  const deviceId = newId('device', now, deps.random);
  await tx.db
    .insertInto('people')
    .values({
      id: personId,
      display_name: owner.displayName,
      roles: JSON.stringify(['admin', 'member']),
      owner: 1,
      state: 'active',
      joined_at: now,
      invited_by: null,
    })
    .execute();
  await insertDevice(tx, { id: deviceId, personId, keys: owner, state: 'active', confirmedBy: BY_SERVICE, now });
  tx.audit({
    type: 'person.joined',
    actor: SERVICE_ACTOR,
    subject: { kind: 'person', id: personId, name: owner.displayName },
    data: { owner: true, deviceId, fingerprint: fingerprintOf(owner) },
    personId,
  });
  const [person] = await loadPeople(tx.db, deps.presence, personId);
  if (person) tx.event({ type: 'person.joined', subject: personId, data: { person }, audience: EVERYBODY });
  await announceDevice(tx, 'device.confirmed', deviceId, ADMINS);
  return { personId, deviceId };
}

async function addDevice(
  tx: WriteTx,
  deps: PeopleDeps,
  owner: OwnerConfig,
  person: { id: string; display_name: string },
): Promise<LocalIdentity> {
  const now = deps.clock.now();
  const deviceId = newId('device', now, deps.random);
  await insertDevice(tx, {
    id: deviceId,
    personId: person.id,
    keys: owner,
    state: 'active',
    confirmedBy: BY_SERVICE,
    now,
  });
  tx.audit({
    type: 'device.confirmed',
    actor: SERVICE_ACTOR,
    subject: { kind: 'device', id: deviceId, name: owner.deviceName },
    data: { personId: person.id, fingerprint: fingerprintOf(owner), hosts: true },
    personId: person.id,
  });
  await announceDevice(tx, 'device.confirmed', deviceId, ADMINS);
  await deps.lifecycle.onMembershipChanged(tx);
  return { personId: person.id, deviceId };
}
