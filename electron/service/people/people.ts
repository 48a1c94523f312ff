/** People and their roles. Removing somebody takes their devices, grants and open requests along, in one transaction. */
import { AppError, notFound } from '../errors';
import type { WriteTx } from '../store/store';
import type { UseCases } from '../use-cases';
import { parseRoles } from './callers';
import { ADMINS, actorOf, EVERYBODY, type PeopleDeps } from './deps';
import { announceDevice, revokeDeviceRow } from './devices';
import { loadPeople } from './views';

/** Throws unless an active administrator with a confirmed device is left besides `personId`. */
async function keepAnAdmin(tx: WriteTx, personId: string): Promise<void> {
  const others = await tx.db
    .selectFrom('people')
    .innerJoin('devices', 'devices.person_id', 'people.id')
    .select('people.roles')
    .where('people.state', '=', 'active')
    .where('devices.state', '=', 'active')
    .where('people.id', '!=', personId)
    .execute();
  if (others.some((row) => parseRoles(row.roles).includes('admin'))) return;
  throw new AppError('conflict', 'This is the last administrator.', {
    safe: 'Nothing was changed.',
    next: 'Make somebody else an administrator first.',
  });
}
async function activePerson(tx: WriteTx, personId: string) {
  const row = await tx.db.selectFrom('people').selectAll().where('id', '=', personId).executeTakeFirst();
  if (!row) throw notFound('This person');
  return row;
}

export function createPeople({
  store,
  presence,
  lifecycle,
}: PeopleDeps): Pick<UseCases, 'people.list' | 'people.change' | 'people.remove'> {
  return {
    'people.list': async () => ({ items: await loadPeople(store.db, presence), nextCursor: null }),

    'people.change': (caller, { params, body }) =>
      store.write(async (tx) => {
        const before = await activePerson(tx, params.id);
        if (before.state === 'removed')
          throw new AppError('wrong-state', 'This person was removed.', { next: 'Invite them again.' });
        const roles = body.roles ? [...new Set(body.roles)].sort() : parseRoles(before.roles);
        const displayName = body.displayName ?? before.display_name;
        if (parseRoles(before.roles).includes('admin') && !roles.includes('admin')) await keepAnAdmin(tx, params.id);
        await tx.db
          .updateTable('people')
          .set({ display_name: displayName, roles: JSON.stringify(roles) })
          .where('id', '=', params.id)
          .execute();
        tx.audit({
          type: 'person.changed',
          actor: actorOf(caller),
          subject: { kind: 'person', id: params.id, name: displayName },
          data: { displayName, roles, before: { displayName: before.display_name, roles: parseRoles(before.roles) } },
          personId: params.id,
        });
        const [person] = await loadPeople(tx.db, presence, params.id);
        if (!person) throw notFound('This person');
        tx.event({ type: 'person.changed', subject: params.id, data: { person }, audience: EVERYBODY });
        await lifecycle.onMembershipChanged(tx);
        return person;
      }),

    'people.remove': (caller, { params }) =>
      store.write(
        async (tx) => {
          const before = await activePerson(tx, params.id);
          if (before.state === 'removed') return {};
          if (parseRoles(before.roles).includes('admin')) await keepAnAdmin(tx, params.id);
          await tx.db.updateTable('people').set({ state: 'removed' }).where('id', '=', params.id).execute();
          await tx.db.deleteFrom('group_members').where('person_id', '=', params.id).execute();
          const devices = await tx.db
            .selectFrom('devices')
            .select('id')
            .where('person_id', '=', params.id)
            .where('state', '!=', 'revoked')
            .execute();
          tx.audit({
            type: 'person.removed',
            actor: actorOf(caller),
            subject: { kind: 'person', id: params.id, name: before.display_name },
            data: { devices: devices.map((device) => device.id) },
            personId: params.id,
          });
          for (const device of devices) await revokeDeviceRow(tx, caller, device.id);
          const [person] = await loadPeople(tx.db, presence, params.id);
          if (!person) throw notFound('This person');
          tx.event({ type: 'person.removed', subject: params.id, data: { person }, audience: EVERYBODY });
          for (const device of devices) await announceDevice(tx, 'device.revoked', device.id, ADMINS);
          await lifecycle.onPersonRemoved(tx, params.id);
          return {};
        },
        { purpose: 'removal' },
      ),
  };
}
