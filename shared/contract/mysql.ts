/** MySQL and MariaDB: how a server is reached and what its levels open, and what a device gets. */
import { z } from 'zod';

/** A name of a schema. Backslashes are left out: GRANT reads them as escapes of its wildcards. */
export const MysqlSchema = z
  .string()
  .min(1)
  .refine(
    (s) => !/[\0\\]/.test(s) && [...s].length <= 64 && !s.endsWith(' '),
    '64 characters at most, no backslash, no blank at the end.',
  );
/** MySQL stops at 32 characters, MariaDB at 80; the server says so itself. */
const MysqlUser = z
  .string()
  .min(1)
  .refine((s) => !s.includes('\0') && [...s].length <= 80, '80 characters at most, no NUL.');
const MysqlTls = z.enum(['disable', 'prefer', 'require', 'verify-full']);
const MysqlHost = z
  .string()
  .min(1)
  .max(255)
  .regex(/^[^\s/\\'"#]+$|^\/[^\r\n\0]+$/, 'A host name, an address, or the path of a socket.');

export const MysqlSettings = z.strictObject({
  kind: z.literal('mysql'),
  host: MysqlHost,
  port: z.int().min(1).max(65535).default(3306),
  managerUser: MysqlUser,
  tls: MysqlTls.default('prefer'),
  caCertificate: z.string().max(64_000).optional(),
  /** Schemas whose tables the levels open; the first is the one a client starts in. */
  schemas: z.array(MysqlSchema).min(1).max(50),
  /** Where holders come from, as the host part of their account: `%`, `10.1.%`, `192.168.0.0/255.255.0.0`. */
  userHost: z
    .string()
    .regex(/^[0-9A-Za-z_.:%/-]{1,60}$/, 'A host part: letters, digits and . : % / _ -')
    .default('%'),
  connectionLimit: z.int().min(1).max(100).default(5),
  /** A schema in which the manager may make events: the server then ends a log-in at its deadline by itself. */
  deadlineSchema: MysqlSchema.optional(),
});
export type MysqlSettings = z.infer<typeof MysqlSettings>;

export const MysqlCredential = z.strictObject({
  kind: z.literal('mysql'),
  host: z.string(),
  port: z.int(),
  /** The schema a client starts in. */
  database: MysqlSchema,
  user: MysqlUser,
  password: z.string().min(1).max(512),
  tls: MysqlTls,
  caCertificate: z.string().optional(),
});
export type MysqlCredential = z.infer<typeof MysqlCredential>;
