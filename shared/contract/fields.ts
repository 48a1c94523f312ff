/** Field schemas that several contracts share. Requester-supplied text is cleaned here, once, at the border. */
import { z } from 'zod';
import { END_SIGNALS, type EndOn as EndOnShape } from '../domain/end-signals';
import { type IdKind, idPattern } from '../domain/ids';
import { MAX_NAME_CHARS, MAX_REASON_CHARS, MAX_TICKET_REF_CHARS, MAX_TTL_MS, MIN_TTL_MS } from '../domain/limits';
import {
  END_PROOFS,
  END_REASONS,
  ENVIRONMENTS,
  GRANT_STATES,
  REQUEST_STATES,
  RISK_CLASSES,
  ROLES,
} from '../domain/states';

export const id = (kind: IdKind) => z.string().regex(idPattern(kind), `expected a ${kind} id`);
export const PersonId = id('person');
export const DeviceId = id('device');
export const InviteId = id('invite');
export const ResourceId = id('resource');
export const RequestId = id('request');
export const DecisionId = id('decision');
export const GrantId = id('grant');

/** Epoch milliseconds in answers (no transform, so it may stand in response schemas and OpenAPI). */
export const At = z.int().nonnegative().describe('Epoch milliseconds, UTC');
export const TtlMs = z
  .int('A duration is a whole number of milliseconds.')
  .min(MIN_TTL_MS, 'At least one minute.')
  .max(MAX_TTL_MS, 'At most seven days.');

/** Control characters, and the invisible ones that reorder or hide text (bidi controls, zero width, BOM, tags). */
const HOSTILE_CHARS =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u115f\u1160\u2800\u3164\ufeff\uffa0\ufff9-\ufffb]|\u034f|\u17b4|\u17b5|\udb40[\udc00-\udfff]/g;
/** Half of a surrogate pair: no text, stored differently by every database, so it would not be what was signed. */
const LONE_SURROGATES = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;
/** One line, no control, bidi or zero-width characters; white space collapsed. Markup stays as it is and is shown as text. */
export const cleanLine = (text: string): string =>
  text
    .replace(LONE_SURROGATES, '')
    .normalize('NFC')
    .replace(/[\t\n\r]+/g, ' ')
    .replace(HOSTILE_CHARS, '')
    .replace(/ {2,}/g, ' ')
    .trim();
/** Text of one line after cleaning, at most `maxChars` long. Longer is an error, never a silent cut. */
export const line = (maxChars: number, minChars = 0) =>
  z
    .string()
    .max(maxChars * 4)
    .transform(cleanLine)
    .pipe(z.string().min(minChars).max(maxChars));

export const Reason = line(MAX_REASON_CHARS);
export const TicketRef = line(MAX_TICKET_REF_CHARS).refine(
  (t) => /^[\w./#:-]*$/.test(t),
  'Letters, digits and . / # : - only.',
);
export const DisplayName = line(MAX_NAME_CHARS, 1);
/** Resource, group and rule names: what people type in a palette and what becomes a `service=` name. */
export const Slug = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,62}$/, 'Lower-case letters, digits, dot, dash and underscore; 63 at most.');
export const LevelName = z.string().regex(/^[a-z][a-z0-9-]{0,31}$/);
export const Environment = z.enum(ENVIRONMENTS);
export const RiskClass = z.enum(RISK_CLASSES);
export const Role = z.enum(ROLES);
export const RequestState = z.enum(REQUEST_STATES);
export const GrantState = z.enum(GRANT_STATES);
export const EndReason = z.enum(END_REASONS);
export const EndProof = z.enum(END_PROOFS);
export const EndSignal = z.enum(END_SIGNALS);
/** What ends access before its time (shared/domain/end-signals.ts). */
export const EndOn = z.strictObject({
  screenLock: z.boolean(),
  sleepMs: z.int().min(0).max(MAX_TTL_MS).nullable(),
  networkChange: z.boolean(),
  ticketClosed: z.boolean(),
  exit: z.boolean(),
}) satisfies z.ZodType<EndOnShape>;
/** Somebody or something is locked: since when, by whom, why. */
export const Suspension = z.object({ at: At, by: z.string(), because: z.string() });
export type Suspension = z.infer<typeof Suspension>;
/** Unpadded base64url of exactly `bytes` bytes. */
export const base64url = (bytes: number) =>
  z.string().regex(new RegExp(`^[A-Za-z0-9_-]{${Math.ceil((bytes * 4) / 3)}}$`));
export const Key32 = base64url(32);
export const Signature64 = base64url(64);
export const Sha256Hex = z.string().regex(/^[0-9a-f]{64}$/);
/** Where a decision was given. */
export const DecisionChannel = z.enum(['card', 'notification', 'tray']);
export type DecisionChannel = z.infer<typeof DecisionChannel>;
