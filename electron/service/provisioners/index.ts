/** All kinds of targets. One more kind: one folder (or file) beside this, one line here; see README.md. */
import type { ResourceSettings } from '../../../shared/contract/resources';
import type { Random } from '../../../shared/domain/instant';
import { createAwsProvisioner } from './aws';
import { createKubernetesProvisioner } from './kubernetes';
import { createMysqlProvisioner } from './mysql';
import { createPostgresProvisioner } from './postgres';
import type { Provisioner } from './provisioner';
import { createRedisProvisioner } from './redis';
import { createSecretProvisioner } from './secret';
import { createSshProvisioner } from './ssh';
import { createWebhookProvisioner } from './webhook';

export type ResourceKind = ResourceSettings['kind'];
export type Provisioners = ReadonlyMap<ResourceKind, Provisioner>;

type ByKind = { readonly [K in ResourceKind]: Provisioner<Extract<ResourceSettings, { kind: K }>> };

/** Complete over the kinds: a new member of ResourceSettings does not compile until it has a provisioner here. */
export interface ProvisionersDeps {
  readonly random: Random;
  /** The wall clock; for kinds whose calls carry the time. */
  readonly now?: () => number;
  /** The folder of the service's data folder with the programs that change secrets; null: there are none. */
  readonly rotatorsDir?: string | null;
}
export function createProvisioners(given: ProvisionersDeps): Provisioners {
  const deps = { now: () => Date.now(), rotatorsDir: null, ...given };
  const all: ByKind = {
    postgres: createPostgresProvisioner(deps),
    mysql: createMysqlProvisioner(deps),
    redis: createRedisProvisioner(deps),
    secret: createSecretProvisioner(deps),
    webhook: createWebhookProvisioner(deps),
    ssh: createSshProvisioner(deps),
    aws: createAwsProvisioner(),
    kubernetes: createKubernetesProvisioner(),
  };
  return new Map(Object.entries(all) as [ResourceKind, Provisioner][]);
}
