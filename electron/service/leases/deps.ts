/** What the engine is given; nothing here reads a clock, a store or a target of its own. */
import { cleanLine } from '../../../shared/contract/fields';
import type { Clock, Random } from '../../../shared/domain/instant';
import { plusMs } from '../../../shared/domain/instant';
import { settingsOf } from '../access/json';
import type { Recorder } from '../access/record';
import { type Provisioner, type Target, TargetError } from '../provisioners/provisioner';
import type { ResourceTable } from '../store/schema';
import type { SecretBox } from '../store/secret-box';
import { secretContext } from '../store/secret-context';
import type { Store } from '../store/store';
import type { Presence } from '../use-cases';
import { MAX_ERROR_CHARS } from './limits';
import { storedSecret } from './stored-secret';

export interface LeaseLog {
  warn(fields: Record<string, unknown>, message: string): void;
}
export interface LeaseDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly provisioners: ReadonlyMap<string, Provisioner>;
  readonly secretBox: Pick<SecretBox, 'open' | 'seal'>;
  readonly presence: Presence;
  /** One name for each running service; claims carry it. */
  readonly instanceId: string;
  readonly log: LeaseLog;
  /** How much is done at once; the usual numbers when left out. */
  readonly capacity?: LeaseCapacity;
}
export interface LeaseCapacity {
  /** Calls to all targets at the same time. */
  readonly workers: number;
  /** Calls to one target at the same time, where its resource does not say. */
  readonly perTarget: number;
}
export const recorderOf = (deps: LeaseDeps): Recorder => deps;

/** The target of a resource with its manager secret opened. Throws when there is no provisioner or the secret does not open. */
export function reach(deps: LeaseDeps, resource: ResourceTable): { provisioner: Provisioner; target: Target } {
  const provisioner = deps.provisioners.get(resource.kind);
  if (provisioner === undefined) throw new Error(`no provisioner for targets of kind "${resource.kind}"`);
  const target: Target = {
    resourceId: resource.id,
    resourceName: resource.name,
    settings: settingsOf(resource.settings),
    secret: deps.secretBox.open(resource.secret_enc, secretContext.resourceSecret(resource.id)),
    stored: storedSecret(deps, resource),
  };
  return { provisioner, target };
}

/** Nobody knows what the target did. Answered by ending and reading back. */
export class TimedOut extends Error {
  constructor(what: string, lengthMs: number) {
    super(`${what} got no answer within ${lengthMs / 1000} s`);
    this.name = 'TimedOut';
  }
}
/** Stops waiting after `lengthMs`; the call goes on, and `onLate` hears when it settles after all. */
export function withTimeout<T>(
  deps: LeaseDeps,
  call: Promise<T>,
  wait: { readonly what: string; readonly lengthMs: number; readonly onLate?: () => void },
): Promise<T> {
  return new Promise((resolve, reject) => {
    let late = false;
    const timer = deps.clock.wakeAt(plusMs(deps.clock.now(), wait.lengthMs), () => {
      late = true;
      reject(new TimedOut(wait.what, wait.lengthMs));
    });
    const settle = (then: () => void) => () => {
      timer.cancel();
      if (late) wait.onLate?.();
      else then();
    };
    call.then(
      (value) => settle(() => resolve(value))(),
      (cause: unknown) => settle(() => reject(cause))(),
    );
  });
}

/** A failure as it may be stored and shown: one line, limited. Target errors carry no secret (provisioner.ts). */
export function wordFailure(cause: unknown): string {
  const text =
    cause instanceof TargetError || cause instanceof TimedOut ? cause.message : 'the service could not do it';
  return cleanLine(text).slice(0, MAX_ERROR_CHARS);
}
/** True when the target is not there. */
export const isAway = (cause: unknown): boolean => cause instanceof TargetError && cause.kind === 'unreachable';
/** True when the target itself said nothing: not there, or not in time. */
export const isSilent = (cause: unknown): boolean =>
  cause instanceof TimedOut || (cause instanceof TargetError && cause.kind === 'unreachable');
/** True when the target did not answer, so that what it holds is unknown. */
export const isUnknown = (cause: unknown): boolean => !(cause instanceof TargetError) || cause.kind === 'unreachable';
