/** Access that was given, until it has ended. */
import { z } from 'zod';
import { SealedCredential } from '../credential';
import { GrantId, Reason } from '../fields';
import { Extension, GrantView, InjectionReport, Return } from '../grants';
import { RequestView } from '../requests';
import { SshPublicKey } from '../ssh';
import { byId, cursor, list, route } from './route';

export const GRANTS_ROUTES = {
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
} as const;
