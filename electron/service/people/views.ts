/** How people, devices, groups and invites look to others. Loaded from the transaction or the reader alike. */
import type { Kysely, Selectable } from 'kysely';
import { z } from 'zod';
import type { Device, Group, Invite, Person } from '../../../shared/contract/people';
import { fingerprintOf } from '../../../shared/crypto/keys';
import type { Instant } from '../../../shared/domain/instant';
import { suspensionOf } from '../access/views';
import type { Database, DeviceTable, InviteTable, PersonTable } from '../store/schema';
import type { Presence } from '../use-cases';
import { parseRoles } from './callers';

type Reader = Kysely<Database>;
const Names = z.array(z.string());
export const parseNames = (json: string): string[] => Names.parse(JSON.parse(json));

/** People with their groups and who invited them, oldest first; only `personId` when given. */
export async function loadPeople(db: Reader, presence: Presence, personId?: string): Promise<Person[]> {
  const rows = await db
    .selectFrom('people')
    .leftJoin('people as inviter', 'inviter.id', 'people.invited_by')
    .selectAll('people')
    .select('inviter.display_name as inviter_name')
    .$if(personId !== undefined, (query) => query.where('people.id', '=', personId ?? ''))
    .orderBy('people.id')
    .execute();
  const members = await db
    .selectFrom('group_members')
    .selectAll()
    .$if(personId !== undefined, (query) => query.where('person_id', '=', personId ?? ''))
    .orderBy('group_name')
    .execute();
  const groupsOf = groupNames(members);
  return rows.map((row) => personView(row, groupsOf.get(row.id) ?? [], presence));
}
function groupNames(members: readonly { group_name: string; person_id: string }[]): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const { group_name, person_id } of members) {
    const list = groups.get(person_id);
    if (list) list.push(group_name);
    else groups.set(person_id, [group_name]);
  }
  return groups;
}
function personView(
  row: Selectable<PersonTable> & { inviter_name: string | null },
  groups: string[],
  presence: Presence,
): Person {
  return {
    id: row.id,
    displayName: row.display_name,
    roles: parseRoles(row.roles),
    owner: Number(row.owner) === 1,
    groups,
    state: row.state,
    joinedAt: Number(row.joined_at),
    invitedBy:
      row.invited_by === null
        ? null
        : { personId: row.invited_by, displayName: row.inviter_name ?? 'somebody who left' },
    online: row.state === 'active' && presence.isOnline(row.id),
    suspended: suspensionOf(row),
  };
}

const deviceQuery = (db: Reader) =>
  db
    .selectFrom('devices')
    .innerJoin('people', 'people.id', 'devices.person_id')
    .leftJoin('people as confirmer', 'confirmer.id', 'devices.confirmed_by')
    .selectAll('devices')
    .select(['people.display_name as person_name', 'confirmer.display_name as confirmer_name']);
type DeviceRow = Selectable<DeviceTable> & { person_name: string; confirmer_name: string | null };
function deviceView(row: DeviceRow): Device {
  return {
    id: row.id,
    personId: row.person_id,
    personName: row.person_name,
    name: row.name,
    state: row.state,
    signingKey: row.signing_key,
    sealingKey: row.sealing_key,
    fingerprint: fingerprintOf({ signingKey: row.signing_key, sealingKey: row.sealing_key }),
    createdAt: Number(row.created_at),
    confirmedBy: row.confirmer_name ?? row.confirmed_by,
    lastSeenAt: row.last_seen_at === null ? null : Number(row.last_seen_at),
  };
}
export async function loadDevices(db: Reader, ofPersonId?: string): Promise<Device[]> {
  const query = deviceQuery(db).orderBy('devices.id');
  const rows = await (ofPersonId === undefined ? query : query.where('devices.person_id', '=', ofPersonId)).execute();
  return rows.map(deviceView);
}
export async function loadDevice(db: Reader, deviceId: string): Promise<Device | undefined> {
  const row = await deviceQuery(db).where('devices.id', '=', deviceId).executeTakeFirst();
  return row && deviceView(row);
}

export async function loadGroups(db: Reader, name?: string): Promise<Group[]> {
  const groups = await db
    .selectFrom('groups')
    .select('name')
    .$if(name !== undefined, (query) => query.where('name', '=', name ?? ''))
    .orderBy('name')
    .execute();
  const members = await db.selectFrom('group_members').selectAll().orderBy('person_id').execute();
  return groups.map((group) => ({
    name: group.name,
    members: members.filter((member) => member.group_name === group.name).map((member) => member.person_id),
  }));
}

export function inviteView(row: Selectable<InviteTable>, now: Instant): Invite {
  const expired = row.state === 'open' && Number(row.expires_at) <= now;
  return {
    id: row.id,
    displayName: row.display_name,
    roles: parseRoles(row.roles),
    groups: parseNames(row.groups),
    createdAt: Number(row.created_at),
    expiresAt: Number(row.expires_at),
    state: expired ? 'expired' : row.state,
  };
}
