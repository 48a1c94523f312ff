/** What other systems tell the service. */
import { z } from 'zod';
import { HookSecret, HookState, TicketClosed } from '../hooks';
import { nothing, route } from './route';

export const HOOKS_ROUTES = {
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
} as const;
