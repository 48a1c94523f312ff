/** Devices: a person is known by the keys of their devices, and an administrator says once that a key is really theirs. */
import type { Device } from '../../../shared/contract/people';
import type { Caller } from '../access/caller';
import { AppError, notFound } from '../errors';
import type { Audience, WriteTx } from '../store/store';
import type { UseCases } from '../use-cases';
import { parseRoles } from './callers';
import { ADMINS, actorOf, EVERYBODY, type PeopleDeps } from './deps';
import { loadDevice, loadDevices, loadPeople } from './views';

/** Marks a device revoked and writes its audit entry. The event is `announceDevice`'s. */
export async function revokeDeviceRow(tx: WriteTx, caller: Caller, deviceId: string): Promise<Device> {
  await tx.db.updateTable('devices').set({ state: 'revoked' }).where('id', '=', deviceId).execute();
  const device = await existing(tx, deviceId);
  tx.audit({
    type: 'device.revoked',
    actor: actorOf(caller),
    subject: { kind: 'device', id: deviceId, name: device.name },
    data: { personId: device.personId, fingerprint: device.fingerprint },
    personId: device.personId,
  });
  return device;
}
export async function announceDevice(
  tx: WriteTx,
  type: 'device.pending' | 'device.confirmed' | 'device.revoked',
  deviceId: string,
  audience: Audience,
): Promise<Device> {
  const device = await existing(tx, deviceId);
  const people = [...audience.people, device.personId];
  tx.event({ type, subject: deviceId, data: { device }, audience: { ...audience, people } });
  return device;
}
async function existing(tx: WriteTx, deviceId: string): Promise<Device> {
  const device = await loadDevice(tx.db, deviceId);
  if (!device) throw notFound('This device');
  return device;
}
const plain = (fingerprint: string): string => fingerprint.toLowerCase().replace(/[^0-9a-f]/g, '');

export function createDevices({
  store,
  presence,
  lifecycle,
}: PeopleDeps): Pick<UseCases, 'devices.list' | 'devices.confirm' | 'devices.revoke'> {
  return {
    'devices.list': async (caller) => ({
      items: await loadDevices(store.db, caller.roles.has('admin') ? undefined : caller.personId),
      nextCursor: null,
    }),

    'devices.confirm': (caller, { params, body }) =>
      store.write(async (tx) => {
        const before = await existing(tx, params.id);
        if (before.state === 'revoked')
          throw new AppError('wrong-state', 'This device was revoked.', { next: 'Invite the person again.' });
        if (before.state === 'active') return before;
        if (plain(body.fingerprint) !== plain(before.fingerprint))
          throw new AppError('conflict', 'That is not the fingerprint of this device.', {
            safe: 'The device stays without access.',
            next: 'Compare again with what the new device shows. If it really differs, revoke it: somebody else may have used the invite.',
          });
        await tx.db
          .updateTable('devices')
          .set({ state: 'active', confirmed_by: caller.personId })
          .where('id', '=', params.id)
          .execute();
        tx.audit({
          type: 'device.confirmed',
          actor: actorOf(caller),
          subject: { kind: 'device', id: params.id, name: before.name },
          data: { personId: before.personId, fingerprint: before.fingerprint },
          personId: before.personId,
        });
        const device = await announceDevice(tx, 'device.confirmed', params.id, ADMINS);
        const [person] = await loadPeople(tx.db, presence, before.personId);
        if (person) tx.event({ type: 'person.changed', subject: person.id, data: { person }, audience: EVERYBODY });
        // Now there is somebody more who can approve.
        await lifecycle.onMembershipChanged(tx);
        return device;
      }),

    'devices.revoke': (caller, { params }) =>
      store.write(
        async (tx) => {
          const before = await loadDevice(tx.db, params.id);
          if (!before || (before.personId !== caller.personId && !caller.roles.has('admin')))
            throw notFound('This device');
          if (before.state === 'revoked') return before;
          await keepAnAdminDevice(tx, before);
          const device = await revokeDeviceRow(tx, caller, params.id);
          await announceDevice(tx, 'device.revoked', params.id, ADMINS);
          await lifecycle.onDeviceRevoked(tx, params.id);
          return device;
        },
        { purpose: 'removal' },
      ),
  };
}

/** Without a device of any administrator nobody could ever confirm one again. */
async function keepAnAdminDevice(tx: WriteTx, device: Device): Promise<void> {
  if (device.state !== 'active') return;
  const left = await tx.db
    .selectFrom('devices')
    .innerJoin('people', 'people.id', 'devices.person_id')
    .select('people.roles')
    .where('devices.state', '=', 'active')
    .where('people.state', '=', 'active')
    .where('devices.id', '!=', device.id)
    .execute();
  if (left.some((row) => parseRoles(row.roles).includes('admin'))) return;
  throw new AppError('conflict', 'This is the last device of the last administrator.', {
    safe: 'Nothing was changed.',
    next: 'Make somebody else an administrator first.',
  });
}
