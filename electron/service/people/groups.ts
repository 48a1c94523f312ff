/** Groups: who approves and who may ask, by name. A group that a policy still names may go; what it leaves behind is access/lifecycle's to settle. */
import { AppError, notFound } from '../errors';
import type { UseCases } from '../use-cases';
import { actorOf, EVERYBODY, type PeopleDeps } from './deps';
import { loadGroups, loadPeople } from './views';

/** The policy's word for whoever owns a resource; a group of that name would be somebody else. */
const RESERVED = 'owners';
export const MAX_GROUPS = 500;

export function createGroups({
  store,
  clock,
  presence,
  lifecycle,
}: PeopleDeps): Pick<UseCases, 'groups.list' | 'groups.put' | 'groups.remove'> {
  return {
    'groups.list': async () => ({ items: await loadGroups(store.db), nextCursor: null }),

    'groups.put': (caller, { params, body }) =>
      store.write(async (tx) => {
        const { name } = params;
        if (name === RESERVED)
          throw new AppError('conflict', '"owners" is what a policy calls the owners of a resource.', {
            next: 'Take another name.',
          });
        const members = [...new Set(body.members)].sort();
        const known =
          members.length === 0
            ? []
            : await tx.db
                .selectFrom('people')
                .select('id')
                .where('state', '=', 'active')
                .where('id', 'in', members)
                .execute();
        if (known.length !== members.length) throw notFound('A person of this list');
        const [before] = await loadGroups(tx.db, name);
        if (!before) {
          const { count } = await tx.db
            .selectFrom('groups')
            .select((q) => q.fn.countAll().as('count'))
            .executeTakeFirstOrThrow();
          if (Number(count) >= MAX_GROUPS)
            throw new AppError('conflict', `There are ${MAX_GROUPS} groups already.`, { next: 'Remove one first.' });
          await tx.db.insertInto('groups').values({ name, created_at: clock.now() }).execute();
        }
        await tx.db.deleteFrom('group_members').where('group_name', '=', name).execute();
        if (members.length > 0)
          await tx.db
            .insertInto('group_members')
            .values(members.map((personId) => ({ group_name: name, person_id: personId })))
            .execute();
        const was = before?.members ?? [];
        const changed = [...members.filter((id) => !was.includes(id)), ...was.filter((id) => !members.includes(id))];
        tx.audit({
          type: 'group.changed',
          actor: actorOf(caller),
          subject: { kind: 'group', id: name, name },
          data: { members, before: before ? was : null },
        });
        const group = { name, members };
        tx.event({ type: 'group.changed', subject: name, data: { group }, audience: EVERYBODY });
        for (const personId of changed) {
          const [person] = await loadPeople(tx.db, presence, personId);
          if (person?.state === 'active')
            tx.event({ type: 'person.changed', subject: personId, data: { person }, audience: EVERYBODY });
        }
        await lifecycle.onMembershipChanged(tx);
        return group;
      }),

    'groups.remove': (caller, { params }) =>
      store.write(async (tx) => {
        const [group] = await loadGroups(tx.db, params.name);
        if (!group) throw notFound('This group');
        await tx.db.deleteFrom('group_members').where('group_name', '=', params.name).execute();
        await tx.db.deleteFrom('groups').where('name', '=', params.name).execute();
        tx.audit({
          type: 'group.removed',
          actor: actorOf(caller),
          subject: { kind: 'group', id: params.name, name: params.name },
          data: { members: group.members },
        });
        tx.event({ type: 'group.removed', subject: params.name, data: { group }, audience: EVERYBODY });
        await lifecycle.onMembershipChanged(tx);
        return {};
      }),
  };
}
