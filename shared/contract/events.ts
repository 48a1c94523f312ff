/** The typed catalog of events. `seq` is gapless and is the SSE id. One more event: one line here. */
import { z } from 'zod';
import { At, PersonId } from './fields';
import { GrantView } from './grants';
import { Device, Group, Invite, Person } from './people';
import { DecisionRecord, RequestView } from './requests';

const request = z.object({ request: RequestView });
const grant = z.object({ grant: GrantView });
export const EVENT_DATA = {
  'request.submitted': request,
  'request.auto_approved': request,
  'request.denied_by_policy': request,
  'request.approved': request,
  'request.denied': request,
  'request.withdrawn': request,
  'request.expired': request,
  'request.blocked': request,
  'request.unblocked': request,
  'decision.recorded': z.object({ request: RequestView, decision: DecisionRecord }),
  'request.seen': request,
  'request.nudged': request,
  /** The policy or the people changed: other approvals are needed now, earlier ones don't count. */
  'request.rerouted': request,
  'grant.ready': grant,
  'grant.provisioning': grant,
  'grant.credential_ready': grant,
  'grant.activated': grant,
  'grant.extended': grant,
  'grant.ending': grant,
  'grant.removal_delayed': grant,
  'grant.ended': grant,
  'grant.residue': grant,
  /** The holder's device said something new about its files (`removal.machine`). */
  'grant.injection': grant,
  /** The holder's device sent the key that the credential will be bound to. */
  'grant.device_key': grant,
  'person.joined': z.object({ person: Person }),
  'person.changed': z.object({ person: Person }),
  'person.removed': z.object({ person: Person }),
  'device.pending': z.object({ device: Device }),
  'device.confirmed': z.object({ device: Device }),
  'device.revoked': z.object({ device: Device }),
  'group.changed': z.object({ group: Group }),
  'group.removed': z.object({ group: Group }),
  'invite.changed': z.object({ invite: Invite }),
  /** A ticket system said so; sent to who holds access under that ticket. */
  'ticket.closed': z.object({ ticket: z.string() }),
  'resource.changed': z.object({ resourceId: z.string(), name: z.string() }),
  'policy.changed': z.object({ version: z.int(), digest: z.string() }),
} as const;
export type EventType = keyof typeof EVENT_DATA;
export const EVENT_TYPES = Object.keys(EVENT_DATA) as EventType[];
export type ServiceEvent = {
  [T in EventType]: { seq: number; type: T; at: number; subject: string; data: z.infer<(typeof EVENT_DATA)[T]> };
}[EventType];
export type EventOf<T extends EventType> = Extract<ServiceEvent, { type: T }>;
/** Envelope; `data` is checked against EVENT_DATA[type] by `parseEvent`. */
export const EventEnvelope = z.object({
  seq: z.int(),
  type: z.enum(EVENT_TYPES as [EventType, ...EventType[]]),
  at: At,
  subject: z.string(),
  data: z.unknown(),
});
/** Validates an event from the wire. Throws a ZodError. */
export function parseEvent(raw: unknown): ServiceEvent {
  const envelope = EventEnvelope.parse(raw);
  return { ...envelope, data: EVENT_DATA[envelope.type].parse(envelope.data) } as ServiceEvent;
}
/** Sent with event name `hello` right after the stream opens, `beat` every 15 s, `resync` when the cursor is older than the kept events. None has an id. */
export const StreamHello = z.object({
  serverTime: At,
  seq: z.int().describe('newest event now'),
  mode: z.enum(['normal', 'revoke_only']),
});
/** Sent with event name `presence`, without an id, when somebody's first device connects or last one leaves. A hint: never kept, never resumed. */
export const StreamPresence = z.object({ personId: PersonId, online: z.boolean() });
