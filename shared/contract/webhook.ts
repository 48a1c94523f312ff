/** Where a receiver of signed calls is: the settings of the `webhook` kind, and of a rotation by webhook. Not here: the key. */
import { z } from 'zod';
import { Sha256Hex } from './fields';

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;
function isReceiverUrl(text: string): boolean {
  if (!/^[\x21-\x7e]+$/.test(text)) return false; // `new URL` would pass over line ends
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return false;
  }
  const plain = url.protocol === 'http:' && LOOPBACK.test(url.hostname);
  const bare = url.username === '' && url.password === '' && url.hash === '' && url.search === '';
  return (url.protocol === 'https:' || plain) && bare;
}

/** `https`, or `http` on this very machine; no user, query or fragment. The calls are made below it: `<url>/create`. */
export const ReceiverUrl = z
  .string()
  .max(2_048)
  .refine(isReceiverUrl, 'An https address without user, query or fragment (http for this machine only).');
export const Receiver = z.strictObject({
  url: ReceiverUrl,
  /** PEM of the authority that signed its certificate; left out: those that the service's machine trusts. */
  caCertificate: z.string().max(64_000).optional(),
  /** Hex SHA-256 of exactly its certificate: then no authority and no name is asked. */
  certificatePin: Sha256Hex.optional(),
});
export type Receiver = z.infer<typeof Receiver>;

export const WebhookSettings = z.strictObject({ kind: z.literal('webhook'), ...Receiver.shape });
export type WebhookSettings = z.infer<typeof WebhookSettings>;
/** Shorter keys are refused: whoever sees one call could try them all. */
export const MIN_WEBHOOK_KEY_CHARS = 32;
