import type { Role } from '../../../shared/domain/states';
/** Who calls, as established by authentication; every use case takes one. */
export interface Caller {
  readonly personId: string;
  readonly deviceId: string;
  readonly displayName: string;
  readonly roles: ReadonlySet<Role>;
  readonly via: 'socket' | 'tcp';
}
