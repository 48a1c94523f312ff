/** What this service keeps for itself in the store: its id, its own keys, its certificate. Sealed with the data key, shared by all instances. */
import { hkdfSync } from 'node:crypto';
import { z } from 'zod';
import { fromBase64url, toBase64url, toHex } from '../../shared/crypto/bytes';
import type { Random } from '../../shared/domain/instant';
import type { Certificate } from './http/pin';
import type { Logger } from './log';
import type { SecretBox } from './store/secret-box';
import { secretContext } from './store/secret-context';
import type { Store } from './store/store';

const META = { id: 'service.id', key: 'service.key_enc', certificate: 'service.certificate_enc' } as const;
const KEY_BYTES = 32;
const StoredCertificate = z.object({ certificatePem: z.string(), keyPem: z.string() });

export interface OwnKeys {
  readonly tokenKey: Uint8Array;
  readonly nonceKey: Uint8Array;
  readonly inviteKey: Uint8Array;
  readonly fingerprintKey: Uint8Array;
}
interface Deps {
  readonly store: Store;
  readonly secretBox: SecretBox;
  readonly random: Random;
  readonly log: Logger;
}

/** The value kept under `key`; when there is none yet, `make` is kept. Two instances that start at once agree. */
async function kept(store: Store, key: string, make: () => string): Promise<string> {
  const read = () => store.db.selectFrom('meta').select('value').where('key', '=', key).executeTakeFirst();
  const known = await read();
  if (known) return known.value;
  const value = make();
  await store.write(
    async (tx) => {
      await tx.db
        .insertInto('meta')
        .values({ key, value })
        .onConflict((conflict) => conflict.column('key').doNothing())
        .execute();
    },
    { purpose: 'upkeep' },
  );
  return (await read())?.value ?? value;
}

export const ownServiceId = (store: Store, random: Random): Promise<string> =>
  kept(store, META.id, () => `svc_${toHex(random.bytes(16))}`);

/** One kept secret, one key per use. With another data key than before they are made anew for this run: tokens and invite codes stop fitting, nothing else. */
export async function ownKeys({ store, secretBox, random, log }: Deps): Promise<OwnKeys> {
  const sealed = await kept(store, META.key, () =>
    secretBox.seal(toBase64url(random.bytes(KEY_BYTES)), secretContext.serviceKey),
  );
  let master: Uint8Array;
  try {
    master = fromBase64url(secretBox.open(sealed, secretContext.serviceKey));
  } catch (error) {
    log.error({ err: error }, 'the keys of the service could not be opened; using new ones until it stops');
    master = random.bytes(KEY_BYTES);
  }
  const derive = (use: string) =>
    new Uint8Array(hkdfSync('sha256', master, new Uint8Array(0), `hallpass/${use}/v1`, KEY_BYTES));
  return {
    tokenKey: derive('access-token'),
    nonceKey: derive('dpop-nonce'),
    inviteKey: derive('invite-code'),
    fingerprintKey: derive('idempotency'),
  };
}

/** The self-signed certificate, made when it is first needed. Kept, since every invite and every member pins it. */
export async function ownCertificate({ store, secretBox, random }: Omit<Deps, 'log'>, now: Date): Promise<Certificate> {
  const read = async () =>
    store.db.selectFrom('meta').select('value').where('key', '=', META.certificate).executeTakeFirst();
  if (!(await read())) {
    const { makeCertificate } = await import('./http/certificate');
    const made = await makeCertificate(random, now);
    await kept(store, META.certificate, () => secretBox.seal(JSON.stringify(made), secretContext.serviceCertificate));
  }
  const sealed = await read();
  if (!sealed) throw new Error('the certificate could not be kept');
  return StoredCertificate.parse(JSON.parse(secretBox.open(sealed.value, secretContext.serviceCertificate)));
}
