/**
 * What a rule may look at. Plain values only: whoever asks gathers them (access/context.ts), evaluation stays pure.
 * One more condition (time of day, network, history, CEL): one more field here, one file that judges it, one line in match.ts.
 */
import type { Instant } from '../../../shared/domain/instant';
import type { Environment, RiskClass } from '../../../shared/domain/states';

/** The word that stands for the owner groups of the resource, in `from:` and in `requester.groups:`. */
export const OWNERS = 'owners';

export interface PolicyContext {
  readonly at: Instant;
  readonly requester: {
    readonly personId: string;
    readonly groups: readonly string[];
    /** A member of an owner group; administrators own what has no owner group. */
    readonly owns: boolean;
  };
  readonly resource: {
    readonly name: string;
    readonly kind: string;
    readonly environment: Environment;
    readonly risk: RiskClass;
    readonly tags: readonly string[];
    readonly owners: readonly string[];
    readonly dependsOn: readonly string[];
  };
  readonly level: string;
  /** Length asked for. Null: only what may be asked at all is wanted (catalog). */
  readonly ask: { readonly ttlMs: number; readonly reason: string; readonly ticketRef: string } | null;
}
/** A policy as it is in force. */
export interface PolicyInForce<D> {
  readonly version: number;
  readonly digest: string;
  readonly document: D;
}
