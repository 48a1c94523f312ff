/** AWS: the roles of one account that can be assumed for a while, and what a device gets of one. */
import { z } from 'zod';
import { At, LevelName } from './fields';

/** The floor that AWS sets for every session of a role. */
export const MIN_AWS_SESSION_MINUTES = 15;
/** What a role allows when nobody said otherwise; 12 hours is the most that can be set. */
export const DEFAULT_AWS_SESSION_MINUTES = 60;
export const MAX_AWS_SESSION_MINUTES = 12 * 60;
/** What AWS takes as a session policy. */
export const MAX_SESSION_POLICY_CHARS = 2_048;

const isJsonObject = (text: string): boolean => {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
};
/** It becomes a line of a file that AWS tools read: `new URL` alone would pass over line ends and blanks. */
function isEndpoint(text: string): boolean {
  if (!/^[\x21-\x7e]+$/.test(text)) return false;
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return false;
  }
  const bare = url.username === '' && url.password === '' && url.hash === '' && url.search === '';
  return (url.protocol === 'https:' || url.protocol === 'http:') && bare;
}

export const AwsRole = z.strictObject({
  level: LevelName,
  /** Name of the role, with its path when it has one: "hallpass-orders-read-only", "teams/data/analyst". */
  role: z
    .string()
    .max(63, 'At most 63 characters, path included.')
    .regex(/^(?:[\w+=,.@-]+\/)*[\w+=,.@-]{1,63}$/, 'The name of a role, with its path when it has one; not an ARN.'),
  /** True when a holder can make users, keys or roles. Told to requester and approver. */
  createsAccess: z.boolean().default(false),
  /** Narrows each session to what this policy and the role both allow. JSON. */
  sessionPolicy: z
    .string()
    .max(MAX_SESSION_POLICY_CHARS, `AWS takes ${MAX_SESSION_POLICY_CHARS} characters at most.`)
    .refine(isJsonObject, 'A policy as JSON: { "Version": "2012-10-17", "Statement": [ … ] }')
    .optional(),
});
export type AwsRole = z.infer<typeof AwsRole>;

const isUnique = (values: readonly string[]) => new Set(values).size === values.length;
export const AwsRegion = z.string().regex(/^[a-z]{2}(-[a-z]+)+-\d{1,2}$/, 'A region such as eu-central-1.');
export const AwsEndpoint = z
  .string()
  .max(255)
  .refine(isEndpoint, 'An http or https address without user, query or fragment.');
export const AwsSettings = z.strictObject({
  kind: z.literal('aws'),
  accountId: z.string().regex(/^\d{12}$/, 'The twelve digits of the account.'),
  /** Where STS is asked, and the region of the profile. Says the partition too: GovCloud and China have their own. */
  region: AwsRegion.default('us-east-1'),
  /** Instead of AWS's own addresses, for STS and IAM: a private endpoint, or something that speaks like AWS. */
  endpointUrl: AwsEndpoint.optional(),
  externalId: z
    .string()
    .regex(/^[\w+=,.@:/-]{2,200}$/, 'Letters, digits and + = , . @ : / - only.')
    .optional(),
  /** The longest session that every role here allows (its MaxSessionDuration). */
  maxSessionMinutes: z
    .int()
    .min(MIN_AWS_SESSION_MINUTES)
    .max(MAX_AWS_SESSION_MINUTES)
    .default(DEFAULT_AWS_SESSION_MINUTES),
  roles: z
    .array(AwsRole)
    .min(1, 'Name at least one role.')
    .max(10)
    .refine((roles) => isUnique(roles.map(({ level }) => level)), 'Each level has one role.')
    .refine((roles) => isUnique(roles.map(({ role }) => role)), 'Each role stands for one level.'),
});
export type AwsSettings = z.infer<typeof AwsSettings>;

/** Keys of one session of a role. AWS stops taking them at `sessionEndsAt`, or earlier where the role says so. */
export const AwsCredential = z.strictObject({
  kind: z.literal('aws'),
  accessKeyId: z.string().regex(/^\w{16,128}$/),
  secretAccessKey: z.string().min(1).max(256).regex(/^\S+$/),
  sessionToken: z.string().min(1).max(8_192).regex(/^\S+$/),
  sessionEndsAt: At,
  roleArn: z.string().max(255),
  region: AwsRegion,
  endpointUrl: AwsEndpoint.optional(),
});
export type AwsCredential = z.infer<typeof AwsCredential>;

const KEY_LINE = /^\s*(aws_access_key_id|aws_secret_access_key|aws_session_token)\s*=\s*(\S+)\s*$/i;
export interface AwsKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}
/**
 * Reads the manager's keys as people have them: the lines of a credentials file, or key id and secret (and session token)
 * with a colon or white space between. Null when it is none of these. Pure.
 */
export function readAwsKeys(text: string): AwsKeys | null {
  const named = new Map<string, string>();
  for (const line of text.split(/\r?\n/)) {
    const found = KEY_LINE.exec(line);
    if (found?.[1] && found[2]) named.set(found[1].toLowerCase(), found[2]);
  }
  const parts = text.trim().split(/[:\s]+/);
  const [id, secret, token] =
    named.size > 0
      ? ['aws_access_key_id', 'aws_secret_access_key', 'aws_session_token'].map((name) => named.get(name))
      : parts.length <= 3
        ? parts
        : [];
  if (!id || !/^[A-Z0-9]{16,128}$/.test(id) || !secret || !/^[A-Za-z0-9/+=]{16,128}$/.test(secret)) return null;
  return { accessKeyId: id, secretAccessKey: secret, ...(token ? { sessionToken: token } : {}) };
}
