/** People, roles and devices in words. Pure. */
import type { Device, Group, Invite, Person } from '../../../shared/contract/people';
import { wordDuration } from '../../../shared/domain/duration';
import { DAY_MS } from '../../../shared/domain/instant';
import { ROLES, type Role } from '../../../shared/domain/states';
import { wordCount, wordPeople, wordTime } from '../../app/words';

export const ROLE_NAMES: Record<Role, string> = { member: 'Member', admin: 'Administrator', auditor: 'Auditor' };
export const ROLE_ABOUT: Record<Role, string> = {
  member: 'asks for access; approves where the policy names them',
  admin: 'people, resources and policy; can end any access',
  auditor: 'reads and exports the whole log',
};
/** "Administrator, Auditor"; a plain member is not worth a word. */
export const wordRoles = (roles: readonly Role[]): string =>
  ROLES.filter((role) => roles.includes(role) && (role !== 'member' || roles.length === 1))
    .map((role) => ROLE_NAMES[role])
    .join(', ');

/** How somebody came in. */
export const wordOrigin = (person: Person): string =>
  person.owner
    ? 'Made this service'
    : person.invitedBy === null
      ? 'Was here from the start'
      : `Invited by ${person.invitedBy.displayName}`;

/** The order of the list: who is here first, then by name; removed people last. */
export const inOrder = (people: readonly Person[]): Person[] =>
  [...people].sort(
    (a, b) =>
      Number(a.state === 'removed') - Number(b.state === 'removed') || a.displayName.localeCompare(b.displayName, 'en'),
  );
/** Under a name in the list: what sets this person apart. */
export const wordPerson = (person: Person): string =>
  [...(person.roles.some((role) => role !== 'member') ? [wordRoles(person.roles)] : []), ...person.groups].join(', ') ||
  ROLE_NAMES.member;
/** Name, role or group contains every word. */
export function matchesPerson(person: Person, text: string): boolean {
  const hay = [person.displayName, wordRoles(person.roles), ...person.groups].join(' ').toLowerCase();
  return text
    .toLowerCase()
    .split(/\s+/)
    .every((word) => hay.includes(word));
}
/** What ends with a person, before it is done. */
export function removalSentences(person: Person, devices: readonly Device[], liveGrantCount: number): string[] {
  const own = devices.filter((one) => one.personId === person.id && one.state !== 'revoked');
  return [
    liveGrantCount > 0
      ? `${wordCount(liveGrantCount, 'running grant')} ${liveGrantCount === 1 ? 'ends' : 'end'} now, on this person’s machines and on the targets.`
      : 'Access this person holds ends now, on their machines and on the targets.',
    own.length > 0
      ? `${wordPeople(
          own.map((one) => one.name),
          'and',
        )} can’t sign in any more.`
      : 'None of their devices can sign in any more.',
    'Open requests are withdrawn; what waited for their approval goes to others, or is marked as blocked.',
    'What they did stays in the log.',
  ];
}
/** "2 days left", "expired". */
export const wordExpiry = (invite: Invite, now: number): string =>
  invite.state !== 'open'
    ? invite.state
    : invite.expiresAt <= now
      ? 'expired'
      : `${wordDuration(invite.expiresAt - now)} left`;
/** Members by name; ids that are nobody any more are left out. */
export const namesOf = (group: Group, people: readonly Person[]): string[] =>
  people.filter((one) => group.members.includes(one.id)).map((one) => one.displayName);
/** The list with somebody added or taken out. */
export const withMember = (group: Group, personId: string, change: 'add' | 'remove'): string[] =>
  change === 'add' ? [...new Set([...group.members, personId])] : group.members.filter((member) => member !== personId);
const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'] as const;
const midnight = (at: number) => new Date(at).setHours(0, 0, 0, 0);
/** A point to come: "today 18:42", "tomorrow 06:42", "Thursday 06:42". */
export function wordUntil(at: number, now: number): string {
  const days = Math.round((midnight(at) - midnight(now)) / DAY_MS);
  const day = days <= 0 ? 'today' : days === 1 ? 'tomorrow' : (DAYS[new Date(at).getDay()] ?? '');
  return `${day} ${wordTime(at)}`;
}
