/** People and their roles. Removing somebody takes their devices, grants and open requests along, in one transaction. */
import type { Person } from '../../../shared/contract/people';
import type { Caller } from '../access/caller';
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
    .where('people.suspended_at', 'is', null)
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
  clock,
  presence,
  lifecycle,
}: PeopleDeps): Pick<UseCases, `people.${'list' | 'change' | 'remove' | 'suspend' | 'resume'}`> {
  async function onePerson(tx: WriteTx, id: string): Promise<Person> {
    const [person] = await loadPeople(tx.db, presence, id);
    if (!person) throw notFound('This person');
    return person;
  }
  /** The log's entry, and the event that everybody sees. */
  async function say(
    tx: WriteTx,
    type: 'person.suspended' | 'person.resumed',
    caller: Caller,
    id: string,
    data: Record<string, unknown>,
  ): Promise<Person> {
    const person = await onePerson(tx, id);
    const subject = { kind: 'person', id, name: person.displayName };
    tx.audit({ type, actor: actorOf(caller), subject, data, personId: id });
    tx.event({ type: 'person.changed', subject: id, data: { person }, audience: EVERYBODY });
    return person;
  }
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

    'people.suspend': (caller, { params, body }) =>
      store.write(
        async (tx) => {
          const before = await activePerson(tx, params.id);
          if (before.state === 'removed') throw new AppError('wrong-state', 'This person was removed.');
          if (params.id === caller.personId)
            throw new AppError('conflict', 'Nobody locks themselves out.', { next: 'Ask another administrator.' });
          if (parseRoles(before.roles).includes('admin')) await keepAnAdmin(tx, params.id);
          if (before.suspended_at === null) {
            const lock = {
              suspended_at: clock.now(),
              suspended_by: caller.displayName,
              suspended_because: body.reason,
            };
            await tx.db.updateTable('people').set(lock).where('id', '=', params.id).execute();
            const person = await say(tx, 'person.suspended', caller, params.id, { because: body.reason });
            await lifecycle.onPersonSuspended(
              tx,
              params.id,
              `${before.display_name} was locked: ${body.reason}`,
              actorOf(caller),
            );
            return person;
          }
          return onePerson(tx, params.id);
        },
        { purpose: 'removal' },
      ),
    'people.resume': (caller, { params }) =>
      store.write(async (tx) => {
        const before = await activePerson(tx, params.id);
        if (before.suspended_at === null) return onePerson(tx, params.id);
        const open = { suspended_at: null, suspended_by: null, suspended_because: null };
        await tx.db.updateTable('people').set(open).where('id', '=', params.id).execute();
        const said = { because: before.suspended_because, since: before.suspended_at };
        const person = await say(tx, 'person.resumed', caller, params.id, said);
        await lifecycle.onMembershipChanged(tx); // what waited for an approver has one again
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
