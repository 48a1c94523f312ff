/** Resources, their levels, and the settings of each kind of provisioner. */
import { z } from 'zod';
import { NOTHING_ENDS } from '../domain/end-signals';
import { DEFAULT_TARGET_CONCURRENCY, MAX_TARGET_CONCURRENCY } from '../domain/limits';
import { AwsSettings } from './aws';
import { At, EndOn, Environment, LevelName, ResourceId, RiskClass, Slug, Suspension } from './fields';
import { KubernetesSettings } from './kubernetes';
import { MysqlSettings } from './mysql';
import { RedisSettings } from './redis';
import { SecretSettings } from './secret';
import { SshSettings } from './ssh';
import { WebhookSettings } from './webhook';

/** PostgreSQL identifiers may hold anything but NUL; 63 bytes is where the server cuts silently, so we refuse. */
export const PgIdentifier = z
  .string()
  .min(1)
  .refine((s) => !s.includes('\0') && new TextEncoder().encode(s).length <= 63, '63 bytes at most, no NUL.');
const PgHost = z
  .string()
  .min(1)
  .max(255)
  .regex(/^[^\s/\\'"]+$|^\/.+$/, 'A host name, an address, or the path of a socket folder.');
export const PostgresSettings = z.strictObject({
  kind: z.literal('postgres'),
  host: PgHost,
  port: z.int().min(1).max(65535).default(5432),
  database: PgIdentifier,
  managerUser: PgIdentifier,
  tls: z.enum(['disable', 'prefer', 'require', 'verify-full']).default('prefer'),
  caCertificate: z.string().max(64_000).optional(),
  /** Schemas whose tables the levels open; each level's group role gets rights on these. */
  schemas: z.array(PgIdentifier).min(1).max(50).default(['public']),
  connectionLimit: z.int().min(1).max(100).default(5),
  /**
   * Where people connect when that is a pooler in front of the server (pgbouncer); either alone is fine. The service itself
   * always goes straight to `host` and `port`: behind a pooler sessions can't be told apart nor cut.
   */
  clientHost: PgHost.optional(),
  clientPort: z.int().min(1).max(65535).optional(),
});
export type PostgresSettings = z.infer<typeof PostgresSettings>;
/** One more kind of target: one more member here, one file in electron/service/provisioners. */
export const ResourceSettings = z.discriminatedUnion('kind', [
  PostgresSettings,
  MysqlSettings,
  RedisSettings,
  SecretSettings,
  WebhookSettings,
  SshSettings,
  AwsSettings,
  KubernetesSettings,
]);
export type ResourceSettings = z.infer<typeof ResourceSettings>;

export const Level = z
  .object({
    name: LevelName,
    description: z.string().max(200),
    /** Name of the group role (or the like) on the target that carries the rights. */
    targetRole: z.string().max(63),
    /** True when a holder can make access that outlives the grant (`admin`). Told to requester and approver. */
    createsAccess: z.boolean(),
  })
  .meta({ id: 'Level' });
export type Level = z.infer<typeof Level>;

export const Concurrency = z.int().min(1).max(MAX_TARGET_CONCURRENCY);
export const Resource = z
  .object({
    id: ResourceId,
    name: Slug,
    kind: Slug,
    description: z.string(),
    environment: Environment,
    risk: RiskClass,
    tags: z.array(z.string()),
    owners: z.array(z.string()).describe('groups'),
    dependsOn: z.array(z.string()).describe('names of resources'),
    levels: z.array(Level),
    state: z.enum(['active', 'archived']),
    createdAt: At,
    /** Shown to people who may ask: "PostgreSQL 18". */
    targetLabel: z.string(),
    health: z.enum(['unknown', 'reachable', 'unreachable']),
    healthAt: At.nullable(),
    /** Settings without secrets; null for people who are not administrators. */
    settings: ResourceSettings.nullable(),
    /** Locked: nobody holds or gets access to it until it is unlocked. */
    suspended: Suspension.nullable().default(null),
    /** Calls that its target gets at the same time. */
    concurrency: Concurrency.default(DEFAULT_TARGET_CONCURRENCY),
  })
  .meta({ id: 'Resource' });
export type Resource = z.infer<typeof Resource>;

export const NewResource = z.strictObject({
  name: Slug,
  description: z.string().max(300).default(''),
  environment: Environment,
  risk: RiskClass,
  tags: z.array(Slug).max(50).default([]),
  owners: z.array(Slug).max(20).default([]),
  dependsOn: z.array(Slug).max(50).default([]),
  settings: ResourceSettings,
  secret: z.string().max(4_096).describe('the manager credential; stored encrypted, never returned'),
  levels: z.array(Level).min(1).max(20).optional().describe('the provisioner proposes read-only and read-write'),
  concurrency: Concurrency.optional().describe('calls its target gets at the same time'),
});
export type NewResource = z.infer<typeof NewResource>;
/** What is left out stays as it is, so there are no defaults here: they would empty it. */
export const ResourceChange = NewResource.omit({ name: true })
  .extend({
    description: NewResource.shape.description.unwrap(),
    tags: NewResource.shape.tags.unwrap(),
    owners: NewResource.shape.owners.unwrap(),
    dependsOn: NewResource.shape.dependsOn.unwrap(),
  })
  .partial();

export const TargetAddress = z.strictObject({
  settings: ResourceSettings,
  secret: z.string().max(4_096).optional(),
  resourceId: ResourceId.optional().describe('use the stored secret of this resource'),
  name: Slug.optional(),
});
export const ConnectionCheck = z.object({
  name: z.string(),
  ok: z.boolean(),
  detail: z.string(),
  /** What to do about it, in words. */ remedy: z.string().nullable(),
  /** What to run or paste by hand to mend it. */ command: z.string().nullable(),
});
export const ConnectionReport = z
  .object({
    ok: z.boolean(),
    targetLabel: z.string(),
    serverVersion: z.string().nullable(),
    checks: z.array(ConnectionCheck),
    /** The recipe for the manager's least rights on this major version. */
    recipe: z.string(),
  })
  .meta({ id: 'ConnectionReport' });
export type ConnectionReport = z.infer<typeof ConnectionReport>;
export const LevelPlan = z
  .object({
    digest: z.string(),
    levels: z.array(Level),
    steps: z.array(
      z.object({
        database: z.string().nullable().describe('null: the whole server'),
        sql: z.string(),
        why: z.string(),
        done: z.boolean(),
      }),
    ),
    notes: z.array(z.string()),
  })
  .meta({ id: 'LevelPlan' });
export type LevelPlan = z.infer<typeof LevelPlan>;
export const PlanApplied = z
  .object({ ok: z.boolean(), ran: z.int(), error: z.string().nullable(), failedSql: z.string().nullable() })
  .meta({ id: 'PlanApplied' });
export type PlanApplied = z.infer<typeof PlanApplied>;

/** A login of ours on a target that no live grant owns, while it is being taken away. */
export const Orphan = z
  .object({
    principal: z.string(),
    foundAt: At,
    triedAt: At,
    attempts: z.int(),
    /** Why it is still there. */
    lastError: z.string().nullable(),
  })
  .meta({ id: 'Orphan' });
export type Orphan = z.infer<typeof Orphan>;

/** What stands in the catalog of one person: a resource with what the policy says to each level. */
export const CatalogEntry = z
  .object({
    resource: Resource,
    levels: z.array(
      z.object({
        level: Level,
        effect: z.enum(['auto', 'approve', 'deny', 'none']),
        maxDurationMs: z.int().nullable(),
        approvals: z.array(z.object({ from: z.string(), count: z.int() })),
        message: z.string().nullable(),
        reasonRequired: z.boolean(),
        ticketRequired: z.boolean(),
        maxPerDayMs: z.int().nullable().default(null),
        endOn: EndOn.default(NOTHING_ENDS),
      }),
    ),
  })
  .meta({ id: 'CatalogEntry' });
export type CatalogEntry = z.infer<typeof CatalogEntry>;
