/**
 * Secrets under a passphrase: argon2id makes the key, AES-256-GCM seals. For desktops without a real key store.
 * Costs are stored with the file, with a floor, so that they can be raised later and never lowered by editing the file.
 */
import { createCipheriv, createDecipheriv } from 'node:crypto';
import { z } from 'zod';
import type { Random } from '../../../shared/domain/instant';

/** 64 MiB, 3 passes: about 100 ms here. OWASP's floor is 19 MiB, 2 passes. */
export const KDF_COST = { memoryKiB: 65_536, passes: 3, lanes: 1 } as const;
const b64 = z.string().regex(/^[A-Za-z0-9+/]+={0,2}$/);

export const PassphraseBox = z.strictObject({
  kdf: z.literal('argon2id'),
  memoryKiB: z.int().min(19_456).max(1_048_576),
  passes: z.int().min(2).max(16),
  lanes: z.int().min(1).max(4),
  salt: b64,
  nonce: b64,
  sealed: b64,
});
export type PassphraseBox = z.infer<typeof PassphraseBox>;

export class WrongPassphrase extends Error {
  constructor() {
    super('wrong passphrase');
    this.name = 'WrongPassphrase';
  }
}

/** `Algorithm.Argon2id` of the package, which is an ambient const enum. */
const ARGON2ID = 2;
type Cost = Pick<PassphraseBox, 'memoryKiB' | 'passes' | 'lanes'>;
async function keyOf(passphrase: string, salt: Buffer, cost: Cost): Promise<Buffer> {
  const { hashRaw } = await import('@node-rs/argon2');
  return hashRaw(passphrase.normalize('NFKC'), {
    algorithm: ARGON2ID as never,
    memoryCost: cost.memoryKiB,
    timeCost: cost.passes,
    parallelism: cost.lanes,
    outputLen: 32,
    salt,
  });
}

/** Seals text. `context` (what the box is for) is bound in, so that boxes can't be swapped. */
export async function sealWithPassphrase(
  plain: string,
  passphrase: string,
  context: string,
  deps: { random: Random; cost?: Cost },
): Promise<PassphraseBox> {
  const cost = deps.cost ?? KDF_COST;
  const salt = Buffer.from(deps.random.bytes(16));
  const nonce = Buffer.from(deps.random.bytes(12));
  const cipher = createCipheriv('aes-256-gcm', await keyOf(passphrase, salt, cost), nonce);
  cipher.setAAD(Buffer.from(context));
  const sealed = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final(), cipher.getAuthTag()]);
  const text = (bytes: Buffer) => bytes.toString('base64');
  return { kdf: 'argon2id', ...cost, salt: text(salt), nonce: text(nonce), sealed: text(sealed) };
}

/** Opens a box. @throws WrongPassphrase for a wrong passphrase, another context, or a changed box: they can't be told apart. */
export async function openWithPassphrase(box: PassphraseBox, passphrase: string, context: string): Promise<string> {
  const bytes = Buffer.from(box.sealed, 'base64');
  const key = await keyOf(passphrase, Buffer.from(box.salt, 'base64'), box);
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, Buffer.from(box.nonce, 'base64'));
    decipher.setAAD(Buffer.from(context));
    decipher.setAuthTag(bytes.subarray(-16));
    return Buffer.concat([decipher.update(bytes.subarray(0, -16)), decipher.final()]).toString('utf8');
  } catch {
    throw new WrongPassphrase();
  }
}
