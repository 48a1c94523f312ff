/**
 * What of this desktop hangs on a ticket that was closed, and what becomes of it. Where the policy binds access to its ticket the
 * service has done it already; this is for desktops whose own settings do. Pure: who acts is an argument.
 */
import type { GrantView } from '../../../shared/contract/grants';
import type { RequestView } from '../../../shared/contract/requests';
import { type EndOn, stricterEndOn } from '../../../shared/domain/end-signals';

export interface TicketDeps {
  readonly settings: EndOn;
  readonly deviceId: string | null;
  readonly grants: readonly GrantView[];
  readonly requests: readonly RequestView[];
  /** The sign, for access that is on this machine. */
  readonly happened: (grantId: string) => void;
  /** Gives back what is approved and not here yet. */
  readonly giveBack: (grantId: string) => void;
  readonly withdraw: (requestId: string) => void;
}

export function ticketClosed(ticket: string, deps: TicketDeps): void {
  const isIt = (ticketRef: string) => ticketRef.toLowerCase() === ticket.toLowerCase();
  for (const grant of deps.grants) {
    if (!isIt(grant.ticketRef) || grant.holder.deviceId !== deps.deviceId) continue;
    if (grant.state === 'active') deps.happened(grant.id);
    else if (grant.state === 'ready' || grant.state === 'provisioning')
      if (stricterEndOn(grant.endOn, deps.settings).ticketClosed) deps.giveBack(grant.id);
  }
  if (!deps.settings.ticketClosed) return;
  for (const { id, state, ticketRef, requester } of deps.requests)
    if ((state === 'pending' || state === 'blocked') && isIt(ticketRef) && requester.deviceId === deps.deviceId)
      deps.withdraw(id);
}
