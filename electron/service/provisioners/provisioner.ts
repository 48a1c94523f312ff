/**
 * A provisioner makes and removes credentials on one kind of target. One file (or folder) per kind, registered in index.ts.
 * Everything may be called twice; a time-out is "unknown" and is answered by reading back. Nothing here knows the store.
 */
import type { Credential } from '../../../shared/contract/credential';
import type {
  ConnectionReport,
  Level,
  LevelPlan,
  PlanApplied,
  ResourceSettings,
} from '../../../shared/contract/resources';

export interface Target<S extends ResourceSettings = ResourceSettings> {
  readonly resourceId: string;
  readonly resourceName: string;
  readonly settings: S;
  /** The manager credential. Never in an error, a log or argv. */
  readonly secret: string;
  /** For kinds that change what is stored as they go (`secret`). Left out where a target is only tried, not worked on. */
  readonly stored?: StoredSecret;
}
/** The stored manager credential as the newest commit has it. How a provisioner that knows no store keeps what must survive a crash. */
export interface StoredSecret {
  read(): Promise<string>;
  /**
   * Sealed and durable when it resolves `kept`. `overtaken`: it is no longer what was read (`was`), and nothing was written.
   * `rotated` goes on the log; the rest is bookkeeping. `giving` is refused while access may only be taken away.
   */
  replace(change: {
    readonly was: string;
    readonly now: string;
    readonly for: 'giving' | 'taking';
    readonly rotated?: { readonly principal: string };
  }): Promise<'kept' | 'overtaken'>;
}
export interface CreateOrder {
  readonly principal: string;
  readonly level: Level;
  /** How long from now, by the target's own clock, new log-ins may work. */
  readonly validForMs: number;
  /** What the device made for this grant, when the kind asks for it (`deviceKey`): an OpenSSH public key line. */
  readonly devicePublicKey?: string;
}
export interface ReadBack {
  readonly exists: boolean;
  readonly canLogIn: boolean;
  readonly sessionCount: number;
  /**
   * Left out: the target was asked, and this is its answer. `holder_may_know`: nobody holds it any more, but what was handed
   * out can not be taken back, so its last holder may still know it; the end then says so instead of "read back".
   * `ran_out`: nobody can ask this target. Access is over when the newest credential has run out by itself, which the engine
   * knows; sessions that are open then can't be seen.
   */
  readonly proof?: 'holder_may_know' | 'ran_out';
}
export interface EndResult {
  readonly readBack: ReadBack;
  readonly sessionsCut: number;
}
export interface CleanUp {
  /** Nothing of the principal is left on the target. */ readonly done: boolean;
  readonly residue: readonly { kind: string; detail: string }[];
}
/** `unreachable`: ask again later. `refused`: the target answered no (rights, missing role). `conflict`: the plan no longer fits. */
export class TargetError extends Error {
  constructor(
    readonly kind: 'unreachable' | 'refused' | 'conflict',
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
    this.name = 'TargetError';
  }
}
/** `S` and `C`: the settings and the credential of its kind. */
export interface Provisioner<S extends ResourceSettings = ResourceSettings, C extends Credential = Credential> {
  readonly kind: S['kind'];
  /**
   * What an extension does. `moves-deadline`: `setDeadline` moves the principal's own limit and the credential stays the same.
   * `reissues`: the credential carries its end (a certificate, a session token), so `create` is called again and the device
   * gets the new one in place of the old; `setDeadline` only takes note.
   */
  readonly extension: 'moves-deadline' | 'reissues';
  /** A key that the device makes for each grant and whose public half `create` needs. The private half never leaves the device. */
  readonly deviceKey: 'ssh-ed25519' | null;
  /** Where principals live, as one text. While grants are live, a resource may not move to settings with another one. */
  serverOf(settings: S): string;
  /** Where a plan is run, for the log. No secret. */
  placeFacts(settings: S): Readonly<Record<string, string>>;
  /** What changed so that the secret given for `stored` must not be sent under `next` ("Host, port, user or TLS"); null: it may be. */
  secretBarredBy(stored: S, next: S): string | null;
  /** What the target can not do for this level, in sentences for requester and approver ("An admin can make logins of their own …"). */
  limits(settings: S, level: Level): readonly string[];
  /** The levels a resource of this kind gets when nothing else is said; `plan` makes their roles. Settings may name their own. */
  proposedLevels(resourceName: string, settings?: S): readonly Level[];
  /**
   * What is stored when an administrator gives a secret, for kinds that keep more in it than was typed (`secret`). `stored`: what
   * is kept now, null for a new resource. Left out: as it was given. @throws TargetError when it can't be one
   */
  adoptSecret?(given: string, stored: string | null): string;
  test(target: Target<S>): Promise<ConnectionReport>;
  plan(target: Target<S>): Promise<LevelPlan>;
  /** Runs what `plan` shows now if its digest is still `digest`, else TargetError `conflict`. */
  apply(target: Target<S>, digest: string): Promise<PlanApplied>;
  /** Makes the principal with a fresh random password and proves by reading back that it may log in. Called again: same principal, new password. */
  create(target: Target<S>, order: CreateOrder): Promise<C>;
  /** Moves the target's own limit (activation, extension): new log-ins work for `validForMs` from now. */
  setDeadline(target: Target<S>, principal: string, validForMs: number): Promise<void>;
  /** No new log-in, every session cut, read back. Fine on something already gone. Access is ended when this says cannot log in and 0 sessions. */
  end(target: Target<S>, principal: string): Promise<EndResult>;
  readBack(target: Target<S>, principal: string): Promise<ReadBack>;
  /** Works off what the principal left behind and drops it. */
  cleanUp(target: Target<S>, principal: string): Promise<CleanUp>;
  /** Principals of ours on the target (`hp_` names that carry our mark). */
  list(target: Target<S>): Promise<readonly string[]>;
  /** Ends the pools held for a target (settings changed, service stops). */
  close(): Promise<void>;
}
