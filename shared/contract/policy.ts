/** The policy document and what it answers. Evaluation is in electron/service/policy (pure). */
import { z } from 'zod';
import { END_SIGNALS, NOTHING_ENDS } from '../domain/end-signals';
import { MAX_POLICY_BYTES, MAX_POLICY_RULES } from '../domain/limits';
import { At, EndOn, Environment, LevelName, PersonId, RiskClass, Sha256Hex, Slug } from './fields';

/** `*` stands for any run of characters, `?` for one, `#` for one or more digits. No regular expressions: they can be made to hang. */
export const Glob = z.string().min(1).max(128);
const oneOrMany = <T extends z.ZodType>(item: T) => z.union([item, z.array(item).min(1).max(100)]);

export const ResourceMatch = z.strictObject({
  name: oneOrMany(Glob).optional(),
  kind: oneOrMany(Slug).optional(),
  environment: oneOrMany(Environment).optional(),
  level: oneOrMany(LevelName).optional(),
  risk: oneOrMany(RiskClass).optional(),
  tags: z.array(Slug).max(50).optional().describe('all of these'),
  owners: oneOrMany(Slug).optional(),
  depends_on: oneOrMany(Glob).optional(),
});
export const PolicyRule = z.strictObject({
  name: Slug,
  description: z.string().max(500).optional(),
  match: z
    .strictObject({
      resource: ResourceMatch.optional(),
      requester: z.strictObject({ groups: oneOrMany(Slug).optional().describe('any of these') }).optional(),
    })
    .optional(),
  effect: z.enum(['auto', 'approve', 'deny']),
  max_duration: z.string().optional().describe('"30m", "2h"; required unless the effect is deny'),
  approvals: z
    .array(z.strictObject({ from: Slug.describe('a group, or "owners"'), count: z.int().min(1).max(10).default(1) }))
    .max(10)
    .optional(),
  priority: z.int().min(-1000).max(1000).default(0),
  reason: z.enum(['required', 'optional']).optional(),
  ticket: Glob.optional().describe('"required", "optional", or a pattern such as INC-#'),
  confirm: z.enum(['notification', 'card']).optional(),
  message: z.string().max(300).optional().describe('shown with a denial'),
  max_per_day: z.string().optional().describe('"4h": of one person on one resource, within any 24 hours'),
  end_on: z
    .array(z.union([z.enum(END_SIGNALS), z.strictObject({ sleep: z.string() })]))
    .min(1)
    .max(10)
    .optional()
    .describe('what ends access early: signals; "sleep: 10m" lets shorter sleeps pass'),
});
export type PolicyRule = z.infer<typeof PolicyRule>;
export const PolicyDocument = z.strictObject({
  version: z.literal(1),
  rules: z.array(PolicyRule).max(MAX_POLICY_RULES),
});
export type PolicyDocument = z.infer<typeof PolicyDocument>;

export const Approval = z.object({ from: z.string(), count: z.int() });
export const EligibleApprover = z.object({ personId: PersonId, displayName: z.string(), online: z.boolean() });
/** What the policy says to one request, before or after it is sent. */
export const PolicyAnswer = z
  .object({
    effect: z.enum(['auto', 'approve', 'deny', 'none']).describe('none: no rule matches, so it can not be requested'),
    rules: z.array(z.string()).describe('names of the rules that decided'),
    maxDurationMs: z.int().nullable(),
    approvals: z.array(Approval),
    reasonRequired: z.boolean(),
    ticket: z.object({ required: z.boolean(), patterns: z.array(z.string()) }),
    confirm: z.enum(['notification', 'card']),
    message: z.string().nullable(),
    /** Access of one person on one resource within any 24 hours; null: no limit. */
    maxPerDayMs: z.int().nullable().default(null),
    /** What ends the access early, whatever the desktop is set to. */
    endOn: EndOn.default(NOTHING_ENDS),
    policyVersion: z.int(),
    policyDigest: Sha256Hex,
    /** What keeps this very request from being sent; empty when it may be. */
    problems: z.array(
      z.object({ field: z.enum(['ttlMs', 'reason', 'ticketRef', 'level', 'policy']), message: z.string() }),
    ),
  })
  .meta({ id: 'PolicyAnswer' });
export type PolicyAnswer = z.infer<typeof PolicyAnswer>;
/** The answer with people's names, and what the target can not do (told before anybody agrees). */
export const Preview = z
  .object({
    answer: PolicyAnswer,
    approvers: z.array(z.object({ group: z.string(), count: z.int(), people: z.array(EligibleApprover) })),
    limits: z.array(z.string()),
    /** What is left of the day's budget, where the policy sets one. */
    budget: z.object({ maxMs: z.int(), usedMs: z.int(), leftMs: z.int(), said: z.string() }).nullable().default(null),
  })
  .meta({ id: 'Preview' });
export type Preview = z.infer<typeof Preview>;

export const PolicyVersion = z
  .object({
    version: z.int(),
    yaml: z.string(),
    digest: Sha256Hex,
    author: z.string(),
    at: At,
    note: z.string(),
  })
  .meta({ id: 'PolicyVersion' });
export type PolicyVersion = z.infer<typeof PolicyVersion>;
export const PolicyYaml = z.string().max(MAX_POLICY_BYTES);
export const PolicyCheck = z
  .object({
    ok: z.boolean(),
    errors: z.array(z.object({ line: z.int().nullable(), path: z.string(), message: z.string() })),
    warnings: z.array(z.object({ path: z.string(), message: z.string() })),
    /** Entitlements whose answer changes for somebody, against the policy in force. */
    changes: z.array(
      z.object({ resource: z.string(), level: z.string(), person: z.string(), before: z.string(), after: z.string() }),
    ),
  })
  .meta({ id: 'PolicyCheck' });
export type PolicyCheck = z.infer<typeof PolicyCheck>;
