/** What the use cases of this room are given. */
import type { Clock, Random } from '../../../shared/domain/instant';
import type { Provisioner } from '../provisioners/provisioner';
import type { Store } from '../store/store';
import type { Presence } from '../use-cases';

export interface AccessDeps {
  readonly store: Store;
  readonly clock: Pick<Clock, 'now'>;
  readonly random: Random;
  readonly presence: Pick<Presence, 'isOnline' | 'isDeviceConnected'>;
  /** Asked only what a target can't do for a level; never called to change anything. */
  readonly provisioners: ReadonlyMap<string, Pick<Provisioner, 'limits'>>;
}
