/** What other systems may tell the service, signed with a secret of their own (shared/crypto/hook-signature.ts). */
import { z } from 'zod';
import { At, TicketRef } from './fields';

/** The ticket as requests name it, such as INC-123; upper and lower case are the same. */
export const TicketClosed = z.object({ ticket: TicketRef.refine((ticket) => ticket !== '', 'Which ticket?') });
export const HookState = z
  .object({ enabled: z.boolean(), madeAt: At.nullable(), heardAt: At.nullable() })
  .meta({ id: 'HookState' });
export type HookState = z.infer<typeof HookState>;
export const HookSecret = z.object({ secret: z.string(), madeAt: At }).meta({ id: 'HookSecret' });
