/** What the live stream says about me, as toasts. The main process shows system notifications; this is for the open window. */
import { useEffect } from 'react';
import { parseEvent, type ServiceEvent } from '../../shared/contract/events';
import type { GrantView } from '../../shared/contract/grants';
import { type ToastMessage, toast } from '../ui';
import { listen } from './bridge';
import { useReady } from './session';
import { wordTime, wordTimeExact } from './words';

/** What to say of an event to the person `personId`; null when it is not about them or already on screen. */
export function announcementOf(event: ServiceEvent, personId: string): ToastMessage | null {
  switch (event.type) {
    case 'grant.activated': {
      const { grant } = event.data;
      if (grant.holder.personId !== personId || grant.expiresAt === null) return null;
      return {
        title: `You’re in: ${grant.resource.name}`,
        about: `${grant.level} until ${wordTime(grant.expiresAt)}.`,
      };
    }
    case 'grant.extended': {
      const { grant } = event.data;
      if (grant.holder.personId !== personId || grant.expiresAt === null) return null;
      return { title: `${grant.resource.name} now ends at ${wordTime(grant.expiresAt)}` };
    }
    case 'grant.ended':
      return event.data.grant.holder.personId === personId ? endedToast(event.data.grant) : null;
    case 'request.denied': {
      const { request } = event.data;
      if (request.requester.personId !== personId) return null;
      const by = request.decisions.findLast((one) => one.decision === 'deny');
      return {
        title: `${request.ticket} was denied${by ? ` by ${by.approver.displayName}` : ''}`,
        about: request.deniedBecause ?? undefined,
        tone: 'bad',
      };
    }
    case 'request.expired': {
      const { request } = event.data;
      if (request.requester.personId !== personId) return null;
      return {
        title: `${request.ticket} expired: nobody answered`,
        about: 'Ask again, or talk to an approver.',
        tone: 'plain',
      };
    }
    default:
      return null;
  }
}
function endedToast(grant: GrantView): ToastMessage {
  const { name } = grant.resource;
  const at = grant.endedAt === null ? '' : ` ${wordTimeExact(grant.endedAt)}`;
  if (grant.endReason === 'failed')
    return {
      title: `${name}: no access could be made`,
      about: 'Nothing is left behind. Ask again, or tell an administrator.',
      tone: 'bad',
    };
  if (grant.endProof === 'attested_unverified')
    return {
      title: `${name} closed by an administrator`,
      about: 'The target is gone; removal could not be read back.',
      tone: 'plain',
    };
  if (grant.endProof === 'holder_may_know')
    return {
      title: `${name} given back${at}`,
      about: 'The secret itself was not changed: whoever held it may still know it.',
      tone: 'plain',
    };
  if (grant.endProof === 'ran_out')
    return {
      title: `${name} ran out${at}`,
      about: 'Nobody can log in with it any more; sessions that were open could not be seen.',
      tone: 'plain',
    };
  if (grant.endProof === 'never_created') return { title: `${name} ended before it began`, tone: 'plain' };
  return { title: `${name} ended, removal read back${at}` };
}

export function useAnnouncements(): void {
  const { personId } = useReady();
  useEffect(
    () =>
      listen('service.event', (raw) => {
        const message = announcementOf(parseEvent(raw), personId);
        if (message !== null) toast(message);
      }),
    [personId],
  );
}
