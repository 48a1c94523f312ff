/**
 * All injection targets, by kind. One more: one file beside this one, one line here. The map is complete over the kinds of
 * credentials: a new one does not compile until it is registered, with a place of the same kind.
 */
import type { Credential } from '../../../../shared/contract/credential';
import type { Place } from '../place';
import { type AwsTargetDeps, createAwsTarget } from './aws';
import { createSecretTarget, createWebhookTarget, type EnvTargetDeps } from './env';
import { createKubernetesTarget, type KubernetesTargetDeps } from './kubernetes';
import { createMysqlTarget, type MysqlTargetDeps } from './mysql';
import { createPostgresTarget, type PostgresTargetDeps } from './postgres';
import { createRedisTarget, type RedisTargetDeps } from './redis';
import { createSshTarget, type SshTargetDeps } from './ssh';
import type { InjectionTarget, TargetContext } from './target';

type Kind = Credential['kind'];
type OfKind<Union, K extends Kind> = Extract<Union, { readonly kind: K }>;
type ByKind = { readonly [K in Kind]: InjectionTarget<OfKind<Credential, K>, OfKind<Place, K>> };

/** What targets may ask for; one that needs more adds it here. */
type TargetDeps = PostgresTargetDeps &
  MysqlTargetDeps &
  RedisTargetDeps &
  EnvTargetDeps &
  SshTargetDeps &
  AwsTargetDeps &
  KubernetesTargetDeps;

export interface Targets {
  readonly all: readonly InjectionTarget[];
  of(kind: Kind): InjectionTarget;
}

export function createTargets(deps: TargetDeps, context: TargetContext): Targets {
  const byKind: ByKind = {
    postgres: createPostgresTarget(deps, context),
    mysql: createMysqlTarget(deps, context),
    redis: createRedisTarget(deps),
    secret: createSecretTarget(deps, context),
    webhook: createWebhookTarget(deps, context),
    ssh: createSshTarget(deps, context),
    aws: createAwsTarget(deps, context),
    kubernetes: createKubernetesTarget(deps, context),
  };
  return { all: Object.values(byKind), of: (kind) => byKind[kind] };
}
