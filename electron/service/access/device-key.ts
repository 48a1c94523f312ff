/**
 * The public half of the key that the requester's own device made for a grant. Taken once: the same key again is fine, another one
 * only while nothing can have been made for the first (a device that lost its key before anything happened starts over).
 * Not here: making the credential for it (leases/issue.ts), which waits until the key is there.
 */
import type { GrantView } from '../../../shared/contract/grants';
import { publicBlob, publicKeyOf, sshFingerprint } from '../../../shared/crypto/ssh-wire';
import { deviceKeyOf } from '../../../shared/domain/device-keys';
import { AppError } from '../errors';
import type { Caller } from './caller';
import type { AccessDeps } from './deps';
import { loadDirectory } from './directory';
import { held } from './grants';
import { emitGrant, lockGrant } from './record';
import { grantView } from './views';

export async function offerDeviceKey(
  deps: AccessDeps,
  caller: Caller,
  id: string,
  publicKey: string,
): Promise<GrantView> {
  return deps.store.write(async (tx) => {
    const directory = await loadDirectory(tx.db);
    const facts = held(await lockGrant(tx, id), caller);
    const { row, resource } = facts;
    if (deviceKeyOf(resource.kind) === null)
      throw new AppError('wrong-state', 'This access needs no key of the device.');
    if (row.device_key === publicKey) return grantView(facts, directory, caller);
    if (row.state !== 'provisioning') throw new AppError('wrong-state', 'This access is not being made.');
    if (row.device_key !== null && row.principal_recorded === 1)
      throw new AppError('conflict', 'Another key of this device is in use for this access already.', {
        next: 'Request access again.',
      });
    const key = publicKeyOf(publicKey);
    if (key === null) throw new AppError('invalid-input', 'This is no Ed25519 key.');
    await tx.db
      .updateTable('grants')
      .set({ device_key: publicKey, due_at: deps.clock.now() })
      .where('id', '=', id)
      .execute();
    const after = { ...facts, row: { ...row, device_key: publicKey } };
    emitGrant(tx, after, 'grant.device_key', {
      actor: { kind: 'device', id: caller.deviceId, name: caller.displayName },
      directory,
      data: { fingerprint: sshFingerprint(publicBlob(key)) },
    });
    return grantView(after, directory, caller);
  });
}
