/** What the use cases about people need. */

import type { z } from 'zod';
import type { AuditActor } from '../../../shared/contract/audit';
import type { Clock, Random } from '../../../shared/domain/instant';
import type { Caller } from '../access/caller';
import type { Logger } from '../log';
import type { Store, WriteTx } from '../store/store';
import type { Presence } from '../use-cases';

/** access/lifecycle: what has to happen to requests and grants in the same transaction (I14: nothing is stranded). */
export interface AccessLifecycle {
  onPersonRemoved(tx: WriteTx, personId: string): Promise<void>;
  onDeviceRevoked(tx: WriteTx, deviceId: string): Promise<void>;
  onMembershipChanged(tx: WriteTx): Promise<void>;
  onPersonSuspended(tx: WriteTx, personId: string, because: string, actor: z.infer<typeof AuditActor>): Promise<void>;
}
export interface PeopleDeps {
  readonly store: Store;
  readonly clock: Pick<Clock, 'now'>;
  readonly random: Random;
  readonly presence: Presence;
  readonly lifecycle: AccessLifecycle;
  readonly log: Logger;
  /** Key of the hashes of invite codes. */
  readonly inviteKey: Uint8Array;
  /** Where others reach this service; null when it listens on the local socket alone. */
  readonly reach: () => { readonly address: string; readonly pin: string } | null;
  /** Called after the first owner has joined a standalone service. */
  readonly onOwnerJoined: () => void;
}

export const actorOf = (caller: Caller): z.infer<typeof AuditActor> => ({
  kind: 'person',
  id: caller.personId,
  name: caller.displayName,
});
export const SERVICE_ACTOR: z.infer<typeof AuditActor> = { kind: 'service', id: null, name: 'Hallpass service' };
/** Marks an invite, or a confirmation, that the service itself gave: for the owner of a fresh standalone service. */
export const BY_SERVICE = 'service';
export const ADMINS = { people: [], roles: ['admin'] } as const;
export const EVERYBODY = { people: [], roles: [], everybody: true } as const;
