/** How events look on the wire (SSE), made once per event whatever the number of clients. */
import type { z } from 'zod';
import type { StreamHello, StreamPresence } from '../../../shared/contract/events';
import type { Caller } from '../access/caller';
import type { OutboxTable } from '../store/schema';
import type { Audience } from '../store/store';

export interface EventFrame {
  readonly seq: number;
  readonly type: string;
  readonly subject: string;
  readonly audience: Audience;
  readonly bytes: Buffer;
}

/** One kept event. Its data is stored as JSON text and goes out as it is: JSON has no raw line feed, so one `data:` line is enough. */
export function eventFrame(row: OutboxTable): EventFrame {
  const seq = Number(row.seq);
  const head = JSON.stringify({ seq, type: row.type, at: Number(row.at), subject: row.subject }).slice(0, -1);
  const bytes = Buffer.from(`id: ${seq}\nevent: ${row.type}\ndata: ${head},"data":${row.data}}\n\n`);
  return { seq, type: row.type, subject: row.subject, audience: JSON.parse(row.audience) as Audience, bytes };
}

/** Messages about the stream itself. They have no id, so they never move a client's cursor. */
export function signalFrame(
  signal:
    | { name: 'hello' | 'beat' | 'resync'; data: z.infer<typeof StreamHello> }
    | { name: 'presence'; data: z.infer<typeof StreamPresence> },
): Buffer {
  return Buffer.from(`event: ${signal.name}\ndata: ${JSON.stringify(signal.data)}\n\n`);
}

/** Whether this person, as they are now, may see the event. */
export function maySee(audience: Audience, person: Pick<Caller, 'personId' | 'roles'>): boolean {
  if (audience.everybody === true || audience.people.includes(person.personId)) return true;
  return audience.roles.some((role) => person.roles.has(role));
}
