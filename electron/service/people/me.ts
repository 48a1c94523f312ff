/** Who I am here, and the state of the service. */
import type { Me } from '../../../shared/contract/people';
import type { UseCases } from '../use-cases';
import { notSignedIn } from './callers';
import type { PeopleDeps } from './deps';
import { loadDevice, loadPeople } from './views';

/** What doesn't change while the service runs. */
export type ServiceFacts = Pick<Me['service'], 'id' | 'name' | 'version' | 'secretStorage'>;

export function createMe({ store, clock, presence, reach }: PeopleDeps, facts: ServiceFacts): Pick<UseCases, 'me.get'> {
  return {
    'me.get': async (caller) => {
      const [person] = await loadPeople(store.db, presence, caller.personId);
      const device = await loadDevice(store.db, caller.deviceId);
      if (!person || !device) throw notSignedIn();
      const { count } = await store.db
        .selectFrom('people')
        .select((q) => q.fn.countAll().as('count'))
        .where('state', '=', 'active')
        .executeTakeFirstOrThrow();
      const { mode, reason } = store.mode();
      return {
        person,
        device,
        service: {
          ...facts,
          mode,
          modeReason: reason,
          logKey: store.logKey,
          shared: reach() !== null,
          peopleCount: Number(count),
        },
        serverTime: clock.now(),
      };
    },
  };
}
