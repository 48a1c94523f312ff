/** People, groups and devices as the domain needs them: who is in what, who may approve what. Loaded inside the transaction that decides. */
import type { Kysely } from 'kysely';
import { ROLES, type Role } from '../../../shared/domain/states';
import { ownsResource } from '../policy/check';
import { OWNERS } from '../policy/context';
import type { Database } from '../store/schema';
import { stringList } from './json';
import type { Need, Voter } from './quorum';

export interface PersonFacts {
  readonly id: string;
  readonly displayName: string;
  readonly roles: ReadonlySet<Role>;
  readonly active: boolean;
  /** Locked, and why: keeps what the person is, and bars them from asking and deciding. Null: not locked. */
  readonly suspendedBecause: string | null;
  readonly owner: boolean;
  readonly invitedBy: string | null;
  readonly groups: readonly string[];
  /** Has a confirmed device, so can sign a decision. */
  readonly reachable: boolean;
}
export interface Directory {
  readonly people: ReadonlyMap<string, PersonFacts>;
  readonly groups: ReadonlyMap<string, readonly string[]>;
}

export async function loadDirectory(db: Kysely<Database>): Promise<Directory> {
  const people = await db.selectFrom('people').selectAll().orderBy('id').execute();
  const members = await db.selectFrom('group_members').selectAll().orderBy('group_name').execute();
  const groupRows = await db.selectFrom('groups').select('name').execute();
  const devices = await db.selectFrom('devices').select('person_id').where('state', '=', 'active').execute();
  const groups = new Map<string, string[]>(groupRows.map((row) => [row.name, []]));
  const groupsOf = new Map<string, string[]>();
  for (const { group_name, person_id } of members) {
    groups.get(group_name)?.push(person_id);
    if (groups.has(group_name)) groupsOf.set(person_id, [...(groupsOf.get(person_id) ?? []), group_name]);
  }
  const withDevice = new Set(devices.map((row) => row.person_id));
  return {
    groups,
    people: new Map(
      people.map((row) => [
        row.id,
        {
          id: row.id,
          displayName: row.display_name,
          // Who is locked is nobody's administrator or auditor meanwhile.
          roles: new Set(
            stringList(row.suspended_at === null ? row.roles : '[]').filter((role): role is Role =>
              (ROLES as readonly string[]).includes(role),
            ),
          ),
          active: row.state === 'active',
          suspendedBecause: row.suspended_at === null ? null : (row.suspended_because ?? ''),
          owner: row.owner === 1,
          invitedBy: row.invited_by,
          groups: groupsOf.get(row.id) ?? [],
          reachable: withDevice.has(row.id),
        },
      ]),
    ),
  };
}

export const isAdmin = (person: PersonFacts | undefined): boolean =>
  person?.active === true && person.roles.has('admin');
/** Reads everything: auditors and administrators. */
export const readsAll = (person: PersonFacts | undefined): boolean =>
  person?.active === true && (person.roles.has('auditor') || person.roles.has('admin'));
export const owns = (person: PersonFacts, owners: readonly string[]): boolean =>
  ownsResource({ groups: person.groups, admin: person.roles.has('admin') }, owners);
const standsFor = (person: PersonFacts, from: string, owners: readonly string[]): boolean =>
  from === OWNERS ? owns(person, owners) : person.groups.includes(from);

/** Why somebody who is in the right group still doesn't count. */
export type Bar = 'self' | 'invited' | 'removed' | 'suspended' | 'no_device';
export function barOf(person: PersonFacts, requesterId: string): Bar | null {
  if (person.id === requesterId) return 'self';
  if (!person.active) return 'removed';
  if (person.suspendedBecause !== null) return 'suspended';
  if (person.invitedBy === requesterId) return 'invited';
  return person.reachable ? null : 'no_device';
}

/** What a person can approve of these needs; no slots when they may not. */
export function voterOf(
  person: PersonFacts | undefined,
  needs: readonly Need[],
  requesterId: string,
  owners: readonly string[],
): Voter {
  if (person === undefined || barOf(person, requesterId) !== null) return { personId: person?.id ?? '', slots: [] };
  return {
    personId: person.id,
    slots: needs.map((need) => need.from).filter((from) => standsFor(person, from, owners)),
  };
}
/** Everybody who may approve, by id. */
export function eligibleVoters(
  directory: Directory,
  needs: readonly Need[],
  requesterId: string,
  owners: readonly string[],
): Voter[] {
  return [...directory.people.values()]
    .map((person) => voterOf(person, needs, requesterId, owners))
    .filter((voter) => voter.slots.length > 0);
}
export const membersFor = (directory: Directory, from: string, owners: readonly string[]): PersonFacts[] =>
  [...directory.people.values()].filter((person) => person.active && standsFor(person, from, owners));

/** "Needs 1 more approval from "dba". Ann can't: it is their own request. An administrator can add …" */
export function wordMissing(
  directory: Directory,
  missing: readonly Need[],
  requesterId: string,
  owners: readonly string[],
): string {
  const why: Record<Bar, string> = {
    self: 'is the requester',
    invited: 'was invited by the requester',
    removed: 'has left',
    suspended: 'is locked',
    no_device: 'has no confirmed device',
  };
  return missing
    .map(({ from, count }) => {
      const group =
        from === OWNERS
          ? `the owners${owners.length > 0 ? ` (${owners.join(', ')})` : ' (the administrators)'}`
          : `"${from}"`;
      const barred = membersFor(directory, from, owners)
        .map((person) => ({ person, bar: barOf(person, requesterId) }))
        .filter((entry) => entry.bar !== null)
        .slice(0, 5)
        .map(({ person, bar }) => `${person.displayName} ${why[bar as Bar]}`);
      const because = barred.length > 0 ? ` ${barred.join(', ')}.` : ' Nobody is in it.';
      const place =
        from === OWNERS && owners.length === 0
          ? 'make another person administrator, or name owners of the resource'
          : `add a person to ${from === OWNERS ? (owners[0] ?? from) : from}`;
      return `${count} more approval${count === 1 ? '' : 's'} needed from ${group}, and nobody is left who can give ${count === 1 ? 'it' : 'them'}.${because} An administrator has to ${place}, or invite somebody.`;
    })
    .join(' ');
}
