/** Asking, and deciding. */
import { z } from 'zod';
import { RequestId } from '../fields';
import { Preview } from '../policy';
import { CardFacts, NewRequest, RequestView, SignedDecision } from '../requests';
import { byId, cursor, list, nothing, route } from './route';

export const REQUESTS_ROUTES = {
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
} as const;
