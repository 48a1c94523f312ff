/** All kinds of targets. One more kind: one folder (or file) beside this, one line here; see README.md. */
import type { ResourceSettings } from '../../../shared/contract/resources';
import type { Random } from '../../../shared/domain/instant';
import { createPostgresProvisioner } from './postgres';
import type { Provisioner } from './provisioner';
import { createRedisProvisioner } from './redis';

export type ResourceKind = ResourceSettings['kind'];
export type Provisioners = ReadonlyMap<ResourceKind, Provisioner>;

type ByKind = { readonly [K in ResourceKind]: Provisioner<Extract<ResourceSettings, { kind: K }>> };

/** Complete over the kinds: a new member of ResourceSettings does not compile until it has a provisioner here. */
export function createProvisioners(deps: { readonly random: Random }): Provisioners {
  const all: ByKind = {
    postgres: createPostgresProvisioner(deps),
    redis: createRedisProvisioner(deps),
  };
  return new Map(Object.entries(all) as [ResourceKind, Provisioner][]);
}
