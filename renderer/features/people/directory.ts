/** Everything about people, fetched together, with what the person in front may do with it. */
import type { Device, Group, Invite, Person } from '../../../shared/contract/people';
import { useApi } from '../../app/queries';
import { useReady } from '../../app/session';
import { inOrder } from './wording';

export interface Directory {
  readonly people: readonly Person[];
  readonly groups: readonly Group[];
  readonly devices: readonly Device[];
  readonly invites: readonly Invite[];
  readonly meId: string;
  readonly admin: boolean;
  /** Others can join: the service listens on the network. Undefined until it is known. */
  readonly shared: boolean | undefined;
  readonly state: 'loading' | 'failed' | 'ready';
  readonly error: unknown;
  readonly retry: () => void;
}
export function useDirectory(): Directory {
  const { personId } = useReady();
  const me = useApi('me.get', {});
  const admin = me.data?.person.roles.includes('admin') ?? false;
  const people = useApi('people.list', {});
  const groups = useApi('groups.list', {});
  const devices = useApi('devices.list', {});
  const invites = useApi('invites.list', {}, { enabled: admin });
  const needed = [people, groups, devices];
  return {
    people: inOrder((people.data?.items ?? []).filter((one) => one.state === 'active')),
    groups: groups.data?.items ?? [],
    devices: devices.data?.items ?? [],
    invites: (invites.data?.items ?? []).filter((one) => one.state === 'open'),
    meId: personId,
    admin,
    shared: me.data?.service.shared,
    state: needed.some((one) => one.data === undefined)
      ? needed.some((one) => one.isError)
        ? 'failed'
        : 'loading'
      : 'ready',
    error: needed.find((one) => one.isError)?.error,
    retry: () => {
      for (const one of [me, ...needed]) if (one.isError) void one.refetch();
    },
  };
}
