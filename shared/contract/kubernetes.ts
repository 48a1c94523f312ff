/** Kubernetes: where its API server is, which roles the levels stand for, and what a device gets. */
import { z } from 'zod';
import { At, LevelName } from './fields';

/** No token lives shorter: the API server refuses to make one (TokenRequest). */
export const MIN_KUBERNETES_TOKEN_S = 600;

/** Name of a namespace, and of most objects: a DNS label. */
export const KubernetesLabel = z
  .string()
  .regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, 'Lower-case letters, digits and -, 63 at most.');
/** Roles may have colons and the like (`system:node-reader`), but never what would leave a path. */
const RoleName = z
  .string()
  .min(1)
  .max(253)
  .regex(/^(?!\.\.?$)[A-Za-z0-9][A-Za-z0-9:._-]*$/, 'The name of a Role or ClusterRole.');
export const KubernetesServer = z
  .string()
  .max(300)
  .regex(/^https:\/\/[^\s/?#@\\'"]+(\/[A-Za-z0-9/._-]*)?$/, 'https:// and a host, with a port and a path if need be.')
  .refine((url) => URL.canParse(url), 'https:// and a host, with a port and a path if need be.');

export const KubernetesRole = z
  .strictObject({
    level: LevelName,
    roleKind: z.enum(['ClusterRole', 'Role']).default('ClusterRole'),
    role: RoleName,
    /** Where the level holds. Empty: in the whole cluster. */
    namespaces: z.array(KubernetesLabel).max(50).default([]),
    /** Its holders can start or read what outlives the grant (pods, tokens, secrets). */
    createsAccess: z.boolean().default(false),
  })
  .refine(({ roleKind, namespaces }) => roleKind === 'ClusterRole' || namespaces.length > 0, {
    message: 'A Role holds in namespaces: name them.',
    path: ['namespaces'],
  });
export type KubernetesRole = z.infer<typeof KubernetesRole>;

export const KubernetesSettings = z.strictObject({
  kind: z.literal('kubernetes'),
  server: KubernetesServer,
  caCertificate: z.string().max(64_000).optional(),
  /** Where the service accounts of grants are made. */
  namespace: KubernetesLabel.default('hallpass'),
  roles: z
    .array(KubernetesRole)
    .min(1, 'Name at least one role.')
    .max(10)
    .refine((roles) => new Set(roles.map(({ level }) => level)).size === roles.length, 'Each level has one role.'),
});
export type KubernetesSettings = z.infer<typeof KubernetesSettings>;

/** A token of a service account that lives as long as its grant. The API server stops taking it at `tokenEndsAt` by itself. */
export const KubernetesCredential = z.strictObject({
  kind: z.literal('kubernetes'),
  server: KubernetesServer,
  caCertificate: z.string().max(64_000).optional(),
  /** Where `kubectl` looks when no namespace is named. */
  namespace: KubernetesLabel,
  user: z.string().min(1).max(63),
  token: z
    .string()
    .min(1)
    .max(16_384)
    .regex(/^[A-Za-z0-9._~+/=-]+$/),
  tokenEndsAt: At,
});
export type KubernetesCredential = z.infer<typeof KubernetesCredential>;
