/** All injection targets, by kind. One more: one file beside this one, one line here. */
import type { Place } from '../place';
import { createPostgresTarget, type PostgresTargetDeps } from './postgres';
import type { InjectionTarget, TargetContext } from './target';

export interface Targets {
  readonly all: readonly InjectionTarget[];
  of(kind: Place['kind']): InjectionTarget;
}

export function createTargets(deps: PostgresTargetDeps, context: TargetContext): Targets {
  const byKind: Readonly<Record<Place['kind'], InjectionTarget>> = {
    postgres: createPostgresTarget(deps, context),
  };
  return { all: Object.values(byKind), of: (kind) => byKind[kind] };
}
