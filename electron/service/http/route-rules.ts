/** Rules about routes that the table does not say. Written as `Record` and sets over its names, so that a new route is thought about. */
import type { ApiName, Route } from '../../../shared/contract/api';
import { API } from '../../../shared/contract/api';
import { assertNever } from '../../../shared/domain/assert-never';
import type { Caller } from '../access/caller';
import type { ReplyKind } from './idempotency';

/** Whether a signed-in caller may use routes of this access. Administrators may read what auditors read. */
export function hasRole(caller: Pick<Caller, 'roles'>, access: Route['access']): boolean {
  switch (access) {
    case 'open':
    case 'member':
      return true;
    case 'auditor':
      return caller.roles.has('auditor') || caller.roles.has('admin');
    case 'admin':
      return caller.roles.has('admin');
    default:
      return assertNever(access);
  }
}

/** What still works in revoke-only mode besides reading: signing in, and everything that takes access away. */
const TAKES_AWAY: ReadonlySet<ApiName> = new Set<ApiName>([
  ...([
    'session.challenge',
    'session.token',
    'people.remove',
    'people.suspend',
    'devices.revoke',
    'invites.withdraw',
  ] as const),
  ...(['requests.withdraw', 'requests.preview', 'grants.return', 'grants.revoke', 'grants.attest'] as const),
  ...(['resources.suspend', 'hooks.ticketClosed', 'hooks.remove'] as const),
  ...(['grants.report', 'resources.archive', 'resources.test', 'resources.plan', 'policy.check'] as const),
]);
export const givesAccess = (name: ApiName): boolean => API[name].method !== 'GET' && !TAKES_AWAY.has(name);

/** Replies that hold a secret: never kept for a replay. */
const SECRET_REPLIES: ReadonlySet<ApiName> = new Set<ApiName>([
  'invites.create',
  'session.token',
  'session.challenge',
  'hooks.renew',
]);
export const replyKindOf = (name: ApiName): ReplyKind => (SECRET_REPLIES.has(name) ? 'secret' : 'storable');
