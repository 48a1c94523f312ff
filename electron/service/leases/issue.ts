/**
 * A credential made on the target and sealed to the device, so that nothing in between can read it: at the start of a grant,
 * and again at an extension where a credential carries its own end (`reissues`).
 */
import { sealCredential } from '../../../shared/crypto/seal';
import { asInstant, type Instant, msBetween, plusMs } from '../../../shared/domain/instant';
import { PROVISIONING_TTL_MS } from '../../../shared/domain/limits';
import type { GrantFacts } from '../access/facts';
import { levelList } from '../access/json';
import { type CreateOrder, type Provisioner, TargetError } from '../provisioners/provisioner';
import type { GrantTable } from '../store/schema';
import { type LeaseDeps, reach, withTimeout } from './deps';
import { CREATE_TIMEOUT_MS } from './limits';

/**
 * Until the device has answered, a login lives no longer than we wait for it; its exact deadline is set afterwards. A
 * credential that carries its end can't be changed afterwards: it is made for the whole length, and ends a moment early.
 */
export function firstValidityMs(deps: LeaseDeps, provisioner: Provisioner, row: GrantTable): number {
  if (provisioner.extension === 'reissues') return row.ttl_ms;
  const until = plusMs(asInstant(row.provisioning_since ?? deps.clock.now()), PROVISIONING_TTL_MS);
  // Nor longer than the access itself: should the target be away right after the activation, this first limit is not too late.
  return Math.max(1, Math.min(row.ttl_ms, msBetween(deps.clock.now(), until)));
}

/** Sealed, as the store keeps it, and until when it may work by itself. */
export interface Issued {
  readonly sealed: string;
  readonly until: Instant;
}

/** Throws TargetError or TimedOut; `onLate` hears when a call that timed out settles after all. */
export async function issue(
  deps: LeaseDeps,
  { row, resource }: Pick<GrantFacts, 'row' | 'resource'>,
  wanted: { readonly validForMs: (provisioner: Provisioner) => number; readonly onLate: () => void },
): Promise<Issued> {
  const device = await deps.store.db
    .selectFrom('devices')
    .selectAll()
    .where('id', '=', row.device_id)
    .executeTakeFirstOrThrow();
  const level = levelList(resource.levels).find((candidate) => candidate.name === row.level);
  if (device.state !== 'active') throw new TargetError('refused', 'the device was revoked');
  if (level === undefined) throw new TargetError('refused', `the resource has no level "${row.level}" any more`);
  const { provisioner, target } = reach(deps, resource);
  if (provisioner.deviceKey !== null && row.device_key === null)
    throw new TargetError('refused', 'the device has not sent its key');
  const validForMs = wanted.validForMs(provisioner);
  const order: CreateOrder = {
    principal: row.principal,
    level,
    validForMs,
    ...(row.device_key === null ? {} : { devicePublicKey: row.device_key }),
  };
  const credential = await withTimeout(deps, provisioner.create(target, order), {
    what: 'Making the login',
    lengthMs: CREATE_TIMEOUT_MS,
    onLate: wanted.onLate,
  });
  const to = { sealingKey: device.sealing_key, grantId: row.id, deviceId: device.id };
  // Counted from now, when the target has answered: rather late than early.
  const until = plusMs(deps.clock.now(), validForMs);
  return { sealed: JSON.stringify(sealCredential(credential, to, deps.random)), until };
}
