/** What a receiver answers, each with its limits. Unknown fields are passed over, so that a receiver may say more. */
import { z } from 'zod';
import { cleanLine, LevelName } from '../../../../shared/contract/fields';
import { Values } from '../../../../shared/contract/values';

export const PROTOCOL_VERSION = 1;
const MAX_PRINCIPALS = 10_000;
const Words = (maxChars: number) =>
  z
    .string()
    .max(maxChars * 2)
    .transform((text) => cleanLine(text).slice(0, maxChars));
const Count = z.int().min(0).max(1_000_000);

export const ErrorAnswer = z.object({ error: z.string().max(2_000) });
export const DescribeAnswer = z.object({
  protocol: z.literal(PROTOCOL_VERSION),
  name: Words(60).pipe(z.string().min(1)),
  version: Words(40).nullable().default(null),
  /** The receiver's clock, epoch milliseconds. */
  now: z.int().nonnegative(),
  levels: z
    .array(
      z.object({ name: LevelName, description: Words(200).default(''), createsAccess: z.boolean().default(false) }),
    )
    .min(1)
    .max(20),
  /** What this target can not do, in sentences for requester and approver; `level`: for that one only. */
  limits: z
    .array(z.object({ sentence: Words(300).pipe(z.string().min(1)), level: LevelName.optional() }))
    .max(20)
    .default([]),
});
export type DescribeAnswer = z.infer<typeof DescribeAnswer>;

export const ReadBackAnswer = z.object({
  exists: z.boolean(),
  canLogIn: z.boolean(),
  sessionCount: Count,
  /** The receiver's own word that it can't take back what it gave. */
  proof: z.literal('holder_may_know').optional(),
});
export const CreateAnswer = z.object({ values: Values, readBack: ReadBackAnswer });
export const DoneAnswer = z.object({ ok: z.literal(true) });
export const EndAnswer = z.object({ readBack: ReadBackAnswer, sessionsCut: Count.default(0) });
export const ReadAnswer = z.object({ readBack: ReadBackAnswer });
export const CleanUpAnswer = z.object({
  done: z.boolean(),
  residue: z
    .array(z.object({ kind: Words(40), detail: Words(300) }))
    .max(50)
    .default([]),
});
export const ListAnswer = z.object({ principals: z.array(z.string().max(64)).max(MAX_PRINCIPALS) });
