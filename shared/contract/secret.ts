/** A stored secret (an API key, a shared account) that is checked out, and how it is changed when it comes back. */
import { z } from 'zod';
import { cleanLine } from './fields';
import { Receiver } from './webhook';

export const MAX_HOLDERS = 50;
/** Name of a file in the service's own folder of rotators; never a path, never arguments. */
export const RotatorFile = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'The name of a file in the folder of rotators, without a path.');
export const Rotation = z.discriminatedUnion('by', [
  z.strictObject({ by: z.literal('nobody') }),
  z.strictObject({ by: z.literal('command'), file: RotatorFile }),
  z.strictObject({ by: z.literal('webhook'), ...Receiver.shape }),
]);
export type Rotation = z.infer<typeof Rotation>;
export const SecretSettings = z.strictObject({
  kind: z.literal('secret'),
  /** What it opens, for people: "GitHub organisation token". */
  opens: z
    .string()
    .min(1, 'Say what it opens.')
    .max(80)
    .refine((text) => cleanLine(text) === text, 'One line of plain text.'),
  /** How many may hold it at once. */
  holders: z.int().min(1).max(MAX_HOLDERS).default(1),
  rotation: Rotation,
});
export type SecretSettings = z.infer<typeof SecretSettings>;
