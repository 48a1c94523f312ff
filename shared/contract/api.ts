/**
 * Every HTTP route, once: server registration, typed client and OpenAPI are made from this table.
 * `access` says who may call it; `renderer: false` means the main process refuses to proxy it for a page.
 */
import { z } from 'zod';
import { MAX_REASON_CHARS } from '../domain/limits';
import { AuditPage, AuditQuery, Checkpoint, ConsistencyProof, InclusionProof } from './audit';
import { SealedCredential } from './credential';
import {
  At,
  DeviceId,
  DisplayName,
  GrantId,
  InviteId,
  line,
  PersonId,
  Reason,
  RequestId,
  ResourceId,
  Role,
  Slug,
} from './fields';
import { Extension, GrantView, InjectionReport, Return } from './grants';
import { HookSecret, HookState, TicketClosed } from './hooks';
import {
  AccessToken,
  Challenge,
  ChallengeRequest,
  Device,
  Group,
  Invite,
  IssuedInvite,
  Join,
  Joined,
  Me,
  NewInvite,
  Person,
  TokenRequest,
} from './people';
import { PolicyCheck, PolicyVersion, PolicyYaml, Preview } from './policy';
import { CardFacts, NewRequest, RequestView, SignedDecision } from './requests';
import {
  CatalogEntry,
  ConnectionReport,
  LevelPlan,
  NewResource,
  Orphan,
  PlanApplied,
  Resource,
  ResourceChange,
  TargetAddress,
} from './resources';
import { SshPublicKey } from './ssh';

const list = <T extends z.ZodType>(item: T) => z.object({ items: z.array(item), nextCursor: z.string().nullable() });
const cursor = { cursor: z.string().max(200).optional(), limit: z.coerce.number().int().min(1).max(200).default(100) };
const nothing = z.object({});

export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  /** open: before sign-in. member: anybody signed in (and only their own things). auditor: auditor or admin. */
  readonly access: 'open' | 'member' | 'auditor' | 'admin';
  readonly renderer: boolean;
  readonly summary: string;
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType;
  readonly reply: z.ZodType;
}
const route = <const R extends Route>(r: R): R => r;
const byId = <S extends z.ZodType>(schema: S) => z.object({ id: schema });

export const API = {
  'me.get': route({
    method: 'GET',
    path: '/v1/me',
    access: 'member',
    renderer: true,
    summary: 'Who I am here, and the state of the service',
    reply: Me,
  }),
  'session.challenge': route({
    method: 'POST',
    path: '/v1/session/challenge',
    access: 'open',
    renderer: false,
    summary: 'A challenge for a device to sign',
    body: ChallengeRequest,
    reply: Challenge,
  }),
  'session.token': route({
    method: 'POST',
    path: '/v1/session/token',
    access: 'open',
    renderer: false,
    summary: 'An access token bound to the device key (DPoP)',
    body: TokenRequest,
    reply: AccessToken,
  }),
  join: route({
    method: 'POST',
    path: '/v1/join',
    access: 'open',
    renderer: false,
    summary: 'Join with an invite; an admin then confirms the device',
    body: Join,
    reply: Joined,
  }),

  'people.list': route({
    method: 'GET',
    path: '/v1/people',
    access: 'member',
    renderer: true,
    summary: 'People',
    reply: list(Person),
  }),
  'people.change': route({
    method: 'PATCH',
    path: '/v1/people/:id',
    access: 'admin',
    renderer: true,
    summary: 'Change name or roles',
    params: byId(PersonId),
    body: z.strictObject({ displayName: DisplayName.optional(), roles: z.array(Role).min(1).optional() }),
    reply: Person,
  }),
  'people.remove': route({
    method: 'DELETE',
    path: '/v1/people/:id',
    access: 'admin',
    renderer: true,
    summary: 'Remove a person: devices revoked, grants ended, open requests withdrawn or re-routed',
    params: byId(PersonId),
    reply: nothing,
  }),
  'people.suspend': route({
    method: 'POST',
    path: '/v1/people/:id/suspend',
    access: 'admin',
    renderer: true,
    summary: 'Lock a person: their grants end now, they ask for and decide nothing until unlocked',
    params: byId(PersonId),
    body: z.strictObject({ reason: line(MAX_REASON_CHARS, 1) }),
    reply: Person,
  }),
  'people.resume': route({
    method: 'POST',
    path: '/v1/people/:id/resume',
    access: 'admin',
    renderer: true,
    summary: 'Unlock a person; what ended stays ended',
    params: byId(PersonId),
    reply: Person,
  }),
  'devices.list': route({
    method: 'GET',
    path: '/v1/devices',
    access: 'member',
    renderer: true,
    summary: 'My devices; all for admins',
    reply: list(Device),
  }),
  'devices.confirm': route({
    method: 'POST',
    path: '/v1/devices/:id/confirm',
    access: 'admin',
    renderer: true,
    summary: 'Confirm a new device after comparing its fingerprint',
    params: byId(DeviceId),
    body: z.strictObject({ fingerprint: z.string().max(64) }),
    reply: Device,
  }),
  'devices.revoke': route({
    method: 'POST',
    path: '/v1/devices/:id/revoke',
    access: 'member',
    renderer: true,
    summary: 'Revoke a device (own, or any as admin)',
    params: byId(DeviceId),
    reply: Device,
  }),
  'groups.list': route({
    method: 'GET',
    path: '/v1/groups',
    access: 'member',
    renderer: true,
    summary: 'Groups',
    reply: list(Group),
  }),
  'groups.put': route({
    method: 'PUT',
    path: '/v1/groups/:name',
    access: 'admin',
    renderer: true,
    summary: 'Make or change a group',
    params: z.object({ name: Slug }),
    body: z.strictObject({ members: z.array(PersonId).max(1000) }),
    reply: Group,
  }),
  'groups.remove': route({
    method: 'DELETE',
    path: '/v1/groups/:name',
    access: 'admin',
    renderer: true,
    summary: 'Remove a group',
    params: z.object({ name: Slug }),
    reply: nothing,
  }),
  'invites.create': route({
    method: 'POST',
    path: '/v1/invites',
    access: 'admin',
    renderer: true,
    summary: 'Invite somebody; the code is shown once',
    body: NewInvite,
    reply: IssuedInvite,
  }),
  'invites.list': route({
    method: 'GET',
    path: '/v1/invites',
    access: 'admin',
    renderer: true,
    summary: 'Invites',
    reply: list(Invite),
  }),
  'invites.withdraw': route({
    method: 'DELETE',
    path: '/v1/invites/:id',
    access: 'admin',
    renderer: true,
    summary: 'Withdraw an invite',
    params: byId(InviteId),
    reply: nothing,
  }),

  'catalog.list': route({
    method: 'GET',
    path: '/v1/catalog',
    access: 'member',
    renderer: true,
    summary: 'What I may ask for, and what the policy says',
    reply: list(CatalogEntry),
  }),
  'resources.list': route({
    method: 'GET',
    path: '/v1/resources',
    access: 'member',
    renderer: true,
    summary: 'Resources (settings for admins only)',
    reply: list(Resource),
  }),
  'resources.create': route({
    method: 'POST',
    path: '/v1/resources',
    access: 'admin',
    renderer: true,
    summary: 'Add a resource',
    body: NewResource,
    reply: Resource,
  }),
  'resources.change': route({
    method: 'PATCH',
    path: '/v1/resources/:id',
    access: 'admin',
    renderer: true,
    summary: 'Change a resource',
    params: byId(ResourceId),
    body: ResourceChange,
    reply: Resource,
  }),
  'resources.archive': route({
    method: 'DELETE',
    path: '/v1/resources/:id',
    access: 'admin',
    renderer: true,
    summary: 'Archive a resource: no new requests; live grants end',
    params: byId(ResourceId),
    reply: nothing,
  }),
  'resources.suspend': route({
    method: 'POST',
    path: '/v1/resources/:id/suspend',
    access: 'admin',
    renderer: true,
    summary: 'Lock a resource: all access to it ends now, nothing is given until it is unlocked',
    params: byId(ResourceId),
    body: z.strictObject({ reason: line(MAX_REASON_CHARS, 1) }),
    reply: Resource,
  }),
  'resources.resume': route({
    method: 'POST',
    path: '/v1/resources/:id/resume',
    access: 'admin',
    renderer: true,
    summary: 'Unlock a resource; what ended stays ended',
    params: byId(ResourceId),
    reply: Resource,
  }),
  'resources.orphans': route({
    method: 'GET',
    path: '/v1/resources/:id/orphans',
    access: 'auditor',
    renderer: true,
    summary: 'Logins of ours on the target that no live grant owns, while they are being taken away',
    params: byId(ResourceId),
    reply: list(Orphan),
  }),
  'resources.test': route({
    method: 'POST',
    path: '/v1/targets/test',
    access: 'admin',
    renderer: true,
    summary: 'Test a connection and the manager’s rights',
    body: TargetAddress,
    reply: ConnectionReport,
  }),
  'resources.plan': route({
    method: 'POST',
    path: '/v1/targets/plan',
    access: 'admin',
    renderer: true,
    summary: 'The statements that make the levels',
    body: TargetAddress,
    reply: LevelPlan,
  }),
  'resources.apply': route({
    method: 'POST',
    path: '/v1/targets/apply',
    access: 'admin',
    renderer: true,
    summary: 'Run a plan that was shown (its digest must still fit)',
    body: z.strictObject({ target: TargetAddress, digest: z.string() }),
    reply: PlanApplied,
  }),

  'requests.preview': route({
    method: 'POST',
    path: '/v1/requests/preview',
    access: 'member',
    renderer: true,
    summary: 'What the policy would say',
    body: NewRequest,
    reply: Preview,
  }),
  'requests.submit': route({
    method: 'POST',
    path: '/v1/requests',
    access: 'member',
    renderer: true,
    summary: 'Ask for access',
    body: NewRequest,
    reply: RequestView,
  }),
  'requests.list': route({
    method: 'GET',
    path: '/v1/requests',
    access: 'member',
    renderer: true,
    summary: 'Requests: mine, waiting for me, handled by me, or all (auditor)',
    query: z.object({ scope: z.enum(['mine', 'inbox', 'handled', 'all']).default('mine'), ...cursor }),
    reply: list(RequestView),
  }),
  'requests.get': route({
    method: 'GET',
    path: '/v1/requests/:id',
    access: 'member',
    renderer: true,
    summary: 'One request',
    params: byId(RequestId),
    reply: RequestView,
  }),
  'requests.card': route({
    method: 'GET',
    path: '/v1/requests/:id/card',
    access: 'member',
    renderer: false,
    summary: 'The facts to decide on, with a one-use nonce',
    params: byId(RequestId),
    reply: CardFacts,
  }),
  'requests.seen': route({
    method: 'POST',
    path: '/v1/requests/:id/seen',
    access: 'member',
    renderer: false,
    summary: 'The approver’s card was opened',
    params: byId(RequestId),
    reply: nothing,
  }),
  'requests.decide': route({
    method: 'POST',
    path: '/v1/requests/:id/decisions',
    access: 'member',
    renderer: false,
    summary: 'A decision signed on the approver’s device',
    params: byId(RequestId),
    body: SignedDecision,
    reply: RequestView,
  }),
  'requests.withdraw': route({
    method: 'POST',
    path: '/v1/requests/:id/withdraw',
    access: 'member',
    renderer: true,
    summary: 'Take a request back',
    params: byId(RequestId),
    reply: RequestView,
  }),
  'requests.nudge': route({
    method: 'POST',
    path: '/v1/requests/:id/nudge',
    access: 'member',
    renderer: true,
    summary: 'Remind the approvers (once in five minutes)',
    params: byId(RequestId),
    reply: nothing,
  }),

  'grants.list': route({
    method: 'GET',
    path: '/v1/grants',
    access: 'member',
    renderer: true,
    summary: 'Grants: mine, live ones I may revoke, or all (auditor)',
    query: z.object({ scope: z.enum(['mine', 'live', 'all']).default('mine'), ...cursor }),
    reply: list(GrantView),
  }),
  'grants.get': route({
    method: 'GET',
    path: '/v1/grants/:id',
    access: 'member',
    renderer: true,
    summary: 'One grant',
    params: byId(GrantId),
    reply: GrantView,
  }),
  'grants.start': route({
    method: 'POST',
    path: '/v1/grants/:id/start',
    access: 'member',
    renderer: true,
    summary: 'Claim an approved grant',
    params: byId(GrantId),
    reply: GrantView,
  }),
  'grants.credential': route({
    method: 'GET',
    path: '/v1/grants/:id/credential',
    access: 'member',
    renderer: false,
    summary: 'The credential, sealed to the device',
    params: byId(GrantId),
    reply: SealedCredential,
  }),
  'grants.deviceKey': route({
    method: 'POST',
    path: '/v1/grants/:id/device-key',
    access: 'member',
    renderer: false,
    summary: 'The public half of the key that the requester’s device made for this grant',
    params: byId(GrantId),
    body: z.strictObject({ publicKey: SshPublicKey }),
    reply: GrantView,
  }),
  'grants.report': route({
    method: 'POST',
    path: '/v1/grants/:id/injection',
    access: 'member',
    renderer: false,
    summary: 'The device’s word on its files',
    params: byId(GrantId),
    body: InjectionReport,
    reply: GrantView,
  }),
  'grants.extend': route({
    method: 'POST',
    path: '/v1/grants/:id/extend',
    access: 'member',
    renderer: true,
    summary: 'Ask for more time: a request that names the grant',
    params: byId(GrantId),
    body: Extension,
    reply: RequestView,
  }),
  'grants.return': route({
    method: 'POST',
    path: '/v1/grants/:id/return',
    access: 'member',
    renderer: true,
    summary: 'I’m done (or the desktop is: a signal ended it)',
    params: byId(GrantId),
    body: Return,
    reply: GrantView,
  }),
  'grants.revoke': route({
    method: 'POST',
    path: '/v1/grants/:id/revoke',
    access: 'member',
    renderer: true,
    summary: 'End somebody’s access (approver of it, owner, admin)',
    params: byId(GrantId),
    body: z.strictObject({ reason: Reason }),
    reply: GrantView,
  }),
  'grants.attest': route({
    method: 'POST',
    path: '/v1/grants/:id/attest',
    access: 'admin',
    renderer: true,
    summary: 'Close a grant whose target is gone for good: ended, unverified',
    params: byId(GrantId),
    body: z.strictObject({ reason: z.string().min(10).max(500) }),
    reply: GrantView,
  }),

  'policy.get': route({
    method: 'GET',
    path: '/v1/policy',
    access: 'member',
    renderer: true,
    summary: 'The policy in force',
    reply: PolicyVersion,
  }),
  'policy.versions': route({
    method: 'GET',
    path: '/v1/policy/versions',
    access: 'auditor',
    renderer: true,
    summary: 'Its history, newest first',
    reply: list(PolicyVersion),
  }),
  'policy.check': route({
    method: 'POST',
    path: '/v1/policy/check',
    access: 'member',
    renderer: true,
    summary: 'Validate a draft and show what would change',
    body: z.strictObject({ yaml: PolicyYaml }),
    reply: PolicyCheck,
  }),
  'policy.put': route({
    method: 'PUT',
    path: '/v1/policy',
    access: 'admin',
    renderer: true,
    summary: 'Publish a version',
    body: z.strictObject({ yaml: PolicyYaml, baseVersion: z.int(), note: z.string().max(300).default('') }),
    reply: PolicyVersion,
  }),

  'hooks.ticketClosed': route({
    method: 'POST',
    path: '/v1/hooks/ticket-closed',
    access: 'open',
    renderer: false,
    summary: 'A ticket system says that a ticket was closed (signed; see docs/hosting.md)',
    body: TicketClosed,
    reply: z.object({ ended: z.int(), refused: z.int() }),
  }),
  'hooks.get': route({
    method: 'GET',
    path: '/v1/hooks/ticket-closed/secret',
    access: 'admin',
    renderer: true,
    summary: 'Whether a ticket system may speak to this service, and since when',
    reply: HookState,
  }),
  'hooks.renew': route({
    method: 'POST',
    path: '/v1/hooks/ticket-closed/secret',
    access: 'admin',
    renderer: true,
    summary: 'A new secret for the ticket system, shown once; the old one stops working',
    reply: HookSecret,
  }),
  'hooks.remove': route({
    method: 'DELETE',
    path: '/v1/hooks/ticket-closed/secret',
    access: 'admin',
    renderer: true,
    summary: 'The ticket system may not speak to this service any more',
    reply: nothing,
  }),

  'audit.checkpoint': route({
    method: 'GET',
    path: '/v1/audit/checkpoint',
    access: 'member',
    renderer: true,
    summary: 'The newest signed checkpoint',
    reply: Checkpoint,
  }),
  'audit.entries': route({
    method: 'GET',
    path: '/v1/audit/entries',
    access: 'member',
    renderer: true,
    summary: 'Entries, newest first: what concerns me; everything for auditors',
    query: AuditQuery,
    reply: AuditPage,
  }),
  'audit.inclusion': route({
    method: 'GET',
    path: '/v1/audit/proofs/inclusion',
    access: 'member',
    renderer: true,
    summary: 'Proof that an entry is in the log',
    query: z.object({ index: z.coerce.number().int().min(0), size: z.coerce.number().int().min(1).optional() }),
    reply: InclusionProof,
  }),
  'audit.consistency': route({
    method: 'GET',
    path: '/v1/audit/proofs/consistency',
    access: 'member',
    renderer: true,
    summary: 'Proof that the log only grew',
    query: z.object({ from: z.coerce.number().int().min(0), to: z.coerce.number().int().min(0).optional() }),
    reply: ConsistencyProof,
  }),
  'audit.export': route({
    method: 'GET',
    path: '/v1/audit/export',
    access: 'auditor',
    renderer: false,
    summary: 'JSON lines with proofs',
    query: z.object({ from: z.coerce.number().int().min(0).default(0), to: z.coerce.number().int().min(0).optional() }),
    reply: z.string(),
  }),
  'audit.evidence': route({
    method: 'GET',
    path: '/v1/audit/evidence/:id',
    access: 'member',
    renderer: false,
    summary: 'Everything about one grant, verifiable offline',
    params: byId(GrantId),
    reply: z.string(),
  }),
} as const satisfies Record<string, Route>;

export type ApiName = keyof typeof API;
type In<S> = S extends z.ZodType ? z.input<S> : undefined;
export type ApiParams<N extends ApiName> = (typeof API)[N] extends { params: infer S } ? In<S> : undefined;
export type ApiQuery<N extends ApiName> = (typeof API)[N] extends { query: infer S } ? In<S> : undefined;
export type ApiBody<N extends ApiName> = (typeof API)[N] extends { body: infer S } ? In<S> : undefined;
export type ApiReply<N extends ApiName> = z.output<(typeof API)[N]['reply']>;
/** `GET /v1/events` (SSE) and `GET /healthz`, `GET /openapi.json` stand beside this table. */
export const EVENTS_PATH = '/v1/events';
/** `Bearer <launch token>` on the local socket; `DPoP <access token>` on TCP. */
export const Health = z.object({
  ok: z.boolean(),
  mode: z.enum(['normal', 'revoke_only']),
  version: z.string(),
  at: At,
});

/** Fills a route's path and query. Throws when a parameter is missing. */
export function urlOf(r: Route, params?: Record<string, unknown>, query?: Record<string, unknown>): string {
  const path = r.path.replace(/:(\w+)/g, (_, key: string) => {
    const value = params?.[key];
    if (typeof value !== 'string' || value === '') throw new TypeError(`"${key}" is missing for ${r.path}`);
    return encodeURIComponent(value);
  });
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query ?? {}))
    if (value !== undefined && value !== null) search.set(key, String(value));
  return search.size > 0 ? `${path}?${search}` : path;
}
